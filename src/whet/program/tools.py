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


def _list_folders() -> Iterator[Path]:
    """Yield the folders of scripts: the interpreter's, and the other one of ``pip install --user`` and pipx."""
    yield Path(sys.executable).parent
    import sysconfig  # slow to be asked

    yield Path(sysconfig.get_path("scripts"))
