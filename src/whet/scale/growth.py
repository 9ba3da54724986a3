"""From the runs of a scaling to growth: of the whole, of functions and lines, and where their curves cross."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import exp, log

from whet.model.growth import Crossing, Fit, Growth, LengthGrowth, PlaceGrowth, UnclearGrowth
from whet.model.scaling import LengthsSeen, PlaceCosts, Scaling, SizedRun
from whet.scale.fit import BUSY_SPREAD, CONFIDENCE, DEFAULT_SPREAD, Run, fit_growth

FitRuns = Callable[[Sequence[Run]], Fit | None]

FACTOR = 10
"""Places are sorted by what they cost at so many times the largest size, if no other is named."""
LEAST_SHARE = 0.02
"""Part of the cost, at the largest size or at ``FACTOR`` times that, from which on a place is listed."""
LEAST_SAMPLES = 5
"""Samples in all runs below which nothing is said of a place's growth."""
UNCLEAR_SHARE = 0.05
"""Part of the cost at the largest size from which on a function is named although its growth is not known."""
WIDEST = 3.0
"""A place whose exponent's interval is wider is not listed: nothing is known of its growth."""
LEAST_LENGTH = 16
"""Variables that never got longer do not matter."""
MOST_CROSSINGS = 4
_LEAST_SHARE_ERROR = 0.05
MOST_KEPT_FROM = 0.25
"""Part of their time that runs may be kept from a processor on a machine that counts as quiet."""
_BELOW = 10
"""Crossings are looked for from the smallest size over this, to ``FACTOR`` times the largest."""


def find_growth(scaling: Scaling, *, confidence: float = CONFIDENCE) -> Growth | None:
    """Return what follows from the runs; ``None`` for fewer than three sizes."""
    runs = scaling.runs
    fit_exact = partial(fit_growth, confidence=confidence)
    fit = partial(fit_exact, assumed=BUSY_SPREAD if _was_busy(runs) else DEFAULT_SPREAD)
    whole = fit([Run(run.size, run.cost(scaling.clock), block=run.round) for run in runs])
    if whole is None:
        return None
    ahead = scaling.predict or FACTOR * scaling.sizes[-1]
    memory = [Run(run.size, run.peak_bytes) for run in runs if run.peak_bytes]
    allocated = [Run(run.size, run.allocated_bytes) for run in scaling.memory_runs]
    unclear: list[UnclearGrowth] = []
    of_functions = [each for each in scaling.places if not each.line]
    functions = list(_fit_places(scaling, of_functions, ahead, fit, unclear))
    lines = list(_fit_places(scaling, [each for each in scaling.places if each.line], ahead, fit, []))
    return Growth(
        sizes=scaling.sizes,
        ahead=ahead,
        whole=whole,
        memory=fit_exact(memory),
        allocated=fit_exact(allocated),
        functions=(sorted_ := _choose(functions, ahead)),
        lines=_choose(lines, ahead),
        lengths=tuple(_fit_lengths(scaling, fit_exact)),
        crossings=tuple(_find_crossings(whole, sorted_, scaling.sizes)),
        unclear=tuple(sorted(unclear, key=lambda each: -each.share)),
    )


def _was_busy(runs: Sequence[SizedRun]) -> bool:
    """Whether the runs were kept from a processor for much of their time: neither computing nor waiting."""
    wall = sum(run.wall_ns for run in runs)
    return sum(run.wall_ns - run.cpu_ns - run.waiting_ns for run in runs) > MOST_KEPT_FROM * wall


