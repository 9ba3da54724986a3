"""The interpreter's start-up time in a short program's run: no rewrite changes it, so it is reported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from whet.model.trial import Clock, Total, Verdict
from whet.prove.run import Limits, Observed, Workload, run_once

SHORT_NS = 1_000_000_000
"""In a longer run the start-up time is negligible."""
STARTS = 5
NOTABLE = 0.1


def time_start(workload: Workload | None, runs: Sequence[Observed], clock: Clock, limits: Limits, out: Path) -> int:
    """Return the start-up time in nanoseconds; 0 if it is a small part of ``runs``, or unknown.

    ``workload`` starts the interpreter with nothing to do.
    """
    if workload is None or runs[-1].wall_ns >= SHORT_NS:
        return 0
    starts = [run_once(workload, limits, out) for _ in range(STARTS)]
    took, whole = (round(median(each.cost(clock) for each in some)) for some in (starts, runs))
    return took if all(each.is_sound for each in starts) and took >= NOTABLE * whole else 0


def tell_start(start: int, total: Total) -> list[str]:
    """Return a note on the start-up time, and on the speedup of the rest, if measured."""
    if not start:
        return []
    told = f"about {start / 1e6:.0f} ms of each run are the interpreter's start-up, which no rewrite changes"
    gain = total.gain
    if gain is None or total.verdict is not Verdict.FASTER or gain.candidate_ns - start < NOTABLE * gain.baseline_ns:
        return [told]
    rest = (gain.baseline_ns - start) / (gain.candidate_ns - start)
    return [f"{told}: the rest is about {rest:.1f}× as fast"]
