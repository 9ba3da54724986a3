"""What a sampler's looks cost the program that is stopped for them.

How long a look takes depends on the depth of the stack and on the machine: from
0.2 ms to several. The system tells how long a thread has computed and stood in
line; one that computes all the time was stopped for what is missing.
"""

from __future__ import annotations

import re
import sys
from collections import deque
from pathlib import Path
from time import perf_counter_ns
from typing import NamedTuple

from whet.collect.proc import read_times

STRETCH_NS = 500_000_000
"""Time in which costs are added up before they are judged."""
STRETCHES = 2
"""So many in a row have to cost as much: a machine may be held up once."""
EXPLAINED = 1.3
"""A thread that only looks hold up loses at most so many times what its sampler works, and leaves its processor at most
so many times as often as it is looked at."""
UNEXPLAINED = 0.02
"""Part of the time that such a thread may lose while its sampler does not work."""
_LEFT = re.compile(r"^voluntary_ctxt_switches:\s*(\d+)", re.MULTILINE)


class Clocks(NamedTuple):
    """What the system has counted so far: nanoseconds, and how often the thread gave its processor away."""

    wall: int
    running: int
    in_line: int
    left: int
    sampler: int
    """For how long the sampler worked or stood in line to work."""


def read_clocks(pid: int, sampler: int) -> Clocks | None:
    """Return the clocks of a process's first thread and of its sampler; ``None`` where they cannot be read."""
    if sys.platform != "linux":
        return None
    try:
        running, in_line, _ = read_times(Path(f"/proc/{pid}"))
        left = _LEFT.search(Path(f"/proc/{pid}/status").read_text(errors="replace"))
        worked = sum(sum(read_times(task)[:2]) for task in Path(f"/proc/{sampler}/task").iterdir())
    except (OSError, ValueError):
        return None
    # Kernels can be built without these counts.
    return Clocks(perf_counter_ns(), running, in_line, int(left[1]), worked) if left and running else None


class Stops:
    """Adds up what a sampler of ``rate`` looks a second costs process ``pid``: ask :meth:`share` now and then."""

    def __init__(self, pid: int, sampler: int, rate: int) -> None:
        self.pid = pid
        self.sampler = sampler
        self.rate = rate
        self._before: Clocks | None = None
        self._shares: deque[float] = deque(maxlen=STRETCHES)

    def share(self) -> float:
        """Return the part of the time (0 to 1) that looks take from the program; 0 as long as nothing is certain."""
        before = self._before
        if before is None or perf_counter_ns() - before.wall >= STRETCH_NS:
            now = read_clocks(self.pid, self.sampler)
            if now is None:
                return 0.0
            if before is not None:
                self._shares.append(self._judge(before, now))
            self._before = now
        return min(self._shares) if len(self._shares) == STRETCHES else 0.0

    def _judge(self, before: Clocks, now: Clocks) -> float:
        wall, running, in_line, left, sampler = (then - was for then, was in zip(now, before, strict=True))
        lost = max(0, wall - running - in_line)
        # The program is stopped only while the sampler works: one that loses more time waits by itself.
        if lost > EXPLAINED * sampler + UNEXPLAINED * wall or left > EXPLAINED * self.rate * wall / 1e9:
            return 0.0
        return min(lost, sampler) / wall
