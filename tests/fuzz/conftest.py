"""Fuzzing: each test searches for inputs that break a reader, the settings or the engine, for its part of a budget.

``make fuzz`` gives twenty minutes. Without ``--fuzz-seconds`` each test tries a few examples: so it stays in order.
What is found becomes a unit test with the input, where a test of that part stands.
"""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

OPTION = "--fuzz-seconds"
EXAMPLES_A_ROUND = 50
EXAMPLES_WITHOUT_BUDGET = 10
MOST_SECONDS = 10
"""CPU time for one example."""
MOST_BYTES = 500_000_000
"""Memory for one example, beyond what the process has."""

Fuzz = Callable[[SearchStrategy[Any], Callable[[Any], object]], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(OPTION, type=float, default=0.0, help="seconds of fuzzing, shared by the chosen tests")


class TooSlow(BaseException):
    """An example that takes too long. No ``Exception``: whet would turn that into an error that names the file."""


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Fail where what is done takes more time or memory than a file may cost."""

    def stop(_number: int, frame: FrameType | None) -> None:
        if frame is None or frame.f_code.co_name == "gc_callback":
            return  # hypothesis' own, in which an error is lost: a second later is soon enough
        raise TooSlow(f"more than {MOST_SECONDS} s of CPU time")

    before = signal.signal(signal.SIGVTALRM, stop)
    reset_peak()
    had = read_peak()
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_SECONDS, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    grown = read_peak() - had
    assert grown < MOST_BYTES, f"{grown / 1e6:.0f} MB"


def reset_peak() -> None:
    """Let the kernel forget the most memory that this process had."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def read_peak() -> int:
    """Return the most bytes that this process had in memory since then; 0 where the system does not tell."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


@pytest.fixture
def fuzz(request: pytest.FixtureRequest) -> Fuzz:
    budget = request.config.getoption(OPTION, 0.0) / max(1, len(request.session.items))
    deadline = time.monotonic() + budget

    def search(inputs: SearchStrategy[Any], check: Callable[[Any], object]) -> None:
        @settings(
            max_examples=EXAMPLES_A_ROUND if budget else EXAMPLES_WITHOUT_BUDGET,
            derandomize=not budget,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
            print_blob=True,
        )
        @given(inputs)
        def run(given_input: Any) -> None:
            # Once the time is over, a round ends without looking at the rest of its examples.
            if not budget or time.monotonic() < deadline:
                with bounded():
                    check(given_input)

        rounds = 0
        while rounds == 0 or time.monotonic() < deadline:
            run()
            rounds += 1
        print(f"{rounds} rounds of {EXAMPLES_A_ROUND} examples")

    return search
