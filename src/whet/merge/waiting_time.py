"""What one sampler saw more often than another explains, beyond the noise of sampling."""

from __future__ import annotations

from collections.abc import Sequence
from math import log, sqrt

from whet.model.profile import Profile

CERTAIN = 2.0
"""Standard errors that a difference must exceed; more where many places are compared."""
SLACK = 0.05
"""Part of a place's computing time by which samplers may differ anyway: late ticks, pauses, torn stacks."""

Place = tuple[str, str, int]
"""File, function and line of the innermost Python frame."""


def find_waiting(
    seen: dict[Place, int], explained: dict[Place, int], active: Profile, wall: Profile, overlap: float
) -> dict[Place, int]:
    """Return the waiting time of one thread by place, in nanoseconds, noise left out."""
    period, active_period = sample_period(wall), sample_period(active)
    surely: dict[Place, int] = {}
    maybe: dict[Place, int] = {}
    # With n places the largest of n pure noises is about sqrt(2 ln n) standard errors.
    threshold = max(CERTAIN, sqrt(2 * log(max(1, len(seen)))))
    for place, value in seen.items():
        other = explained.get(place, 0) * overlap
        difference = round(value - other)
        if difference > threshold * _error(value, other, period, active_period) + SLACK * other:
            surely[place] = difference
        elif difference > 0:
            maybe[place] = difference
    total, computed = sum(seen.values()), sum(explained.values()) * overlap
    rest = round(total - computed * (1 + SLACK)) - sum(surely.values())
    if maybe and rest > CERTAIN * _error(total, computed, period, active_period):
        surely.update(cap_sum(maybe, rest))
    return surely


def _error(value: float, other: float, period: int, other_period: int) -> float:
    """Return the standard error of the difference of two sampled times: counts are Poisson's."""
    return sqrt(value * period + other * other_period)


def sample_period(profile: Profile) -> int:
    """Return the time that one sample stands for, in nanoseconds."""
    if profile.period_ns:
        return profile.period_ns
    count = sum(entry.count for entry in profile.samples)
    return sum(sum(entry.value) for entry in profile.samples) // count if count else 1


def cap_sum(values: dict[Place, int], most: int) -> dict[Place, int]:
    """Return ``values`` scaled down so that their sum is at most ``most``."""
    total = sum(values.values())
    if total <= most:
        return values
    return {place: value * most // total for place, value in values.items()}


def spread_over_stacks(waits: dict[Place, int], stacks: dict[int, int], place_of: Sequence[Place]) -> dict[int, int]:
    """Return the waiting time by wall row: each place's, in proportion to how often its stacks were seen."""
    whole: dict[Place, int] = {}
    for row, value in stacks.items():
        whole[place_of[row]] = whole.get(place_of[row], 0) + value
    spread: dict[int, int] = {}
    done: dict[Place, tuple[int, int]] = {}
    for row, value in stacks.items():
        place = place_of[row]
        if waits.get(place):
            # Cumulative rounding: the parts add up to the whole exactly.
            upto, given = done.get(place, (0, 0))
            upto += value
            due = waits[place] * upto // whole[place]
            spread[row] = due - given
            done[place] = (upto, due)
    return {row: value for row, value in spread.items() if value}
