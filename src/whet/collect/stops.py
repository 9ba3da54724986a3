"""What a sampler's looks cost the program that is stopped for them.

How long a look takes depends on the depth of the stack and on the machine: from
0.2 ms to several. The system tells how long a thread has computed and stood in
line; one that computes all the time was stopped for what is missing.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from time import perf_counter_ns
from typing import NamedTuple

STRETCH_NS = 500_000_000
"""Time in which costs are added up before they are judged."""
STRETCHES = 2
"""So many in a row have to cost as much: a machine may be held up once."""
OWN_WAITS = 1.3
"""So many times as often as it is looked at, a thread that only looks hold up may leave its processor."""
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
        running, in_line = _read_times(Path(f"/proc/{pid}"))
        left = _LEFT.search(Path(f"/proc/{pid}/status").read_text(errors="replace"))
        worked = sum(sum(_read_times(task)) for task in Path(f"/proc/{sampler}/task").iterdir())
    except (OSError, ValueError):
        return None
    # Kernels can be built without these counts.
    return Clocks(perf_counter_ns(), running, in_line, int(left[1]), worked) if left and running else None


def _read_times(task: Path) -> tuple[int, int]:
    running, in_line = (task / "schedstat").read_text().split()[:2]
    return int(running), int(in_line)


class Stops:
    """Adds up what a sampler of ``rate`` looks a second costs process ``pid``: ask :meth:`share` now and then."""

    def __init__(self, pid: int, sampler: int, rate: int) -> None:
        self.pid = pid
        self.sampler = sampler
        self.rate = rate
        self._before: Clocks | None = None
        self._shares: list[float] = []

    def share(self) -> float:
        """Return the part of the time (0 to 1) that looks take from the program; 0 as long as nothing is certain."""
        now = read_clocks(self.pid, self.sampler)
        if now is None:
            return 0.0
        if self._before is None:
            self._before = now
        elif now.wall - self._before.wall >= STRETCH_NS:
            self._shares.append(self._judge(self._before, now))
            self._before = now
        return min(self._shares[-STRETCHES:]) if len(self._shares) >= STRETCHES else 0.0

    def _judge(self, before: Clocks, now: Clocks) -> float:
        wall, running, in_line, left, sampler = (then - was for then, was in zip(now, before, strict=True))
        lost = max(0, wall - running - in_line)
        # The program is stopped only while the sampler works: one that loses more time waits by itself.
        if lost > OWN_WAITS * sampler + UNEXPLAINED * wall or left > OWN_WAITS * self.rate * wall / 1e9:
            return 0.0
        return min(lost, sampler) / wall
