"""Options of all commands, before and after their names; and what shells complete."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from whet.cli import shared
from whet.cli.completion import completion_command, list_choices, write_bash, write_fish, write_zsh
from whet.cli.console import may_color, say
from whet.cli.main import COMMANDS, load_command, name_command, run_command_line
from whet.cli.shared import Manner, take_shared
from whet.errors import UsageError


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    for module in (
        "whet.cli.shared",
        "whet.cli.console",
        "whet.cli.command",
        "whet.cli.terminal_line",
        "whet.cli.check",
    ):
        monkeypatch.setattr(f"{module}.manner", shared.manner)
    before = (shared.manner.quiet, shared.manner.color)
    yield
    shared.manner.quiet, shared.manner.color = before


@pytest.mark.parametrize(
    ("words", "rest", "manner"),
    [
        (["--quiet", "run", "a.py"], ["run", "a.py"], Manner(True, "auto")),
        (["--color", "never", "-q", "run"], ["run"], Manner(True, "never")),
        (["--color=always", "run", "--color", "x"], ["run", "--color", "x"], Manner(False, "always")),
        (["run", "--quiet"], ["run", "--quiet"], Manner()),
        ([], [], Manner()),
    ],
)
def test_they_are_taken_before_a_command(words, rest, manner):
    assert take_shared(words) == rest
    assert shared.manner == manner


@pytest.mark.parametrize("words", [["--color"], ["--color", "blue", "run"], ["--color=", "run"]])
def test_colours_that_are_none_are_refused(words):
    with pytest.raises(UsageError):
        take_shared(words)


def test_the_command_is_found_behind_them():
    assert name_command(["--color", "never", "-q", "attach", "1"]) == "attach"
    assert name_command(["--color=never", "run"]) == "run"
    assert name_command(["-q"]) == ""


def test_they_are_taken_after_a_command_but_not_from_the_program():
    command = load_command("run")
    assert command.parse(["--quiet", "--color", "never", "app.py", "--quiet", "--color"]) == {
        "words": ["app.py", "--quiet", "--color"]
    }
    assert shared.manner == Manner(True, "never")
    with pytest.raises(UsageError, match="needs a value"):
        command.parse(["--color"])


def test_quiet_leaves_notes_out_and_not_errors(capsys):
    shared.manner.quiet = True
    say("a note")
    assert run_command_line(["check", "--nonsense"]) == 2
    assert capsys.readouterr().err.startswith("whet: error: unknown option --nonsense")


def test_colours_are_as_asked_for(monkeypatch):
    assert not may_color(None)
    shared.manner.color = "always"
    assert may_color(None)
    shared.manner.color = "never"
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert not may_color(None)


def test_every_command_and_option_is_completed():
    commands = [load_command(name) for name in COMMANDS]
    for write in (write_bash, write_zsh, write_fish):
        text = "\n".join(write(commands))
        for name in ("prove", "--max-slowdown", "--no-children" if write is not write_fish else "no-children"):
            assert name in text.replace("-l max-slowdown", "--max-slowdown")
    assert list_choices(load_command("prove"))["--metric"] == ["time", "memory", "both", "p50", "p95"]
    with pytest.raises(UsageError, match="unknown shell 'tcsh'"):
        completion_command("tcsh")


def test_the_formats_that_are_offered_are_those_that_help_names_and_there_are():
    from whet.cli.report import FORMATS, PROFILE_FORMATS
    from whet.plugins import BUILT_IN, Group

    assert set(FORMATS) == {*BUILT_IN[Group.RENDERERS], "hot"}
    assert set(PROFILE_FORMATS) <= set(BUILT_IN[Group.FORMATS])
    for name in ("report", "check", "diff", "run", "attach"):
        for option in load_command(name).options:
            if option.declared.choices and "|" not in option.declared.metavar:
                assert [each for each in option.declared.choices if each not in option.declared.help] == []


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["whet", "att"], ["attach"]),
        (["whet", "bench", "--max-s"], ["--max-slowdown"]),
        (["whet", "prove", "--metric", "m"], ["memory"]),
        (["whet", "run", "--color", "n"], ["never"]),
        (["whet", "run", "app"], []),
        (["whet", "report", "--format", "mark"], ["markdown"]),
        (["whet", "check", "--format", "git"], ["github", "gitlab"]),
        (["whet", "completion", "f"], ["fish"]),
        (["whet", "--quiet", "att"], ["attach"]),
        (["whet", "--color", "al"], ["always"]),
        (["whet", "--quiet", "report", "--format", "mark"], ["markdown"]),
    ],
)
def test_bash_completes(words, found):
    script = "\n".join(write_bash([load_command(name) for name in COMMANDS]))
    script += (
        f"\nCOMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _whet; printf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == found, done.stderr
    assert done.stderr == ""


@pytest.mark.parametrize(("shell", "write"), [("zsh", write_zsh), ("fish", write_fish)])
def test_other_shells_can_read_theirs(shell, write, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    (tmp_path / "script").write_text("\n".join(write([load_command(name) for name in COMMANDS])))
    subprocess.run([shell, "-n", str(tmp_path / "script")], check=True)
