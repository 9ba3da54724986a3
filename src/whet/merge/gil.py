"""What of a thread's waiting was for the GIL: the system tells for how much, not where.

A thread loses the GIL between any two instructions, so it waits for it where it computes. What is waited for anything
else stands at a call.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from whet.merge.excess import Place

CLEAR = 0.05
"""A thread that was found in one of the two kinds of waiting for at most this part of the times was in the other."""
MOSTLY = 0.5
"""From this part on what has no place is for the GIL too, and what is at a place that computes as well: for at least"""
COMPUTES = 0.25
"""this part of what it waits there."""


def split_waited(waited: int, part: float) -> tuple[int, int]:
    """Return what of a thread's ``waited`` nanoseconds was for other things, and what for the GIL: ``part`` of it."""
    if part <= CLEAR:
        return waited, 0
    others = 0 if part >= 1 - CLEAR else round(waited * (1 - part))
    return others, waited - others


def keep_standing(waits: Mapping[Place, int], computing: Mapping[Place, int]) -> dict[Place, int]:
    """Return the waiting at places that hardly compute, of a thread that mostly waits for the GIL."""
    return {place: value for place, value in waits.items() if computing.get(place, 0) < COMPUTES * value}


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
