"""Queries and requests that a loop makes one by one (N+1), seen on the sampled stacks whatever lies between.

A driver is recognised by its frames, or, where it is compiled and has none, by the line of the user's that calls it.
The loop is the nearest one among the user's callers of that line.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from whet.advise.drivers import BY_NAME, COMPILED, DRIVERS, IMPORTED, SQL, Driver
from whet.advise.measured_advice import (
    MeasuredAdvice,
    make_measured_advice,
    read_line,
    read_source,
    tell_share,
    tell_time,
)
from whet.advise.repeats import Repeat, find_repeats
from whet.model.frame import Frame, Owner
from whet.model.hotspot import Hotspots, LineSpot
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile
from whet.model.run import Run
from whet.records import dataclass

QUERY_IN_LOOP = "query-in-loop"
_SHARE = 0.05
_PLACES = 6
_QUERY = re.compile(r"\.\s*(execute|sql|query)\s*\(")
_NAMES = 3
_FEW_HITS = 10
"""A loop that runs a query less often is no matter of round trips."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A query in a loop: the lines of both, as (file, line), the helper that the loop calls, and who is asked how."""

    loop: tuple[str, int]
    function: str
    helper: str
    query: tuple[str, int]
    driver: str
    advice: str


def calls_compiled_driver(run: Run, spot: LineSpot) -> bool:
    """Whether a line is a call of a compiled driver: its own time is the driver's, or the database's."""
    return _compiled_driver(run, read_line(run, spot)) is not None


def remark_queries(
    run: Run, hotspots: Hotspots, own: Collection[LineSpot], taken: Collection[tuple[str, int]]
) -> Iterator[MeasuredAdvice]:
    """Yield the lines that query a database or a service for each pass of a loop, with the loop and the remedy."""
    spots = {(spot.file, spot.line): spot for spot in own}
    sums: dict[_Place, int] = {}
    for profile in run.profiles:
        for place, value in _sum_queries(run, profile).items():
            sums[place] = sums.get(place, 0) + value
    said: set[tuple[str, int]] = set()
    for place, spent in sorted(sums.items(), key=lambda item: (-item[1], item[0].query, item[0].loop)):
        share = spent / hotspots.busy_ns
        spot = spots.get(place.query)
        if share < _SHARE or len(said) == _PLACES:
            return
        if spot is None or place.query in said or place.query in taken:
            continue
        hits = spot.cost.hits
        if hits is not None and hits < _FEW_HITS:
            continue
        said.add(place.query)
        source = run.sources[place.loop[0]]
        where = f"line {place.loop[1]}"
        if place.loop[0] != spot.file:
            where += f" of {source.shown}"
        through = f", through {place.helper}()," if place.helper else ""
        times = f"{hits:,} times" if hits is not None else "for each item"
        # Without counts it may be a few long queries, whose time no batch saves.
        doubt = "" if hits is not None else " If the queries are few and long, tune the query itself."
        message = (
            f"The loop in {place.function} ({where}){through} asks {place.driver} here {times}:"
            f" {tell_time(spent)}, {tell_share(share)} of the run. {place.advice}.{doubt}"
        )
        yield make_measured_advice(QUERY_IN_LOOP, "A query for each item (N+1)", message, spot, share)


def _sum_queries(run: Run, profile: Profile) -> dict[_Place, int]:
    """Return the CPU and waiting time in nanoseconds of each query that a loop repeats."""
    frames, stacks = profile.frames, profile.stacks
    drivers = [_driver_of(frame) for frame in frames]
    if not any(drivers) and not any(IMPORTED.search(source.text) for source in run.sources.values()):
        return {}
    query = [ROOT] * len(stacks)
    """For each row the nearest row of the user's code from there outward,"""
    asked: list[tuple[str, str] | None] = [None] * len(stacks)
    """the driver that this one has called since, and the advice,"""
    called: list[tuple[str, ...]] = [()] * len(stacks)
    """and the names of what it called, the outermost first: its source has that of a wrapper, or of what it wraps."""
    for row, (parent, index) in enumerate(zip(stacks.parent, stacks.frame, strict=True)):
        frame = frames[index]
        if frame.owner is Owner.USER:
            query[row] = row
        elif parent != ROOT:
            query[row], asked[row] = query[parent], asked[parent]
            called[row] = (*called[parent], frame.name.rpartition(".")[2])[:_NAMES]
            if (driver := drivers[index]) is not None and query[row] != ROOT:
                before = asked[row]
                special = _special_advice(driver, frame)
                if before is None or (special and before[0] == driver.name):
                    asked[row] = driver.name, special or driver.advice
    sums: dict[tuple[int, tuple[str, str] | None, tuple[str, ...]], int] = {}
    for samples in profile.samples:
        if samples.metric in (Metric.CPU, Metric.WAITING):
            for row, value in zip(samples.stack, samples.value, strict=True):
                if row >= 0 and query[row] != ROOT:
                    key = query[row], asked[row], called[row]
                    sums[key] = sums.get(key, 0) + value
    found: dict[_Place, int] = {}
    for (row, who, name), value in sums.items():
        place = _find_place(run, profile, row, who, name)
        if place is not None:
            found[place] = found.get(place, 0) + value
    return found


def _driver_of(frame: Frame) -> Driver | None:
    if frame.owner is Owner.USER:
        return None
    return next((driver for driver in DRIVERS if driver.files.search(frame.file)), None)


def _special_advice(driver: Driver, frame: Frame) -> str:
    place = f"{frame.file}:{frame.name}"
    return next((advice for pattern, advice in driver.special if pattern.search(place)), "")


def _compiled_driver(run: Run, text: str) -> tuple[str, str] | None:
    """Return the driver that a line calls, if it can only be one of those without frames."""
    if _QUERY.search(text) is None:
        return None
    for source in run.sources.values():
        if (imported := IMPORTED.search(source.text)) is not None:
            name = COMPILED[imported[1]]
            driver = BY_NAME.get(name)
            return name, driver.advice if driver is not None else SQL
    return None


def _find_place(
    run: Run, profile: Profile, row: int, who: tuple[str, str] | None, called: tuple[str, ...]
) -> _Place | None:
    """Return the loop that repeats the query of the user's frame at ``row``."""
    frames, stacks = profile.frames, profile.stacks
    frame = frames[stacks.frame[row]]
    query = frame.file, frame.line
    if who is None:
        who, called = _compiled_driver(run, read_source(run, frame.file, frame.line)), ()
    if who is None:
        return None
    is_database = who[0] not in BY_NAME or BY_NAME[who[0]].is_database
    for repeat in find_repeats(run, profile, row, called):
        if _is_for_each(repeat, is_database):
            return _Place((repeat.file, repeat.loop.line), repeat.function, repeat.helper, query, *who)
    return None


def _is_for_each(repeat: Repeat, is_database: bool) -> bool:
    """Leave out a ``while`` that asks itself: it reads in blocks, or polls; one that asks a service tries again."""
    return repeat.loop.is_counted or (is_database and repeat.distance > 0)
