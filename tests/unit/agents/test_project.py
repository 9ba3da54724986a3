"""What an agent may name: nothing outside the project, and no option of whet's."""

from __future__ import annotations

from pathlib import Path

import pytest

from whet.agents.project import Project
from whet.errors import UsageError


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path / "project"
    (root / "package").mkdir(parents=True)
    (root / "app.py").write_text("")
    (tmp_path / "secret.py").write_text("")
    (root / "link.py").symlink_to(tmp_path / "secret.py")
    return Project(root)


@pytest.mark.parametrize(
    "name", ["../secret.py", "/etc/passwd", "link.py", "package/../../secret.py", "", "a\0b", "~/../../x"]
)
def test_paths_outside_are_refused(project, name):
    if name.startswith("~"):
        name = "../" + name
    with pytest.raises(UsageError):
        project.confine(name)


def test_paths_inside_are_taken(project):
    assert project.confine("app.py") == project.root / "app.py"
    assert project.confine(str(project.root / "package")) == project.root / "package"
    assert project.confine("new/file.py") == project.root / "new" / "file.py"


@pytest.mark.parametrize(
    "words", [["app.py", "../data"], ["-m", "package", "-x"], ["-c", "print(1)"], ["pytest", "-q"], ["./app.py"]]
)
def test_programs_of_the_project_and_commands_are_taken(project, words):
    assert project.check_program(words) == words


@pytest.mark.parametrize(
    "words",
    [[], ["../secret.py"], ["/usr/bin/env"], ["link.py"], ["--keep-raw"], ["-m"], ["-m", "--help"], ["-"], ["a\0b"],
     ["x"] * 1000, ["app.py", "x" * 100_000]],
)  # fmt: skip
def test_other_programs_and_options_are_refused(project, words):
    with pytest.raises(UsageError):
        project.check_program(words)


@pytest.mark.parametrize("pattern", ["/etc/*", "../*", "a/../../*", "~/x", ""])
def test_globs_outside_are_refused(project, pattern):
    with pytest.raises(UsageError):
        project.confine_pattern(pattern)
    assert project.confine_pattern("out/*.csv") == "out/*.csv"


def test_runs_are_names_or_files_of_the_project(project):
    assert project.name_run("") == []
    assert project.name_run("20261130-app") == ["20261130-app"]
    assert project.name_run(".whet/runs/a") == [str(project.root / ".whet/runs/a")]
    for run in ("/tmp/run", "../run", "--list", "link.py"):
        with pytest.raises(UsageError):
            project.name_run(run)
