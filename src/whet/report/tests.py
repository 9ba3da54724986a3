"""The rows of a report's table of tests and fixtures."""

from __future__ import annotations

from collections.abc import Iterable

from whet.model.hotspot import Hotspots, UnitKind, UnitLine
from whet.model.run import Run
from whet.records import dataclass
from whet.report.places import Places
from whet.report.units import Figure, share_figure, time_figure

MOST_UNITS = 200


@dataclass(frozen=True, slots=True)
class UnitLineRow:
    """A line with its part of a unit's time. ``code`` is the line's text, empty where it is not known."""

    file: str
    line: int
    share: Figure
    code: str = ""

    @property
    def place(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A test or a fixture (``kind``), and its hottest lines."""

    kind: str
    name: str
    file: str
    line: int
    spent_seconds: Figure
    waiting_seconds: Figure
    share: Figure
    share_error: float
    lines: tuple[UnitLineRow, ...] = ()
    anchor: str = ""

    @property
    def place(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.line}"


def list_units(hotspots: Hotspots, run: Run, places: Places, *, include_source: bool) -> tuple[UnitRow, ...]:
    """Return the tests and fixtures with most of the time."""
    return tuple(
        UnitRow(
            kind=spot.kind.value,
            name=spot.name,
            file=places.show(spot.file),
            line=spot.line,
            spent_seconds=time_figure(spot.spent_ns),
            waiting_seconds=time_figure(spot.waiting_ns),
            share=share_figure(spot.share, spot.share_error),
            share_error=spot.share_error,
            lines=list_unit_lines(spot.lines, run, places, include_source=include_source),
            anchor=places.line_anchor(spot.file, spot.line, *(each.line for each in spot.lines)),
        )
        for spot in [each for each in hotspots.units if each.kind is not UnitKind.ROUTE][:MOST_UNITS]
    )


def list_unit_lines(
    lines: Iterable[UnitLine], run: Run, places: Places, *, include_source: bool
) -> tuple[UnitLineRow, ...]:
    """Return the rows of a unit's lines."""
    return tuple(_make_line(line, run, places, include_source=include_source) for line in lines)


def _make_line(line: UnitLine, run: Run, places: Places, *, include_source: bool) -> UnitLineRow:
    source = run.sources.get(line.file) if include_source else None
    lines = source.text.splitlines() if source is not None else []
    code = lines[line.line - 1].strip() if 0 < line.line <= len(lines) else ""
    return UnitLineRow(places.show(line.file), line.line, share_figure(line.share), code)
