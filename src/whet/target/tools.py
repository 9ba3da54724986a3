"""Finds programs that come with whet's own dependencies, such as py-spy."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path


def find_tool(name: str) -> Path | None:
    """Return the program called ``name``: beside whet's interpreter first, then on PATH; ``None`` if nowhere."""
    suffix = ".exe" if os.name == "nt" else ""
    # With ``pip install --user`` and in pipx the scripts folder is not the one beside the interpreter.
    for folder in (Path(sys.executable).parent, Path(sysconfig.get_path("scripts"))):
        candidate = folder / f"{name}{suffix}"
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate
    found = shutil.which(name)
    return Path(found) if found else None
