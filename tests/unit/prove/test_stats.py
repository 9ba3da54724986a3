"""Intervals held to scipy, error rates to simulation: seeded, so that they are the same each time."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet.prove.stats import (
    LEAST_SPREAD,
    Call,
    Interval,
    Judgement,
    call_interval,
    find_interval,
    judge,
    log_ratio,
    plan_looks,
    split_error,
)

SPREAD = 0.048
"""Standard deviation of a pair's log ratio, as measured on a program of 0.8 s."""
MOST_PAIRS = 280
"""What ten minutes hold of a program of 1 s."""

Noise = Callable[[random.Random], float]


def _compare(noise: Noise, truth: float, rng: random.Random, most_pairs: int = MOST_PAIRS) -> Judgement:
    """Go through one comparison as it is done: pair by pair, until it is settled."""
    design = plan_looks(most_pairs)
    pairs: list[float] = []
    while True:
        pairs.append(noise(rng) + math.log(truth))
        judgement = judge(pairs, design) if len(pairs) in design.looks else None
        if judgement is not None and judgement.settled:
            return judgement


def _compare_often(noise: Noise, truth: float, times: int, seed: int) -> tuple[Counter[Call], int]:
    """Return the calls, and how many intervals held the truth."""
    rng = random.Random(seed)
    judgements = [_compare(noise, truth, rng) for _ in range(times)]
    covered = sum(each.interval.low <= truth <= each.interval.high for each in judgements)
    return Counter(each.call for each in judgements), covered


def _normal(rng: random.Random) -> float:
    return rng.gauss(0, SPREAD)


def _with_outliers(rng: random.Random) -> float:
    """One run in ten in which the machine does something else."""
    return rng.gauss(0, 0.02) + (rng.gauss(0, 0.5) if rng.random() < 0.1 else 0)


def _in_steps(rng: random.Random) -> float:
    """A clock that ticks coarsely."""
    return round(rng.gauss(0, 0.06) / 0.05) * 0.05


NOISES = pytest.mark.parametrize("noise", [_normal, _with_outliers, _in_steps])


@NOISES
def test_identical_programs_are_hardly_ever_called_different(noise: Noise) -> None:
    calls, covered = _compare_often(noise, 1.0, 2_000, seed=1)
    assert calls[Call.FASTER] + calls[Call.SLOWER] <= 20  # 1 in 100
    assert covered >= 1_980


@NOISES
def test_five_percent_are_found(noise: Noise) -> None:
    calls, _ = _compare_often(noise, 1.05, 300, seed=2)
    assert calls[Call.FASTER] >= 285  # 95 in 100
    assert calls[Call.SLOWER] == 0


def test_what_is_slower_is_found_as_well() -> None:
    calls, _ = _compare_often(_normal, 1 / 1.05, 200, seed=3)
    assert calls[Call.SLOWER] >= 190


def test_a_change_below_the_threshold_is_never_missed_by_its_interval_more_often_than_promised() -> None:
    calls, covered = _compare_often(_normal, 1.01, 300, seed=4)
    assert covered >= 297
    assert calls[Call.SLOWER] == 0


def test_what_is_clear_takes_few_pairs() -> None:
    rng = random.Random(5)
    judgements = [_compare(_normal, 2.0, rng) for _ in range(50)]
    assert {each.call for each in judgements} == {Call.FASTER}
    assert max(each.interval.pairs for each in judgements) <= 8


def test_error_rates_hold_for_several_comparisons_together() -> None:
    """Five comparisons of identical programs share one error: at most 1 command in 100 has a false call in it."""
    rng = random.Random(8)
    design = plan_looks(60, error=split_error(0.01, 5))
    commands = 500
    wrong = 0
    for _ in range(commands):
        calls = set()
        for _ in range(5):
            pairs = [_normal(rng) for _ in range(60)]
            calls |= {said.call for look in design.looks if (said := judge(pairs[:look], design)) is not None}
        wrong += not calls.isdisjoint({Call.FASTER, Call.SLOWER})
    assert wrong <= commands // 100


