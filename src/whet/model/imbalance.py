"""How evenly work is spread over the parts of a job, and what the slowest of them loses its time in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import sqrt
from statistics import median

from whet.model.part import Part, PartFunction
from whet.records import dataclass

_RANK = re.compile(r"rank \d+$")
_WORKER = re.compile(r"worker |\w+://")
_ERRORS = 3.0
"""A part stands out beyond so many standard errors of its time."""
_LEAST_MORE = 0.05
"""Nor does one that takes less than this part more than the others."""


@dataclass(frozen=True, slots=True)
class Imbalance:
    """The slowest part against the median of the others. Times are nanoseconds of work, waiting for others left out."""

    label: str
    work_ns: int
    others_ns: int
    """The median of the other parts."""
    ratio: float
    """Load imbalance: the most work of a part over the mean of all."""
    function: PartFunction | None
    """Where it loses most, with what it spends there more than the others' median; ``None``: nowhere."""
    is_significant: bool
    """Whether the difference is more than sampling can explain, and worth a word."""

    @property
    def times(self) -> float:
        """How many times the others' median it takes."""
        return self.work_ns / self.others_ns if self.others_ns else 0.0


def find_imbalance(parts: Sequence[Part]) -> Imbalance | None:
    """Return how evenly ``parts`` worked; ``None`` for fewer than two, and where none did anything.

    A part's work is its busy time without waiting for other parts: in a job whose parts wait for one another, all take
    equally long, and the slowest is the one that waits least.
    """
    worked = [part for part in parts if part.is_worker and (part.work_ns or part.idle_ns or part.waiting_ns)]
    if len(worked) < 2 or not any(part.work_ns for part in worked):
        return None
    slowest = max(worked, key=lambda part: part.work_ns)
    others = [part for part in worked if part is not slowest]
    middle = round(median(part.work_ns for part in others))
    mean = sum(part.work_ns for part in worked) / len(worked)
    error = sqrt(_error(slowest) ** 2 + max(_error(part) for part in others) ** 2)
    more = slowest.work_ns - middle
    return Imbalance(
        label=slowest.label,
        work_ns=slowest.work_ns,
        others_ns=middle,
        ratio=slowest.work_ns / mean,
        function=_find_loss(slowest, others),
        is_significant=more > _ERRORS * error and more >= _LEAST_MORE * middle,
    )


def name_parts(parts: Sequence[Part]) -> str:
    """Return what the parts of a run are called: ranks, workers, or parts."""
    labels = [part.label for part in parts if part.is_worker]
    if labels and all(_RANK.match(label) for label in labels):
        return "ranks"
    return "workers" if labels and all(_WORKER.match(label) for label in labels) else "parts"


def _error(part: Part) -> float:
    """Return the standard error of a part's time: that of the number of its samples."""
    return part.work_ns / sqrt(part.samples) if part.samples else 0.0


def _find_loss(slowest: Part, others: Sequence[Part]) -> PartFunction | None:
    spent = [{(each.file, each.name): each.spent_ns for each in part.functions} for part in others]
    best: PartFunction | None = None
    for each in slowest.functions:
        lost = each.spent_ns - round(median(one.get((each.file, each.name), 0) for one in spent))
        if lost > (best.spent_ns if best else 0):
            best = PartFunction(each.file, each.name, each.line, lost)
    return best
