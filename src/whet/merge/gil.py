"""What of a thread's waiting was for the GIL: the system tells for how much, not where.

A thread loses the GIL between any two instructions, so it waits for it where it computes. What is waited for anything
else stands at a call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from whet.merge.waiting_time import Place

ThreadKey = tuple[int, int, str]
CLEAR = 0.05
"""A thread that was found in one of the two kinds of waiting for at most this part of the times was in the other."""
MOSTLY = 0.5
"""From this part on what has no place is for the GIL too, and what is at a place that computes as well: for at least"""
COMPUTES = 0.25
"""this part of what the process computes wherever its threads are seen."""


def split_waited(waited: int, part: float) -> tuple[int, int]:
    """Return what of a thread's ``waited`` nanoseconds was for other things, and what for the GIL: ``part`` of it."""
    if part <= CLEAR:
        return waited, 0
    others = 0 if part >= 1 - CLEAR else round(waited * (1 - part))
    return others, waited - others


def find_computing(
    seen: Mapping[ThreadKey, Mapping[Place, int]], computing: Mapping[ThreadKey, Mapping[Place, int]]
) -> dict[int, set[Place]]:
    """Return by pid the places at which its threads compute, and not only here and there.

    ``seen`` and ``computing`` are times by thread and place: in one of many threads alone there are too few samples.
    """
    found: dict[int, set[Place]] = {}
    for pid in {key[0] for key in seen}:
        sums: tuple[Counter[Place], Counter[Place]] = Counter(), Counter()
        for whole, threads in zip(sums, (seen, computing), strict=True):
            for key, places in threads.items():
                if key[0] == pid:
                    whole.update(places)
        usual = sum(sums[1].values()) / max(1, sum(sums[0].values()))
        found[pid] = {place for place, value in sums[1].items() if value and value >= COMPUTES * usual * sums[0][place]}
    return found


def place_gil(waited: int, seen: Collection[Place], computing: Mapping[Place, int], nowhere: Place) -> dict[Place, int]:
    """Spread ``waited`` over the places that were ``seen``, by how much the thread was ``computing`` there."""
    weights = {place: computing[place] for place in seen if computing.get(place)} or {nowhere: 1}
    whole, upto, given = sum(weights.values()), 0, 0
    placed: dict[Place, int] = {}
    for place, weight in weights.items():
        upto += weight
        placed[place] = waited * upto // whole - given
        given += placed[place]
    return placed
