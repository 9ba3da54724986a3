"""Records how long each test's function took: loaded by pytest in the runs of ``whet bench``, by ``PYTEST_PLUGINS``.

The program's interpreter may be any that pytest runs on, back to Python 3.8, and whet need not be installed there.
The file that ``WHET_DURATIONS`` names gets a JSON object: for each test that passed its wall and CPU time in
nanoseconds, and where it used pytest-benchmark's fixture, the median of the rounds that this measured, else null.
Workers of pytest-xdist send theirs along with their reports.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from typing import Any, Iterator  # noqa: UP035  Python 3.8

import pytest

_KEY = "whet_durations"


def pytest_configure(config: Any) -> None:
    """Record, where a file is named."""
    path = os.environ.get("WHET_DURATIONS")
    if path:
        config.pluginmanager.register(_Recorder("" if hasattr(config, "workerinput") else path), "whet-durations")


class _Recorder:
    def __init__(self, path: str) -> None:
        self.path = path  # empty in a worker
        self.cpu = 0
        self.tests: dict[str, list[Any]] = {}

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        began = time.process_time_ns()
        yield
        self.cpu = time.process_time_ns() - began

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Iterator[None]:
        outcome: Any = yield
        report = outcome.get_result()
        # Subtests are reported with the test's name while it still runs.
        if report.when == "call" and type(report) is pytest.TestReport and report.passed:
            setattr(report, _KEY, [round(1e9 * call.duration), self.cpu, _read_benchmark(item)])

    def pytest_runtest_logreport(self, report: Any) -> None:
        found = getattr(report, _KEY, None)
        if self.path and found is not None:
            self.tests[report.nodeid] = found

    def pytest_unconfigure(self) -> None:
        if self.path:
            with open(self.path, "w", encoding="utf-8") as file:
                json.dump(self.tests, file)


def _read_benchmark(item: Any) -> int | None:
    """Return the median of the rounds of pytest-benchmark's fixture; ``None`` where it measured nothing."""
    fixture = getattr(item, "funcargs", {}).get("benchmark")
    data = getattr(getattr(getattr(fixture, "stats", None), "stats", None), "data", None)
    return round(1e9 * statistics.median(data)) if data else None
