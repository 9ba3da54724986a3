"""What the interpreter's own start takes of a short run."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from whet.model.trial import Clock, Gain, Total, Verdict
from whet.prove import startup
from whet.prove.run import Limits, Observed, Printed, Workload, run_once
from whet.prove.startup import tell_start, time_start

MS = 1_000_000
NOTHING = Printed(Path(), 0, "")
RUN = Observed(0, 40 * MS, 30 * MS, 0, NOTHING, NOTHING)
START = Workload(("python", "-c", "pass"), ".", {})


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Observed]:
    """Starts of the interpreter, one after the other."""
    made = [replace(RUN, cpu_ns=cost * MS, wall_ns=25 * MS) for cost in (18, 90, 19, 17, 20)]
    monkeypatch.setattr(startup, "run_once", lambda *_: made.pop(0))
    return made


def test_the_median_of_some_starts_is_taken(started: list[Observed]) -> None:
    assert time_start(START, [RUN, RUN], Clock.CPU, Limits(), Path()) == 19 * MS
    assert started == []


def test_of_a_long_run_or_a_line_of_the_shell_the_start_is_not_timed(started: list[Observed]) -> None:
    assert time_start(START, [replace(RUN, wall_ns=2_000 * MS)], Clock.CPU, Limits(), Path()) == 0
    assert time_start(None, [RUN], Clock.CPU, Limits(), Path()) == 0
    assert len(started) == startup.STARTS


def test_a_start_that_is_no_good_part_of_the_run_is_not_told(started: list[Observed]) -> None:
    assert time_start(START, [replace(RUN, cpu_ns=900 * MS)], Clock.CPU, Limits(), Path()) == 0


def test_the_interpreter_is_really_started(tmp_path: Path) -> None:
    workload = Workload((sys.executable, "-c", "pass"), str(tmp_path), {})
    runs = [run_once(workload, Limits(), tmp_path / "run")]
    assert time_start(workload, [replace(runs[0], wall_ns=1)], Clock.WALL, Limits(), tmp_path / "start") > 0


def test_the_rest_is_told_where_it_was_measured() -> None:
    assert tell_start(0, Total()) == []
    told = "about 20 ms of each run are the interpreter's start-up, which no rewrite changes"
    assert tell_start(20 * MS, Total()) == [told]
    gain = Gain(1.25, 1.2, 1.3, 20, 0.99, Clock.CPU, 50 * MS, 40 * MS)
    assert tell_start(20 * MS, Total(gain, Verdict.FASTER)) == [f"{told}: the rest is about 1.5× as fast"]
    assert tell_start(20 * MS, Total(gain, Verdict.NO_DIFFERENCE)) == [told]
    assert tell_start(20 * MS, Total(replace(gain, candidate_ns=21 * MS), Verdict.FASTER)) == [told]
