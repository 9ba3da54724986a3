"""What looks cost, from what the system counts."""

import os
import sys
import time

import pytest

from whet.collect import stops
from whet.collect.stops import Clocks, Stops, read_clocks

SECOND = 1_000_000_000


@pytest.fixture
def ask(monkeypatch):
    """Let :class:`Stops` see stretches of a second, each given by its parts, and return what it says after each."""

    def said(*stretches, rate=100):
        now = [Clocks(0, 0, 0, 0, 0)]
        monkeypatch.setattr(stops, "read_clocks", lambda _pid, _sampler: now[0])
        monkeypatch.setattr(stops, "perf_counter_ns", lambda: now[0].wall)
        costs = Stops(1, 2, rate)
        shares = [costs.share()]
        for running, in_line, left, sampler in stretches:
            then = (SECOND, round(running * SECOND), round(in_line * SECOND), left, round(sampler * SECOND))
            now[0] = Clocks(*(was + more for was, more in zip(now[0], then, strict=True)))
            shares.append(costs.share())
        return shares

    return said


def test_what_a_computing_thread_misses_its_looks_cost(ask):
    assert ask((0.9, 0.0, 100, 0.12), (0.9, 0.0, 100, 0.12)) == [0, 0, pytest.approx(0.1)]


def test_one_stretch_alone_says_nothing_and_the_cheapest_of_the_last_counts(ask):
    dear, cheap = (0.8, 0.0, 100, 0.22), (0.98, 0.0, 100, 0.05)
    assert ask(dear, cheap, dear, dear) == [0, 0, pytest.approx(0.02), pytest.approx(0.02), pytest.approx(0.2)]


def test_standing_in_line_is_not_the_samplers_doing(ask):
    assert ask(*[(0.6, 0.38, 100, 0.05)] * 2)[-1] == pytest.approx(0.02)


@pytest.mark.parametrize(
    "waits",
    [
        pytest.param((0.5, 0.0, 110, 0.1), id="more time than the sampler had"),
        pytest.param((0.9, 0.0, 400, 0.1), id="more often than it was looked at"),
        pytest.param((0.0, 0.0, 1, 0.05), id="all the time"),
    ],
)
def test_a_program_that_waits_by_itself_is_not_slowed_down(ask, waits):
    assert ask(waits, waits)[-1] == 0


def test_looks_take_no_more_than_the_sampler_worked(ask):
    assert ask(*[(0.93, 0.0, 100, 0.06)] * 2)[-1] == pytest.approx(0.06)


def test_less_than_a_stretch_is_waited_for(monkeypatch):
    times = iter([1, 2, 3])
    monkeypatch.setattr(stops, "read_clocks", lambda _pid, _sampler: Clocks(0, 0, 0, 0, 0))
    monkeypatch.setattr(stops, "perf_counter_ns", lambda: next(times))
    costs = Stops(1, 2, 100)
    assert [costs.share() for _ in range(4)] == [0] * 4


@pytest.mark.skipif(sys.platform != "linux", reason="the clocks are Linux's")
def test_the_systems_own_clocks_go_on():
    before = read_clocks(os.getpid(), os.getpid())
    until = time.thread_time() + 0.05
    while time.thread_time() < until:
        pass
    now = read_clocks(os.getpid(), os.getpid())
    spent = Clocks(*(then - was for then, was in zip(now, before, strict=True)))
    # Each is counted up to its own last tick.
    assert 0.03e9 < spent.running < spent.wall + 0.03e9
    assert spent.sampler > 0.03e9
    assert spent.left >= 0


def test_where_nothing_can_be_read_nothing_is_said(monkeypatch):
    assert read_clocks(2**22 + 1, os.getpid()) is None
    assert Stops(2**22 + 1, os.getpid(), 100).share() == 0
    monkeypatch.setattr(stops.sys, "platform", "darwin")
    assert read_clocks(os.getpid(), os.getpid()) is None
