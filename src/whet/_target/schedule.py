"""When the agent looks, traces and counts: at random times, densely at first and rarely later.

So short programs get counts too, and long ones pay little.
"""

from __future__ import annotations

import random
from itertools import pairwise

WINDOW_SECONDS = 0.001
"""Length of a window; without a precise timer the kernel rounds up to its tick, 1 to 4 ms."""
FIRST_GAPS = 0.025
"""Mean CPU seconds between windows at the start."""
GAPS = ((0.0, FIRST_GAPS), (1.0, 0.1), (3.0, 0.2))
"""The same at some CPU times; between these it grows steadily, after the last it stays."""
COUNTING_SECONDS = 0.001
"""Length of a phase in which functions have counters that they mostly lack."""
COUNTING_FIRST = 1
COUNTING_LATER = 2
"""Such phases for each window in the first second, and after; they are cheaper than windows, and their number tells."""


class Schedule:
    """Draws the lengths of the gaps, and what comes after each."""

    def __init__(self) -> None:
        self.random = random.Random()  # noqa: S311  # its own: the program's random numbers stay what they were

    def draw_first_gap(self) -> float:
        """Return the CPU seconds until the first tick."""
        return self.random.uniform(0.002, 2 * FIRST_GAPS)

    def draw_gap(self, cpu_ns: int, *, with_phases: bool) -> float:
        """Return the CPU seconds until the next tick, after ``cpu_ns`` of CPU time."""
        mean = _mean_gap(cpu_ns / 1e9)
        phases = _phases_a_window(cpu_ns) if with_phases else 0
        return self.random.uniform(0.2 * mean, 1.8 * mean) / (phases + 1)

    def is_turn_of_counting(self, cpu_ns: int) -> bool:
        """Draw whether a phase of counting comes now, and not a window."""
        phases = _phases_a_window(cpu_ns)
        return self.random.random() < phases / (phases + 1)


def _mean_gap(seconds: float) -> float:
    for (begin, first), (end, last) in pairwise(GAPS):
        if seconds < end:
            return first + (last - first) * (seconds - begin) / (end - begin)
    return GAPS[-1][1]


def _phases_a_window(cpu_ns: int) -> int:
    return COUNTING_FIRST if cpu_ns < 1e9 else COUNTING_LATER
