"""Which newer interpreter is installed beside the one that ran a program; by names alone, nothing is started."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

_NAME = re.compile(r"python3\.(\d+)(\.exe)?")
_VERSION = re.compile(r"(?:cpython-)?3\.(\d+)\.\d+(?:-.*)?")
"""Folders of pyenv and uv; those of betas and release candidates have letters in the version."""


def find_newer(path: str, version: str, environ: Mapping[str, str] | None = None) -> tuple[str, str] | None:
    """Return the newest ``(version, path)``, as in ``("3.13", "/usr/bin/python3.13")``, above ``version``.

    ``path`` is the interpreter that ran; ``None`` if that is not on this machine, or there is nothing newer.
    """
    environ = os.environ if environ is None else environ
    parts = version.split(".")
    if not path or not Path(path).exists() or len(parts) < 2 or not parts[1].isdigit():
        return None
    newer = [(minor, file) for minor, file in list_installed(environ) if minor > int(parts[1])]
    if not newer:
        return None
    minor, file = max(newer, key=lambda item: item[0])
    return f"3.{minor}", str(file)


def list_installed(environ: Mapping[str, str]) -> Iterator[tuple[int, Path]]:
    """Yield interpreters that are installed, and their minor versions: on PATH, of pyenv, of uv."""
    for entry in environ.get("PATH", "").split(os.pathsep):
        # The shims of pyenv are there for versions that are not switched on too, and then only say so.
        if entry and Path(entry).name != "shims":
            for name, found in _find_in(Path(entry), _NAME):
                file = Path(entry) / name
                if os.access(file, os.X_OK):
                    yield int(found[1]), file
    home = Path(environ.get("HOME") or environ.get("USERPROFILE") or Path.home())
    pyenv = Path(environ.get("PYENV_ROOT") or home / ".pyenv") / "versions"
    uv = Path(environ.get("UV_PYTHON_INSTALL_DIR") or home / ".local" / "share" / "uv" / "python")
    for folder in (pyenv, uv):
        for name, found in _find_in(folder, _VERSION):
            file = folder / name / "bin" / "python"
            if file.exists():
                yield int(found[1]), file


def _find_in(folder: Path, pattern: re.Pattern[str]) -> list[tuple[str, re.Match[str]]]:
    """Return the names in a folder that match, in order; PATH leads through thousands, and few of them do."""
    try:
        names = os.listdir(folder)  # noqa: PTH208  a path for each takes longer than all else here
    except OSError:
        return []
    matches = ((name, pattern.fullmatch(name)) for name in names)
    return sorted(((name, found) for name, found in matches if found), key=lambda match: match[0])
