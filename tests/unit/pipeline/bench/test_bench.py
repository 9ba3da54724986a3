"""What `whet bench` says of runs, what it keeps, what it refuses, and where the other version comes from."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import pytest

from whet.errors import FormatError, UsageError
from whet.model.bench import Bench, BenchVariant, SlowdownCall
from whet.model.run import Host, Interpreter
from whet.model.trial import Clock
from whet.pipeline.bench.bench import bench, decide_bench, is_interrupted, render_bench_as
from whet.pipeline.bench.figures import choose_clock, compare_pairs, compare_sessions, find_figures, find_quantile
from whet.pipeline.bench.file import load_bench, refuse_unlike, save_bench
from whet.pipeline.bench.variants import BenchRequest
from whet.pipeline.bench.worktree import check_out, move_into

MS = 1_000_000


def variant(label: str, costs: list[int], **more: object) -> BenchVariant:
    made = BenchVariant(label, Interpreter("/py", "3.13.0"), wall_ns=costs, cpu_ns=costs, peak_bytes=[1] * len(costs))
    return replace(made, **more)  # type: ignore[arg-type]


def jitter(middle: int, count: int, seed: int = 1) -> list[int]:
    rng = random.Random(seed)
    return [int(middle * rng.gauss(1, 0.01)) for _ in range(count)]


def saved(*variants: BenchVariant) -> Bench:
    return Bench("1", ("a.py",), "2025-01-01T00:00:00", Host("Linux 6", "x86_64", 2), "machine", Clock.CPU, variants)


@pytest.mark.parametrize(("count", "part"), [(40, 0.5), (100, 0.95), (400, 0.99), (6, 0.5)])
def test_a_quantile_is_missed_no_more_often_than_stated(count: int, part: float) -> None:
    rng = random.Random(7)
    missed = 0
    for _ in range(600):
        found = find_quantile(sorted(rng.random() for _ in range(count)), part)
        missed += (found.low is not None and found.low > part) or (found.high is not None and found.high < part)
    assert missed / 600 < 0.075


def test_few_runs_do_not_bound_a_far_quantile_from_above() -> None:
    figures = find_figures(jitter(MS, 20))
    assert figures["p99"].high is None
    assert figures["p50"].high is not None
    assert figures["min"].low is None


def test_the_mean_lies_in_its_interval() -> None:
    costs = jitter(MS, 30)
    mean = find_figures(costs)["mean"]
    assert mean.value == fmean(costs)
    assert mean.low is not None
    assert mean.high is not None
    assert mean.low < MS < mean.high


@pytest.mark.parametrize(
    ("after", "call"), [(150, SlowdownCall.BEYOND), (102, SlowdownCall.WITHIN), (50, SlowdownCall.WITHIN)]
)
def test_slow_downs_are_held_against_the_limit(after: int, call: SlowdownCall) -> None:
    before, now = variant("old", jitter(100 * MS, 20)), variant("new", jitter(after * MS, 20, 2))
    found = compare_pairs(before, now, Clock.CPU, error=0.01, limit=0.1, planned=100)
    assert found.call is call
    assert decide_bench(replace(saved(before, now), comparisons=(found,))) == (call is SlowdownCall.BEYOND)
    assert compare_sessions(before, now, Clock.CPU, error=0.01, limit=0.1).call is call


def test_a_slow_down_that_is_not_sure_does_not_fail() -> None:
    before = variant("old", [100 * MS, 150 * MS, 90 * MS, 130 * MS])
    after = variant("new", [130 * MS, 120 * MS, 140 * MS, 135 * MS])
    found = compare_pairs(before, after, Clock.WALL, error=0.01, limit=0.1)
    assert found.call is SlowdownCall.OPEN
    assert decide_bench(replace(saved(before, after), comparisons=(found,))) == 0


def test_programs_that_wait_or_use_several_processors_are_compared_by_the_wall() -> None:
    made = variant("a", [100, 100])
    assert choose_clock(made) is Clock.CPU
    assert choose_clock(replace(made, cpu_ns=[10, 10])) is Clock.WALL
    assert choose_clock(replace(made, cpu_ns=[300, 300])) is Clock.WALL
    waited = replace(made, cpu_ns=[40, 40], wall_ns=[100, 100])
    assert choose_clock(waited) is Clock.WALL
    assert choose_clock(waited, delayed_ns=120) is Clock.CPU, "it stood in line, and did not wait"


def test_a_bench_is_read_as_it_was_saved(tmp_path: Path) -> None:
    measured = saved(variant("x\udc80", jitter(MS, 3), environ=("A=1",), options=("-X", "gil=0")))
    save_bench(measured, tmp_path / "b.json")
    read = load_bench(tmp_path / "b.json")
    assert find_figures(read.variants[0].wall_ns) == find_figures(measured.variants[0].wall_ns)
    assert (read.machine, read.variants[0].environ, read.variants[0].options) == ("machine", ("A=1",), ("-X", "gil=0"))


@pytest.mark.parametrize(
    "text", ["", "[]", '{"kind": "whet bench", "schema": 1}', '{"kind": "whet bench", "schema": 9}', "\x00"]
)
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "b.json").write_text(text)
    with pytest.raises(FormatError):
        load_bench(tmp_path / "b.json")


@pytest.mark.parametrize(
    ("machine", "command", "version", "word"),
    [
        ("other", ("a.py",), "3.13.0", "machine"),
        ("machine", ("b.py",), "3.13.0", "command"),
        ("machine", ("a.py",), "3.14.0", "interpreter"),
    ],
)
def test_unlike_sessions_are_refused(machine: str, command: tuple[str, ...], version: str, word: str) -> None:
    before = saved(variant("a", [1, 2]))
    refuse_unlike(before, machine="machine", command=("a.py",), variant=variant("b", [1]))
    now = replace(variant("b", [1]), interpreter=Interpreter("/py", version))
    with pytest.raises(UsageError, match=word):
        refuse_unlike(before, machine=machine, command=command, variant=now)


def git(folder: Path, *words: str) -> None:
    own = ("-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *own, *words], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = (tmp_path / "repo").resolve()
    (folder / "sub").mkdir(parents=True)
    (folder / "src").mkdir()
    (folder / "src" / "lib.py").write_text("VERSION = 'old'\n")
    (folder / "sub" / "a.py").write_text(
        "import lib, pathlib\nhere = pathlib.Path(__file__).parent\n"
        "where = pathlib.Path(lib.__file__).resolve().parents[1]\n"
        "assert where == here.resolve().parent, (where, here)\n"
    )
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")
    (folder / "src" / "lib.py").write_text("VERSION = 'new'\n")
    return folder


def test_a_checkout_is_there_for_as_long_as_it_is_needed(repository: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    with check_out(repository, "HEAD", tree) as commit:
        assert len(commit) == 12
        assert "old" in (tree / "src" / "lib.py").read_text()
        assert move_into(str(repository / "sub"), repository, tree) == str(tree / "sub")
        assert move_into("a.py", repository, tree) == "a.py"
    assert not tree.exists()
    assert not list((repository / ".git").glob("worktrees/*"))
    assert "new" in (repository / "src" / "lib.py").read_text()


@pytest.mark.parametrize("ref", ["nowhere", "--help", "-x"])
def test_what_is_no_commit_is_told(repository: Path, tmp_path: Path, ref: str) -> None:
    with pytest.raises(UsageError, match="neither a git commit"), check_out(repository, ref, tmp_path / "tree"):
        pass


def interrupt_at(run: int) -> Callable[[int, float], None]:
    def progress(number: int, _seconds: float) -> None:
        if number == run:
            raise KeyboardInterrupt

    return progress


@pytest.mark.parametrize("run", [2, 8])
def test_an_interrupt_leaves_no_checkout_and_keeps_whole_rounds(repository: Path, run: int) -> None:
    (repository / "sub" / "a.py").write_text("pass\n")
    git(repository, "commit", "-qam", "two")
    request = BenchRequest(words=("a.py",), against="HEAD", warmup=1, progress=interrupt_at(run))
    if run == 2:
        with pytest.raises(KeyboardInterrupt):
            bench(request, repository / "sub")
    else:
        measured = bench(request, repository / "sub")
        assert is_interrupted(measured)
        assert [len(each.wall_ns) for each in measured.variants] == [2, 2]
    assert not list((repository / ".git").glob("worktrees/*"))


def test_each_version_imports_its_own_modules(repository: Path) -> None:
    request = BenchRequest(words=("a.py",), against="HEAD", runs=2, warmup=0, environ=(f"PYTHONPATH={repository}/src",))
    measured = bench(request, repository / "sub")
    assert [len(each.wall_ns) for each in measured.variants] == [2, 2]
    assert measured.comparisons[0].candidate == "working tree"
    assert "HEAD" in render_bench_as(measured, "text")
    found = json.loads(render_bench_as(measured, "json"))
    assert found["comparisons"][0]["max_slowdown"] == 0.1
    assert found["variants"][0]["wall"]["p50"]["seconds"] > 0
    assert not list((repository / ".git").glob("worktrees/*"))
