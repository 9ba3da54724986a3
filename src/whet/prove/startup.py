"""What the interpreter's own start takes of a short program's run: no rewrite changes that, so it is told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from whet.model.trial import Clock, Total, Verdict
from whet.prove.run import Limits, Observed, Workload, run_once

SHORT_NS = 1_000_000_000
"""Of a run that takes longer the start is no part worth a word."""
STARTS = 5
NOTABLE = 0.1


def time_start(workload: Workload | None, runs: Sequence[Observed], clock: Clock, limits: Limits, out: Path) -> int:
    """Return what the start costs in nanoseconds; 0 where it is no good part of ``runs``, or cannot be had.

    ``workload`` starts the interpreter with nothing to do.
    """
    if workload is None or runs[-1].wall_ns >= SHORT_NS:
        return 0
    starts = [run_once(workload, limits, out) for _ in range(STARTS)]
    took, whole = (round(median(each.cost(clock) for each in some)) for some in (starts, runs))
    return took if all(each.is_sound for each in starts) and took >= NOTABLE * whole else 0


def tell_start(start: int, total: Total) -> list[str]:
    """Return in words what the start takes, and how many times as fast the rest is, where that was measured."""
    if not start:
        return []
    told = f"about {start / 1e6:.0f} ms of each run are Python's own start, which no rewrite changes"
    gain = total.gain
    if gain is None or total.verdict is not Verdict.FASTER or gain.candidate_ns - start < NOTABLE * gain.baseline_ns:
        return [told]
    rest = (gain.baseline_ns - start) / (gain.candidate_ns - start)
    return [f"{told}: what comes after it is about {rest:.1f}× as fast"]
