"""Answers questions about lines: how often they ran, and what they cost, beside other lines."""

from __future__ import annotations

from collections.abc import Iterable

from whet.model.evidence import Ratio
from whet.model.finding import Ask, Question
from whet.model.hotspot import Cost, Hotspots

ABOUT_LINES = frozenset({Ask.RUNS, Ask.SHARE})
"""Questions that lines answer, and no value."""


def measure_ratio(question: Question, hotspots: Hotspots) -> Ratio | None:
    """Return what was measured of the lines that are asked about; ``None`` when that tells nothing."""
    if question.ask is Ask.SHARE:
        lines, of = (_spent(question.file, each, hotspots) for each in (question.lines, question.of))
        whole = of if question.of else hotspots.busy_ns
        value = lines / whole if whole else None
    else:
        value = _compare_runs(question, hotspots)
    return None if value is None else Ratio(question.ask, question.file, question.lines, question.of, value)


def _spent(file: str, lines: Iterable[int], hotspots: Hotspots) -> int:
    costs = [spot.cost for line in lines if (spot := hotspots.line_index.get((file, line)))]
    return sum(cost.spent_ns for cost in costs)


def _compare_runs(question: Question, hotspots: Hotspots) -> float | None:
    """Return the runs of ``lines`` for each of ``of``; ``None`` unless all of them were counted."""
    lines, of = (_list_costs(question.file, each, hotspots) for each in (question.lines, question.of))
    if any(cost.hits is None for cost in (*lines, *of)):
        return None
    ran, base = (sum(cost.hits or 0 for cost in costs) for costs in (lines, of))
    return ran / base if base else None


def _list_costs(file: str, lines: Iterable[int], hotspots: Hotspots) -> list[Cost]:
    """Return the costs of those lines that ran at all; where a function is defined, those of the function."""
    functions = {spot.line: spot.cost for spot in hotspots.functions if spot.file == file}
    spots = {line: spot.cost for line in lines if (spot := hotspots.line_index.get((file, line)))}
    return [cost for line in lines if (cost := functions.get(line, spots.get(line)))]
