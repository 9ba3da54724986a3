"""The speedup of a candidate from interleaved pairs of runs: an interval, and when it is decided.

A pair is one run of the baseline and one of the candidate, next to one another in
random order, so that drift of the machine affects both. The statistic is the
logarithm of the pair's ratio, baseline over candidate: above 0 is faster. Under the
null hypothesis it is symmetric about 0, whatever the noise is like.

**Interim looks.** The pairs are examined after 6, 8, 10, 13, … of them, until the result is
clear or the planned number is reached. Each look has an interval of its own, at the error
``design.error`` divided by the number of looks. By Bonferroni's inequality all of them
cover the truth together with at least ``1 - design.error``, however the stopping
depends on them (repeated confidence intervals: Jennison and Turnbull, *Group Sequential Methods*, 1999, chapter 9).
Where the budget or Ctrl-C ends the runs early, the look at that takes the place of those that are not made.
A comparison that is unlikely to become "faster" is stopped, which cannot cause a false positive.

**The interval** is Student's, about the mean, and from ten pairs on about the mean without the
lowest and the highest tenth (Yuen, Biometrika 61, 1974): one run in which the machine did something
else must not decide, nor hide what the others say. Yuen's degrees of freedom hold at the usual 5 %; at
the thousandths that a look may spend they let through up to 1.5 times as much, so one more is taken off for
each pair cut at an end: with that, none of 6 to 60 pairs let through more than 1.15 times (600,000 simulations each).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum

from whet.records import dataclass
from whet.student import t_quantile

FIRST_LOOK = 6
GROWTH = 1.25
"""Ratio of the numbers of pairs of successive looks."""
TRIM = 0.1
"""Fraction of the pairs that is trimmed at either end."""
LEAST_SPREAD = 0.004
"""Minimum assumed standard deviation of a pair's log ratio: coarse clocks give identical values."""
HOPELESS_FROM = 24
"""Pairs after which a comparison is stopped if three quarters of its interval are below the threshold."""
THRESHOLD = 0.02
"""A change smaller than 2 % is not reported."""
CONFIDENCE = 0.99
"""Error level of the whole command, whatever the number of comparisons."""


class Call(StrEnum):
    """The verdict so far."""

    FASTER = "faster"
    SLOWER = "slower"
    SAME = "same"
    """The whole interval is within the threshold around 1."""
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Interval:
    """The speedup of the candidate: 1 is no change, more is faster."""

    estimate: float
    low: float
    high: float
    pairs: int
    confidence: float
    """Confidence level of this interval over all looks (0 to 1)."""


@dataclass(frozen=True, slots=True)
class Design:
    """The interim looks of one comparison, and the required confidence.

    ``error`` is the probability that any of the intervals misses the truth;
    ``threshold`` the smallest relative change to report. From ``hopeless_from``
    pairs on (0 is never) a comparison that is unlikely to become faster is stopped.
    """

    looks: tuple[int, ...]
    error: float
    threshold: float = THRESHOLD
    hopeless_from: int = HOPELESS_FROM

    @property
    def most_pairs(self) -> int:
        """The number of pairs after which the comparison ends."""
        return self.looks[-1]

    @property
    def error_a_look(self) -> float:
        """The error that one look may spend, or one at an early end in the place of those left out."""
        return self.error / max(1, len(self.looks))


@dataclass(frozen=True, slots=True)
class Judgement:
    """The result of the pairs. ``settled``: no more of them are needed, or planned."""

    call: Call
    interval: Interval
    settled: bool


