"""Writes changed files without loss: atomically, and only over the contents that were read."""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path

from whet.atomic import write_atomically
from whet.errors import StoreError


def hash_bytes(data: bytes) -> str:
    """Return the hash by which a file's contents are known: SHA-256, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def replace_file(path: Path, sha256: str, data: bytes) -> None:
    """Write ``data`` to the file at ``path``, whose bytes had the digest ``sha256`` when they were read.

    A symbolic link is kept, its target is written; the mode is kept. Raises :class:`StoreError` if the file has changed
    in the meantime, is read-only, or cannot be written; then it is unchanged.
    """
    try:
        real = path.resolve(strict=True)
        state = real.stat()
        current = real.read_bytes()
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}") from None
    if hash_bytes(current) != sha256:
        raise StoreError(f"{path} changed while it was checked, and was not written", "run the command again")
    if not state.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) or not os.access(real, os.W_OK):
        raise StoreError(f"{path} is read-only, and was not written", "make it writable to change it")
    if current == data:
        return
    try:
        write_atomically(real, data, finish=lambda new: _copy_state(real, state, new))
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {error.strerror or error}", f"whet writes a new file into {real.parent} first"
        ) from None


def _copy_state(real: Path, state: os.stat_result, new: Path) -> None:
    """Give the new file the owner, mode and attributes of the old one, as far as permitted."""
    if hasattr(os, "chown"):
        with suppress(OSError):
            os.chown(new, state.st_uid, state.st_gid)
    import shutil

    times = new.stat()
    with suppress(OSError):
        shutil.copystat(real, new)
    with suppress(OSError):
        os.utime(
            new, ns=(times.st_atime_ns, times.st_mtime_ns)
        )  # the file is modified now, and tools depend on the time
    new.chmod(stat.S_IMODE(state.st_mode))
