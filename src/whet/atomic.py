"""Writes files whole or not at all: whenever that is interrupted, a file is the old one or the new one.

The new file that a killed command has left beside it is removed by the next one that writes in that folder: nobody
holds the lock on it any more.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from whet.locking import is_left_behind, take_lock

PRIVATE = 0o600
_CHECKSUM = 32
_NEW_NAME = re.compile(r"\..*\.[0-9a-f]{8}\.whet", re.DOTALL)
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)

_tidied: set[Path] = set()
"""Folders in which this process has looked for what killed commands have left."""


def write_atomically(
    path: Path,
    data: bytes,
    *,
    mode: int | None = None,
    finish: Callable[[Path], None] | None = None,
    sync: bool = True,
) -> None:
    """Write ``data`` beside ``path``, bring it to disk, and put it in the place of what is there.

    Without ``sync``, the system brings it to disk when it likes: for what can be made again, since that takes long.

    The new file has ``mode``, else that of the old one, else what new files have here; ``finish``, which is given
    the new file before it takes its place, may set more. Raises ``OSError``; then what was there stays.
    """
    _remove_left_behind(path.parent)
    new, handle, lock = _make_new(path)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        new.chmod(_choose_mode(path) if mode is None else mode)
        if finish is not None:
            finish(new)
        new.replace(path)
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise
    finally:
        if lock is not None:
            os.close(lock)
    if sync:
        _sync_folder(path.parent)


def write_checked(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` for :func:`read_checked`, as caches do. Raises ``OSError``."""
    write_atomically(path, _sum(data) + data, sync=False)


def read_checked(path: Path) -> bytes:
    """Return what was written to ``path``; nothing where that is damaged. Raises ``OSError``."""
    content = path.read_bytes()
    return content[_CHECKSUM:] if content[:_CHECKSUM] == _sum(content[_CHECKSUM:]) else b""


def _make_new(path: Path) -> tuple[Path, int, int | None]:
    """Make a file beside ``path``; return it, open, and what holds its lock, where there are locks."""
    while True:
        # As tempfile.mkstemp makes it; that module is most of what writing a small file would cost.
        new = path.with_name(f".{path.name[:100]}.{os.urandom(4).hex()}.whet")
        handle = os.open(new, _NEW, PRIVATE)
        try:
            is_locked = take_lock(handle)
        except BlockingIOError:
            is_removed = True
        except OSError:  # a file system without locks: nobody will take it for left behind
            return new, handle, None
        else:
            is_removed = is_locked and not os.fstat(handle).st_nlink
        if not is_removed:
            return new, handle, os.dup(handle) if is_locked else None
        os.close(handle)  # another whet has seen it before it was locked


def _remove_left_behind(folder: Path) -> None:
    """Remove the new files that killed commands of this user's have left in ``folder``, once in this process."""
    if folder in _tidied:
        return
    _tidied.add(folder)
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _NEW_NAME.fullmatch(entry.name) and is_left_behind(folder / entry.name):
                Path(entry.path).unlink()


def _sum(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).hexdigest().encode()


def _choose_mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0o666 & ~_read_umask()


def _read_umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Bring the rename to disk, where folders can be opened for that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
