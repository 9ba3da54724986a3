"""Bytes as a reason: what the lines of a finding hold at the peak, what keeps growing, what the peak is made of."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from whet.advise.measured_advice import IMPORT, MeasuredAdvice, make_measured_advice, read_line, tell_bytes
from whet.advise.source_loops import find_loop
from whet.model.advice import MemoryWorth
from whet.model.evidence import Evidence, Seen
from whet.model.finding import Finding, Frees
from whet.model.frame import Owner
from whet.model.hotspot import Hotspots, LineSpot
from whet.model.metric import Metric
from whet.model.run import Run

LEAST_BYTES = 10_000_000
"""Of less than this nobody need save any."""
LEAST_SHARE = 0.05
"""Part of the peak below which memory is no reason."""
_GROWN_SHARE = 0.1
_BRIEF_SHARE = 0.3
"""Part of the peak from which it is worth saying that memory was allocated for a short time only."""


def weigh_memory(finding: Finding, hotspots: Hotspots, evidence: Evidence) -> MemoryWorth | None:
    """Return what following a finding saves of the peak; ``None`` where that is not known, or hardly anything."""
    frees = finding.frees
    if frees is None or not hotspots.peak_bytes:
        return None
    held = sum(_peak_of(hotspots.line_index.get((finding.file, line))) for line in dict.fromkeys(finding.lines))
    kept = find_kept(frees, evidence)
    saved = frees.each * (kept.max_length or 0 if kept is not None else 0) if frees.each else held
    share = min(saved / hotspots.peak_bytes, 1.0)
    if saved < LEAST_BYTES or share < LEAST_SHARE:
        return None
    return MemoryWorth(held, hotspots.peak_bytes, share if frees.each else 0.0, share)


def _peak_of(spot: LineSpot | None) -> int:
    return (spot.cost.peak_bytes or 0) if spot is not None else 0


def find_kept(frees: Frees, evidence: Evidence) -> Seen | None:
    """Return the longest container that was seen to hold mostly objects of that class."""
    longest: Seen | None = None
    for seen in evidence.seen if frees.kind else ():
        of = sum(count for name, count in seen.elements.items() if name.rpartition(".")[2] == frees.kind)
        if 2 * of > sum(seen.elements.values()) and (seen.max_length or 0) > ((longest and longest.max_length) or 0):
            longest = seen
    return longest


def saved_memory(worth: MemoryWorth | None) -> float:
    """Return the expected saving as a fraction of the peak: the middle of what may be saved."""
    return (worth.low + worth.high) / 2 if worth is not None else 0.0


def remark_memory(
    run: Run, hotspots: Hotspots, own: list[LineSpot], taken: Collection[tuple[str, int]]
) -> Iterator[MeasuredAdvice]:
    """Yield the lines whose memory rises throughout the run, else the one that makes the peak a short one."""
    if not hotspots.peak_bytes:
        return
    peak = hotspots.peak_bytes
    repeated = find_repeated(run, Metric.GROWN)
    grown = [spot for spot in own if (spot.cost.grown_bytes or 0) >= max(LEAST_BYTES, _GROWN_SHARE * peak)]
    grown = [spot for spot in grown if (spot.file, spot.line) in repeated and (spot.file, spot.line) not in taken]
    for spot in sorted(grown, key=lambda spot: (-(spot.cost.grown_bytes or 0), spot.file, spot.line)):
        more, live = spot.cost.grown_bytes or 0, spot.cost.live_bytes or 0
        kept = f" {tell_bytes(live)} of it were still there at the end." if live >= more / 2 else ""
        message = (
            f"What this line allocates rose all the time: near the end of the run {tell_bytes(more)} more of it were"
            f" live than in its middle.{kept} A program that runs longer will need more. If it is not needed to the"
            " end, bound what keeps it (lru_cache(maxsize=…), deque(maxlen=…)), drop it when it is done with, or write"
            " it out."
        )
        yield _make_at(
            "growing-memory", "Memory that grows throughout the run", message, spot, hotspots, 0.0, more / peak
        )
    brief = [spot for spot in own if (spot.cost.brief_bytes or 0) >= max(LEAST_BYTES, _BRIEF_SHARE * peak)]
    brief = [spot for spot in brief if not IMPORT.match(read_line(run, spot)) and (spot.file, spot.line) not in taken]
    for spot in sorted(brief, key=lambda spot: (-(spot.cost.brief_bytes or 0), spot.file, spot.line))[:1]:
        size = spot.cost.brief_bytes or 0
        message = (
            f"At the peak {tell_bytes(size)} of {tell_bytes(peak)} were allocated here, and they lived for less than a"
            " quarter of the run: it needs that much for a short time only. Work in pieces (blocks of a file, slices of"
            " an array, a generator), or drop what is no longer needed (del) before this line."
        )
        yield _make_at("brief-peak", "Short peak of memory", message, spot, hotspots, 0.0, size / peak)


def _make_at(
    rule: str, title: str, message: str, spot: LineSpot, hotspots: Hotspots, low: float, high: float
) -> MeasuredAdvice:
    worth = MemoryWorth(spot.cost.peak_bytes or 0, hotspots.peak_bytes, low, min(high, 1.0))
    return make_measured_advice(rule, title, message, spot, spot.cost.spent_share, gain=1.0, memory=worth)


def find_repeated(run: Run, metric: Metric) -> set[tuple[str, int]]:
    """Return the lines of the user's with a value of ``metric`` that a loop repeats: there, or further up the stack."""
    found: set[tuple[str, int]] = set()
    loops: dict[tuple[str, int, str], bool] = {}
    for profile in run.profiles:
        for row in {row for each in profile.samples if each.metric is metric for row in each.stack if row >= 0}:
            innermost: tuple[str, int] | None = None
            for at in profile.stacks.walk(row):
                frame = profile.frames[profile.stacks.frame[at]]
                source = run.sources.get(frame.file) if frame.owner is Owner.USER else None
                if source is None:
                    continue
                innermost = innermost or (frame.file, frame.line)
                place = frame.file, frame.line, frame.name
                if place not in loops:
                    loops[place] = find_loop(source.text, frame.line, (), frame.name) is not None
                if loops[place]:
                    found.add(innermost)
                    break
    return found
