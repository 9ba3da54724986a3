"""Captures of workers on their machine, until a worker there hands them to the client.

::

    /tmp/whet-dask-0f3a…/         one folder a profile and machine, its user's alone
    ├── .in-use                   locked by each sampler, so that nobody removes the folder
    ├── 000003-4711.json.gz       a capture that is complete: a saved run
    └── 4711.memory               what a worker allocates, where that was asked for: its sampler removes it

What a killed worker's sampler has left is found by the other workers of the machine, and by the one that comes next.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from pathlib import Path

from whet.atomic import PRIVATE, write_atomically
from whet.scratch import LOCK, PREFIX

_TOKEN = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"\d{6}-\d+\.json\.gz")
_CLAIMED = ".claimed"


class Spool:
    """The folder of one profile on this machine. ``token`` is 32 hexadecimal digits. Raises ``OSError``."""

    def __init__(self, token: str) -> None:
        if not _TOKEN.fullmatch(token):
            raise ValueError(f"not a token: {token[:40]!a}")
        self.folder = Path(tempfile.gettempdir()) / f"{PREFIX}dask-{token}"

    def open(self) -> int:
        """Make the folder if it is not there, and return a lock on it, to be closed by whoever uses it."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        info = self.folder.lstat()
        if self.folder.is_symlink() or (hasattr(os, "getuid") and info.st_uid != os.getuid()):
            raise PermissionError(f"{self.folder} is somebody else's")
        lock = os.open(self.folder / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        with contextlib.suppress(ImportError, OSError):
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return lock

    def put(self, number: int, pid: int, data: bytes) -> None:
        """Add a complete capture."""
        write_atomically(self.folder / f"{number:06}-{pid}.json.gz", data, mode=PRIVATE, sync=False)

    def memory_file(self, pid: int) -> Path:
        """Return where the allocations of process ``pid`` are recorded."""
        return self.folder / f"{pid}.memory"

    def take(self, most_bytes: int) -> list[bytes]:
        """Return captures, oldest first, up to about ``most_bytes`` of them; no other worker gets them too."""
        taken: list[bytes] = []
        size = 0
        with contextlib.suppress(OSError):
            for path in sorted(each for each in self.folder.iterdir() if _NAME.fullmatch(each.name)):
                if taken and size >= most_bytes:
                    break
                claimed = path.with_name(f"{path.name}{_CLAIMED}-{os.getpid()}")
                with contextlib.suppress(OSError):
                    path.rename(claimed)
                    data = claimed.read_bytes()
                    claimed.unlink()
                    taken.append(data)
                    size += len(data)
        return taken

    def is_empty(self) -> bool:
        """Return whether no capture waits."""
        try:
            return not any(_NAME.fullmatch(each.name) for each in self.folder.iterdir())
        except OSError:
            return True

    def remove(self) -> None:
        """Remove the folder if nothing is left in it and nobody uses it."""
        with contextlib.suppress(ImportError, OSError):
            import fcntl

            lock = os.open(self.folder / LOCK, os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self.is_empty():
                    (self.folder / LOCK).unlink()
                    self.folder.rmdir()
            finally:
                os.close(lock)
