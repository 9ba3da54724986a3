from __future__ import annotations

from pathlib import Path

import pytest

from whet.collect import pyspy
from whet.collect.attach import Watched
from whet.collect.resident import TreePoller
from whet.model.metric import Metric
from whet.model.profile import Profile
from whet.pipeline.captures import Captures

RECORD = 'process 7:"python srv.py --password hunter2";thread ({tid}): {name};main (srv.py:3) {count}\n'


class FakePoller(TreePoller):
    """A process 7 whose threads have the given CPU time and time in line, in nanoseconds."""

    def __init__(self, clocks: dict[int, int], delays: dict[int, int] | None = None) -> None:
        super().__init__(7)
        self.clocks = {(7, tid): spent for tid, spent in clocks.items()}
        self.delays = {(7, tid): late for tid, late in (delays or {}).items()}


def read(folder: Path, watched: Watched, active: str, wall: str = "") -> tuple[Profile, Captures]:
    (folder / pyspy.ACTIVE).write_text(active)
    if wall:
        (folder / pyspy.WALL).write_text(wall)
    captures = Captures(folder, "/srv", 0)
    (profile,) = captures.read_attached(100, 25, watched)
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


def test_standing_in_line_is_neither_computing_nor_waiting(tmp_path):
    watched = Watched(FakePoller({7: 10**9}, {7: 2 * 10**9}), wall_ns=3 * 10**9, cpu_ns=10**9)
    row = {"tid": 7, "name": "Main"}
    profile, captures = read(tmp_path, watched, RECORD.format(count=300, **row), RECORD.format(count=75, **row))
    assert spent(profile, Metric.CPU) == pytest.approx({7: 1}, abs=0.01)
    assert spent(profile, Metric.WAITING) == {}
    (notice,) = captures.notices
    assert notice.message.startswith("threads stood in line for a processor for 2.0 s, beside 1.0 s of computing")


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
    assert Captures(tmp_path, "/srv", 0).read_attached(100, 25, Watched(FakePoller({}))) == []
