"""Exponents of made-up series: intervals cover the truth as often as they say. Seeded, so the same each time."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable

import pytest

from whet.model.growth import Fit, Shape
from whet.scale.fit import Run, find_spread, fit_growth

DOUBLED = (1000, 2000, 4000, 8000)
THOUSANDFOLD = tuple(1000 * 2**step for step in range(11))
SPREAD = 0.02
"""Standard deviation between runs, and of the cost at one size about its curve."""
DRIFT = 0.02


def _draw_poisson(rng: random.Random, mean: float) -> int:
    if mean > 100:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    left, count = math.exp(-mean), -1
    product = 1.0
    while product > left or count < 0:
        product *= rng.random()
        count += 1
    return count


def make_series(
    rng: random.Random,
    grows: Callable[[float], float],
    sizes: tuple[int, ...],
    *,
    constant: float = 0.0,
    samples: int = 0,
    repeats: int = 3,
) -> list[Run]:
    """Return runs whose cost at the largest size is 1 and ``constant``; it is seen in ``samples`` samples, 0: by clock.

    Each size deviates from its curve, and the exponent of all drifts, as the fit assumes that programs do.
    """
    runs = []
    drift = rng.gauss(0, DRIFT) if grows(sizes[0]) < grows(sizes[-1]) else 0.0
    for size in sizes:
        cost = constant + grows(size) / grows(sizes[-1]) * (size / sizes[-1]) ** drift
        cost *= math.exp(rng.gauss(0, SPREAD))
        for _ in range(repeats):
            seen = cost * math.exp(rng.gauss(0, SPREAD))
            if samples:
                seen = _draw_poisson(rng, seen * samples) / samples
            runs.append(Run(size, seen, 1 / samples if samples else 0.0))
    return runs


def _fit_many(times: int, *series: object, seed: int = 7, **how: object) -> list[Fit]:
    rng = random.Random(seed)
    fits = [fit_growth(make_series(rng, *series, **how)) for _ in range(times)]  # type: ignore[arg-type]
    return [fit for fit in fits if fit is not None]


def _count_covered(fits: list[Fit], exponent: float) -> int:
    return sum(fit.exponent.low <= exponent <= fit.exponent.high for fit in fits)


@pytest.mark.parametrize(
    ("exponent", "constant", "samples"), [(1.0, 0.0, 0), (1.0, 0.05, 100), (1.5, 0.1, 0), (2.0, 0.02, 200), (3.0, 0, 0)]
)
def test_the_interval_covers_the_exponent(exponent: float, constant: float, samples: int) -> None:
    fits = _fit_many(60, lambda n: n**exponent, DOUBLED, constant=constant, samples=samples)
    assert len(fits) == 60
    # Of 60 intervals at 95 %, fewer than 53 are right in one of 100 such tests.
    assert _count_covered(fits, exponent) >= 53


@pytest.mark.parametrize("samples", [0, 200])
def test_a_constant_cost_has_an_exponent_of_zero(samples: int) -> None:
    fits = _fit_many(60, lambda _: 1.0, DOUBLED, samples=samples)
    assert _count_covered(fits, 0.0) >= 53
    assert all(fit.shape in (Shape.CONSTANT, None) for fit in fits)
    assert samples or sum(fit.shape is Shape.CONSTANT for fit in fits) > 30


def test_intervals_are_as_narrow_as_the_runs_allow() -> None:
    exact = [fit.exponent for fit in _fit_many(20, lambda n: n**2, THOUSANDFOLD)]
    few = [fit.exponent for fit in _fit_many(20, lambda n: n**2, DOUBLED, samples=20)]
    assert max(each.high - each.low for each in exact) < 0.25
    assert min(each.high - each.low for each in few) > 0.25


def test_linear_is_told_from_quadratic_always() -> None:
    for grows, wrong in ((lambda n: n, 2.0), (lambda n: n * n, 1.0)):
        fits = _fit_many(40, grows, DOUBLED, constant=0.02)
        assert _count_covered(fits, wrong) == 0
        assert not {fit.shape for fit in fits} & {Shape.QUADRATIC if wrong == 2 else Shape.LINEAR}


def test_n_log_n_is_told_from_n_where_sizes_span_a_factor_of_a_thousand() -> None:
    found = Counter(fit.shape for fit in _fit_many(40, lambda n: n * math.log(n), THOUSANDFOLD))
    assert found[Shape.LINEARITHMIC] > 25
    assert found[Shape.LINEAR] == 0
    found = Counter(fit.shape for fit in _fit_many(40, lambda n: n, THOUSANDFOLD))
    assert found[Shape.LINEAR] > 25
    assert found[Shape.LINEARITHMIC] == 0


def test_few_sizes_do_not_tell_n_log_n_from_a_power() -> None:
    found = Counter(fit.shape for fit in _fit_many(40, lambda n: n * math.log(n), DOUBLED))
    assert found[Shape.LINEAR] <= 4
    assert found[Shape.QUADRATIC] == 0


def test_the_constant_part_is_taken_out() -> None:
    fits = _fit_many(20, lambda n: n**2, THOUSANDFOLD, constant=0.1)
    for fit in fits:
        assert fit.best.constant == pytest.approx(0.1, rel=0.2)
        # 0.1 = (n / largest)²
        assert fit.crossing == pytest.approx(THOUSANDFOLD[-1] * math.sqrt(0.1), rel=0.2)


def test_without_a_constant_part_there_is_no_crossing() -> None:
    fit = fit_growth([Run(size, size * 1.0) for size in DOUBLED])
    assert fit is not None
    assert fit.crossing is None


def test_the_cost_at_a_size_that_was_not_run_is_covered() -> None:
    hits = 0
    for fit in _fit_many(60, lambda n: n**1.5, DOUBLED):
        ahead = fit.at(80_000)
        assert ahead.low <= ahead.value <= ahead.high
        hits += ahead.low <= 10**1.5 <= ahead.high
    assert hits >= 53


def test_the_interval_of_a_cost_widens_beyond_what_was_measured() -> None:
    (fit,) = _fit_many(1, lambda n: n**2, DOUBLED)
    widths = [fit.at(size).high / fit.at(size).low for size in (4000, 8000, 80_000, 800_000)]
    assert widths == sorted(widths)


def test_two_equal_programs_differ_in_no_exponent() -> None:
    first = _fit_many(30, lambda n: n**1.5, DOUBLED, seed=1)
    second = _fit_many(30, lambda n: n**1.5, DOUBLED, seed=2)
    apart = [
        (one, other)
        for one, other in zip(first, second, strict=True)
        if one.exponent.low > other.exponent.high or other.exponent.low > one.exponent.high
    ]
    assert apart == []


def test_places_that_no_sample_met_at_small_sizes_are_fitted() -> None:
    runs = [Run(1000, 0.0, 0.01), Run(2000, 0.0, 0.01), Run(4000, 0.25, 0.01), Run(8000, 2.0, 0.01)]
    fit = fit_growth(runs)
    assert fit is not None
    assert fit.exponent.low < 3.0 < fit.exponent.high


def test_too_few_sizes_and_no_cost_have_no_fit() -> None:
    assert fit_growth([]) is None
    assert fit_growth([Run(1, 1.0), Run(2, 2.0), Run(2, 2.0)]) is None
    assert fit_growth([Run(size, 0.0) for size in DOUBLED]) is None


def test_one_run_of_each_size_gives_an_interval() -> None:
    fit = fit_growth([Run(size, float(size)) for size in DOUBLED])
    assert fit is not None
    assert fit.exponent.low < 1 < fit.exponent.high < 1.6


def test_costs_of_all_magnitudes_have_the_same_exponent() -> None:
    small, large = (fit_growth([Run(size, factor * size**2) for size in DOUBLED]) for factor in (1e-12, 1e15))
    assert small is not None
    assert large is not None
    assert small.exponent.value == pytest.approx(large.exponent.value, abs=1e-6)


def test_slow_rounds_change_no_exponent() -> None:
    rng = random.Random(5)
    slow = [math.exp(rng.gauss(0, 0.2)) for _ in range(8)]
    runs = [
        Run(size, size * slow[block] * math.exp(rng.gauss(0, SPREAD)), block=block)
        for block in range(8)
        for size in DOUBLED
    ]
    assert find_spread(runs) == pytest.approx(SPREAD, rel=0.5)
    unaware = [Run(run.size, run.cost) for run in runs]
    assert find_spread(unaware) > 0.1
    one, other = fit_growth(runs), fit_growth(unaware)
    assert one is not None
    assert other is not None
    assert one.exponent.high - one.exponent.low < other.exponent.high - other.exponent.low
    assert one.exponent.low < 1 < one.exponent.high


def test_the_spread_between_runs_leaves_sampling_out() -> None:
    rng = random.Random(3)
    sampled = make_series(rng, lambda n: n, (1000, 2000, 4000), samples=100, repeats=40)
    clocked = make_series(rng, lambda n: n, (1000, 2000, 4000), repeats=40)
    assert find_spread(sampled) < 0.06
    assert find_spread(clocked) == pytest.approx(SPREAD, rel=0.3)
