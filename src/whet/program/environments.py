"""Environments: where they keep their interpreter, which one is the project's, and whether whet's own is a tool's."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from whet.trust import is_trusted

_PROJECT_MARKS = ("pyproject.toml", "setup.py", "setup.cfg")
_TOOL_MARKS = ("uv-receipt.toml", "pipx_metadata.json", ".install_state_v2", ".prek-hook.json")
"""What ``uv tool``, pipx, pre-commit and prek leave in an environment that they made for one command."""
_UV_ARCHIVE = re.compile(r"archive-v\d+")
_MOST_BYTES = 64 * 1024


def python_of_environment(prefix: Path) -> Path:
    """Return where an environment at ``prefix`` has its interpreter, whether or not it is there."""
    found = find_python(prefix)
    if found is not None:
        return found
    return prefix / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def find_python(prefix: Path) -> Path | None:
    """Return the interpreter in the folder ``prefix``, be it a broken link; ``None`` if there is none."""
    inside = (
        ("Scripts/python.exe", "python.exe", "bin/python.exe") if os.name == "nt" else ("bin/python", "bin/python3")
    )
    for name in inside:
        candidate = prefix / name
        if candidate.is_file() or candidate.is_symlink():
            return candidate
    return None


def find_environment(cwd: Path, name: str = ".venv") -> Path | None:
    """Return the project's environment called ``name``, looked for from ``cwd`` upwards to the project's root.

    The root is the folder with ``.git``; without one, the nearest folder with a
    ``pyproject.toml`` or ``setup.py``; without that, ``cwd`` itself.
    """
    folders = [cwd, *cwd.parents]
    root = next((folder for folder in folders if (folder / ".git").exists()), None)
    if root is None:
        root = next((folder for folder in folders if any((folder / mark).is_file() for mark in _PROJECT_MARKS)), cwd)
    for folder in folders:
        if (folder / name / "pyvenv.cfg").is_file():
            return folder / name
        if folder == root:
            return None
    return None


def is_trusted_environment(environment: Path) -> bool:
    """Whether the interpreter of an environment, which is code, is the user's own or in a trusted folder."""
    python = python_of_environment(environment)
    return is_trusted(environment, environment / "pyvenv.cfg", python.parent, python)


def is_tool_environment(prefix: Path) -> bool:
    """Whether the environment at ``prefix`` was made for one command (pipx, uv, pre-commit, prek), not for a program.

    ``uvx`` leaves no mark of its own: its environments are told by where they lie, in the archive of uv's cache.
    Those of ``uv run --with`` lie elsewhere in it, hold all that the project's has, and are no tool's.
    """
    if any((prefix / mark).is_file() for mark in _TOOL_MARKS):
        return True
    return _UV_ARCHIVE.fullmatch(prefix.resolve().parent.name) is not None and _is_of_uv(prefix / "pyvenv.cfg")


def lives_in_tool() -> bool:
    """Whether the environment that whet itself runs in is a tool's own."""
    return is_tool_environment(Path(sys.prefix))


def is_own_folder(path: Path) -> bool:
    """Whether ``path`` lies beside the interpreter of whet's own virtual environment (told without starting it)."""
    if sys.prefix == sys.base_prefix:
        return False
    return is_same_path(path.parent, Path(sys.executable).parent)


def is_same_path(one: Path | str, other: Path | str) -> bool:
    """Whether two paths lead to one file or folder, links followed."""
    return os.path.normcase(os.path.realpath(one)) == os.path.normcase(os.path.realpath(other))


def is_same_python(one: Path, other: Path) -> bool:
    """Whether both start the same environment's interpreter: one folder, one binary behind the links."""
    return is_same_path(one.parent, other.parent) and is_same_path(one, other)


def _is_of_uv(settings: Path) -> bool:
    try:
        with settings.open("rb") as file:
            return any(line.partition(b"=")[0].strip() == b"uv" for line in file.read(_MOST_BYTES).splitlines())
    except OSError:
        return False