def _fit_places(
    scaling: Scaling, places: Sequence[PlaceCosts], ahead: int, fit_runs: FitRuns, unclear: list[UnclearGrowth]
) -> Iterator[PlaceGrowth]:
    """Yield the growth of each place that was seen often enough; ``ahead`` is a share of all of ``places``.

    Those that matter and of which nothing is known go to ``unclear``.
    """
    largest = scaling.sizes[-1]
    at_largest = [run.size == largest for run in scaling.runs]
    whole = sum(run.busy_ns for run, is_there in zip(scaling.runs, at_largest, strict=True) if is_there) or 1
    found: list[tuple[PlaceCosts, Fit, float]] = []
    for place in places:
        runs = _list_runs(scaling.runs, place.spent_ns)
        samples = sum(run.cost / run.quantum for run in runs if run.quantum)
        fit = fit_runs(runs) if samples >= LEAST_SAMPLES else None
        share = sum(cost for cost, is_there in zip(place.spent_ns, at_largest, strict=True) if is_there) / whole
        if fit is not None and fit.exponent.high - fit.exponent.low <= WIDEST:
            found.append((place, fit, share))
        elif share >= UNCLEAR_SHARE:
            unclear.append(UnclearGrowth(place.file, place.function, place.function_line, share))
    total = sum(fit.best.at(ahead) for _, fit, _ in found) or 1.0
    for place, fit, share in found:
        memory = [Run(run.size, cost) for run, cost in zip(scaling.memory_runs, place.allocated_bytes, strict=False)]
        yield PlaceGrowth(
            place.file,
            place.function,
            place.function_line,
            place.line,
            fit,
            share,
            fit.best.at(ahead) / total,
            fit_runs(memory),
        )


def _list_runs(runs: Sequence[SizedRun], spent: Sequence[int]) -> list[Run]:
    """Return a place's cost in each run with what one sample stands for there.

    The total of a run is known: of samples that are shared out the variance is binomial, that is less than Poisson's.
    """
    found = []
    for run, cost in zip(runs, spent, strict=True):
        if run.samples:
            share = min(1.0, cost / run.busy_ns) if run.busy_ns else 0.0
            found.append(Run(run.size, cost, run.busy_ns / run.samples * max(1 - share, _LEAST_SHARE_ERROR), run.round))
    return found


def _choose(places: Sequence[PlaceGrowth], ahead: int) -> tuple[PlaceGrowth, ...]:
    kept = [each for each in places if max(each.share, each.ahead) >= LEAST_SHARE]
    return tuple(sorted(kept, key=lambda each: (-each.fit.best.at(ahead), each.file, each.function_line, each.line)))


def _fit_lengths(scaling: Scaling, fit_runs: FitRuns) -> Iterator[LengthGrowth]:
    for seen in scaling.lengths:
        fit = _fit_length(scaling, seen, fit_runs)
        if fit is not None:
            yield LengthGrowth(seen.file, seen.function_line, seen.name, fit.exponent, max(seen.lengths))


def _fit_length(scaling: Scaling, seen: LengthsSeen, fit_runs: FitRuns) -> Fit | None:
    longest: dict[int, int] = {}
    for run, length in zip(scaling.runs, seen.lengths, strict=True):
        longest[run.size] = max(longest.get(run.size, 0), length)
    if max(longest.values()) < LEAST_LENGTH:
        return None
    return fit_runs([Run(size, length) for size, length in longest.items() if length])


def _find_crossings(whole: Fit, functions: Sequence[PlaceGrowth], sizes: Sequence[int]) -> Iterator[Crossing]:
    """Yield where the constant part stops to dominate, and where functions that dominate overtake others."""
    least, most = sizes[0] / _BELOW, sizes[-1] * FACTOR
    if (size := whole.crossing) is not None and least <= size <= most:
        yield Crossing(size)
    found = []
    for first, one in enumerate(functions):
        for second in range(first + 1, len(functions)):
            size = _find_crossing(one.fit, functions[second].fit, least, most)
            if size is not None:
                found.append((first, second, size))
    for first, second, size in found[:MOST_CROSSINGS]:
        yield Crossing(size, second, first)


def _find_crossing(large: Fit, small: Fit, least: float, most: float) -> float | None:
    """Return the size from which on ``large`` costs more; ``None`` where it does all along."""
    if large.best.at(least) >= small.best.at(least) or large.best.at(most) <= small.best.at(most):
        return None
    low, high = log(least), log(most)
    for _ in range(40):
        middle = (low + high) / 2
        if large.best.at(exp(middle)) >= small.best.at(exp(middle)):
            high = middle
        else:
            low = middle
    return exp(high)
