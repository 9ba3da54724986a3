"""Locks that the system releases however their holder ends, so that what a killed command has left can be told."""

from __future__ import annotations

import os
from pathlib import Path


def take_lock(handle: int) -> bool:
    """Lock an open file without waiting; ``False`` where there are no locks. Raises ``OSError`` for a held one."""
    try:
        import fcntl
    except ImportError:  # Windows
        return False
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return True


def is_left_behind(path: Path) -> bool:
    """Return whether the file is this user's and nobody holds the lock on it; ``False`` where that cannot be told."""
    try:
        handle = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return False
    try:
        is_own = not hasattr(os, "getuid") or os.fstat(handle).st_uid == os.getuid()
        return is_own and take_lock(handle)
    except OSError:
        return False
    finally:
        os.close(handle)
