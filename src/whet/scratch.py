"""Folders for what is only needed while a command runs. Those of a whet that was killed are removed by the next one.

A folder is in use as long as its owner holds a lock on a file in it, which the system releases however the owner ends.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from whet.locking import is_left_behind, take_lock

PREFIX = "whet-"
LOCK = ".in-use"


@contextlib.contextmanager
def scratch_folder(purpose: str = "") -> Iterator[Path]:
    """Make a folder for this command alone, and remove it, and what killed commands have left. Raises ``OSError``."""
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{purpose}{'-' if purpose else ''}"))
    lock: int | None = None
    owner = os.getpid()
    try:
        with contextlib.suppress(OSError):
            lock = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
            take_lock(lock)
        remove_left_behind(folder.parent)
        yield folder
    finally:
        if os.getpid() == owner:  # else a forked process, which ends what its parent still uses
            shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def keep_files(folder: Path, to: Path) -> None:
    """Copy what is in a scratch folder, for later. Raises ``OSError``."""
    shutil.copytree(folder, to, dirs_exist_ok=True, ignore=shutil.ignore_patterns(LOCK))


def remove_left_behind(parent: Path) -> list[Path]:
    """Remove the folders in ``parent`` that this user's killed commands have left, and return them."""
    removed = []
    with contextlib.suppress(OSError):
        for folder in parent.glob(f"{PREFIX}*"):
            if _is_left_behind(folder):
                shutil.rmtree(folder, ignore_errors=True)
                removed.append(folder)
    return removed


def _is_left_behind(folder: Path) -> bool:
    """Whether a folder is one of this user's whose lock nobody holds."""
    try:
        if folder.is_symlink() or (hasattr(os, "getuid") and folder.lstat().st_uid != os.getuid()):
            return False
    except OSError:
        return False
    return is_left_behind(folder / LOCK)
