"""`whet bench` of pytest in two versions: which tests are compared, by which clock, and what is said of them."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from whet.model.bench import Bench, BenchVariant, SlowdownCall
from whet.model.run import Host, Interpreter
from whet.model.trial import Clock
from whet.pipeline.bench.bench import decide_bench, render_bench_as
from whet.pipeline.bench.tests import TestComparer as Comparer
from whet.pipeline.bench.tests import is_pytest, read_tests, record_tests
from whet.program.spec import TargetKind, TargetSpec
from whet.prove.run import Workload

MS = 1_000_000
SIDES = [BenchVariant(label, Interpreter("/py", "3.13.0")) for label in ("main (abc)", "working tree")]
PAIRS = 20


def make_runs(seed: int, **middles: float) -> list[dict[str, tuple[int, int, int | None]]]:
    rng = random.Random(seed)
    return [
        {name: (cost := int(MS * middle * rng.gauss(1, 0.01)), cost, None) for name, middle in middles.items()}
        for _ in range(PAIRS)
    ]


def compare(before: list[dict[str, object]], after: list[dict[str, object]], **more: object) -> Comparer:
    comparer = Comparer(more.get("clock"), 0.99, 0.1)  # type: ignore[arg-type]
    comparer.baseline += before  # type: ignore[arg-type]
    comparer.candidate += after  # type: ignore[arg-type]
    return comparer


def test_each_test_has_a_verdict_and_those_over_the_limit_come_first() -> None:
    comparer = compare(make_runs(1, same=10, slower=10, faster=10), make_runs(2, same=10, slower=13, faster=5))
    tests = comparer.compare(SIDES, None)
    assert [(test.nodeid, test.comparison.call) for test in tests] == [
        ("slower", SlowdownCall.BEYOND),
        ("same", SlowdownCall.WITHIN),
        ("faster", SlowdownCall.WITHIN),
    ]
    assert {test.comparison.confidence for test in tests} == {0.9975}, "the error is shared with the whole program's"
    assert comparer.is_settled(SIDES, 100)
    host = Host("Linux 6", "x86_64", 2)
    measured = Bench("1", ("-m", "pytest"), "2025", host, "m", Clock.CPU, tuple(SIDES), tests=tests)
    assert decide_bench(measured) == 1
    text = render_bench_as(measured, "text")
    assert "Tests: 1 slower by more than 10 %, 2 within the limit" in text
    assert [each["result"] for each in json.loads(render_bench_as(measured, "json"))["tests"]] == [
        "slower than the limit",
        "within the limit",
        "within the limit",
    ]


def test_only_tests_that_passed_in_all_runs_of_both_are_compared() -> None:
    before, after = make_runs(1, both=10, gone=10, flaky=10), make_runs(2, both=10, new=10, flaky=10)
    del after[3]["flaky"]
    comparer = compare(before, after)
    assert [test.nodeid for test in comparer.compare(SIDES, None)] == ["both"]
    assert comparer.describe_left_out() == (
        "tests only in the baseline: gone",
        "tests only in the working tree: new",
        "tests not passed in each run: flaky",
    )


def test_what_the_fixture_of_a_benchmark_measured_counts() -> None:
    before = [{"bench": (90 * MS, 90 * MS, 2 * MS + number)} for number in range(PAIRS)]
    after = [{"bench": (90 * MS, 90 * MS, 4 * MS + number)} for number in range(PAIRS)]
    (test,) = compare(before, after).compare(SIDES, None)
    assert test.is_benchmark
    assert test.comparison.clock is Clock.WALL
    assert test.comparison.estimate == pytest.approx(0.5, rel=0.01)


def test_a_test_that_waits_is_compared_by_the_wall() -> None:
    runs = [{"waits": (100 * MS + number, MS, None)} for number in range(PAIRS)]
    (test,) = compare(runs, runs).compare(SIDES, None)
    assert test.comparison.clock is Clock.WALL
    (test,) = compare(runs, runs, clock=Clock.CPU).compare(SIDES, None)
    assert test.comparison.clock is Clock.CPU


def test_too_few_pairs_compare_nothing() -> None:
    assert compare(make_runs(1, a=1)[:1], make_runs(1, a=1)[:1]).compare(SIDES, None) == ()


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"a": 1}', '{"a": [1, 2]}', '{"a": ["x", 1, null]}', "[" * 100_000, "null"]
)
def test_what_a_run_left_is_read_or_is_nothing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "durations"
    file.write_text(text)
    assert read_tests(file) == {}
    assert read_tests(tmp_path / "none") == {}
    file.write_text('{"a": [5, -3, null], "b": [1, 2, 3]}')
    assert read_tests(file) == {"a": (5, 0, None), "b": (1, 2, 3)}
    assert not file.exists()


def test_pytest_is_known_by_its_names() -> None:
    assert is_pytest(TargetSpec(TargetKind.MODULE, "pytest"))
    assert is_pytest(TargetSpec(TargetKind.CONSOLE_SCRIPT, "/venv/bin/pytest"))
    assert not is_pytest(TargetSpec(TargetKind.MODULE, "pytest_cov"))
    assert not is_pytest(TargetSpec(TargetKind.SCRIPT, "pytest.py"))


def test_the_plug_in_comes_after_the_users_own(tmp_path: Path) -> None:
    environ = {"PYTEST_PLUGINS": "mine", "PYTHONPATH": "/mine"}
    made = record_tests(Workload(("python",), "/", environ), tmp_path / "durations").environ
    assert made["PYTEST_PLUGINS"] == "mine,_whet_durations"
    assert made["PYTHONPATH"].startswith("/mine")
