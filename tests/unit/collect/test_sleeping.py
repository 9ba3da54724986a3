"""How long threads slept, from made-up clocks: nothing here depends on how busy the machine is."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet.collect import sleeping
from whet.collect.proc import Times, read_times
from whet.collect.sleeping import GRAIN_NS, Sleep, SleepClock

MS = 1_000_000
POLL = 50 * MS
KEY = (7, 7)


class Bench:
    """Feeds a :class:`SleepClock` with readings of one thread."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 10**12
        self.work = 0
        monkeypatch.setattr(sleeping, "monotonic_ns", lambda: self.now)
        monkeypatch.setattr(sleeping, "_read_work", lambda pid: self.work)
        self.clock = SleepClock()
        self.clock._read_steal = lambda: None  # type: ignore[method-assign]

    def read(self, readings: Sequence[tuple[float, ...]], *, work: float = 0, stopped: Sequence[int] = ()):
        """Read milliseconds that passed, ran and were queued, and, if not one for each that ran, slices.

        ``work`` is what the sampler worked in each interval; ``stopped`` numbers the readings that found a stop.
        """
        running = in_line = slices = 0.0
        self.clock.begin(99, 1)
        self.clock.note(KEY, Times(0, 0, 0))
        for number, (elapsed, ran, queued, *more) in enumerate(readings):
            self.now += round(elapsed * MS)
            self.work += round(work * MS)
            running, in_line, slices = running + ran * MS, in_line + queued * MS, slices + (more[0] if more else ran)
            self.clock.begin(99, 1)
            self.clock.note(KEY, Times(round(running), round(in_line), round(slices)), stopped=number in stopped)
        return self.clock.sleeps[KEY]


@pytest.fixture
def bench(monkeypatch):
    return Bench(monkeypatch)


COMPUTING = [(50, 50, 0)] * 20
QUEUEING = [(50, 17, 33)] * 60
ASLEEP = [(50, 0.03, 0.1, 10)] * 16


def test_a_thread_that_sleeps_on_a_busy_machine(bench):
    sleep = bench.read([*QUEUEING, (50, 7, 13), *ASLEEP, (50, 8, 22), *QUEUEING])
    assert sleep.waited_ns == pytest.approx(850 * MS, rel=0.01)
    assert sleep.watched_ns == 138 * POLL


def test_a_thread_that_only_computes_never_sleeps(bench):
    assert bench.read(QUEUEING).waited_ns == 0


def test_the_time_in_which_the_sampler_stopped_the_thread_is_no_sleep(bench):
    """2 ms of each interval: the sampler worked for 3."""
    assert bench.read([(50, 17, 31)] * 60, work=3).waited_ns == 0


def test_a_sampler_that_worked_little_explains_little(bench):
    sleep = bench.read([(50, 20, 10)] * 60, work=1)
    assert sleep.waited_ns == pytest.approx(60 * 20 * MS, rel=0.05)


def test_readings_tell_how_much_of_the_rest_were_stops(bench):
    sleep = bench.read([(50, 20, 10)] * 61, work=10, stopped=range(0, 60, 6))
    # A sixth of 60 intervals of 50 ms; 20 ms were left of each.
    assert sleep.waited_ns == pytest.approx(60 * 20 * MS - 500 * MS, rel=0.05)
    assert sleep.error_ns >= 300 * MS


def test_queueing_that_ends_after_a_reading_is_counted_once(bench):
    """The kernel adds it up when it ends: what one interval lacks the next has too much."""
    late = [(50, 20, 5), (50, 10, 65)] * 30
    assert bench.read(late).waited_ns == 0
    assert bench.read([(50, 0, 0), (50, 0, 0), (50, 10, 140)] * 30).waited_ns == 0
    assert bench.read([(50, 0, 20, 1), (50, 0, 0), (50, 10, 120)] * 30).waited_ns == 0


def test_a_sleeper_queues_only_because_it_was_woken_to_be_sampled(bench):
    sleep = bench.read([*COMPUTING, *[(50, 0.1, 35, 6)] * 16, *COMPUTING], work=15)
    assert sleep.waited_ns == pytest.approx(800 * MS, rel=0.01)


