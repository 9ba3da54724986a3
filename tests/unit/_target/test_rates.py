"""What was counted in phases, carried over to the rest."""

from __future__ import annotations

import pytest

from whet._target.rates import FEW, LEAST_PHASES, Rate

PHASE = 1_000_000
GAP = 25_000_000


def count(rate: Rate, per_phase: list[int]) -> None:
    for number, counted in enumerate(per_phase):
        rate.add(counted, PHASE, GAP, number)


def test_a_steady_rate_is_carried_over_by_time() -> None:
    rate = Rate()
    count(rate, [100] * 20)
    hits, error = rate.estimate(2_000, GAP)
    assert hits == 2_000 + 21 * 100 * 25
    assert 0 < error < 0.1


def test_a_rate_that_comes_and_goes_is_less_sure() -> None:
    steady, changing = Rate(), Rate()
    count(steady, [100] * 20)
    count(changing, [200, 0] * 10)
    assert changing.estimate(0, 0)[0] == steady.estimate(0, 0)[0]
    assert changing.estimate(0, 0)[1] > 2 * steady.estimate(0, 0)[1]


def test_what_counting_costs_adds_to_the_error() -> None:
    light, heavy = Rate(), Rate()
    for number in range(20):
        light.add(100_000, PHASE, GAP, number, 0.01)
        heavy.add(100_000, PHASE, GAP, number, 0.5)
    assert heavy.estimate(0, 0)[1] > 0.1 > light.estimate(0, 0)[1]


def test_few_counts_claim_nothing() -> None:
    rate = Rate()
    count(rate, [FEW - 1])
    assert rate.estimate(FEW - 1, 0)[1] == 1.0
    assert rate.estimate_by([(1, 0, 10_000, 0.0)], [{1: 10}], FEW - 1) == (FEW - 1, 1.0)


def test_nothing_missed_is_what_is_known() -> None:
    assert Rate().estimate(7, 0) == (7, 0.0)
    assert Rate().estimate(7, GAP) == (7, 1.0)


def test_the_base_with_a_steady_ratio_tells_where_time_does_not() -> None:
    rate = Rate()
    counts = [300, 0, 0, 600, 0, 900, 30, 0, 0, 120, 60, 0, 240, 0]
    count(rate, counts)
    related, unrelated = 1, 2
    phases = [{related: each // 3, unrelated: 50} if each else {unrelated: 50} for each in counts]
    hits, error = rate.estimate_by([(unrelated, 0, 20_000, 0.0), (related, 0, 10_000, 0.0)], phases, sum(counts))
    assert hits == 3 * 10_000
    assert error < 0.05 < rate.estimate(sum(counts), 0)[1]


def test_a_base_counts_from_when_it_was_watched() -> None:
    rate = Rate()
    count(rate, [300] * 20)
    # Not watched in the first ten phases, it seems to stand still there.
    phases = [{} for _ in range(10)] + [{1: 100} for _ in range(10)]
    assert rate.estimate_by([(1, 10, 51_000, 0.0)], phases, 6_000)[0] == 6_000 + 3 * 50_000


def test_a_base_that_moved_in_few_phases_is_not_believed() -> None:
    rate = Rate()
    count(rate, [300] * 20)
    phases = [{1: 100} if number < LEAST_PHASES - 1 else {} for number in range(20)]
    assert rate.estimate_by([(1, 0, 50_000, 0.0)], phases, 6_000) == (6_000, 1.0)


def test_an_unsure_base_makes_an_unsure_count() -> None:
    rate = Rate()
    count(rate, [300] * 20)
    phases = [{1: 100} for _ in range(20)]
    assert rate.estimate_by([(1, 0, 50_000, 0.2)], phases, 6_000)[1] == pytest.approx(0.2, rel=0.15)