def plan_looks(
    most_pairs: int, *, error: float = 1 - CONFIDENCE, threshold: float = THRESHOLD, first: int = FIRST_LOOK
) -> Design:
    """Return the design of a comparison of at most ``most_pairs`` pairs, of which ``error`` may be spent.

    Raises ``ValueError`` for fewer than two pairs: they have no spread.
    """
    if most_pairs < 2:
        raise ValueError("a comparison needs at least two pairs")
    if not 0 < error < 1:
        raise ValueError(f"the error probability {error} is not between 0 and 1")
    looks = [min(first, most_pairs)]
    while looks[-1] < most_pairs:
        looks.append(min(most_pairs, max(looks[-1] + 1, round(looks[-1] * GROWTH))))
    return Design(tuple(looks), error, threshold)


def split_error(error: float, comparisons: int) -> float:
    """Return the error that each of several comparisons may spend, so that ``error`` holds for all together."""
    return error / max(1, comparisons)


def judge(log_ratios: Sequence[float], design: Design, *, ending: bool = False) -> Judgement | None:
    """Return the result of the first pairs, up to the last look that they reach; ``None`` before the first look.

    ``ending``: nothing follows, so all available pairs are looked at, even
    if they are only two; then ``None`` is for fewer than that.
    """
    reached = [look for look in design.looks if look <= len(log_ratios)]
    last = len(log_ratios) if ending and len(log_ratios) not in reached else max(reached, default=0)
    if last < 2:
        return None
    interval = find_interval(log_ratios[:last], design.error_a_look, confidence=1 - design.error)
    call = call_interval(interval, design.threshold)
    given_up = 0 < design.hopeless_from <= last and _is_hopeless(interval, design.threshold)
    return Judgement(call, interval, settled=ending or given_up or call is not Call.OPEN or last >= design.most_pairs)


def _is_hopeless(interval: Interval, threshold: float) -> bool:
    """Whether the estimate is within the threshold, and at most the upper quarter of the interval beyond it."""
    within = interval.estimate > 1 / (1 + threshold)
    return within and interval.estimate * math.sqrt(interval.high / interval.estimate) < 1 + threshold


def call_interval(interval: Interval, threshold: float) -> Call:
    """Return the verdict of an interval: a change needs all of it beyond 1, and the estimate beyond the threshold."""
    least = 1 + threshold
    if interval.low > 1 and interval.estimate > least:
        return Call.FASTER
    if interval.high < 1 and interval.estimate < 1 / least:
        return Call.SLOWER
    return Call.SAME if 1 / least <= interval.low and interval.high <= least else Call.OPEN


def find_interval(log_ratios: Sequence[float], error: float, *, confidence: float | None = None) -> Interval:
    """Return the interval that misses the true ratio with probability ``error``.

    ``confidence`` is the level reported with it (default ``1 - error``). Raises
    ``ValueError`` for fewer than two pairs.
    """
    count = len(log_ratios)
    if count < 2:
        raise ValueError("an interval needs at least two pairs")
    ordered = sorted(log_ratios)
    cut = int(TRIM * count)
    kept = ordered[cut : count - cut]
    middle = math.fsum(kept) / len(kept)
    # The variance of a trimmed mean is that of the winsorized pairs: ends pulled in, not left out.
    pulled = [ordered[cut]] * cut + kept + [ordered[-1 - cut]] * cut
    centre = math.fsum(pulled) / count
    squares = math.fsum((value - centre) ** 2 for value in pulled)
    left = len(kept)
    spread = math.sqrt(squares / (left - 1) / left)
    half = max(spread, LEAST_SPREAD / math.sqrt(count)) * t_quantile(error / 2, left - 1 - cut)
    return Interval(
        math.exp(middle),
        _exp(middle - half),
        _exp(middle + half),
        count,
        1 - error if confidence is None else confidence,
    )


def log_ratio(baseline: int, candidate: int) -> float:
    """Return the logarithm of the candidate's gain from two costs in nanoseconds or bytes; 0 counts as 1."""
    return math.log(max(1, baseline) / max(1, candidate))


def _exp(value: float) -> float:
    """Return e to the power of ``value``, limited to a finite number: two pairs can give a huge interval."""
    return math.exp(max(-50.0, min(50.0, value)))
