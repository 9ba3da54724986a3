"""Answers questions about lines: how often they ran, and what they cost, beside other lines."""

from __future__ import annotations

import math
from collections.abc import Iterable

from whet.model.evidence import Ratio
from whet.model.finding import Ask, Question
from whet.model.hotspot import Cost, Hotspots

_MANY = 1000
"""Runs of a line beside which another one that was never met has run but a few times."""
ABOUT_LINES = frozenset({Ask.RUNS, Ask.SHARE})
"""Questions that lines answer, and no value."""


def measure_ratio(question: Question, hotspots: Hotspots) -> Ratio | None:
    """Return what was measured of the lines that are asked about; ``None`` when that tells nothing."""
    lines, of = _costs(question.file, question.lines, hotspots), _costs(question.file, question.of, hotspots)
    if question.ask is Ask.SHARE:
        whole = sum(map(_spent, of)) if question.of else hotspots.busy_ns
        value = sum(map(_spent, lines)) / whole if whole else None
    else:
        value = _compare_runs(lines, of)
    return None if value is None else Ratio(question.ask, question.file, question.lines, question.of, value)


def _costs(file: str, lines: Iterable[int], hotspots: Hotspots) -> list[Cost]:
    """Return the costs of those lines that were seen at all; the others did not run, or never when one looked."""
    spots = (hotspots.line_index.get((file, line)) for line in lines)
    return [spot.cost for spot in spots if spot is not None]


def _spent(cost: Cost) -> int:
    return cost.charged_ns + cost.waiting_ns


def _compare_runs(lines: list[Cost], of: list[Cost]) -> float | None:
    """Return the runs of ``lines`` for each of ``of``, by their counts, else by how often they ran in a call."""
    counts = [cost.hits for cost in (*lines, *of)]
    known = [count for count in counts if count is not None]
    if len(known) < len(counts) or not (of or lines):
        return None
    if not of:  # so few runs that none was met while lines were counted
        return math.inf if sum(count.hits or 0 for count in known) >= _MANY else None
    for numbers in ([count.hits for count in known], [count.per_call for count in known]):
        if all(number is not None for number in numbers):
            ran = [number or 0 for number in numbers]
            base = sum(ran[len(lines) :])
            return sum(ran[: len(lines)]) / base if base else None
    return None