@pytest.mark.parametrize("count", [2, 5, 9])
def test_the_interval_of_few_pairs_is_that_of_scipy(count: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = random.Random(count)
    pairs = [_normal(rng) for _ in range(count)]
    expected = stats.ttest_1samp(pairs, 0).confidence_interval(0.99)
    found = find_interval(pairs, 0.01)
    assert math.log(found.low) == pytest.approx(expected.low)
    assert math.log(found.high) == pytest.approx(expected.high)
    assert found.estimate == pytest.approx(stats.gmean([math.exp(pair) for pair in pairs]))


@pytest.mark.parametrize("count", [10, 25, 100])
def test_the_interval_of_many_pairs_is_that_of_a_trimmed_mean(count: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = random.Random(count)
    pairs = [_with_outliers(rng) for _ in range(count)]
    found = find_interval(pairs, 0.01)
    assert math.log(found.estimate) == pytest.approx(stats.trim_mean(pairs, 0.1))
    # A second sample without spread leaves the first one's error alone: Yuen's test is Welch's of trimmed means.
    other = stats.ttest_ind(pairs, [0.0] * count, trim=0.1, equal_var=False)
    freedom = count - 2 * (count // 10) - 1
    wider = stats.t.isf(0.005, freedom - count // 10) / stats.t.isf(0.005, freedom)
    half = math.log(found.high) - math.log(found.estimate)
    yuen = other.confidence_interval(0.99)
    assert half == pytest.approx((yuen.high - yuen.low) / 2 * wider)


@pytest.mark.parametrize("count", [6, 10, 15, 20, 40])
def test_the_tails_that_a_look_spends_are_what_they_are_called(count: int) -> None:
    numpy = pytest.importorskip("numpy")
    draws = numpy.random.default_rng(count).normal(0, SPREAD, (20_000, count)).tolist()
    missed = sum(not (each.low <= 1 <= each.high) for each in (find_interval(pairs, 0.002) for pairs in draws))
    assert missed <= 60  # 40 are expected, with a standard deviation of 6


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=60))
def test_an_interval_holds_its_estimate_and_turns_over_with_the_variants(pairs: list[float]) -> None:
    one = find_interval(pairs, 0.01)
    assert 0 < one.low <= one.estimate <= one.high < math.inf
    other = find_interval([-pair for pair in pairs], 0.01)
    assert other.estimate == pytest.approx(1 / one.estimate)
    assert other.low == pytest.approx(1 / one.high)


def test_pairs_without_any_spread_are_not_taken_for_certainty() -> None:
    found = find_interval([0.05] * 6, 0.01)
    assert math.log(found.high) - math.log(found.low) > LEAST_SPREAD


@pytest.mark.parametrize(
    ("estimate", "low", "high", "call"),
    [
        (1.05, 1.001, 1.1, Call.FASTER),
        (1.05, 1.0, 1.1, Call.OPEN),
        (1.015, 1.001, 1.03, Call.OPEN),
        (1.01, 1.005, 1.019, Call.SAME),
        (1.0, 0.99, 1.01, Call.SAME),
        (0.95, 0.9, 0.999, Call.SLOWER),
        (0.95, 0.9, 1.001, Call.OPEN),
        (0.99, 0.97, 0.999, Call.OPEN),
    ],
)
def test_a_call_needs_the_whole_interval_and_the_threshold(
    estimate: float, low: float, high: float, call: Call
) -> None:
    assert call_interval(Interval(estimate, low, high, 10, 0.99), 0.02) is call


def test_looks_grow_and_end_with_the_last_pair() -> None:
    design = plan_looks(100)
    assert design.looks[:4] == (6, 8, 10, 12)
    assert design.looks[-1] == design.most_pairs == 100
    assert list(design.looks) == sorted(set(design.looks))
    assert design.error_a_look * len(design.looks) == pytest.approx(design.error)
    assert plan_looks(3).looks == (3,)


def test_between_looks_only_the_pairs_of_the_last_one_count() -> None:
    design = plan_looks(100)
    pairs = [0.5] * 6 + [-9.0]
    assert judge(pairs[:5], design) is None
    said = judge(pairs, design)
    assert said is not None
    assert said.interval.pairs == 6


def test_an_early_end_counts_all_pairs() -> None:
    design = plan_looks(100)
    pairs = [0.01, 0.05, -0.02, 0.03, 0.0, 0.02, 0.01]
    said = judge(pairs, design, ending=True)
    assert said is not None
    assert (said.interval.pairs, said.settled) == (7, True)
    assert judge(pairs[:1], design, ending=True) is None


@pytest.mark.parametrize("most_pairs", [0, 1])
def test_too_few_pairs_are_refused(most_pairs: int) -> None:
    with pytest.raises(ValueError, match="two pairs"):
        plan_looks(most_pairs)
    with pytest.raises(ValueError, match="two pairs"):
        find_interval([0.1] * most_pairs, 0.01)


def test_error_probabilities_are_probabilities() -> None:
    with pytest.raises(ValueError, match="error probability"):
        plan_looks(10, error=1.5)


def test_a_ratio_above_one_is_faster_and_no_cost_is_no_trouble() -> None:
    assert log_ratio(2_000, 1_000) == pytest.approx(math.log(2))
    assert log_ratio(0, 0) == 0
