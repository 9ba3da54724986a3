from __future__ import annotations

import dataclasses

import pytest

from whet.merge import gather
from whet.merge.gather import Gathering
from whet.merge.hotspots import merge_run
from whet.model.frame import Frame, Owner
from whet.model.imbalance import find_imbalance
from whet.model.metric import Metric
from whet.model.part import Part
from whet.model.profile import ROOT, LineCount, Profile, Samples, StackTable, Thread
from whet.model.run import Execution, Interpreter, Notice, Purpose, Run, SourceFile
from whet.model.scaling import Scaling
from whet.model.trial import Proof

MS = 1_000_000


def make_run(solve_ms: int, idle_ms: int = 0, *, text: str = "x", version: str = "3.12.1", lines: int = 0) -> Run:
    """A run whose function solve computes for so long, and load for 100 ms."""
    frames = (
        Frame("/p/job.py", "main", 9, 8),
        Frame("/p/job.py", "solve", 3, 2),
        Frame("/p/job.py", "load", 6, 5),
        Frame("/usr/lib/python3.12/json/decoder.py", "decode", 4, 1, Owner.STDLIB),
    )
    samples = [Samples(Metric.CPU, 0, [1, 3], [solve_ms * MS, 100 * MS], (solve_ms + 100) // 10)]
    if idle_ms:
        samples.append(Samples(Metric.IDLE, 0, [0], [idle_ms * MS], idle_ms // 10))
    time = Profile(
        "py-spy 0.4.2",
        frames,
        StackTable([ROOT, 0, 0, 2], [0, 1, 2, 3]),
        (Thread(12, 12, "MainThread", "python job.py"),),
        tuple(samples),
        period_ns=10 * MS,
        ticks=10,
    )
    hits = Profile("line_profiler", lines=(LineCount("/p/job.py", 3, 2, lines),), execution=1)
    executions = [Execution(Purpose.TIME, ("py-spy",), 1_000 * MS, (solve_ms + 100) * MS, 0)]
    if lines:
        executions.append(Execution(Purpose.EXACT_LINES, ("line_profiler",), 1, 1, 0))
    return Run(
        "0",
        ("job.py",),
        "2026-01-01T00:00:00+00:00",
        "/p",
        "/p",
        Interpreter("/usr/bin/python", version),
        executions=(*executions, Execution(Purpose.EXACT_LINES, ("line_profiler",), 1, 1, 0))
        if lines
        else (*executions,),
        profiles=(time, hits) if lines else (time,),
        sources={"/p/job.py": SourceFile("/p/job.py", "job.py", text, "")},
        notices=(Notice("machine", "busy"),),
    )


def gather_all(*runs: Run, most: int = gather.MOST_ENTRIES) -> Run:
    gathering = Gathering(most)
    for rank, run in enumerate(runs):
        gathering.add(run, f"rank {rank}")
    return gathering.finish()


def test_sums_and_a_view_of_each() -> None:
    run = gather_all(make_run(400), make_run(900, 50), make_run(410))
    hotspots = merge_run(run)
    assert hotspots.cpu_ns == 2_010 * MS
    assert {thread.label: thread.cpu_ns // MS for thread in hotspots.threads} == {
        "rank 0": 500, "rank 1": 1_000, "rank 2": 510,
    }  # fmt: skip
    assert [(part.label, part.cpu_ns // MS, part.clock_ns // MS, part.idle_ns // MS) for part in run.parts] == [
        ("rank 0", 500, 500, 0), ("rank 1", 1_000, 1_000, 50), ("rank 2", 510, 510, 0),
    ]  # fmt: skip
    assert run.timed is not None
    assert (run.timed.wall_ns // MS, run.timed.cpu_ns // MS) == (1_000, 2_010)
    assert len(run.profiles) == 1
    assert not run.can_run_again


def test_time_is_lost_in_a_function_with_what_it_called_outside() -> None:
    run = gather_all(make_run(400), make_run(900), make_run(410))
    found = find_imbalance(run.parts)
    assert found is not None
    assert (found.label, found.work_ns // MS, found.others_ns // MS) == ("rank 1", 1_000, 505)
    assert found.ratio == pytest.approx(1_000 / 670)
    assert found.is_significant
    assert found.function is not None
    assert (found.function.name, found.function.spent_ns // MS) == ("solve", 495)
    assert [(each.name, each.spent_ns // MS) for each in run.parts[0].functions] == [("solve", 400), ("load", 100)]


def test_what_one_part_proved_or_scaled_says_nothing_of_all() -> None:
    first = dataclasses.replace(
        make_run(100), proof=Proof(started="2026-01-01"), scaling=Scaling(("job.py", "{n}"), notes=("a note",))
    )
    merged = gather_all(first, make_run(200))
    assert (merged.proof, merged.scaling) == (Proof(), Scaling())


def test_even_parts_do_not_stand_out() -> None:
    found = find_imbalance(gather_all(make_run(400), make_run(410), make_run(420)).parts)
    assert found is not None
    assert not found.is_significant
    assert find_imbalance(gather_all(make_run(400)).parts) is None


def test_who_waits_for_others_does_not_work() -> None:
    spinning = Part("rank 0", cpu_ns=100, waiting_ns=900, exchange_ns=900, samples=100)
    slow = Part("rank 1", cpu_ns=900, waiting_ns=100, exchange_ns=100, samples=100)
    found = find_imbalance([spinning, slow])
    assert found is not None
    assert (found.label, found.others_ns) == ("rank 1", 100)


def test_merging_merged_runs_is_merging_all() -> None:
    runs = [make_run(100 * rank) for rank in range(1, 5)]
    whole = gather_all(*runs)
    halves = Gathering()
    for half in (gather_all(*runs[:2]), dataclasses.replace(gather_all(*runs[2:]))):
        renamed = half
        if half.parts[0].cpu_ns != whole.parts[0].cpu_ns:
            threads = [dataclasses.replace(t, label=f"rank {int(t.label[-1]) + 2}") for t in half.profiles[0].threads]
            parts = [dataclasses.replace(p, label=f"rank {int(p.label[-1]) + 2}") for p in half.parts]
            profiles = (dataclasses.replace(half.profiles[0], threads=tuple(threads)),)
            renamed = dataclasses.replace(half, parts=tuple(parts), profiles=profiles)
        halves.add(renamed, "unused")
    assert halves.finish().parts == whole.parts
    assert merge_run(halves.finish()).threads == merge_run(whole).threads


def test_exact_hits_add_up_over_parts() -> None:
    run = gather_all(make_run(400, lines=7), make_run(400, lines=8))
    assert [each.hits for profile in run.profiles for each in profile.lines] == [15]
    spots = {spot.line: spot.cost.hits for spot in merge_run(run).lines}
    assert spots[3] == 15


@pytest.mark.parametrize(
    ("most", "threads"),
    [
        (16, {("rank 0", 0), ("rank 0", 1), ("rank 1", 0), ("rank 1", 1), ("rank 2", 0), ("rank 2", 1)}),
        (8, {("rank 0", 0), ("rank 1", 0), ("rank 2", 0)}),
        (4, {("", 0)}),
    ],
)
def test_stacks_are_kept_less_finely_where_they_are_too_many(most: int, threads: set[tuple[str, int]]) -> None:
    run = make_run(100)
    (profile,) = run.profiles
    profiles = tuple(dataclasses.replace(profile, threads=(Thread(thread, thread),)) for thread in range(2))
    merged = gather_all(*(dataclasses.replace(run, profiles=profiles) for _ in range(3)), most=most)
    hotspots = merge_run(merged)
    assert hotspots.cpu_ns == 1_200 * MS
    assert {(thread.label, thread.pid) for thread in hotspots.threads} == threads
    assert [part.cpu_ns // MS for part in merged.parts] == [400] * 3
    assert any(notice.about == "parts" for notice in merged.notices) == (most < 16)


def test_what_differs_between_parts_is_said() -> None:
    run = gather_all(make_run(1, text="a"), make_run(1, text="b", version="3.13.0"))
    said = [notice.message for notice in run.notices]
    assert "job.py is not the same in all parts: that of rank 0 is shown" in said
    assert any("3.12.1 (rank 0), CPython 3.13.0 (rank 1)" in each for each in said)
    assert "rank 0 and 1 more: busy" in said


def test_functions_of_a_part_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "MOST_FUNCTIONS", 1)
    assert [each.name for each in gather_all(make_run(400)).parts[0].functions] == ["solve"]


def test_the_peaks_of_parts_add_up_as_those_of_their_lines_do() -> None:
    def hold(size: int) -> Run:
        timed = make_run(400)
        frames, stacks = timed.profiles[0].frames[:2], StackTable([ROOT, 0], [0, 1])
        threads = timed.profiles[0].threads
        held = Profile("memray", frames, stacks, threads, (Samples(Metric.PEAK, 0, [1], [size], 1),), peak_bytes=size)
        return dataclasses.replace(timed, profiles=(*timed.profiles, held))

    (memory,) = (each for each in gather_all(hold(300), hold(500)).profiles if each.collector == "memray")
    assert memory.peak_bytes == sum(sum(each.value) for each in memory.samples) == 800
