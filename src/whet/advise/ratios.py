"""Answers questions about lines: how often they ran, and their cost, relative to other lines."""

from __future__ import annotations

from collections.abc import Iterable

from whet.model.evidence import Ratio
from whet.model.finding import Ask, Question
from whet.model.hotspot import Cost, Hotspots

ABOUT_LINES = frozenset({Ask.RUNS, Ask.SHARE})
"""Questions that are answered by lines, not by values."""


def measure_ratio(question: Question, hotspots: Hotspots) -> Ratio | None:
    """Return the measurement of the lines in question; ``None`` if it is inconclusive."""
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
    """Return the runs of ``lines`` per run of ``of``; ``None`` unless all of them were counted."""
    lines, of = (_list_costs(question.file, each, hotspots) for each in (question.lines, question.of))
    if any(cost.hits is None for cost in (*lines, *of)):
        return None
    ran, base = (sum(cost.hits or 0 for cost in costs) for costs in (lines, of))
    return ran / base if base else None


def _list_costs(file: str, lines: Iterable[int], hotspots: Hotspots) -> list[Cost]:
    """Return the costs of those lines that ran at all; for a definition's line, those of the function."""
    functions = {spot.line: spot.cost for spot in hotspots.functions if spot.file == file}
    spots = {line: spot.cost for line in lines if (spot := hotspots.line_index.get((file, line)))}
    return [cost for line in lines if (cost := functions.get(line, spots.get(line)))]
