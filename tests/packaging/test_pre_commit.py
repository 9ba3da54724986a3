"""The hooks that whet offers, through the real pre-commit: installed from the tree, run on somebody's repository.

pre-commit installs whet and its libraries into an environment of its own, from the package index.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("git") is None, reason="pre-commit needs git")]

CLEAN = "def double(n):\n    return 2 * n\n"
ASYMPTOTIC = """\
def common(words, others):
    known = [other.lower() for other in others]
    return [word for word in words if word in known]
"""
FIXABLE = CLEAN + "\n\nx = 1  # whet: ignore[list-membership]\n"


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


def commit_all(folder: Path) -> None:
    git(folder, "init", "-q")
    git(folder, "add", "-A", "-f")
    git(folder, "commit", "-q", "-m", "all")


@pytest.fixture(scope="module")
def hooks(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that holds whet as it is."""
    folder = tmp_path_factory.mktemp("hooks") / "whet"
    kept = ("src", "rules", "templates", "pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml")
    folder.mkdir()
    for name in kept:
        source = tree / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy2(source, folder / name)
    commit_all(folder)
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pre-commit keeps what it installs: once for all tests here."""
    return tmp_path_factory.mktemp("pre-commit")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text('[tool.whet]\nexclude = ["vendored"]\n')
    (folder / "clean.py").write_text(CLEAN)
    commit_all(folder)
    return folder


def try_hook(hooks: Path, home: Path, project: Path, hook: str) -> subprocess.CompletedProcess[str]:
    git(project, "add", "-A")
    command = [sys.executable, "-m", "pre_commit", "try-repo", str(hooks), hook, "--verbose", "--all-files"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PYTHON", "VIRTUAL_ENV"))}
    environment = kept | {"PRE_COMMIT_HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def test_check_passes_what_is_clean_and_names_what_is_not(hooks: Path, home: Path, project: Path) -> None:
    done = try_hook(hooks, home, project, "whet-check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed" in done.stdout
    (project / "slow.py").write_text(ASYMPTOTIC)
    (project / "vendored").mkdir()
    (project / "vendored" / "slow.py").write_text(ASYMPTOTIC)
    done = try_hook(hooks, home, project, "whet-check")
    assert done.returncode == 1
    assert "slow.py:3:39 list-membership" in done.stdout
    assert "vendored" not in done.stdout
    assert (project / "slow.py").read_text() == ASYMPTOTIC


def test_fix_mends_and_fails_once_because_files_changed(hooks: Path, home: Path, project: Path) -> None:
    (project / "clean.py").write_text(FIXABLE)
    (project / "slow.py").write_text(ASYMPTOTIC)
    done = try_hook(hooks, home, project, "whet-fix")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "files were modified by this hook" in done.stdout
    assert (project / "clean.py").read_text() == CLEAN + "\n\nx = 1\n"
    done = try_hook(hooks, home, project, "whet-fix")
    assert done.returncode == 0, done.stdout
    assert (project / "slow.py").read_text() == ASYMPTOTIC
