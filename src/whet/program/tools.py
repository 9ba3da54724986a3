"""Finds programs that come with whet's own dependencies, such as py-spy."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path


def find_tool(name: str) -> Path | None:
    """Return the program called ``name``: beside whet's interpreter first, then on PATH; ``None`` if nowhere."""
    suffix = ".exe" if os.name == "nt" else ""
    for folder in _list_folders():
        candidate = folder / f"{name}{suffix}"
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate
    found = shutil.which(name)
    return Path(found) if found else None


def describe_tool(name: str) -> str:
    """Return the name and version of a distribution as its folder tells them; the name alone where none does."""
    # Its ``importlib.metadata`` takes long to load.
    from whet.program.cache import read_version

    folders = (Path(entry) for entry in sys.path if entry)
    version = next(filter(None, (read_version(name.replace("-", "_"), folder) for folder in folders)), "")
    return f"{name} {version}".rstrip()


def _list_folders() -> Iterator[Path]:
    """Yield the folders of scripts: the interpreter's, and the other one of ``pip install --user`` and pipx."""
    yield Path(sys.executable).parent
    import sysconfig  # slow to be asked

    yield Path(sysconfig.get_path("scripts"))
