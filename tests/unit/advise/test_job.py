"""Advice on a whole job: said where it matters, silent where it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from whet.advise.measured import advise_by_measurement
from whet.model.frame import Frame, Owner
from whet.model.hotspot import Cost, Hotspots, LineSpot, ThreadTime
from whet.model.metric import Metric
from whet.model.part import Part, PartFunction, TaskTotals, Transfer
from whet.model.profile import ROOT, Profile, Samples, StackTable, Thread
from whet.model.run import Execution, Interpreter, Purpose, Run, SourceFile

FILE, S, MS = "/p/job.py", 1_000_000_000, 1_000_000
TEXT = """\
def solve(x):
    return x

def main(client, items):
    for item in items:
        print(client.submit(solve, item).result())
    once = client.submit(solve, 1).result()
"""
RULES = {"load-imbalance", "small-tasks", "data-moved", "worker-gil", "large-arguments", "compute-in-loop"}


def make_job(*works: int, **more: object) -> Run:
    parts = [
        Part(f"worker {at}", cpu_ns=work, samples=200, functions=(PartFunction(FILE, "solve", 1, work),))
        for at, work in enumerate(works)
    ]
    run = Run(
        "0", ("job.py",), "", "/p", "/p", Interpreter("/bin/python", "3.12.1"),
        executions=(Execution(Purpose.TIME, (), 10 * S, 10 * S, 0),),
        sources={FILE: SourceFile(FILE, "job.py", "", TEXT)},
        parts=(*parts, Part("client", is_worker=False)),
    )  # fmt: skip
    return replace(run, **more)  # type: ignore[arg-type]


def say(run: Run, *threads: ThreadTime) -> dict[str, str]:
    spot = LineSpot(FILE, 2, "solve", 1, Owner.USER, Cost(attributed_ns=8 * S, spent_share=0.8, samples=800))
    hotspots = Hotspots(busy_ns=10 * S, cpu_ns=10 * S, samples=1_000, lines=(spot,), threads=threads,
                        line_index={(FILE, 2): spot})  # fmt: skip
    found = advise_by_measurement(run, hotspots, least_share=0.01)
    return {item.finding.rule: item.finding.message for item in found if item.finding.rule in RULES}


def test_an_even_job_without_tasks_gets_no_advice() -> None:
    assert say(make_job(3 * S, 3 * S, 3 * S)) == {}
    assert say(replace(make_job(9 * S, 1 * S), parts=())) == {}


def test_one_worker_holds_up_the_others() -> None:
    said = say(make_job(2 * S, 2 * S, 6 * S))["load-imbalance"]
    assert "worker 2 worked for 6.0 s, the median of the other workers is 2.0 s" in said
    assert "4.0 s more in solve" in said


@pytest.mark.parametrize(
    ("task", "scheduler", "expected"),
    [
        (TaskTotals("inc", 5_000, cpu_ns=5 * S), 10 * S, "took 1.0 ms each, and a task costs the scheduler 2.0 ms"),
        (TaskTotals("inc", 5_000, cpu_ns=5 * S), 0, "1.0 ms (as Dask's manual has it)"),
        (TaskTotals("inc", 50, cpu_ns=S // 20), 0, ""),
        (TaskTotals("inc", 5_000, cpu_ns=500 * S), 10 * S, ""),
    ],
)  # fmt: skip
def test_tasks_against_what_they_cost(task: TaskTotals, scheduler: int, expected: str) -> None:
    said = say(make_job(3 * S, 3 * S, tasks=(task,), scheduler_ns=scheduler)).get("small-tasks", "")
    assert expected in said
    assert bool(expected) == bool(said)


def test_data_that_is_moved_often() -> None:
    tasks = (TaskTotals("data from other workers", transfer_ns=2 * S),)
    moved = (Transfer("table-1", 40, 12_000_000), Transfer("b", 2, 900_000_000))
    said = say(make_job(3 * S, 3 * S, tasks=tasks, transfers=moved))["data-moved"]
    assert "table-1 (12 MB) went from worker to worker 40 times; transfers took 2.0 s" in said
    assert say(make_job(3 * S, 3 * S, tasks=tasks, transfers=moved[1:])) == {}


def test_threads_of_a_worker_that_wait_for_the_gil() -> None:
    run = make_job(3 * S, 3 * S)
    run = replace(run, parts=(replace(run.parts[0], gil_ns=2 * S), *run.parts[1:]))
    threads = [ThreadTime(1, tid, "", "", S, 0, 0, S, "worker 0", "solve") for tid in (1, 2)]
    assert "waited for the GIL for 2.0 s" in say(run, *threads)["worker-gil"]
    assert say(run, threads[0]) == {}


def test_pickling_in_the_client() -> None:
    library = "/e/lib/python3.12/site-packages/distributed"
    frames = (
        Frame(f"{library}/client.py", "submit", owner=Owner.DEPENDENCY),
        Frame(f"{library}/protocol/pickle.py", "dumps", owner=Owner.DEPENDENCY),
    )
    profile = Profile(
        "py-spy", frames, StackTable([ROOT, 0], [0, 1]), (Thread(1, 1, label="client"), Thread(2, 2, label="worker 0")),
        (Samples(Metric.CPU, 0, [0, 1], [S, S], 200), Samples(Metric.CPU, 1, [1], [5 * S], 500)),
    )  # fmt: skip
    run = make_job(3 * S, 3 * S, profiles=(profile,))
    assert "spent 1.0 s, 50 % of its CPU time, pickling" in say(run)["large-arguments"]
    few = replace(profile, samples=(Samples(Metric.CPU, 0, [0, 1], [20 * S, S], 200),))
    assert say(replace(run, profiles=(few,))) == {}


@pytest.mark.parametrize(("line", "is_said"), [(6, True), (7, False)])
def test_results_that_are_computed_one_by_one(line: int, is_said: bool) -> None:
    frames = (Frame(FILE, "main", line, 4), Frame("/e/site-packages/distributed/client.py", "result", 9))
    frames = (frames[0], replace(frames[1], owner=Owner.DEPENDENCY))
    profile = Profile(
        "py-spy", frames, StackTable([ROOT, 0], [0, 1]), (Thread(1, 1, label="client"),),
        (Samples(Metric.IDLE, 0, [1], [5 * S], 500),),
    )  # fmt: skip
    said = say(make_job(3 * S, 3 * S, profiles=(profile,)))
    assert ("for 5.0 s, in every iteration of the loop in line 5" in said.get("compute-in-loop", "")) == is_said
