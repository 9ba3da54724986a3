"""What a program's time was spent for: tests, fixtures and routes.

Tests and fixtures are found by the frames that pytest and unittest call them from. Nothing is put into the program for
them, so the cases of a parametrized test are one unit: they are one function. Routes are found by the frame that stands
for a request, and where that is not on the stack (in worker threads, in tasks of their own) by the function that
handles it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from whet.merge.select import time_profiles
from whet.merge.tree import attributing_rows, self_values
from whet.model.frame import Frame, Owner
from whet.model.hotspot import UnitKind, UnitLine, UnitSpot, share_error
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile
from whet.model.routes import REQUEST_FILE
from whet.model.run import Run

MOST_LINES = 3
_CALLERS = {
    ("_pytest/python.py", "pytest_pyfunc_call"): UnitKind.TEST,
    ("_pytest/fixtures.py", "call_fixture_func"): UnitKind.FIXTURE,
    ("_pytest/fixtures.py", "_teardown_yield_fixture"): UnitKind.FIXTURE,
    ("unittest/case.py", "_callTestMethod"): UnitKind.TEST,
    ("unittest/case.py", "_callSetUp"): UnitKind.FIXTURE,
    ("unittest/case.py", "_callTearDown"): UnitKind.FIXTURE,
}
"""Functions that call a unit: end of the file, and name. The unit is the first frame of the user's below."""
_FILES = frozenset(file for file, _ in _CALLERS)


_Handler = tuple[str, str]
"""File and qualified name."""


@dataclass(slots=True)
class _Totals:
    frame: Frame
    """Of a route the one that stands for its requests."""
    kind: UnitKind
    cpu_ns: int = 0
    waiting_ns: int = 0
    lines: dict[tuple[str, int], int] = field(default_factory=dict)


_Units = dict[tuple[UnitKind, str, int], _Totals]


def find_units(run: Run, busy_ns: int, samples: int) -> tuple[UnitSpot, ...]:
    """Return the units of a run's time profiles, the one with the most time first.

    ``busy_ns`` and ``samples`` are those of the run, which shares are of.
    """
    found: _Units = {}
    # Of two routes with one function, the one with most of the time.
    handlers = {(route.file, route.function): route.name for route in reversed(run.requests.routes) if route.file}
    for profile in time_profiles(run):
        _add_profile(profile, found, handlers)
    spots = [_make_spot(totals, busy_ns, samples) for totals in found.values() if totals.cpu_ns or totals.waiting_ns]
    return tuple(sorted(spots, key=lambda spot: (-spot.spent_ns, spot.file, spot.line)))


def _add_profile(profile: Profile, found: _Units, handlers: Mapping[_Handler, str]) -> None:
    kinds = [_name_kind(frame) for frame in profile.frames]
    if not any(kinds) and not handlers and not any(frame.file == REQUEST_FILE for frame in profile.frames):
        return
    parent, frame_of = profile.stacks.parent, profile.stacks.frame
    units = _find_rows(profile, kinds, found, handlers)
    attributed = attributing_rows(parent, frame_of, [frame.owner is Owner.USER for frame in profile.frames])
    for metric in (Metric.CPU, Metric.WAITING):
        for row, value in enumerate(self_values(profile, [metric])[:-1]):
            totals = units[row]
            if not value or totals is None:
                continue
            if metric is Metric.CPU:
                totals.cpu_ns += value
            else:
                totals.waiting_ns += value
            if attributed[row] != ROOT:
                frame = profile.frames[frame_of[attributed[row]]]
                place = (frame.file, frame.line)
                totals.lines[place] = totals.lines.get(place, 0) + value


def _find_rows(
    profile: Profile, kinds: Sequence[UnitKind | None], found: _Units, handlers: Mapping[_Handler, str]
) -> list[_Totals | None]:
    """Return for each row of the stack table the unit that it belongs to. The innermost one counts."""
    units: list[_Totals | None] = []
    called: list[UnitKind | None] = []
    """For rows between a caller and its unit: of which kind the unit will be."""
    for above, index in zip(profile.stacks.parent, profile.stacks.frame, strict=True):
        frame = profile.frames[index]
        kind = kinds[index] or (called[above] if above != ROOT else None)
        unit = units[above] if above != ROOT else None
        route = _find_route(frame, unit, handlers)
        if route:
            unit = found.setdefault((UnitKind.ROUTE, route, 0), _Totals(_name_route(route), UnitKind.ROUTE))
        elif frame.owner is Owner.USER:
            if unit is not None and kind is None and _is_behind_decorator(unit, frame):
                kind = UnitKind.TEST
            if kind is not None:
                key = (kind, frame.file, frame.first_line or frame.line)
                unit, kind = found.setdefault(key, _Totals(frame, kind)), None
        units.append(unit)
        called.append(kind)
    return units


def _find_route(frame: Frame, unit: _Totals | None, handlers: Mapping[_Handler, str]) -> str:
    """Return the route whose time begins with ``frame``; empty for none."""
    if frame.file == REQUEST_FILE:
        return frame.name
    if unit is not None and unit.kind is UnitKind.ROUTE:
        return ""
    return handlers.get((frame.file, frame.name), "") if frame.owner is Owner.USER else ""


def _name_route(route: str) -> Frame:
    return Frame(REQUEST_FILE, route, owner=Owner.DEPENDENCY)


def _is_behind_decorator(unit: _Totals, frame: Frame) -> bool:
    """Whether ``unit`` is a decorator's wrapper, and ``frame`` the test that it calls."""
    return unit.kind is UnitKind.TEST and not _is_test(unit.frame) and _is_test(frame)


def _is_test(frame: Frame) -> bool:
    return frame.name.rpartition(".")[2].lower().startswith("test")


def _name_kind(frame: Frame) -> UnitKind | None:
    if frame.owner is Owner.USER:
        return None
    parts = frame.file.replace("\\", "/").rsplit("/", 2)
    file = "/".join(parts[-2:])
    return _CALLERS.get((file, frame.name.rpartition(".")[2])) if file in _FILES else None


def _make_spot(totals: _Totals, busy_ns: int, samples: int) -> UnitSpot:
    spent = totals.cpu_ns + totals.waiting_ns
    share = spent / busy_ns if busy_ns else 0.0
    hottest = sorted(totals.lines.items(), key=lambda item: (-item[1], item[0]))[:MOST_LINES]
    frame = totals.frame
    return UnitSpot(
        kind=totals.kind,
        file=frame.file if totals.kind is not UnitKind.ROUTE else "",
        name=frame.name,
        line=frame.first_line or frame.line,
        cpu_ns=totals.cpu_ns,
        waiting_ns=totals.waiting_ns,
        share=share,
        share_error=share_error(share, samples),
        lines=tuple(UnitLine(file, line, value, value / spent if spent else 0.0) for (file, line), value in hottest),
    )
