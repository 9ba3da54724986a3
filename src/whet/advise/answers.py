"""Answers the questions of rules about values from the pooled value samples of a run."""

from __future__ import annotations

from whet.model.evidence import Evidence, Seen
from whet.model.finding import Ask, Question


def answer(question: Question, evidence: Evidence) -> Seen | None:
    """Return the value samples that answer ``question``; ``None`` when there are none.

    Those of the function that was asked about come first. An attribute of
    ``self`` is the same in all methods of its class: where the function itself
    was never sampled, the method with the most samples answers. What a generator
    expression reads of a function that has returned it is seen in the expression. Samples that
    saw the name but not what was asked (no length, no elements) are no answer.
    """
    here = evidence.about(question.file, question.function_line, question.name)
    if here is not None and _tells(here, question.ask):
        return here
    others = [
        seen
        for seen in (*_seen_in_class(question, evidence), *_seen_in_generators(question, evidence))
        if _tells(seen, question.ask)
    ]
    return max(others, key=lambda seen: (seen.samples, -seen.function_line), default=None)


def _seen_in_generators(question: Question, evidence: Evidence) -> list[Seen]:
    inside = f"{question.function}.<locals>.<genexpr>"
    return [
        seen
        for seen in evidence.seen
        if seen.function == inside and seen.name == question.name and seen.file == question.file
    ]


def _tells(seen: Seen, ask: Ask) -> bool:
    match ask:
        case Ask.TYPES:
            return bool(seen.types)
        case Ask.ELEMENTS:
            return bool(seen.elements)
        case Ask.LENGTH:
            return seen.max_length is not None
        case Ask.DISTINCT:
            return seen.distinct is not None
        case _:  # what lines cost and how often they ran is not in values
            return False


def _seen_in_class(question: Question, evidence: Evidence) -> list[Seen]:
    owner = question.function.rpartition(".")[0]
    if not owner or not question.name.startswith("self."):
        return []
    return [
        seen
        for seen in evidence.seen
        if seen.name == question.name and seen.file == question.file and seen.function.rpartition(".")[0] == owner
    ]
