from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from whet.collect import line_profiler, memray, pyinstrument, pyspy, values
from whet.collect.api import Collector, Launch
from whet.collect.attach import Watched
from whet.collect.plan import Outcome
from whet.collect.pyinstrument import PyinstrumentCollector
from whet.collect.pyspy import PySpyCollector
from whet.collect.resident import TreePoller
from whet.collect.sleeping import Sleep
from whet.model.metric import Metric
from whet.model.profile import ROOT, Correction, Profile
from whet.model.run import Interpreter
from whet.pipeline.run.captures import Captures
from whet.program.host import TargetHost
from whet.program.spec import TargetKind, TargetSpec

FIXTURES = Path(__file__).parents[4] / "fixtures" / "captures"
RECORD = 'process 7:"python srv.py --password hunter2";thread ({tid}): {name};main (srv.py:3) {count}\n'


class FakePoller(TreePoller):
    """A process 7 whose threads have the given CPU time and time in line, in nanoseconds, and have slept so much."""

    def __init__(
        self, clocks: dict[int, int], delays: dict[int, int] | None = None, sleeps: dict[int, Sleep] | None = None
    ) -> None:
        super().__init__(7)
        self.clocks = {(7, tid): spent for tid, spent in clocks.items()}
        self.delays = {(7, tid): late for tid, late in (delays or {}).items()}
        self.sleep_clock.sleeps = {(7, tid): sleep for tid, sleep in (sleeps or {}).items()}


