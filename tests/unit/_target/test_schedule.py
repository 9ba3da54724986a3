"""When ticks come: dense at first, rare later, never in step with the program."""

from __future__ import annotations

from statistics import fmean

import pytest

from whet._target.schedule import FIRST_GAPS, GAPS, Schedule

DRAWN = 4_000
SECOND = 1_000_000_000


def mean_gap(cpu_ns: int, *, with_phases: bool = False) -> float:
    schedule = Schedule()
    return fmean(schedule.draw_gap(cpu_ns, with_phases=with_phases) for _ in range(DRAWN))


@pytest.mark.parametrize(
    ("cpu_ns", "mean"),
    [
        (0, FIRST_GAPS),
        (SECOND // 2, (FIRST_GAPS + 0.1) / 2),
        (SECOND, 0.1),
        (5 * SECOND // 2, 0.175),
        (3 * SECOND, 0.2),
        (10**6 * SECOND, GAPS[-1][1]),
    ],
)
def test_gaps_grow_through_the_first_second_and_slower_after(cpu_ns: int, mean: float) -> None:
    assert mean_gap(cpu_ns) == pytest.approx(mean, rel=0.05)


def test_no_two_gaps_are_alike_and_none_is_nothing() -> None:
    schedule = Schedule()
    gaps = [schedule.draw_gap(0, with_phases=False) for _ in range(DRAWN)]
    assert len(set(gaps)) == DRAWN
    assert min(gaps) >= 0.2 * FIRST_GAPS
    assert max(gaps) <= 1.8 * FIRST_GAPS
    first = [schedule.draw_first_gap() for _ in range(DRAWN)]
    assert 0 < min(first) < max(first) <= 2 * FIRST_GAPS


@pytest.mark.parametrize(("cpu_ns", "phases"), [(0, 1), (2 * SECOND, 2)])
def test_phases_of_counting_come_between_windows_which_stay_as_dense(cpu_ns: int, phases: int) -> None:
    assert mean_gap(cpu_ns, with_phases=True) * (phases + 1) == pytest.approx(mean_gap(cpu_ns), rel=0.05)
    schedule = Schedule()
    share = fmean(schedule.is_turn_of_counting(cpu_ns) for _ in range(DRAWN))
    assert share == pytest.approx(phases / (phases + 1), rel=0.15)
