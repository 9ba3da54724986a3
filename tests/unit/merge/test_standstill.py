from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet.merge.standstill import Told, place_waiting

S = 1_000_000_000
GRAIN = 25_000_000
MAIN, WORK, NAP, READ = (("/app/a.py", name, line) for line, name in enumerate(("main", "work", "nap", "read"), 1))


def told(watched: float, waited: float, error: float = 0.025) -> Told:
    return Told(round(watched * S), round(waited * S), round(error * S))


def poisson(chance: Random, mean: float) -> int:
    count, at = 0, chance.expovariate(1)
    while at < mean:
        count, at = count + 1, at + chance.expovariate(1)
    return count


def sample(chance: Random, computing: dict, waiting: dict) -> tuple[dict, dict]:
    """Return what samplers of 25 and 100 samples a second see of so many seconds at each place."""
    both = {place: computing.get(place, 0) + waiting.get(place, 0) for place in {**computing, **waiting}}
    seen = {place: poisson(chance, seconds * 25) for place, seconds in both.items()}
    return seen, {place: poisson(chance, seconds * 100) for place, seconds in computing.items()}


@pytest.mark.parametrize("seed", range(50))
def test_all_of_the_waiting_goes_to_the_place_that_waits(seed):
    """0.7 s of computing and 0.8 s of sleep beside busy processes: computing takes 2.5 s of queueing."""
    seen, computing = sample(Random(seed), {MAIN: 0.1, WORK: 2.4}, {NAP: 0.8})
    assert place_waiting(told(3.3, 0.8), seen, computing) == ({NAP: 0.8 * S}, 0)


@pytest.mark.parametrize("seed", range(20))
def test_places_that_wait_share_it(seed):
    seen, computing = sample(Random(seed), {WORK: 8}, {NAP: 6, READ: 2})
    placed, left = place_waiting(told(16, 8), seen, computing)
    assert (set(placed), left) == ({NAP, READ}, 0)
    assert sum(placed.values()) == 8 * S
    assert placed[NAP] == pytest.approx(6 * S, rel=0.25)


def test_a_place_that_computes_and_waits():
    placed, left = place_waiting(told(10, 4), {WORK: 100, MAIN: 150}, {WORK: 150, MAIN: 450})
    assert (set(placed), sum(placed.values()), left) == ({WORK, MAIN}, 4 * S, 0)
    assert placed == {WORK: pytest.approx(2.5 * S, rel=0.1), MAIN: pytest.approx(1.5 * S, rel=0.1)}


def test_places_too_small_to_tell_are_told_together():
    small = {("/app/a.py", "f", line): 2 for line in range(100)}
    placed, left = place_waiting(told(10, 8), {WORK: 50, **small}, {WORK: 200})
    assert (sum(placed.values()), left, WORK in placed) == (8 * S, 0, False)


def test_what_cannot_be_placed_is_left():
    """Each place was seen computing as much as the other: 0.4 s are too little to tell."""
    assert place_waiting(told(10, 0.4), {WORK: 125, NAP: 125}, {WORK: 490, NAP: 470}) == ({}, 0.4 * S)


def test_of_a_thread_that_always_seems_to_compute_nothing_is_placed():
    clear = {WORK: 100, NAP: 25}, {WORK: 400}
    assert place_waiting(told(5, 1), *clear) == ({NAP: 1 * S}, 0)
    assert place_waiting(told(5, 1), *clear, blind=True) == ({}, 1 * S)
    assert place_waiting(told(5, 4.75), *clear, blind=True) == ({WORK: 3.8 * S, NAP: 0.95 * S}, 0)


def test_a_thread_that_hardly_computes_waits_wherever_it_is():
    placed, left = place_waiting(told(10, 9.5), {WORK: 25, NAP: 225}, {WORK: 10, NAP: 90})
    assert (placed, left) == ({WORK: 950_000_000, NAP: 8_550_000_000}, 0)


@pytest.mark.parametrize(
    ("clock", "seen", "computing"),
    [
        (told(0, 0), {}, {}),
        (told(0, 0), {WORK: 3}, {WORK: 3}),
        (told(1, 0), {WORK: 3}, {}),
        (told(1, -1), {WORK: 3}, {}),
    ],
)
def test_who_did_not_wait(clock, seen, computing):
    assert place_waiting(clock, seen, computing) == ({}, 0)


def test_who_was_never_seen_waits_nowhere():
    assert place_waiting(told(1, 0.5), {}, {WORK: 3}) == ({}, 0.5 * S)


def test_who_never_computed():
    assert place_waiting(told(2, 2), {NAP: 3, READ: 1}, {}) == ({NAP: 1.5 * S, READ: 0.5 * S}, 0)
    assert place_waiting(told(2, 1), {NAP: 4}, {WORK: 0}) == ({NAP: 1 * S}, 0)


PLACES = st.dictionaries(st.sampled_from([MAIN, WORK, NAP, READ]), st.integers(1, 500))


@given(PLACES, PLACES, st.integers(0, 20 * S), st.integers(-S, 25 * S), st.integers(0, 2 * S))
def test_the_sum_is_what_the_system_tells(seen, computing, watched, waited, error):
    placed, left = place_waiting(Told(watched, waited, error), seen, computing)
    assert sum(placed.values()) + left == max(0, waited)
    assert set(placed) <= set(seen)


def test_a_place_where_a_thread_may_have_queued_gets_no_waiting():
    """A worker that mostly waits for jobs, on a crowded machine: seen at work once, while it queued for a CPU."""
    placed, left = place_waiting(told(4.6, 4.15), {"queue": 8, "work": 1}, {})
    assert placed == {"queue": pytest.approx(4.15 * S * 8 / 9, abs=1)}
    assert sum(placed.values()) + left == told(4.6, 4.15).waited


def test_places_that_were_seen_for_longer_than_a_thread_was_awake_wait():
    placed, left = place_waiting(told(5.001, 5.0), {"one": 400, "other": 100}, {})
    assert placed == {"one": pytest.approx(4 * S, rel=0.01), "other": pytest.approx(S, rel=0.01)}
    assert left == 0
