"""When the garbage collector is at work, seen from outside: the interpreter notes it in a word of its own state.

The state begins nowhere in particular, but has next to each other whether a collection goes on, and where the lists
``gc.garbage`` and ``gc.callbacks`` are. The agent inside the program tells those two addresses, and what comes before
them in the interpreter's static data is read some two hundred times a second. Nothing of it is in the program. Where
the system does not let a process read another's memory, nothing is known.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from whet.collect.gil import find_data
from whet.collect.proc import PROC, read_proc

SECONDS = 0.005
_WORD = 8
_ALL_THREADS = 2
"""In the number of a process's CPU clock: see ``clock_getcpuclockid`` and Linux's ``posix-timers.h``."""
_MOST_BYTES = 16 * 1024 * 1024
"""Static data that is searched at most; an interpreter has one."""


class CollectorWatch:
    """Watches the first interpreter of one process, in a thread of its own."""

    def __init__(self, pid: int, find_lists: Callable[[], tuple[int, int] | None]) -> None:
        self.pid = pid
        self.looks = 0
        """How often it was looked while the process computed."""
        self._computed_ns = self._collected_ns = 0
        self._find_lists = find_lists
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def share(self) -> float:
        """The part (0 to 1) of what the process computed in which it collected garbage."""
        return self._collected_ns / self._computed_ns if self._computed_ns else 0.0

    def begin(self) -> None:
        """Begin to watch, on a system that can tell."""
        if sys.platform == "linux" and sys.maxsize > 2**32 and sys.byteorder == "little":
            self._thread.start()

    def end(self) -> None:
        """End, and wait for the thread."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            file = os.open(f"{PROC}/{self.pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return
        try:
            address = self._find(file)
            clock = (~self.pid << 3) | _ALL_THREADS
            before = time.clock_gettime_ns(clock)
            while address and not self._ended.wait(SECONDS):
                word = os.pread(file, _WORD, address)
                if len(word) < _WORD:
                    return
                # By its CPU time: on a busy machine it stands still in between, and looks are late.
                now = time.clock_gettime_ns(clock)
                spent, before = now - before, now
                self.looks += spent > 0
                self._computed_ns += spent
                # The other half is padding, or another flag.
                self._collected_ns += spent if word[0] == 1 and not any(word[1:4]) else 0
        except (OSError, ValueError, OverflowError):
            return  # the process is gone, or has become another program
        finally:
            os.close(file)

    def _find(self, file: int) -> int:
        """Return where the flag is; 0 where that is not to be found."""
        while not self._ended.wait(SECONDS):
            lists = self._find_lists()
            if lists is None:
                continue
            wanted = b"".join(each.to_bytes(_WORD, sys.byteorder) for each in lists)
            program = str(Path(f"{PROC}/{self.pid}/exe").readlink())
            for place in find_data(read_proc(f"{PROC}/{self.pid}/maps"), program):
                at = os.pread(file, min(len(place), _MOST_BYTES), place.start).find(wanted)
                if at >= _WORD:
                    return place.start + at - _WORD
            return 0
        return 0
