from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from whet.pipeline.project import find_commit, find_project

git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.mark.parametrize("marker", ["pyproject.toml", ".git"])
def test_the_nearest_folder_with_a_marker_is_the_project(marker: str, tmp_path: Path) -> None:
    deep = tmp_path / "outer" / "inner" / "src" / "pkg"
    deep.mkdir(parents=True)
    (tmp_path / "outer" / "pyproject.toml").touch()
    (tmp_path / "outer" / "inner" / marker).touch()
    assert find_project(deep) == tmp_path / "outer" / "inner"
    assert find_project(tmp_path / "outer") == tmp_path / "outer"


def test_without_a_marker_it_is_the_folder_itself(tmp_path: Path) -> None:
    if any((folder / marker).exists() for folder in tmp_path.parents for marker in ("pyproject.toml", ".git")):
        pytest.skip("this machine's folder for temporary files lies in a project")
    assert find_project(tmp_path) == tmp_path


def test_a_folder_without_git_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_words, **_more: pytest.fail("nothing is to be started"))
    assert find_commit(tmp_path) == ""


@git
def test_the_commit_is_marked_where_files_differ_from_it(tmp_path: Path) -> None:
    def call(*words: str) -> str:
        settings = ["-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false"]
        done = subprocess.run(
            ["git", "-C", str(tmp_path), *settings, *words], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    call("init", "-q")
    assert find_commit(tmp_path) == ""  # there is none yet
    (tmp_path / "a.py").write_text("x = 1\n")
    call("add", "a.py")
    call("commit", "-q", "-m", "one", "--no-verify")
    commit = call("rev-parse", "--short=12", "HEAD")
    assert find_commit(tmp_path) == commit
    (tmp_path / "new.py").touch()
    assert find_commit(tmp_path) == commit
    (tmp_path / "a.py").write_text("x = 2\n")
    assert find_commit(tmp_path) == f"{commit}+"


@pytest.mark.parametrize("error", [FileNotFoundError("git"), subprocess.TimeoutExpired("git", 5)])
def test_a_git_that_is_missing_or_hangs_costs_the_commit_only(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_words: object, **_more: object) -> None:
        raise error

    (tmp_path / ".git").mkdir()
    monkeypatch.setattr(subprocess, "run", fail)
    assert find_commit(tmp_path) == ""