def test_a_short_sleep_in_a_long_computation(bench):
    sleep = bench.read([*COMPUTING * 10, (50, 20, 0), (50, 0.1, 0, 8), (50, 20, 0), *COMPUTING * 10], work=2)
    assert sleep.waited_ns == pytest.approx(110 * MS, rel=0.01)


def test_a_thread_is_watched_from_its_beginning(bench):
    bench.clock.begin(0, 1)
    bench.now += POLL
    bench.clock.begin(0, 1)
    bench.clock.note((7, 8), Times(10 * MS, 0, 1), bench.now - 30 * MS)
    assert bench.clock.sleeps[7, 8].watched_ns == 30 * MS
    # One whose beginning lies before the last reading was overlooked there.
    bench.clock.note((7, 9), Times(10 * MS, 0, 1), 0)
    assert bench.clock.sleeps[7, 9].watched_ns == POLL


def test_what_runs_already_is_watched_from_the_first_reading_on(bench):
    bench.clock.begin(0, 1)
    bench.clock.note(KEY, Times(10**12, 10**12, 10**6))
    assert bench.clock.sleeps[KEY] == Sleep()


def test_an_id_that_is_given_again_is_a_new_thread(bench):
    sleep = bench.read([*COMPUTING, (50, -990, 0), *[(50, 0, 0)] * 4])
    assert sleep.watched_ns == 25 * POLL
    assert sleep.waited_ns <= 5 * POLL


@pytest.mark.parametrize(
    "readings", [[(0, 0, 0)], [(0, 5, 0)] * 5, [(10, 50, 50)] * 5, [(50, 0, 0), (0, 0, 0)], [(0, 0, 90), (50, 50, 0)]]
)
def test_odd_clocks(bench, readings):
    sleep = bench.read(readings)
    assert 0 <= sleep.waited_ns <= sleep.watched_ns
    assert sleep.error_ns >= GRAIN_NS


@given(
    st.lists(st.tuples(st.integers(0, 90), st.integers(-90, 90), st.integers(-90, 90)), max_size=40),
    st.integers(0, 90),
    st.sets(st.integers(0, 40)),
)
def test_no_clocks_make_time_up(readings, work, stopped):
    with pytest.MonkeyPatch.context() as patch:
        sleep = Bench(patch).read(readings, work=work, stopped=tuple(stopped))
    assert 0 <= sleep.waited_ns <= sleep.watched_ns
    assert sleep.error_ns >= GRAIN_NS


def test_another_sampler_takes_over(bench):
    bench.work = 10**9
    bench.clock.begin(99, 1)
    bench.work = 5 * MS
    bench.clock.begin(98, 1)
    assert bench.clock._worked == 5 * MS


def test_samplers_work_for_each_process(bench):
    bench.clock.begin(99, 4)
    bench.work = 40 * MS
    bench.clock.begin(99, 4)
    assert bench.clock._worked == 10 * MS


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_system_is_read():
    clock = SleepClock()
    clock.begin(os.getpid(), 1)
    assert clock._work > 0 or not read_times(Path("/proc/self"))[0]
    clock.begin(2**22 + 1, 1)
    assert clock._work == 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_time_that_a_hypervisor_takes_is_no_sleep(monkeypatch, tmp_path):
    """Half of each CPU's time is another guest's: 1,000 ticks of work, 1,000 of steal."""
    counts = iter(["cpu 0 0 0 0 0 0 0 0 0 0\ncpu0 0\n", *["cpu 500 0 500 9 9 0 0 1000 0 0\n"] * 9])
    stat = tmp_path / "stat"

    def path(name: str) -> Path:
        if name != "/proc/stat":
            return Path(name)
        stat.write_text(next(counts))
        return stat

    monkeypatch.setattr(sleeping, "Path", path)
    bench = Bench(monkeypatch)
    del bench.clock._read_steal
    for _ in range(2):
        bench.now += 10**9
        bench.clock.begin(0, 1)
    assert bench.clock._steal == 1.0
    assert bench.read([(50, 25, 0)] * 10).waited_ns == 0
    assert bench.read([(50, 24, 0)] * 10).waited_ns == 0
