"""Lines whose time a pass rises with the length of what they hold, seen within one run.

A loop that makes something longer by one in each pass makes as many passes for the second half of the length as for the
first. So each quarter of the length takes a quarter of the time as long as a pass takes the same time; where a pass
copies or searches all of it, one, three, five and seven sixteenths. Value samples tell lengths at times (CPU time of
the process, which other programs affect less).

The line is the one that takes most of its function's time, by the sampler, and most of the process's while the length
rose: else what grew was something else. It looks at all of the variable or copies it, as its source shows; a line that
merely runs more and more often for each element that is added does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from whet.advise.line_uses import Use, changes_as_often, find_use, list_arguments, name_parameter
from whet.model.evidence import Evidence, Seen
from whet.model.growth import GrowingLine
from whet.model.hotspot import Hotspots, LineSpot
from whet.model.metric import Metric
from whet.model.profile import Profile
from whet.model.run import SourceFile

LEAST_FOLD = 2.0
"""The last quarter's time a pass over the first one's at which a line is said to grow, if the second half's is"""
LEAST_HALF = 1.5
"""so many times the first half's. For what is searched or copied as a whole they are 7 and 3."""
LEAST_POINTS = 16
"""Samples in which the length is to be seen, over"""
LEAST_MICROSECONDS = 300_000
"""so much computing."""
LEAST_LENGTH = 100
LEAST_RISE = 4
MOST_OF_FUNCTION = 0.5
"""Part of its function's time that the line must take,"""
MOST_OF_RISE = 0.6
"""and part of the process's while the length rose."""


def find_growing_lines(
    evidence: Evidence, hotspots: Hotspots, sources: Mapping[str, SourceFile], profiles: Sequence[Profile] = ()
) -> dict[tuple[str, int], GrowingLine]:
    """Return lines whose time a pass rises with the length of a variable that they name, by file and line."""
    hottest = _find_hottest(hotspots)
    part = _find_part(profiles)
    found: dict[tuple[str, int], GrowingLine] = {}
    for seen in evidence.seen:
        fold = find_fold(seen.track) if seen.track else 0.0
        if not fold:
            continue
        for spot, name in _find_users(seen, hottest, sources):
            key = (spot.file, spot.line)
            is_dear = part * spot.cost.attributed_ns >= MOST_OF_RISE * 1000 * find_rising_time(seen.track)
            if is_dear and (key not in found or fold > found[key].fold):
                found[key] = GrowingLine(spot.file, spot.line, name, max(seen.track[::2]), fold)
    return found


def _find_hottest(hotspots: Hotspots) -> dict[tuple[str, int], LineSpot]:
    """Return for each function the line that takes most of its time, if one does."""
    spent: dict[tuple[str, int], int] = {}
    hottest: dict[tuple[str, int], LineSpot] = {}
    for spot in hotspots.lines:  # hottest first
        key = (spot.file, spot.function_line)
        spent[key] = spent.get(key, 0) + spot.cost.spent_ns
        hottest.setdefault(key, spot)
    return {key: spot for key, spot in hottest.items() if spot.cost.spent_ns >= MOST_OF_FUNCTION * spent[key] > 0}


def _find_part(profiles: Sequence[Profile]) -> float:
    """Return the part of all CPU time that the busiest process had: a track is of one, costs are of all."""
    by_process: dict[tuple[int, int], int] = {}
    for profile in profiles:
        for samples in profile.samples:
            if samples.metric is Metric.CPU:
                process = (profile.execution, profile.threads[samples.thread].pid)
                by_process[process] = by_process.get(process, 0) + sum(samples.value)
    whole = sum(by_process.values())
    return max(by_process.values()) / whole if whole else 1.0


def _find_users(
    seen: Seen, hottest: Mapping[tuple[str, int], LineSpot], sources: Mapping[str, SourceFile]
) -> Iterator[tuple[LineSpot, str]]:
    """Yield the lines that look at all of a variable, of its function or of one that it is passed to, and its name."""
    source = sources.get(seen.file)
    if source is None:
        return
    inside = f"{seen.function}.<locals>.<"  # comprehensions and generators
    own = [spot for (file, _), spot in hottest.items() if file == seen.file]
    for spot in own:
        is_own = spot.function_line == seen.function_line or spot.function.startswith(inside)
        if is_own and _takes_all(source.text, spot.line, seen.name, seen):
            yield spot, seen.name
    caller_line = 0 if seen.function == "<module>" else seen.function_line
    passed = dict(list_arguments(source.text, caller_line, seen.name))
    for (file, line), other in hottest.items() if passed else ():
        called = other.function.rpartition(".")[2]
        if called not in passed or (user := sources.get(file)) is None:
            continue
        name = name_parameter(user.text, line, passed[called])
        if name and _takes_all(user.text, other.line, name, seen):
            yield other, name


def _takes_all(text: str, line: int, name: str, seen: Seen) -> bool:
    use = find_use(text, line, name, seen.types)
    return use is Use.WHOLE or (use is Use.UNKNOWN and changes_as_often(text, line, name))


def find_fold(track: Sequence[int]) -> float:
    """Return how many times as long a pass took in the last quarter of a rise as in the first; 0 if that is not shown.

    ``track`` is as of :class:`whet.model.evidence.Seen`.
    """
    points = _find_rise(list(zip(track[::2], track[1::2], strict=False)))
    if not points or points[-1][1] - points[0][1] < LEAST_MICROSECONDS:
        return 0.0
    low, high = points[0][0], points[-1][0]
    moments = [_find_moment(points, low + (high - low) * part / 4) for part in range(5)]
    first, second, third, last = (after - before for before, after in pairwise(moments))
    is_shown = last > LEAST_FOLD * first and third + last > LEAST_HALF * (first + second)
    return last / max(first, 1.0) if is_shown else 0.0


def _find_moment(points: Sequence[tuple[int, int]], length: float) -> float:
    """Return when the length was reached, between two points in proportion."""
    for (before, early), (after, late) in pairwise(points):
        if after >= length:
            return early + (late - early) * (length - before) / max(1, after - before)
    return float(points[-1][1])


def find_rising_time(track: Sequence[int]) -> int:
    """Return for how many microseconds the process computed while the length rose, all rises together."""
    stretches = _list_stretches(list(zip(track[::2], track[1::2], strict=False)))
    return sum(stretch[-1][1] - stretch[0][1] for stretch in stretches)


def _find_rise(points: Sequence[tuple[int, int]]) -> Sequence[tuple[int, int]]:
    """Return the stretch that rises highest without a fall; nothing where it rises little."""
    best: Sequence[tuple[int, int]] = ()
    for stretch in _list_stretches(points):
        if not best or stretch[-1][0] > best[-1][0]:
            best = stretch
    rose = len(best) >= LEAST_POINTS and best[-1][0] >= max(LEAST_LENGTH, LEAST_RISE * max(1, best[0][0]))
    return best if rose else ()


def _list_stretches(points: Sequence[tuple[int, int]]) -> Iterator[Sequence[tuple[int, int]]]:
    start = 0
    for end in range(1, len(points) + 1):
        if end == len(points) or points[end][0] < points[end - 1][0]:
            yield points[start:end]
            start = end
