"""The locale that whet's own interpreter gives itself where there is none: it is not the program's.

In the C locale, Python sets ``LC_CTYPE`` for its children (PEP 538). A program that found it there would not be in
the UTF-8 mode that it begins in without whet.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_NAME = "LC_CTYPE"
_COERCED = frozenset({"C.UTF-8", "C.utf8", "UTF-8"})
GIVEN = Path("/proc/self/environ")
"""The environment that this process was started with (Linux)."""


def undo_coercion() -> None:
    """Take the variable out of the environment if this interpreter has set it."""
    if os.environ.get(_NAME) not in _COERCED or not sys.platform.startswith("linux"):
        return
    try:
        given = GIVEN.read_bytes().split(b"\0")
    except OSError:
        return
    if not any(word.startswith(f"{_NAME}=".encode()) for word in given):
        del os.environ[_NAME]
