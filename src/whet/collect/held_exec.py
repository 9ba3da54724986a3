"""A program that is about to become another one, held up by its sampler for ever: noticed, so that it can be let go.

A sampler that stops a process while that ends its other threads can leave both waiting for each other.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from time import monotonic

from whet.collect.proc import PROC, read_state

EVERY_SECONDS = 0.5
"""How often it is looked for: a look costs some microseconds a thread."""
LOOKS = 10
"""How many looks, one after the other, must show it: a sampler holds a program for some milliseconds at most."""
WAITED = (
    "the process was about to become another program (os.exec…), and the sampler held it up: the sampler was ended, "
    "and what it had seen until then is lost"
)
_STOPPED, _AWAKE = b"t", (b"R", b"D")


class HeldExec:
    """Tells whether process ``pid`` and its sampler wait for each other. Ask often: most times that costs nothing."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._looks = 0
        self._next = 0.0

    def is_held(self, sampler: int) -> bool:
        """Whether the process has been stopped in all looks of late while its sampler did nothing (Linux)."""
        if not sys.platform.startswith("linux") or (not self._looks and monotonic() < self._next):
            return False
        self._next = monotonic() + EVERY_SECONDS
        waits = _STOPPED in _list_states(self.pid) and not any(state in _AWAKE for state in _list_states(sampler))
        self._looks = self._looks + 1 if waits else 0
        return self._looks >= LOOKS


def _list_states(pid: int) -> Iterator[bytes]:
    """Yield the state of each thread of a process; nothing where it has ended."""
    folder = f"{PROC}/{pid}/task"
    try:
        names = os.listdir(folder)  # noqa: PTH208  many times, for many threads
    except OSError:
        return
    for name in names:
        try:
            yield read_state(f"{folder}/{name}")[0]
        except (OSError, IndexError):
            continue
