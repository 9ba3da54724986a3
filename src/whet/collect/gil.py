"""Whether a thread that sleeps waits for the GIL: told by the address that it sleeps at.

A lock that a thread waits for is a word of memory (a futex), which ``/proc/PID/task/TID/syscall`` names. The GIL's is
in the interpreter's runtime state: static data of the executable or of ``libpython``. Those of all other locks of
Python's are on the heap or on a stack. A C library that waits at an address on the stack (musl) does not tell.
"""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

from whet.collect.proc import PROC, read_proc

FUTEX = {"x86_64": (202, 219), "aarch64": (98, 128)}
"""The numbers of ``futex`` and of ``restart_syscall``, which it becomes once a sampler has stopped the thread."""
_INTERPRETER = re.compile(rb"(lib)?(python|pypy)(\d[\d.]*[a-z]*)?(\.so[\d.]*)?$")
"""What files are called that hold an interpreter. Extension modules are called otherwise."""


class GilReader:
    """Tells threads that wait for the GIL from others that sleep. Remembers where each process has its interpreter."""

    def __init__(self, machine: str = "") -> None:
        self._futex = FUTEX.get(machine or platform.machine(), ())
        self._data: dict[int, tuple[bytes, list[range]]] = {}

    def is_waiting(self, pid: int, tid: int, image: bytes = b"") -> bool | None:
        """Tell whether the thread waits for the GIL; ``None`` where it does not sleep, or the system does not tell.

        ``image`` changes when the process becomes another program.
        """
        if not self._futex:
            return None
        try:
            said = read_proc(f"{PROC}/{pid}/task/{tid}/syscall").split()
            if len(said) < 2 or not said[0].isdigit():
                return None
            if int(said[0]) not in self._futex:
                return False
            known, data = self._data.get(pid, (b"", []))
            if known != image or not data:
                data = find_data(read_proc(f"{PROC}/{pid}/maps"), str(Path(f"{PROC}/{pid}/exe").readlink()))
                self._data[pid] = image, data
            address = int(said[1], 16)
        except (OSError, ValueError):
            return None
        return any(address in each for each in data) if data else None


def find_data(maps: bytes, program: str = "") -> list[range]:
    """Return the addresses of an interpreter's writable static data, from a process's ``maps``.

    ``program`` is the path of the executable, which may have an interpreter built in and any name.
    """
    found: list[range] = []
    own: list[range] = []
    for line in maps.splitlines():
        words = line.split(None, 5)
        if len(words) == 6 and words[1].startswith(b"rw"):
            first, _, end = words[0].partition(b"-")
            addresses = range(int(first, 16), int(end, 16))
            if _INTERPRETER.match(words[5].rpartition(b"/")[2]):
                found.append(addresses)
            elif words[5] == os.fsencode(program):
                own.append(addresses)
    return found or own
