"""Joins what rules say of a line to how its cost was measured to grow."""

from __future__ import annotations

from collections.abc import Sequence

from whet.model.advice import GENERAL, Advice
from whet.model.finding import Speed
from whet.model.growth import Agreement, Cause, Growth, LengthGrowth, PlaceGrowth

BEYOND_LINEAR = 1.05
"""A line whose exponent's interval begins above this grows faster than n,"""
WITHIN_LINEAR = 1.3
"""and one whose interval ends below this does not."""


def find_causes(growth: Growth, advice: Sequence[Advice]) -> tuple[Cause, ...]:
    """Return for each advice on a line whose growth is known how the two fit together."""
    causes = []
    for item in advice:
        finding = item.finding
        if finding.rule in GENERAL:
            continue
        wanted = set(finding.lines or (finding.line,))
        lines = [each for each in growth.lines if each.file == finding.file and each.line in wanted]
        if not lines:
            continue
        steepest = max(lines, key=lambda each: each.ahead)
        agreement = _judge(finding.speed, steepest)
        causes.append(Cause(item.id, finding.title, steepest, _find_lengths(growth, item), agreement))
    return tuple(causes)


def _judge(speed: Speed, line: PlaceGrowth) -> Agreement:
    exponent = line.fit.exponent
    if exponent.low > BEYOND_LINEAR:
        return Agreement.CONFIRMED if speed is Speed.ASYMPTOTIC else Agreement.FACTOR_ONLY
    if speed is Speed.ASYMPTOTIC and exponent.high < WITHIN_LINEAR:
        return Agreement.NOT_SEEN
    return Agreement.OPEN


def _find_lengths(growth: Growth, item: Advice) -> tuple[LengthGrowth, ...]:
    """Return the growth of the variables that a finding is about, as far as their lengths were seen."""
    finding = item.finding
    names = {(seen.file, seen.function_line, seen.name) for seen in item.seen}
    names |= {(ask.file or finding.file, ask.function_line, ask.name) for ask in finding.questions}
    return tuple(each for each in growth.lengths if (each.file, each.function_line, each.name) in names)
