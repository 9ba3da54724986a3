"""Resident memory over time, as points of a chart."""

from __future__ import annotations

from whet.model.run import Resident
from whet.report.parts import MemoryCurve
from whet.report.places import Places
from whet.report.units import bytes_figure, time_figure

MOST_POINTS = 300


def draw_memory(resident: Resident, places: Places) -> MemoryCurve | None:
    """Return the curve; of many points the highest per time slice. ``None`` if memory was not polled."""
    if not resident.at_ns or not resident.bytes:
        return None
    pairs = list(zip(resident.at_ns, resident.bytes, strict=False))
    end = max(at for at, _ in pairs) or 1
    peak = max(resident.peak_bytes, *(size for _, size in pairs)) or 1
    highest: dict[int, tuple[int, int]] = {}
    for at, size in pairs:
        slot = at * MOST_POINTS // (end + 1)
        if slot not in highest or size > highest[slot][1]:
            highest[slot] = (at, size)
    # The kernel's own peak may be higher than every poll; then it is added to the curve.
    highest[-1] = (min(max(resident.peak_at_ns, 0), end), resident.peak_bytes or pairs[0][1])
    points = [(at / end, size / peak) for at, size in (pairs[0], *sorted(highest.values()), pairs[-1])]
    return MemoryCurve(
        points=tuple(sorted(set(points))),
        duration=time_figure(end),
        peak=bytes_figure(peak),
        peak_at=time_figure(resident.peak_at_ns),
        peak_point=(min(max(resident.peak_at_ns / end, 0.0), 1.0), min((resident.peak_bytes or peak) / peak, 1.0)),
        levels=tuple((size / peak, bytes_figure(size)) for size in _choose_ticks(peak, 4)),
        moments=tuple((at / end, time_figure(at)) for at in _choose_ticks(end, 5) if at / end < 0.94),
        peak_anchors=tuple(places.line_anchor(file, line) for file, line, _ in resident.peak_stack),
        peak_stack=tuple(
            (f"{places.show(file)}:{line}" if line else places.show(file), name)
            for file, line, name in resident.peak_stack
        ),
    )


def _choose_ticks(whole: int, most: int) -> list[int]:
    """Return round numbers between 0 and ``whole``, both excluded: multiples of 1, 2 or 5 times a power of ten."""
    steps = (digit * 10**power for power in range(30) for digit in (1, 2, 5))
    step = next(step for step in steps if whole <= step * most)
    return list(range(step, whole, step))
