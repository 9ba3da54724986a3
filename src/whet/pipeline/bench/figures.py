"""Statistics of a program's runs with intervals: quantiles, mean, and the ratio of two variants.

A quantile's interval goes from one order statistic to another and is distribution-free (binomial; Conover, *Practical
Nonparametric Statistics*, 3.2). Few runs do not bound an extreme quantile from above: 95 % for p99 takes 368 of them.
The mean's interval is Student's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev, variance

from whet.model.bench import BenchComparison, BenchVariant, Figures, SlowdownCall
from whet.model.trial import Clock
from whet.prove.stats import Interval, find_interval, log_ratio, plan_looks
from whet.prove.variants import COARSE_NS
from whet.student import t_quantile

CONFIDENCE = 0.95
"""Confidence level of each statistic's own interval."""
LEAST_SPREAD = 0.004
QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
COMPUTES = (0.5, 1.2)
"""Range of CPU/wall ratios in which CPU time is compared: it is less affected by other programs."""


def find_figures(costs: Sequence[int]) -> dict[str, Figures]:
    """Return min, p50, p95, p99 and mean of a variant's runs, in nanoseconds. Raises ``ValueError`` for no runs."""
    ordered = sorted(costs)
    # Of the true minimum it is only known that it is not above the observed one.
    found = {"min": Figures(ordered[0], None, ordered[0])}
    found |= {name: find_quantile(ordered, part) for name, part in QUANTILES.items()}
    mean = fmean(ordered)
    half = 0.0
    if len(ordered) > 1:
        half = stdev(ordered) / math.sqrt(len(ordered)) * t_quantile((1 - CONFIDENCE) / 2, len(ordered) - 1)
    known = len(ordered) > 1
    return {**found, "mean": Figures(mean, max(0.0, mean - half) if known else None, mean + half if known else None)}


def find_quantile(ordered: Sequence[float], part: float, confidence: float = CONFIDENCE) -> Figures:
    """Return a quantile of sorted values, with the order statistics that bound it."""
    count = len(ordered)
    tail = (1 - confidence) / 2
    below = 0.0  # probability that at most this many values lie below the true quantile
    low: float | None = None
    high: float | None = None
    for index in range(count):
        # ``below`` covers 0 … index - 1 here: the true quantile lies below value ``index`` with that probability.
        below += math.exp(_log_binomial(count, index, part))
        if below <= tail:
            low = ordered[index]
        if high is None and below >= 1 - tail and index < count:
            high = ordered[index]
    at = part * (count - 1)
    under = int(at)
    over = min(under + 1, count - 1)
    return Figures(ordered[under] + (ordered[over] - ordered[under]) * (at - under), low, high)


def choose_clock(variant: BenchVariant, delayed_ns: int = 0) -> Clock:
    """Return the clock to compare by: CPU time of a program that computes on one processor, else wall time.

    ``delayed_ns`` is for how long its runs were runnable but not scheduled: that is not waiting of their own.
    """
    wall, cpu = sum(variant.wall_ns) - delayed_ns, sum(variant.cpu_ns)
    low, high = COMPUTES
    is_coarse = cpu < COARSE_NS * len(variant.cpu_ns)
    return Clock.CPU if wall and low <= cpu / wall <= high and not is_coarse else Clock.WALL


def compare_pairs(
    baseline: BenchVariant,
    candidate: BenchVariant,
    clock: Clock,
    *,
    error: float,
    limit: float | None = None,
    planned: int | None = None,
) -> BenchComparison:
    """Compare variants whose runs were interleaved. With interim looks, ``planned`` pairs share the error among them.

    Raises ``ValueError`` for fewer than two pairs.
    """
    pairs = zip(baseline.costs(clock), candidate.costs(clock), strict=False)
    ratios = [log_ratio(before, after) for before, after in pairs]
    spent = plan_looks(planned, error=error).error_a_look if planned is not None else error
    interval = find_interval(ratios, spent, confidence=1 - error)
    return _describe(baseline, candidate, interval, clock, limit, interleaved=True)


def compare_sessions(
    baseline: BenchVariant, candidate: BenchVariant, clock: Clock, *, error: float, limit: float | None = None
) -> BenchComparison:
    """Compare variants that were run at different times (Welch, on logarithms).

    Raises ``ValueError`` for fewer than two runs of either.
    """
    before, after = ([math.log(max(1, cost)) for cost in variant.costs(clock)] for variant in (baseline, candidate))
    if min(len(before), len(after)) < 2:
        raise ValueError("a comparison needs at least two runs per variant")
    parts = [max(variance(each), LEAST_SPREAD**2) / len(each) for each in (before, after)]
    spread = sum(parts)
    freedom = spread**2 / sum(part**2 / (len(each) - 1) for part, each in zip(parts, (before, after), strict=True))
    middle = fmean(before) - fmean(after)
    half = min(50.0, math.sqrt(spread) * t_quantile(error / 2, freedom))
    interval = Interval(
        math.exp(middle),
        math.exp(middle - half),
        math.exp(middle + half),
        min(len(before), len(after)),
        1 - error,
    )
    return _describe(baseline, candidate, interval, clock, limit, interleaved=False)


def call_slowdown(interval: Interval, limit: float) -> SlowdownCall:
    """Return whether the whole interval lies beyond the allowed slowdown, or all of it within."""
    border = 1 / (1 + limit)
    if interval.high < border:
        return SlowdownCall.BEYOND
    return SlowdownCall.WITHIN if interval.low > border else SlowdownCall.OPEN


def _describe(
    baseline: BenchVariant,
    candidate: BenchVariant,
    found: Interval,
    clock: Clock,
    limit: float | None,
    *,
    interleaved: bool,
) -> BenchComparison:
    return BenchComparison(
        baseline.label,
        candidate.label,
        found.estimate,
        found.low,
        found.high,
        found.pairs,
        found.confidence,
        clock,
        interleaved,
        limit,
        call_slowdown(found, limit) if limit is not None else None,
    )


def _log_binomial(count: int, hits: int, part: float) -> float:
    choose = math.lgamma(count + 1) - math.lgamma(hits + 1) - math.lgamma(count - hits + 1)
    return choose + hits * math.log(part) + (count - hits) * math.log1p(-part)
