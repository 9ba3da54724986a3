"""What of a project is used, by whose it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from whet.cli.main import run_command_line
from whet.config import load_config
from whet.pipeline.rules.rulebook import describe_untrusted, load_rulebook, stands_in
from whet.program.environments import is_trusted_environment
from whet.program.interpreter import choose_interpreter
from whet.trust import distrust, is_trusted, list_trusted, trust

pytestmark = pytest.mark.skipif(os.name == "nt", reason="owners are not compared there")

RULE = "from pathlib import Path\nPath(__file__).with_suffix('.ran').touch()\nraise SystemExit\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with settings, a rule and an environment, which belongs to the user."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    folder = tmp_path / "project"
    (folder / ".whet" / "rules").mkdir(parents=True)
    (folder / ".whet" / "rules" / "my_rule.py").write_text(RULE)
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "pyvenv.cfg").touch()
    python = folder / ".venv" / "bin" / "python"
    python.write_text(f"#!/bin/sh\ntouch '{folder}/python.ran'\n")
    python.chmod(0o755)
    (folder / "pyproject.toml").write_text("[tool.whet]\nmin-share = 7\nselect = ['my-rule']\n")
    (folder / "app.py").write_text("x = 1\n")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def foreign(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, of another user: who looks at it is neither its owner nor root."""
    uid = project.stat().st_uid
    monkeypatch.setattr("whet.trust._list_own_users", lambda: {uid + 1})
    return project


def list_what_ran(project: Path) -> list[Path]:
    return [path for path in project.rglob("*") if path.suffix == ".ran"]


@pytest.mark.parametrize("command", [["check", "app.py"], ["rules"], ["report"], ["doctor"]])
def test_nothing_of_another_user_s_project_is_run(
    foreign: Path, command: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(command) in {0, 1, 2}
    assert list_what_ran(foreign) == []
    captured = capfd.readouterr()
    assert "whet trust" in " ".join((captured.out + captured.err).split())


def test_settings_of_another_user_are_not_heeded(foreign: Path) -> None:
    config = load_config(foreign)
    assert (config.file, config.passed_over, config.min_share) == (None, foreign / "pyproject.toml", 0.01)
    assert not is_trusted_environment(foreign / ".venv")
    assert "belongs to another user" in choose_interpreter(None, {"PATH": ""}, foreign).why
    assert [line.partition(" ")[0] for line in describe_untrusted(foreign)] == ["the", "the"]


def test_a_folder_that_is_trusted_is_used(foreign: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The list itself belongs to the user.
    monkeypatch.setattr("whet.trust._list_own_users", lambda: {foreign.stat().st_uid})
    trust(foreign)
    assert list_trusted() == (foreign.resolve(),)
    owners = iter([{-1}] * 3 + [{foreign.stat().st_uid}] * 3)
    monkeypatch.setattr("whet.trust._list_own_users", lambda: next(owners))
    assert is_trusted(foreign / "app.py", foreign / "pyproject.toml", foreign)
    monkeypatch.setattr("whet.trust._list_own_users", lambda: {foreign.stat().st_uid})
    assert distrust(foreign) and not distrust(foreign)
    assert list_trusted() == ()


def test_a_project_s_own_rules_can_be_left_out_and_still_be_named(project: Path) -> None:
    assert run_command_line(["check", "--no-project-rules", "app.py"]) == 0
    assert list_what_ran(project) == []
    assert load_rulebook(project, project_rules=False).absent == {"my-rule"}
    assert run_command_line(["check", "app.py"]) == 2
    assert len(list_what_ran(project)) == 1


def test_rules_are_run_only_of_the_project_that_one_stands_in(project: Path, tmp_path: Path) -> None:
    assert stands_in(project)
    assert not stands_in(tmp_path)
