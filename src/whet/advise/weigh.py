"""Weighs a finding against the observed values: refuted, supported, or neither."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from whet.advise.ratios import ABOUT_LINES, measure_ratio
from whet.model.evidence import Evidence, Ratio, Seen
from whet.model.finding import Ask, Finding, Question
from whet.model.hotspot import Hotspots
from whet.records import dataclass

Answer = Callable[[Question, Evidence], Seen | None]
"""Finds the value samples that answer a question; :func:`whet.advise.answers.answer` is one."""

_SAMPLES_FOR_A_LENGTH = 3
"""Value samples from which a length counts as typical: a single one may have seen a list that was just created."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """What values and counts show about a finding. ``lengths`` are the samples of what its figures are measured by.

    ``unanswered`` are questions about values without samples.
    """

    refuted: bool
    seen: tuple[Seen, ...] = ()
    lengths: Seen | None = None
    ratios: tuple[Ratio, ...] = ()
    unanswered: tuple[Question, ...] = ()


def _find_most(question: Question) -> float:
    return math.inf if question.most is None else question.most


def weigh_finding(finding: Finding, evidence: Evidence, hotspots: Hotspots, answer: Answer) -> Weighed:
    """Return whether the samples and counts are consistent with ``finding``, and what supports it."""
    seen: dict[tuple[str, int, str], Seen] = {}
    lengths: Seen | None = None
    ratios: list[Ratio] = []
    unanswered: list[Question] = []
    for question in finding.questions:
        if question.ask in ABOUT_LINES:
            ratio = measure_ratio(question, hotspots)
            if question.needed if ratio is None else not question.least <= ratio.value <= _find_most(question):
                return Weighed(refuted=True)
            ratios += [ratio] if ratio is not None and question.most is None else []
            continue
        found = answer(question, evidence)
        if found is None:
            if question.needed:
                return Weighed(refuted=True)
            unanswered.append(question)
            continue
        if _refutes(found, question):
            return Weighed(refuted=True)
        seen.setdefault((found.file, found.function_line, found.name), found)
        if question.ask is Ask.LENGTH and lengths is None:
            lengths = found
    return Weighed(False, tuple(seen.values()), lengths, tuple(ratios), tuple(unanswered))


def answer_in_place(question: Question, evidence: Evidence) -> Seen | None:
    """Return the samples of exactly the name and function in question."""
    return evidence.about(question.file, question.function_line, question.name)


def _refutes(seen: Seen, question: Question) -> bool:
    if question.ask is Ask.DISTINCT:
        few = seen.samples < max(question.at_least, 1)
        return few or (seen.distinct or 0) > _find_most(question) * seen.samples
    types = seen.elements if question.ask is Ask.ELEMENTS else seen.types
    if question.expects and types and 2 * _count(types, question.expects) < sum(types.values()):
        return True
    if question.excludes and _count(types, question.excludes):
        return True
    too_short = seen.max_length is not None and seen.max_length < question.at_least
    return too_short and seen.samples >= _SAMPLES_FOR_A_LENGTH


def _count(types: Mapping[str, int], names: tuple[str, ...]) -> int:
    return sum(types.get(name, 0) for name in names)
