"""Writes changed files so that nothing is lost: whole or not at all, and only over what was read."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from whet.atomic import write_atomically
from whet.errors import StoreError


def hash_bytes(data: bytes) -> str:
    """Return the hash by which a file's contents are known: SHA-256, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def replace_file(path: Path, sha256: str, data: bytes) -> None:
    """Put ``data`` into the file at ``path``, whose bytes had the digest ``sha256`` when they were read.

    A symbolic link stays, the file that it leads to is written; the mode stays. Raises :class:`StoreError` when the
    file has changed meanwhile, is read-only, or cannot be written; then it is as it was.
    """
    try:
        real = path.resolve(strict=True)
        state = real.stat()
        current = real.read_bytes()
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}") from None
    if hash_bytes(current) != sha256:
        raise StoreError(f"{path} was changed while it was examined, and is left alone", "run the command again")
    if not state.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) or not os.access(real, os.W_OK):
        raise StoreError(f"{path} is read-only, and is left alone", "make it writable if it is to be changed")
    if current == data:
        return
    try:
        write_atomically(real, data, finish=lambda new: _copy_state(real, state, new))
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {error.strerror or error}", f"whet writes a new file into {real.parent} first"
        ) from None


def _copy_state(real: Path, state: os.stat_result, new: Path) -> None:
    """Give the new file the owner, mode and attributes of the old one, as far as that is allowed."""
    if hasattr(os, "chown"):
        with suppress(OSError):
            os.chown(new, state.st_uid, state.st_gid)
    times = new.stat()
    with suppress(OSError):
        shutil.copystat(real, new)
    with suppress(OSError):
        os.utime(new, ns=(times.st_atime_ns, times.st_mtime_ns))  # it is changed now, and tools look at that
    new.chmod(stat.S_IMODE(state.st_mode))
