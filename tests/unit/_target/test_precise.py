from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator

import pytest

from whet._target import precise
from whet._target.precise import PreciseTimer

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="POSIX timers by their Linux names")


@pytest.fixture
def ticks() -> Iterator[list[int]]:
    """The signals that have come."""
    came: list[int] = []
    before = signal.signal(signal.SIGPROF, lambda number, _frame: came.append(number))
    yield came
    signal.signal(signal.SIGPROF, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, before)


def wait_for(ticks: list[int], count: int) -> None:
    deadline = time.monotonic() + 30
    while len(ticks) < count and time.monotonic() < deadline:
        time.sleep(0.001)
    assert len(ticks) == count


@linux
def test_one_signal_comes_each_time_it_is_armed(ticks: list[int]) -> None:
    timer = PreciseTimer()
    timer.arm(0.001)
    wait_for(ticks, 1)
    time.sleep(0.01)
    assert ticks == [signal.SIGPROF]
    timer.arm(1e-6)
    wait_for(ticks, 2)


@linux
def test_arming_anew_puts_it_off_and_zero_disarms(ticks: list[int]) -> None:
    timer, other = PreciseTimer(), PreciseTimer()
    for first, then in ((timer, 3600.5), (other, 0)):
        took = 1.0
        while took > 0.02:  # this process was stopped between the two
            began = time.monotonic()
            first.arm(0.05)
            first.arm(then)
            took = time.monotonic() - began
    ticks.clear()
    time.sleep(0.1)
    assert ticks == []
    timer.arm(0)


def test_elsewhere_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(OSError, match="no POSIX timers"):
        PreciseTimer()


def test_an_interpreter_without_ctypes_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(precise, "ctypes", None)
    with pytest.raises(OSError, match="no way"):
        PreciseTimer()


@linux
def test_a_c_library_without_timers_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precise.ctypes, "CDLL", lambda *_words, **_more: object())
    with pytest.raises(OSError, match="C library"):
        PreciseTimer()
