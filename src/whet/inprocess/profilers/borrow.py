"""Imports a profiler from whet's own environment where the program's has none."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


def load_from(folder: str | None, load: Callable[[], Any]) -> Any:
    """Return what ``load`` returns, with ``folder`` at the end of ``sys.path`` meanwhile; ``None`` adds nothing."""
    if not folder:
        return load()
    sys.path.append(folder)
    try:
        return load()
    finally:
        # The last one: the program may have put the same folder there itself.
        del sys.path[len(sys.path) - 1 - sys.path[::-1].index(folder)]
