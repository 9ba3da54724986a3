"""Which of several profiles differs from the others: a function that takes far more of one than of the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

from whet.merge.hotspots import merge_run
from whet.model.frame import Owner
from whet.model.run import Run
from whet.records import dataclass

_TIMES = 2.0
"""The share must be so many times that of the others."""
_ERRORS = 4.0
"""And beyond so many standard errors of the difference."""
_LEAST_SHARE = 0.05
_MOST = 5


@dataclass(frozen=True, slots=True)
class Outlier:
    """A function in one profile. Shares are fractions of the busy time."""

    label: str
    file: str
    name: str
    share: float
    others: float


def find_outliers(run: Run, parts: Sequence[Run]) -> tuple[Outlier, ...]:
    """Return the functions that stand out in one of ``parts``, which are the runs of one file each; largest first.

    Without a number of samples nothing can be said of chance, so such files are not compared.
    """
    merged = [merge_run(part) for part in parts]
    if len(parts) < 2 or not all(each.samples for each in merged):
        return ()
    shares: list[Mapping[tuple[str, str], float]] = [
        {
            (spot.file, spot.name): spot.cost.spent_share
            for spot in each.functions
            if spot.owner is Owner.USER and spot.cost.spent_share
        }
        for each in merged
    ]
    found: list[Outlier] = []
    for index in range(len(parts)):
        rest = [i for i in range(len(parts)) if i != index]
        samples = sum(merged[i].samples for i in rest)
        for key, share in shares[index].items():
            others = sum(shares[i].get(key, 0.0) * merged[i].samples for i in rest) / samples
            error = sqrt(share * (1 - share) / merged[index].samples + (others * (1 - others) + 1 / samples) / samples)
            if share >= _LEAST_SHARE and share >= _TIMES * others and share - others >= _ERRORS * error:
                found.append(Outlier(run.origins[index].label, *key, share, others))
    found.sort(key=lambda each: (each.others - each.share, each.label, each.file, each.name))
    return tuple(found[:_MOST])
