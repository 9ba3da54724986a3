"""The project that a program belongs to, and its state under version control."""

from __future__ import annotations

import os
from pathlib import Path

from whet.config import find_root


def find_project(start: Path) -> Path:
    """Return the nearest folder upwards with a ``pyproject.toml`` or ``.git``, else ``start``."""
    return find_root(start)


def find_repository(start: Path) -> Path:
    """Return the folder of the repository that contains ``start``; ``start`` itself without one."""
    return next((folder for folder in (start, *start.parents) if (folder / ".git").exists()), start)


def find_commit(project: Path) -> str:
    """Return the checked-out commit, with ``+`` if files differ from it; empty without git."""
    if not (project / ".git").exists():
        return ""
    commit = _git(project, "rev-parse", "--short=12", "HEAD")
    return f"{commit}+" if commit and _git(project, "status", "--porcelain", "--untracked-files=no") else commit


def _git(project: Path, *words: str) -> str:
    import subprocess

    try:
        done = subprocess.run(
            ["git", "-C", str(project), *words],  # noqa: S607  # whichever git the user has
            capture_output=True,
            timeout=5,
            check=False,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""