@pytest.fixture(autouse=True)
def load(monkeypatch) -> list[float]:
    """The load average of a machine with two CPUs."""
    load = [0.5]
    monkeypatch.setattr(os, "getloadavg", lambda: (load[0], 0.5, 0.5), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    return load


def launch(collector: Collector, folder: Path) -> Launch:
    """Return the launch of a collector as the pipeline names it."""
    return replace(collector.launch(TargetSpec(TargetKind.SCRIPT, "srv.py"), folder), tool=collector.name)


def read(folder: Path, watched: Watched, active: str, wall: str = "") -> tuple[Profile, Captures]:
    (folder / pyspy.ACTIVE).write_text(active)
    if wall:
        (folder / pyspy.WALL).write_text(wall)
    captures = Captures(folder, "/srv", 0)
    (profile,) = captures.read_attached(launch(PySpyCollector(), folder), watched)
    return profile, captures


def spent(profile: Profile, metric: Metric) -> dict[int, float]:
    """Seconds by thread."""
    sums: dict[int, float] = {}
    for entry in profile.samples:
        if entry.metric is metric:
            tid = profile.threads[entry.thread].tid
            sums[tid] = sums.get(tid, 0) + sum(entry.value) / 1e9
    return sums


def test_command_lines_of_processes_are_masked(tmp_path):
    profile, _ = read(tmp_path, Watched(FakePoller({}), cpu_ns=10**9), RECORD.format(tid=7, name="Main", count=100))
    assert [thread.process for thread in profile.threads] == ["python srv.py --password ***"]
    assert profile.frames[0].file == str(Path("/srv").absolute() / "srv.py")


def test_a_sleeper_that_is_seen_computing_waits(tmp_path):
    """On a crowded machine a thread that was stopped for a look stands in line before it sleeps again."""
    active = "".join(RECORD.format(tid=tid, name=tid, count=300) for tid in (7, 8))
    wall = "".join(RECORD.format(tid=tid, name=tid, count=75) for tid in (7, 8))
    watched = Watched(FakePoller({7: 3 * 10**9, 8: 3 * 10**7}), wall_ns=3 * 10**9, cpu_ns=303 * 10**7)
    profile, _ = read(tmp_path, watched, active, wall)
    assert spent(profile, Metric.CPU) == pytest.approx({7: 3, 8: 0.03})
    assert spent(profile, Metric.WAITING) == pytest.approx({8: 2.97}, abs=0.3)


@pytest.mark.parametrize(("current", "seconds"), [((), 0.09), (((7, 8),), 0.01)])
def test_a_clock_that_was_read_at_the_end_allows_a_thread_no_more_than_it_says(tmp_path, current, seconds):
    """Of a short run 90 ms of a thread that only reads from a pipe would be most of the time."""
    active = RECORD.format(tid=7, name="Main", count=10) + RECORD.format(tid=8, name="reader", count=9)
    poller = FakePoller({7: 10**8, 8: 10**7})
    poller.current = frozenset(current)
    profile, _ = read(tmp_path, Watched(poller, wall_ns=10**9), active)
    assert spent(profile, Metric.CPU) == pytest.approx({7: 0.1, 8: seconds})


def test_the_threads_of_a_sampler_that_names_no_process_have_their_clocks_too(tmp_path):
    active = RECORD.format(tid=7, name="Main", count=10) + RECORD.format(tid=8, name="reader", count=90)
    active = active.replace('process 7:"python srv.py --password hunter2";', "")
    profile, _ = read(tmp_path, Watched(FakePoller({7: 10**8, 8: 10**7}), wall_ns=10**9), active)
    assert {thread.pid for thread in profile.threads} == {7}
    assert spent(profile, Metric.CPU) == pytest.approx({7: 0.1, 8: 0.01})


MAIN = {"tid": 7, "name": "Main"}
CRUNCH = 'process 7:"python srv.py";thread (7): Main;main (srv.py:3);crunch (srv.py:9) {}\n'


def test_standing_in_line_is_neither_computing_nor_waiting(tmp_path):
    poller = FakePoller({7: 10**9}, {7: 2 * 10**9}, {7: Sleep(watched_ns=3 * 10**9)})
    watched = Watched(poller, wall_ns=3 * 10**9, cpu_ns=10**9)
    profile, captures = read(tmp_path, watched, RECORD.format(count=300, **MAIN), RECORD.format(count=75, **MAIN))
    assert spent(profile, Metric.CPU) == pytest.approx({7: 1}, abs=0.01)
    assert spent(profile, Metric.WAITING) == {}
    (notice,) = captures.notices
    assert notice.message.startswith("threads were runnable but not scheduled for 2.0 s, next to 1.0 s of CPU time")
    assert profile.corrections == (Correction("scaled to the CPU clocks", Metric.CPU, -2 * 10**9),)


@pytest.mark.parametrize("read_with", ["attached", "run"])
def test_the_system_tells_how_long_a_thread_waited(tmp_path, read_with):
    """0.8 s of sleep in 4 s, 2.2 of which the thread stood in line: what was seen of the sleep says 1.2 s."""
    poller = FakePoller({7: 10**9}, {7: 22 * 10**8}, {7: Sleep(watched_ns=4 * 10**9, certain_ns=8 * 10**8)})
    active = CRUNCH.format(315) + RECORD.format(count=3, **MAIN)
    wall = CRUNCH.format(75) + RECORD.format(count=30, **MAIN)
    if read_with == "attached":
        profile, captures = read(tmp_path, Watched(poller, wall_ns=4 * 10**9, cpu_ns=10**9), active, wall)
    else:
        (tmp_path / pyspy.ACTIVE).write_text(active)
        (tmp_path / pyspy.WALL).write_text(wall)
        captures = Captures(tmp_path, "/srv", 0)
        pyspy_launch = launch(PySpyCollector(), tmp_path)
        (profile,) = captures.read_time(pyspy_launch, Outcome(wall_ns=4 * 10**9, cpu_ns=10**9, poller=poller))
    assert spent(profile, Metric.CPU) == pytest.approx({7: 1}, abs=0.01)
    (waiting,) = [each for each in profile.samples if each.metric is Metric.WAITING]
    names = [profile.frames[profile.stacks.frame[row]].name for row in waiting.stack]
    assert (names, list(waiting.value)) == (["main"], [8 * 10**8])
    assert [notice.about for notice in captures.notices] == ["machine"]


def test_waiting_is_unknown_where_nothing_counted_it_on_a_busy_machine(tmp_path, load):
    active = RECORD.format(count=100, **MAIN) + RECORD.format(tid=8, name="w", count=1)
    wall = RECORD.format(count=75, **MAIN) + RECORD.format(tid=8, name="w", count=75)
    poller = FakePoller({7: 10**9, 8: 10**7})
    profile, captures = read(tmp_path, Watched(poller, wall_ns=3 * 10**9, cpu_ns=10**9), active, wall)
    assert set(spent(profile, Metric.WAITING)) == {7, 8}
    assert captures.notices == []
    load[0] = 2.1
    profile, captures = read(tmp_path, Watched(poller, wall_ns=3 * 10**9, cpu_ns=10**9), active, wall)
    assert spent(profile, Metric.WAITING) == {}
    (notice,) = captures.notices
    assert (notice.about, notice.message[:28]) == ("waiting", "the waiting is not known: mo")


@pytest.mark.parametrize("sleep", [{}, {8: Sleep(watched_ns=10**9, certain_ns=10**9)}])
def test_the_waiting_of_threads_that_hardly_lived_is_unknown_on_a_busy_machine(tmp_path, sleep):
    """Their clocks cover less than half of the time for which they were seen."""
    poller = FakePoller(
        {7: 10**9, 8: 10**7}, {7: 2 * 10**9}, {7: Sleep(watched_ns=4 * 10**9, certain_ns=10**9), **sleep}
    )
    wall = RECORD.format(count=100, **MAIN) + RECORD.format(tid=8, name="w", count=75)
    watched = Watched(poller, wall_ns=4 * 10**9, cpu_ns=10**9)
    profile, captures = read(tmp_path, watched, CRUNCH.format(300), wall)
    assert spent(profile, Metric.WAITING) == {7: 1}
    assert "the waiting of 1 of 2 threads is not known" in captures.notices[1].message


def test_waiting_that_is_on_no_line(tmp_path):
    """Seen from outside of a container, a thread computes all the time: where it waited cannot be told."""
    poller = FakePoller({7: 10**9}, {7: 1}, {7: Sleep(watched_ns=4 * 10**9, certain_ns=3 * 10**9)})
    active = CRUNCH.format(200) + RECORD.format(count=200, **MAIN)
    wall = CRUNCH.format(50) + RECORD.format(count=50, **MAIN)
    profile, captures = read(tmp_path, Watched(poller, wall_ns=4 * 10**9, cpu_ns=10**9), active, wall)
    (waiting,) = [each for each in profile.samples if each.metric is Metric.WAITING]
    assert (list(waiting.stack), list(waiting.value)) == ([ROOT], [3 * 10**9])
    (notice,) = captures.notices
    assert notice.message.startswith("3.0 of 3.0 s of waiting could not be assigned to lines")


def test_threads_of_containers_are_matched_with_their_clocks(tmp_path):
    watched = Watched(FakePoller({4001: 10**8}), wall_ns=3 * 10**9, cpu_ns=10**9, own_ids={(7, 8): 4001})
    profile, _ = read(tmp_path, watched, RECORD.format(tid=8, name="w", count=300))
    assert spent(profile, Metric.CPU) == pytest.approx({4001: 0.1})


def test_an_idle_process_leaves_an_empty_capture(tmp_path):
    wall = 'process 7:"python srv.py";thread (7): MainThread;main (srv.py:3) 50\n'
    profile, captures = read(tmp_path, Watched(FakePoller({7: 0}), wall_ns=2 * 10**9), "", wall)
    assert spent(profile, Metric.CPU) == {}
    assert spent(profile, Metric.WAITING) == pytest.approx({7: 2})
    assert captures.notices == []


def test_without_a_capture_there_is_no_profile(tmp_path):
    pyspy_launch = launch(PySpyCollector(), tmp_path)
    assert Captures(tmp_path, "/srv", 0).read_attached(pyspy_launch, Watched(FakePoller({}))) == []


# -- of one execution -------------------------------------------------------------------------------------------------

AGENT: dict[str, object] = {
    "schema": 2,
    "pid": 7,
    "cpu_ns": 10**9,
    "wall_ns": 10**9,
    "why_none": "",
    "began": True,
    "threads": [],
    "samples": 3,
    "peak_kilobytes": 0,
    "peak_stack": [],
}


def read_time(
    folder: Path, outcome: Outcome | None = None, collector: Collector | None = None
) -> tuple[list[Profile], list[str]]:
    captures = Captures(folder, "/srv", 2)
    profiles = captures.read_time(launch(collector or PySpyCollector(), folder), outcome or Outcome())
    return profiles, [f"{notice.about}: {notice.message}" for notice in captures.notices]


def test_the_sampler_outside_is_read_with_its_waiting(tmp_path):
    (tmp_path / pyspy.ACTIVE).write_text(RECORD.format(tid=7, name="Main", count=100))
    (tmp_path / pyspy.WALL).write_text(
        RECORD.format(tid=7, name="Main", count=25) + RECORD.format(tid=8, name="other", count=25)
    )
    (profile,), notices = read_time(tmp_path, Outcome(wall_ns=10**9, cpu_ns=10**9))
    assert spent(profile, Metric.CPU) == {7: 1}
    assert spent(profile, Metric.WAITING) == {8: 1}
    assert (profile.execution, notices) == (2, [])


def test_time_in_line_for_a_processor_is_no_cpu_time(tmp_path):
    (tmp_path / pyspy.ACTIVE).write_text(RECORD.format(tid=7, name="Main", count=200))
    outcome = Outcome(wall_ns=2 * 10**9, cpu_ns=10**9, poller=FakePoller({7: 10**9}))
    (profile,), _ = read_time(tmp_path, outcome)
    assert spent(profile, Metric.CPU) == pytest.approx({7: 1}, abs=0.01)


@pytest.mark.parametrize(("times", "count"), [(10, 20), (5, 40), (2, 100)])
def test_a_slower_sampler_that_took_over_counts_for_its_time(tmp_path, times, count):
    (tmp_path / pyspy.ACTIVE).write_text(RECORD.format(tid=7, name="Main", count=100))
    (tmp_path / pyspy.slow_capture(times)).write_text(RECORD.format(tid=7, name="Main", count=count))
    (profile,), notices = read_time(tmp_path, Outcome(wall_ns=3 * 10**9, cpu_ns=3 * 10**9))
    assert spent(profile, Metric.CPU) == {7: 3}
    assert (sum(each.count for each in profile.samples), notices) == (100 + count, [])


@pytest.mark.parametrize(("paused", "names"), [(0.9, ["main"]), (0.1, ["main", "<no Python frame>"])])
def test_what_a_late_sampler_saw_of_the_end_is_nothing(tmp_path, paused, names):
    bare = 'process 7:"python srv.py";thread (7): Main 300\n'
    (tmp_path / pyspy.ACTIVE).write_text(RECORD.format(tid=7, name="Main", count=100) + bare)
    poller = FakePoller({})
    poller._polls, poller._paused_polls = 100, round(100 * paused)
    (profile,), _ = read_time(tmp_path, Outcome(wall_ns=4 * 10**9, cpu_ns=4 * 10**9, poller=poller))
    rows = {row for each in profile.samples for row in each.stack}
    assert [profile.frames[profile.stacks.frame[row]].name for row in sorted(rows)] == names


def test_without_anything_else_the_end_is_what_was_seen(tmp_path):
    (tmp_path / pyspy.ACTIVE).write_text('process 7:"python srv.py";thread (7): Main 300\n')
    poller = FakePoller({})
    poller._polls = poller._paused_polls = 100
    (profile,), _ = read_time(tmp_path, Outcome(wall_ns=4 * 10**9, cpu_ns=4 * 10**9, poller=poller))
    assert spent(profile, Metric.CPU) == {7: 3}


def test_the_sampler_inside_is_read_as_it_sampled(tmp_path):
    shutil.copy(FIXTURES / "pyinstrument-5.1.3" / "waits.json", tmp_path / pyinstrument.CAPTURE)
    # It sees calls that wait as computing: its times are not those of the CPU clocks.
    outcome = Outcome(wall_ns=10**9, cpu_ns=1, poller=FakePoller({7: 1}))
    (profile,), notices = read_time(tmp_path, outcome, PyinstrumentCollector())
    assert profile.corrections == ()
    assert sum(sum(each.value) for each in profile.samples if each.metric is Metric.CPU) > 10**7
    assert profile.collector.startswith("pyinstrument")
    assert (profile.execution, notices) == (2, [])


def test_without_any_sampler_there_is_no_profile(tmp_path):
    assert read_time(tmp_path) == ([], [])
    assert Captures(tmp_path, "/srv", 2).read_time(None, Outcome()) == []


def test_a_sampler_that_could_not_begin_inside_says_why(tmp_path):
    (tmp_path / f"{pyinstrument.CAPTURE}.why").write_text("ImportError: other ABI")
    assert read_time(tmp_path, collector=PyinstrumentCollector()) == (
        [],
        ["pyinstrument: pyinstrument failed inside the program, so times are missing: ImportError: other ABI"],
    )


@pytest.mark.parametrize(
    ("name", "about"), [(pyinstrument.CAPTURE, "pyinstrument"), (line_profiler.CAPTURE, "line_profiler")]
)
def test_a_capture_that_cannot_be_read_is_named(tmp_path, name, about):
    (tmp_path / name).write_bytes(b"\x00junk")
    captures = Captures(tmp_path, "/srv", 0)
    inside = launch(PyinstrumentCollector(), tmp_path)
    read = captures.read_exact_lines() if about == "line_profiler" else captures.read_time(inside, Outcome())
    assert read == []
    (notice,) = captures.notices
    assert notice.about == about
    assert notice.message.startswith(f"the capture of {about} cannot be read: ")


def test_a_capture_that_is_not_there_is_named(tmp_path):
    captures = Captures(tmp_path, "/srv", 0)
    assert captures.read_exact_lines() == []
    assert [notice.message for notice in captures.notices] == [
        "line_profiler left no capture, so its figures are missing"
    ]


def test_what_could_not_be_counted_is_named(tmp_path):
    capture = {"schema": 2, "lines": [], "too_large": [["/a/table.py", 3]], "alike": [["/a/b.py", 7], ["/a/c.py", 7]]}
    (tmp_path / line_profiler.CAPTURE).write_text(json.dumps(capture))
    captures = Captures(tmp_path, "/srv", 0)
    captures.read_exact_lines()
    large, alike = [notice.message for notice in captures.notices]
    assert large == "no hits of functions too large to be counted line by line: table.py:3"
    assert alike.startswith("no hits of b.py:7, c.py:7: ")


def test_exact_lines_are_read_with_absolute_files(tmp_path):
    exact = [["app.py", 1, 2, 5], ["/lib/x.py", 1, 2, 7], ["<string>", 1, 1, 1]]
    (tmp_path / line_profiler.CAPTURE).write_text(
        json.dumps({"schema": 2, "lines": exact, "too_large": [], "alike": []})
    )
    (profile,) = Captures(tmp_path, "/srv", 1).read_exact_lines()
    at = str(Path("/srv").absolute() / "app.py")
    assert [(line.file, line.hits) for line in profile.lines] == [(at, 5), ("/lib/x.py", 7), ("<string>", 1)]
    assert profile.execution == 1


def test_agents_of_the_program_and_its_children_are_read(tmp_path):
    seen = {"file": "app.py", "function": "f", "line": 1, "name": "x", "samples": 3, "types": {"builtins.int": 3}}
    rows = (AGENT, {**seen, "elements": {}, "lengths": None})
    (tmp_path / values.CAPTURE).write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (tmp_path / f"{values.CAPTURE}.9").write_text(json.dumps({**AGENT, "pid": 9}))
    (tmp_path / f"{values.CAPTURE}.8").write_text("[")
    captures = Captures(tmp_path, "/srv", 0)
    first, second = captures.agents
    at = str(Path("/srv").absolute() / "app.py")
    assert (first.pid, second.pid) == (7, 9)
    assert [each.file for each in first.evidence.seen] == [at]
    (notice,) = captures.notices
    assert notice.message.startswith("values.jsonl.8 cannot be read: ")


# -- memory -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def reader(monkeypatch):
    """The interpreter that reads memray's captures: notes its words, writes records, ends with a status.

    It crashes at captures that hold ``crash``, and says ``why`` of the others.
    """

    class Reader:
        commands: ClassVar[list[list[str]]] = []
        records = (FIXTURES / "memray-1.20.0" / "grows-plain.jsonl").read_bytes()
        error: Exception | None = None
        done = subprocess.CompletedProcess([], 0, b"", b"")
        why = ""

        def __call__(self, command, **_more):
            self.commands.append(command)
            if self.error is not None:
                raise self.error
            said = b""
            for capture, out in zip(command[3::2], command[4::2], strict=True):
                if Path(capture).read_bytes() == b"crash":
                    return subprocess.CompletedProcess([], -11, said, b"Segmentation fault\n")
                Path(out).write_bytes(self.records)
                said += json.dumps(self.why).encode() + b"\n"
            return self.done if self.done.returncode else subprocess.CompletedProcess([], 0, said, b"")

    made = Reader()
    made.commands.clear()
    monkeypatch.setattr(subprocess, "run", made)
    return made


HOST = TargetHost(Interpreter("/py", "3.13.0"), (3, 13, 0), "", packages={"memray": "/cache"})


def read_memory(folder: Path, host: TargetHost = HOST) -> tuple[list[Profile], list[str]]:
    captures = Captures(folder, "/srv", 1)
    return captures.read_memory(host), [notice.message for notice in captures.notices]


def test_memory_is_read_by_the_targets_interpreter(tmp_path, reader):
    for name in (memray.CAPTURE, f"{memray.CAPTURE}.9"):
        (tmp_path / name).write_bytes(b"x")
    profiles, notices = read_memory(tmp_path)
    assert notices == []
    assert [profile.execution for profile in profiles] == [1, 1]
    assert all(any(entry.metric is Metric.PEAK for entry in profile.samples) for profile in profiles)
    (command,) = reader.commands
    assert [Path(path).name for path in command[3::2]] == ["memray.bin", "memray.bin.9"]
    assert len(set(command[4::2])) == 2
    assert (command[0], command[2]) == ("/py", "")
    read_memory(tmp_path, replace(HOST, borrowed=frozenset({"memray"})))
    assert reader.commands[-1][2] == "/cache"


def test_a_capture_at_which_the_reader_crashes_does_not_lose_the_others(tmp_path, reader):
    for number in range(150):
        (tmp_path / f"{memray.CAPTURE}.{number:03}").write_bytes(b"crash" if number in {0, 7, 8, 149} else b"x")
    profiles, notices = read_memory(tmp_path)
    assert len(profiles) == 146
    assert notices == [
        f"memray.bin.{number} could not be read: Segmentation fault" for number in ("000", "007", "008", "149")
    ]


def test_large_captures_are_read_by_a_process_each(tmp_path, reader, monkeypatch):
    monkeypatch.setattr("whet.pipeline.run.memray_reader.BATCH_BYTES", 10)
    for number, size in enumerate((4, 4, 4, 20, 20, 1)):
        (tmp_path / f"{memray.CAPTURE}.{number}").write_bytes(b"x" * size)
    profiles, _ = read_memory(tmp_path)
    assert len(profiles) == 6
    assert [len(command[3::2]) for command in reader.commands] == [2, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"done": subprocess.CompletedProcess([], 1, b"", b"Traceback\nValueError: no header\n")},
            "ValueError: no header",
        ),
        ({"done": subprocess.CompletedProcess([], 1, b"", b"")}, "no reason given"),
        ({"error": OSError(2, "No such file or directory")}, "No such file"),
        ({"error": subprocess.TimeoutExpired("x", 600)}, "more than 600 seconds"),
        ({"why": "OSError: Invalid input file"}, "OSError: Invalid input file"),
        ({"records": b"junk"}, "the capture of memray cannot be read"),
    ],
)
def test_memory_that_cannot_be_read_is_named(tmp_path, reader, change, words):
    (tmp_path / memray.CAPTURE).write_bytes(b"x")
    for name, value in change.items():
        setattr(reader, name, value)
    profiles, (notice,) = read_memory(tmp_path)
    assert profiles == []
    assert words in notice


def test_an_incomplete_capture_is_used_and_called_so(tmp_path, reader):
    (tmp_path / memray.CAPTURE).write_bytes(b"x")
    reader.records = b"".join(reader.records.splitlines(keepends=True)[:-1])
    (profile,), (notice,) = read_memory(tmp_path)
    assert profile.samples
    assert "incomplete" in notice
