"""Where a thread waited, when the system tells for how long: the samplers say only where."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt

from whet.merge.waiting_time import SLACK, Place
from whet.records import dataclass

CERTAIN = 3.0
"""Standard errors by which a place must differ from one that only computes, and"""
ENOUGH = 2.5
"""those by which the time that has been placed may differ from what is to be placed."""
SURE = 4.0
"""Standard errors from which on a place that mostly waits is taken even if others account for the whole time: where
a place computes, a sampler that catches up on late samples may show as much."""
HARDLY = 0.1
"""A thread that computed for at most this part of its time is taken to wait wherever it was seen."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the system tells of a thread, in nanoseconds: it waited ``waited`` ± ``error`` of the ``watched`` time."""

    watched: int
    waited: int
    error: int


def place_waiting(
    told: Told, seen: Mapping[Place, float], computing: Mapping[Place, float], *, blind: bool = False
) -> tuple[dict[Place, int], int]:
    """Return the waiting time by place, and what of it no place can be named for. Their sum is ``told.waited``.

    ``seen`` counts the samples of the sampler of all threads, ``computing`` those of the sampler of computing ones.
    A place that only computes is in both as often as the known totals say. The places that differ most are
    taken one after the other, until they account for the time that is to be placed. ``blind`` says that the
    sampler of computing threads cannot tell when this one computes.
    """
    if told.waited <= 0 or not seen:
        return {}, max(0, told.waited)
    awake = max(0, told.watched - told.waited)
    is_hardly_awake = awake <= HARDLY * told.watched
    if blind:
        return (_scale(seen, told.waited), 0) if is_hardly_awake else ({}, told.waited)
    if not awake or not any(computing.values()):
        return _leave_out_doubtful(seen, told, awake)
    each_seen, each_computing = told.watched / sum(seen.values()), awake / sum(computing.values())
    chance = each_computing / (each_seen + each_computing)
    found: list[tuple[float, float, float, bool, Place]] = []
    for place, count in seen.items():
        other = computing.get(place, 0)
        both = count + other
        # Of so many samples of a place that only computes, the first sampler has so many by chance.
        certainty = (count - both * chance) / sqrt(both * chance * (1 - chance))
        excess = count * each_seen - other * each_computing * (1 + SLACK)
        if excess > 0 and certainty >= CERTAIN:
            # That of what it waits is in that of the whole.
            doubt = other * each_computing * (each_seen + each_computing)
            sure = certainty >= SURE and 2 * excess >= count * each_seen
            found.append((certainty, excess, doubt, sure, place))
    taken: dict[Place, float] = {}
    variance = told.error**2 + told.waited * each_seen
    for _, excess, doubt, sure, place in sorted(found, reverse=True):
        if sure or told.waited - sum(taken.values()) > ENOUGH * sqrt(variance):
            taken[place] = excess
            variance += doubt
    left = told.waited - sum(taken.values())
    is_chance = left <= ENOUGH * sqrt(variance)
    if taken and is_chance:
        return _scale(taken, told.waited), 0
    if not taken and is_hardly_awake:
        return _scale(seen, told.waited), 0
    # Too much to be chance, so it was in places too small to tell one by one.
    small = {place: count for place, count in seen.items() if place not in taken and not computing.get(place)}
    placed = {place: round(value) for place, value in taken.items()}
    left = told.waited - sum(placed.values())
    return ({**placed, **_scale(small, left)}, 0) if small and not is_chance else (placed, left)


def _leave_out_doubtful(seen: Mapping[Place, float], told: Told, awake: int) -> tuple[dict[Place, int], int]:
    """Return the waiting by place, and the part of those where the thread may as well have queued for a CPU.

    One that was seen computing nowhere was awake somewhere all the same: a place that was seen no more often than that
    explains may be it. Where all are such, they share the time.
    """
    each = told.watched / sum(seen.values())
    border = awake + CERTAIN * sqrt(awake * each)
    placed = _scale(seen, told.waited)
    known = {place: placed[place] for place, count in seen.items() if count * each > border}
    return (known, told.waited - sum(known.values())) if known else (placed, 0)


def _scale(values: Mapping[Place, float], total: int) -> dict[Place, int]:
    """Return ``values`` in their proportions, with the sum ``total`` exactly."""
    whole, upto, given = sum(values.values()), 0.0, 0
    scaled: dict[Place, int] = {}
    for place, value in values.items():
        upto += value
        scaled[place] = min(total, round(total * upto / whole)) - given
        given += scaled[place]
    return scaled
