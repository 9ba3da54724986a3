"""What a program's time was spent for: tests and fixtures, found by the frames that pytest and unittest call them from.

Nothing is put into the program, so the cases of a parametrized test are one unit: they are one function.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from whet.merge.select import time_profiles
from whet.merge.tree import attributing_rows, self_values
from whet.model.frame import Frame, Owner
from whet.model.hotspot import UnitKind, UnitLine, UnitSpot, share_error
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile
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


@dataclass(slots=True)
class _Totals:
    frame: Frame
    kind: UnitKind
    cpu_ns: int = 0
    waiting_ns: int = 0
    lines: dict[tuple[str, int], int] = field(default_factory=dict)


def find_units(run: Run, busy_ns: int, samples: int) -> tuple[UnitSpot, ...]:
    """Return the units of a run's time profiles, the one with the most time first.

    ``busy_ns`` and ``samples`` are those of the run, which shares are of.
    """
    found: dict[tuple[UnitKind, str, int], _Totals] = {}
    for profile in time_profiles(run):
        _add_profile(profile, found)
    spots = [_make_spot(totals, busy_ns, samples) for totals in found.values() if totals.cpu_ns or totals.waiting_ns]
    return tuple(sorted(spots, key=lambda spot: (-spot.spent_ns, spot.file, spot.line)))


def _add_profile(profile: Profile, found: dict[tuple[UnitKind, str, int], _Totals]) -> None:
    kinds = [_name_kind(frame) for frame in profile.frames]
    if not any(kinds):
        return
    parent, frame_of = profile.stacks.parent, profile.stacks.frame
    units = _find_rows(profile, kinds, found)
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
    profile: Profile, kinds: Sequence[UnitKind | None], found: dict[tuple[UnitKind, str, int], _Totals]
) -> list[_Totals | None]:
    """Return for each row of the stack table the unit that it belongs to. The innermost one counts."""
    units: list[_Totals | None] = []
    called: list[UnitKind | None] = []
    """For rows between a caller and its unit: of which kind the unit will be."""
    for above, index in zip(profile.stacks.parent, profile.stacks.frame, strict=True):
        frame = profile.frames[index]
        kind = kinds[index] or (called[above] if above != ROOT else None)
        unit = units[above] if above != ROOT else None
        if frame.owner is Owner.USER:
            if unit is not None and kind is None and _is_behind_decorator(unit, frame):
                kind = UnitKind.TEST
            if kind is not None:
                key = (kind, frame.file, frame.first_line or frame.line)
                unit, kind = found.setdefault(key, _Totals(frame, kind)), None
        units.append(unit)
        called.append(kind)
    return units


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
        file=frame.file,
        name=frame.name,
        line=frame.first_line or frame.line,
        cpu_ns=totals.cpu_ns,
        waiting_ns=totals.waiting_ns,
        share=share,
        share_error=share_error(share, samples),
        lines=tuple(UnitLine(file, line, value, value / spent if spent else 0.0) for (file, line), value in hottest),
    )
