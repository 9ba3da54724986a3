"""Which executions there are, in which order, and what becomes of what they leave. Nothing is really started."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.pipeline.run.pieces import KEPT_OUT, SECOND, SOURCE, Ask, Executions, succeed, tell

from whet import store
from whet.collect import pyspy, values
from whet.collect.plan import Outcome, Plan
from whet.errors import CollectorError, StoreError
from whet.model.metric import Metric
from whet.model.run import Purpose, Run
from whet.pipeline.run.machine import describe_machine
from whet.pipeline.run.measure import Measured, NeverBegan, measure
from whet.pipeline.run.options import MeasureOptions, Step
from whet.program.host import TargetHost
from whet.program.spec import TargetKind, TargetSpec
from whet.store import find_run, load_run


def purposes(run: Run) -> list[Purpose]:
    return [execution.purpose for execution in run.executions]


def test_by_default_the_program_runs_once_as_it_is(ask: Ask, executions: Executions, folder: Path) -> None:
    measured = ask()
    (plan,) = executions.plans
    assert plan.owns_terminal
    assert (plan.limit, plan.duration) == (None, None)
    assert purposes(measured.run) == [Purpose.TIME]
    assert measured.run.executions[0].collectors == ("py-spy", "values")
    assert measured.run.not_measured == (("memory", "--memory"), ("exact hits", "--lines"))
    assert measured.status == 0


def test_a_run_tells_what_was_run_where_and_by_what(ask: Ask, folder: Path, host: TargetHost) -> None:
    run = ask().run
    assert run.command == ("app.py", "--token", "***")
    assert (run.directory, run.project) == (str(folder), str(folder))
    assert run.interpreter == host.interpreter
    assert run.host == describe_machine()
    assert run.host.cpus >= 1
    assert run.sources[str(folder / "app.py")].text == SOURCE
    assert [frame.name for frame in run.profiles[0].frames] == ["main"]


def test_a_run_is_saved_and_its_captures_are_gone(ask: Ask, executions: Executions, folder: Path) -> None:
    measured = ask()
    loaded = load_run(find_run(None, folder))
    for name in ("started", "command", "executions", "sources", "notices", "not_measured"):
        assert getattr(loaded, name) == getattr(measured.run, name), name
    assert [list(p.frames) for p in loaded.profiles] == [list(p.frames) for p in measured.run.profiles]
    assert not executions.plans[0].out.exists()
    assert not (measured.saved.path.parent / "raw").exists()


def test_captures_are_kept_on_request(ask: Ask) -> None:
    measured = ask(keep_raw=True)
    assert (measured.saved.path.parent / "raw" / "1" / pyspy.ACTIVE).is_file()


def test_what_is_asked_for_runs_again_silently_each_on_its_own(ask: Ask, executions: Executions) -> None:
    measured = ask(memory=True, lines=True, repeat=2)
    assert executions.kinds == ["values", "values", "memray", "exact_lines"]
    assert [plan.owns_terminal for plan in executions.plans] == [True, False, False, False]
    assert [plan.duration for plan in executions.plans] == [None] * 4
    assert purposes(measured.run) == [Purpose.TIME, Purpose.TIME, Purpose.MEMORY, Purpose.EXACT_LINES]
    why = "(--memory asked for it: it left no figures that can be read)"
    assert measured.run.not_measured == ((f"memory {why}", ""),)
    assert len({plan.out for plan in executions.plans}) == 4


def test_exact_lines_are_those_of_the_hot_functions(ask: Ask, executions: Executions, folder: Path) -> None:
    run = ask(lines=True).run
    (launch,) = executions.plans[1].launches
    settings = launch.agent["exact_lines"]
    assert isinstance(settings, dict)
    assert settings["functions"] == [[str(folder / "app.py"), 1]]
    (line,) = [line for profile in run.profiles for line in profile.lines]
    assert (line.line, line.hits) == (2, 1)


def test_with_nothing_hot_nothing_is_counted_exactly(ask: Ask, executions: Executions, folder: Path) -> None:
    executions.file = "/usr/lib/python3.13/json/decoder.py"
    run = ask(lines=True).run
    assert executions.kinds == ["values"]
    assert ("exact hits (--lines asked for it: no function was found hot)", "") in run.not_measured


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (succeed(status=3), "ended with status 3"),
        (succeed(status=143, signal=15), "was ended by SIGTERM"),
        (succeed(interrupted=True), "was interrupted"),
    ],
)
def test_after_a_failure_or_an_interrupt_nothing_runs_again(
    outcome: Outcome, words: str, ask: Ask, executions: Executions
) -> None:
    executions.outcomes = [outcome]
    measured = ask(memory=True)
    assert executions.kinds == ["values"]
    assert measured.status == (-outcome.signal or outcome.status)
    assert measured.run.not_measured[0] == (f"memory (--memory asked for it: the first time it {words})", "")
    (said,) = tell(measured.run, "executions")
    assert words in said
    # Who asked for nothing more misses nothing.
    executions.outcomes = [succeed(), outcome]
    assert tell(ask().run, "executions") == []


def test_after_the_duration_nothing_runs_again(ask: Ask, executions: Executions) -> None:
    executions.outcomes = [succeed(stopped="ended by --duration after 2 s")]
    measured = ask(memory=True, duration=2.0)
    assert [plan.duration for plan in executions.plans] == [2.0]
    assert "ended by --duration after 2 s" in tell(measured.run, "executions")[0]


def test_a_later_failure_ends_the_series_and_keeps_what_there_is(ask: Ask, executions: Executions) -> None:
    executions.outcomes = [succeed(), succeed(status=1)]
    measured = ask(repeat=3, memory=True)
    assert executions.kinds == ["values", "values"]
    assert measured.status == 0
    assert "execution 2 ended with status 1, the first ended with status 0" in tell(measured.run, "executions")[0]


@pytest.mark.parametrize("error", [CollectorError("no room", "make some"), OSError(28, "No space left on device")])
def test_a_later_execution_that_cannot_begin_loses_nothing(error: Exception, ask: Ask, executions: Executions) -> None:
    def fail(plan: Plan) -> None:
        if not plan.owns_terminal:
            raise error

    executions.leave = fail
    measured = ask(memory=True)
    assert len(measured.run.profiles) == 1
    assert "a later execution failed: " in tell(measured.run, "executions")[0]


def test_a_later_execution_that_did_less_is_called_so(ask: Ask, executions: Executions) -> None:
    executions.outcomes = [succeed(cpu_ns=4 * SECOND), succeed(cpu_ns=SECOND)]
    (said,) = tell(ask(repeat=2).run, "executions")
    assert "execution 2 took 1.0 s of CPU time, the first one 4.0 s" in said


@pytest.mark.parametrize(
    ("wall", "max_time", "limits"),
    [(SECOND, None, [None, 60.0]), (10 * SECOND, None, [None, 200.0]), (10 * SECOND, 5.0, [5.0, 5.0])],
)
def test_each_execution_has_its_limit(
    wall: int, max_time: float | None, limits: list[float | None], ask: Ask, executions: Executions
) -> None:
    executions.outcomes = [succeed(wall_ns=wall)]
    ask(memory=True, max_time=max_time)
    assert [plan.limit for plan in executions.plans] == limits


def test_progress_counts_the_executions(ask: Ask) -> None:
    steps: list[Step] = []
    ask(memory=True, progress=steps.append)
    assert steps == [Step(1, 2, "time", 1.5), Step(2, 2, "memory", 1.5)]


def test_what_is_not_there_is_named_once_and_the_rest_is_measured(
    ask: Ask, executions: Executions, host: TargetHost
) -> None:
    run = ask(host=replace(host, packages={}), memory=True, lines=True, repeat=2).run
    assert executions.kinds == ["values", "values"]
    assert executions.plans[0].fallback is None
    for about, consequence in (("line_profiler", "hits are missing"), ("memray", "memory is missing")):
        said = tell(run, about)
        assert consequence in said[0]
        assert "whet doctor --install" in said[0]
        assert sum("not installed" in each for each in said) == 1
    assert len(run.profiles) == 2


def test_memory_that_was_not_captured_is_named(ask: Ask, executions: Executions) -> None:
    def complain(plan: Plan) -> None:
        (plan.out / "stderr").write_text("Traceback\nRuntimeError: no luck\n")

    executions.leave = complain
    (said,) = tell(ask(memory=True).run, "memray")
    assert "memray left no capture" in said
    assert "RuntimeError: no luck" in said


def test_values_that_were_not_written_are_named(ask: Ask) -> None:
    (said,) = tell(ask().run, "values")
    assert said.startswith("the program ended before its value samples were written")


def test_from_outside_nothing_is_put_into_the_program_and_this_is_said(ask: Ask, executions: Executions) -> None:
    run = ask(outside=True).run
    (plan,) = executions.plans
    assert plan.outside
    assert plan.fallback is None
    assert executions.kinds == [""]
    assert run.executions[0].collectors == ("py-spy",)
    (said,) = tell(run, "values")
    assert said.startswith("values are missing: --outside keeps whet out of the program")


def test_what_runs_inside_does_not_run_again_where_nothing_can_be_inside(
    ask: Ask, executions: Executions, host: TargetHost
) -> None:
    run = ask(host=replace(host, no_site=True), memory=True, lines=True).run
    assert executions.kinds == [""]
    assert run.executions[0].collectors == ("py-spy",)
    assert tell(run, "memray") == [f"{KEPT_OUT}; memory is missing | "]
    assert tell(run, "line_profiler") == [f"{KEPT_OUT}; exact hits are missing | "]


def test_no_room_for_captures_is_said_before_the_program_runs(
    ask: Ask, executions: Executions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_words: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    with pytest.raises(StoreError, match="No space left") as caught:
        ask()
    assert "TMPDIR" in caught.value.hint
    assert executions.plans == []


def test_captures_go_even_where_the_run_cannot_be_saved(
    ask: Ask, executions: Executions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_run: Run, _start: Path) -> None:
        raise StoreError("nowhere", "elsewhere")

    monkeypatch.setattr(store, "save_run", refuse)
    with pytest.raises(StoreError):
        ask()
    assert not executions.plans[0].out.parent.exists()


def test_a_damaged_capture_costs_its_figures_only(ask: Ask, executions: Executions) -> None:
    executions.leave = lambda plan: (plan.out / values.CAPTURE).write_text("{") and None
    run = ask().run
    assert len(run.profiles) == 1
    assert run.profiles[0].samples[0].metric is Metric.CPU
    assert any("values.jsonl cannot be read" in said for said in tell(run, "values"))


def test_the_folder_may_be_a_relative_one(
    folder: Path, host: TargetHost, executions: Executions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    executions.file = "app.py"  # as py-spy repeats it
    measured = measure(TargetSpec(TargetKind.SCRIPT, "app.py"), host, MeasureOptions())
    assert isinstance(measured, Measured)
    run = measured.run
    assert run.directory == str(folder)
    assert set(run.sources) == {str(folder / "app.py")}
    shutil.rmtree(folder / ".whet")


@pytest.mark.parametrize(("status", "never"), [(1, True), (0, False)])
def test_a_program_that_never_began_makes_no_run(
    status: int, never: bool, folder: Path, host: TargetHost, executions: Executions
) -> None:
    head = {
        "schema": 2,
        "pid": 7,
        "cpu_ns": 0,
        "wall_ns": 0,
        "why_none": "",
        "began": False,
        "threads": [],
        "samples": 0,
    }
    head |= {"peak_kilobytes": 0, "peak_stack": []}
    executions.leave = lambda plan: (plan.out / values.CAPTURE).write_text(json.dumps(head)) and None
    executions.outcomes = [succeed(status=status, wall_ns=0)]
    measured = measure(TargetSpec(TargetKind.SCRIPT, "app.py", (), str(folder)), host, MeasureOptions(memory=True))
    assert (measured == NeverBegan(status)) is never
    assert (folder / ".whet").exists() is not never


def test_values_that_end_early_are_reported(folder: Path, host: TargetHost, executions: Executions) -> None:
    head = {"schema": 2, "pid": 7, "cpu_ns": 0, "wall_ns": 0, "began": True, "threads": [], "samples": 3}
    head |= {"why_none": "the agent failed: KeyError: 1", "peak_kilobytes": 0, "peak_stack": []}
    executions.leave = lambda plan: (plan.out / values.CAPTURE).write_text(json.dumps(head)) and None
    measured = measure(TargetSpec(TargetKind.SCRIPT, "app.py", (), str(folder)), host, MeasureOptions())
    assert isinstance(measured, Measured)
    messages = [notice.message for notice in measured.run.notices]
    assert "values were sampled in part of the run only: the agent failed: KeyError: 1" in messages
