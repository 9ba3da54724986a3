"""The mark ``whet_limit``: tests held to a time or to a use of memory, judged with their error.

One run of a test says little about the next one, so a test that is beyond its limit is repeated, with fresh fixtures.
The limit is broken if each of ``REPEATS`` repetitions is beyond it: were the test's median within the limit, that
would happen with a probability of 2 ** -7 at most. The smallest and the largest repetition are the bounds of the
median's 98 % interval (Conover, *Practical Nonparametric Statistics*, 3.2). The run that made whet repeat the test is
left out: it was chosen for being slow.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

REPEATS = 7
CONFIDENCE = 98
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


@dataclass(frozen=True)
class Limits:
    """What a test may take: ``seconds`` of its call, and bytes allocated at the same time. ``None`` is no limit."""

    seconds: float | None
    memory: int | None


class NotJudgedError(Exception):
    """A test cannot be judged, and why."""


def read_limits(mark: pytest.Mark) -> Limits:
    """Return what a mark asks for. Raises ``ValueError``."""
    unknown = [*map(repr, mark.args), *(name for name in mark.kwargs if name not in ("seconds", "memory"))]
    if unknown or not mark.kwargs:
        wrong = f"unknown {unknown[0]}" if unknown else "no limit is given"
        raise ValueError(f'{wrong}; write whet_limit(seconds=0.5) or whet_limit(memory="24 MB")')
    seconds, memory = mark.kwargs.get("seconds"), mark.kwargs.get("memory")
    if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0):
        raise ValueError(f"seconds={seconds!r} is not a positive number")
    return Limits(seconds, None if memory is None else read_size(memory))


def read_size(size: object) -> int:
    """Return bytes: of a number, or of a text as ``24 MB`` (millions) or ``24 MiB``. Raises ``ValueError``."""
    match = _SIZE.fullmatch(size.strip()) if isinstance(size, str) else None
    if match is not None:
        found = int(float(match[1]) * (1024 if match[3] else 1000) ** _POWERS[match[2].lower()])
    else:
        found = size if isinstance(size, int) and not isinstance(size, bool) else 0
    if found <= 0:
        raise ValueError(f'memory={size!r} is not a size such as "24 MB"')
    return found


def judge(measure: Callable[[], float], limit: float) -> list[float] | None:
    """Return the costs of the repetitions where a limit is broken, ``None`` as soon as one of them is within it."""
    costs: list[float] = []
    while len(costs) < REPEATS:
        cost = measure()
        if cost <= limit:
            return None
        costs.append(cost)
    return costs


def describe_broken(costs: list[float], limit: float, write: Callable[[float], str]) -> str:
    """Return what was measured of a test beyond its limit."""
    interval = f"{write(median(costs))} [{write(min(costs))}, {write(max(costs))}]"
    return f"{interval}, the median of {len(costs)} runs and its {CONFIDENCE} % interval; the limit is {write(limit)}"


class LimitJudge:
    """Runs the tests that have a limit."""

    def __init__(self, *, is_sampled: bool) -> None:
        self._is_sampled = is_sampled
        """Whether a sampler pauses the tests, so that their times are no times of theirs."""
        self._capture: Path | None = None
        self._has_subtests = False
        self._not_judged: list[str] = []

    def run(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Run ``item`` as pytest does, and repeat it where it is beyond its limits."""
        from _pytest.runner import runtestprotocol

        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        self._has_subtests = False
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        call = next((report for report in reports if report.when == "call"), None)
        if call is not None and all(report.passed for report in reports):
            try:
                broken = self._find_broken(item, nextitem, call.duration)
            except NotJudgedError as error:
                broken = ""
                self._not_judged.append(f"{item.nodeid}: {error}")
            if broken:
                call.outcome, call.longrepr = "failed", broken
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _find_broken(self, item: pytest.Item, nextitem: pytest.Item | None, seconds: float) -> str:
        """Return which limit is shown to be broken, with the measurements; empty for none."""
        mark = item.get_closest_marker("whet_limit")
        assert mark is not None
        from whet.report.units import format_bytes, format_seconds

        limits = read_limits(mark)
        if self._is_sampled:
            raise NotJudgedError("sampling takes time of the tests; run them without --whet")
        if self._has_subtests:
            raise NotJudgedError("it has subtests, which would be reported again")
        if limits.seconds is not None and seconds > limits.seconds:
            costs = judge(lambda: self._repeat(item, nextitem), limits.seconds * 1e9)
            if costs is not None:
                return f"whet_limit: the test takes {describe_broken(costs, limits.seconds * 1e9, format_seconds)}"
        if limits.memory is not None and self._measure_peak(item, nextitem) > limits.memory:
            peaks = judge(lambda: self._measure_peak(item, nextitem), limits.memory)
            if peaks is not None:
                return f"whet_limit: the test allocates {describe_broken(peaks, limits.memory, format_bytes)}"
        return ""

    def _repeat(self, item: pytest.Item, nextitem: pytest.Item | None) -> float:
        """Run a test again, with fresh fixtures, and return the duration of its call in nanoseconds."""
        from _pytest.runner import runtestprotocol

        # As the plug-ins do that run failed tests again.
        if hasattr(item, "_request"):
            item._initrequest()  # type: ignore[attr-defined]
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        bad = next((report for report in reports if not report.passed), None)
        call = next((report for report in reports if report.when == "call"), None)
        if bad is not None or call is None:
            raise NotJudgedError("it does not pass when it is repeated")
        return call.duration * 1e9

    def _measure_peak(self, item: pytest.Item, nextitem: pytest.Item | None) -> float:
        """Run a test again under memray and return the most bytes that its call had allocated at the same time."""
        try:
            from memray import FileReader
        except ImportError:
            raise NotJudgedError(
                "memray, which measures memory, is not installed, or not made for this system"
            ) from None
        from whet.scratch import scratch_folder

        with scratch_folder("limit") as folder:
            self._capture = folder / "capture"
            try:
                self._repeat(item, nextitem)
            finally:
                self._capture = None
            reader = FileReader(folder / "capture")
            peak: int = reader.metadata.peak_memory
            reader.close()
        return peak

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self) -> Generator[None, object, object]:
        """Record the allocations of a call, while they are asked for."""
        with contextlib.ExitStack() as stack:
            if self._capture is not None:
                from memray import Tracker

                stack.enter_context(Tracker(self._capture))
            result = yield
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take note of subtests: they are reported while the test runs, in each repetition."""
        self._has_subtests = self._has_subtests or type(report).__name__ == "SubtestReport"

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Name the limits that could not be judged."""
        for line in self._not_judged:
            terminalreporter.write_line(f"whet_limit not judged: {line}")
