"""The order and number of runs, on programs that are made up: nothing is started."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from whet.errors import UsageError
from whet.model.frame import Frame, Owner
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile, Samples, StackTable, Thread
from whet.model.run import Execution, Interpreter, Notice, Purpose, Run, SourceFile
from whet.model.scaling import SizedRun
from whet.model.trial import Clock
from whet.pipeline.scale import session as module
from whet.pipeline.scale.request import ScaleRequest, Sizes
from whet.pipeline.scale.scale import find_exceeded
from whet.pipeline.scale.session import ScaleSession
from whet.pipeline.scale.sized import Costs, pool_runs
from whet.program.host import TargetHost
from whet.program.spec import TargetKind, TargetSpec
from whet.scale.growth import find_growth

MS = 1_000_000
FILE = "/p/app.py"
TEXT = "def f():\n    x\n"


class Machine:
    """Runs of a made-up program, with a clock of their own."""

    def __init__(self, cost: Callable[[int], float]) -> None:
        self.cost = cost
        self.now = 0.0
        self.sizes: list[int] = []
        self.fails_at = 0

    def run(self, _request: ScaleRequest, size: int, _out: Path) -> Run:
        self.sizes.append(size)
        if len(self.sizes) == self.fails_at:
            raise KeyboardInterrupt
        seconds = self.cost(size)
        self.now += seconds
        return make_run(round(seconds * 1000) * MS, f"took {seconds:.3f} s")


def make_run(cost: int, notice: str = "") -> Run:
    stacks = StackTable([ROOT], [0])
    profile = Profile(
        collector="py-spy 0.4",
        frames=(Frame(FILE, "f", 2, 1, Owner.USER),),
        stacks=stacks,
        threads=(Thread(1, 1),),
        samples=(Samples(Metric.CPU, 0, [0], [cost], max(1, cost // (10 * MS))),),
        period_ns=10 * MS,
    )
    return Run(
        whet_version="0",
        command=("app.py",),
        started="",
        directory="/p",
        project="/p",
        interpreter=Interpreter(sys.executable, "3.13.0"),
        executions=(Execution(Purpose.TIME, ("py-spy",), cost, cost, 0, peak_resident_bytes=10**7),),
        profiles=(profile,),
        sources={FILE: SourceFile(FILE, "app.py", "", TEXT)},
        notices=(Notice("machine", notice),),
    )


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(lambda size: size / 1000)
    monkeypatch.setattr(module, "run_sized", made.run)
    monkeypatch.setattr(module, "monotonic", lambda: made.now)
    return made


def run_session(sizes: Sizes, **more: object) -> Run:
    host = TargetHost(Interpreter(sys.executable, "3.13.0"), (3, 13, 0), "cpython-313")
    spec = TargetSpec(TargetKind.SCRIPT, "app.py", ("{n}",))
    return ScaleSession(ScaleRequest(spec, host, sizes, seed=1, **more), Path("none")).run()  # type: ignore[arg-type]


def test_rounds_end_when_the_exponent_is_known(machine: Machine) -> None:
    run = run_session(Sizes((100, 200, 400, 800)), budget=1000.0)
    # A warm-up, a round in ascending order, and another one in any order.
    assert machine.sizes[:5] == [100, 100, 200, 400, 800]
    assert sorted(machine.sizes[5:]) == [100, 200, 400, 800]
    assert run.scaling.sizes == (100, 200, 400, 800)
    assert run.scaling.clock is Clock.CPU
    assert not run.scaling.notes


def test_a_number_of_runs_is_kept(machine: Machine) -> None:
    run = run_session(Sizes((100, 200, 400)), rounds=5, budget=0.1)
    assert len(run.scaling.runs) == 15
    assert len(machine.sizes) == 16


def test_sizes_that_do_not_fit_into_the_budget_are_not_run(machine: Machine) -> None:
    machine.cost = lambda size: (size / 100) ** 3
    run = run_session(Sizes((100, 200, 400, 800, 1600)), budget=120.0)
    assert run.scaling.sizes == (100, 200, 400)
    assert any("800, 1,600" in note for note in run.scaling.notes)
    assert any("ran once" in note for note in run.scaling.notes)


def test_auto_doubles_until_a_run_takes_long_and_keeps_what_costs_something(machine: Machine) -> None:
    machine.cost = lambda size: 0.05 + (size / 10_000) ** 2
    run = run_session(Sizes(smallest=100), budget=300.0)
    assert machine.sizes[:4] == [100, 100, 200, 400]
    assert max(machine.sizes) == 51_200
    assert run.scaling.sizes[-1] == 51_200
    assert run.scaling.sizes[0] > 3_000
    assert len(run.scaling.places[0].spent_ns) == len(run.scaling.runs)
    growth = find_growth(run.scaling)
    assert growth is not None
    assert growth.whole.exponent.low < 2 < growth.whole.exponent.high


def test_auto_ends_for_a_program_that_does_not_grow(machine: Machine) -> None:
    machine.cost = lambda _: 0.01
    run = run_session(Sizes(smallest=1), budget=30.0)
    assert len(run.scaling.sizes) >= 3


def test_ctrl_c_keeps_what_is_known(machine: Machine) -> None:
    machine.fails_at = 6
    run = run_session(Sizes((100, 200, 400, 800)), budget=1000.0)
    assert len(run.scaling.runs) == 4
    assert run.scaling.notes[-1].startswith("ended by Ctrl-C")


def test_ctrl_c_before_anything_is_known_ends_whet(machine: Machine) -> None:
    machine.fails_at = 3
    with pytest.raises(KeyboardInterrupt):
        run_session(Sizes((100, 200, 400, 800)))


def test_the_runs_at_the_largest_size_are_pooled(machine: Machine) -> None:
    run = run_session(Sizes((100, 200, 400)), rounds=3)
    assert [each.wall_ns for each in run.executions] == [400 * MS] * 3
    assert [each.execution for each in run.profiles] == [0, 1, 2]
    assert [each.about for each in run.notices] == ["machine"]


def test_places_are_kept_as_long_as_they_matter() -> None:
    costs = Costs()
    for size in (1, 2, 4):
        costs.add(size, make_run(size * 100 * MS))
    costs.keep({1, 4})
    function, line = costs.list_places()
    assert (function.function, function.line, list(function.spent_ns)) == ("f", 0, [100 * MS, 400 * MS])
    assert (line.line, list(line.spent_ns)) == (2, [100 * MS, 400 * MS])
    assert [run.size for run in costs.runs] == [1, 4]


def test_a_program_that_waits_is_fitted_by_wall_time(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Costs.add

    def add(self: Costs, size: int, run: Run) -> None:
        kept(self, size, run)
        last = self.runs[-1]
        self.runs[-1] = SizedRun(size, last.wall_ns, last.cpu_ns // 10, last.busy_ns, last.busy_ns * 9 // 10, 10)

    monkeypatch.setattr(Costs, "add", add)
    assert run_session(Sizes((100, 200, 400))).scaling.clock is Clock.WALL


def test_the_gate_closes_only_where_the_whole_interval_is_beyond(machine: Machine) -> None:
    machine.cost = lambda size: (size / 100) ** 2
    run = run_session(Sizes((100, 200, 400, 800)), budget=1000.0)
    growth = find_growth(run.scaling)
    assert growth is not None
    assert find_exceeded(run, growth, 1.2)
    assert not find_exceeded(run, growth, growth.whole.exponent.low)
    assert [each.place for each in find_exceeded(run, growth, 1.2, ["app*"])] == ["app.py:1 f"]
    assert not find_exceeded(run, growth, 2.0, ["app.py"])
    with pytest.raises(UsageError, match="matches no file"):
        find_exceeded(run, growth, 1.2, ["ap.py"])


def test_pooled_runs_keep_their_sources() -> None:
    assert pool_runs([make_run(MS), make_run(2 * MS)]).sources.keys() == {FILE}
