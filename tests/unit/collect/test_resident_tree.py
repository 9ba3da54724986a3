"""What is read of a made-up ``/proc``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from whet.collect import resident
from whet.collect.resident import TreePoller

PAGE = 4096
TICK_NS = 10_000_000


class Tree:
    """A folder in the place of ``/proc``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def add(self, pid: int, *, children: tuple[int, ...] = (), pages: int = 0, threads: tuple[int, ...] = ()) -> None:
        for tid in threads or (pid,):
            self.task(pid, tid, children if tid == pid else ())
        (self.root / f"{pid}/statm").write_text(f"900 {pages} 3 1 0 40 0\n")

    def task(self, pid: int, tid: int, children: tuple[int, ...] = (), *, state: str = "R", ticks: int = 0) -> Path:
        folder = self.root / f"{pid}/task/{tid}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "children").write_text(" ".join(map(str, children)) + " ")
        before = f"{tid} (a name) with ) (in it) {state} " + "0 " * 10
        (folder / "stat").write_text(f"{before}{ticks} {ticks} 0 0 20 0 1 0 500\n")
        return folder


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    monkeypatch.setattr(resident, "PROC", str(tmp_path))
    return Tree(tmp_path)


def make_poller(pid: int = 10) -> TreePoller:
    poller = TreePoller(pid)
    # The figures of a made-up system, wherever the tests run.
    poller.supported = True
    poller._page, poller._tick_ns = PAGE, TICK_NS
    return poller


def test_memory_of_the_whole_tree_is_added_up(tree: Tree):
    tree.add(10, children=(11, 12), pages=5)
    tree.add(11, children=(13,), pages=7)
    tree.add(12, pages=1)
    tree.add(13, pages=2)
    poller = make_poller()
    assert sorted(poller.tree()) == [10, 11, 12, 13]
    poller.poll(100)
    assert (poller.at_ns, poller.bytes) == ([100], [15 * PAGE])
    tree.add(11, children=(13,), pages=50)
    poller.poll(200)
    tree.add(11, pages=0)
    poller.poll(300)
    assert poller.bytes == [15 * PAGE, 58 * PAGE, 6 * PAGE]
    assert (poller.peak_bytes, poller.peak_at_ns) == (58 * PAGE, 200)


def test_children_of_any_thread_are_descendants(tree: Tree):
    tree.add(10, threads=(10, 20), pages=1)
    tree.task(10, 20, (30,))
    tree.add(30, pages=1)
    assert sorted(make_poller().tree()) == [10, 30]


def test_a_process_that_is_gone_leaves_no_point(tree: Tree):
    poller = make_poller()
    poller.poll(1)
    assert poller.at_ns == []
    tree.add(10, children=(11,), pages=3)
    poller.poll(2)
    assert poller.bytes == [3 * PAGE]


@pytest.mark.parametrize("text", ["", "garbage", "1", "x y z"])
def test_what_cannot_be_read_counts_nothing(tree: Tree, text: str):
    tree.add(10, pages=3)
    tree.add(11, pages=4)
    (tree.root / "10/task/10/children").write_text("11 x")
    (tree.root / "10/task/10/stat").write_text(text)
    (tree.root / "11/statm").write_text(text)
    poller = make_poller()
    poller.poll(1)
    assert poller.bytes == [3 * PAGE]
    assert poller.clocks == {}


def test_points_are_thinned_out_and_the_peak_stays(tree: Tree, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(resident, "MAX_POINTS", 8)
    poller = make_poller()
    for number in range(1, 31):
        tree.add(10, pages=100 if number == 14 else number)
        poller.poll(number)
    assert len(poller.at_ns) == len(poller.bytes) <= 8
    assert poller.at_ns == sorted(poller.at_ns)
    assert poller.at_ns[0] == 1
    assert poller.at_ns[-1] > 20
    assert (poller.peak_bytes, poller.peak_at_ns) == (100 * PAGE, 14)


def test_threads_have_clocks_that_count_from_the_start(tree: Tree):
    tree.add(10, pages=1)
    tree.task(10, 10, ticks=5)
    poller = make_poller()
    poller.start_clocks()
    tree.task(10, 10, ticks=9)
    tree.task(10, 11, ticks=2)
    poller.poll(1)
    assert poller.thread_clocks() == {(10, 10): 8 * TICK_NS, (10, 11): 4 * TICK_NS}
    assert poller.thread_delays() == {}


def test_the_schedulers_own_figures_are_finer_and_tell_the_queue(tree: Tree):
    tree.add(10, pages=1)
    folder = tree.task(10, 10, ticks=5)
    (folder / "schedstat").write_text("1000 200 7\n")
    poller = make_poller()
    poller.start_clocks()
    (folder / "schedstat").write_text("5500 900 9\n")
    poller.poll(1)
    assert poller.thread_clocks() == {(10, 10): 4500}
    assert poller.thread_delays() == {(10, 10): 700}


def test_clocks_of_a_process_with_very_many_threads_are_read_in_part(tree: Tree, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(resident, "MAX_THREADS", 5)
    tree.add(10, threads=tuple(range(10, 40)), pages=1)
    poller = make_poller()
    poller.poll(1)
    assert len(poller.clocks) == 5


def test_pauses_are_told_once_there_are_enough_polls(tree: Tree):
    tree.add(10, pages=1)
    poller = make_poller()
    for number in range(resident.ENOUGH_POLLS - 1):
        tree.task(10, 10, state="t")
        poller.poll(number)
    assert poller.paused_share == 0.0
    for number in range(27):
        tree.task(10, 10, state="S")
        poller.poll(number)
    assert poller.paused_share == pytest.approx(9 / 36)


def test_elsewhere_every_figure_is_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", "sunos5")
    poller = TreePoller(os.getpid())
    poller.start_clocks()
    poller.poll(1)
    poller.note_pause()
    assert (poller.at_ns, poller.peak_bytes, poller.cpu_ns(), poller.clocks) == ([], 0, 0, {})
    assert not poller.supported


def test_polls_that_take_long_become_rarer(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10**12, 10_000_000))
    monkeypatch.setattr(resident.time, "thread_time_ns", lambda: next(clock))
    poller, seen = TreePoller(1), []
    monkeypatch.setattr(poller, "poll", seen.append)
    for at_ns in range(0, 1_000_000_000, 50_000_000):
        poller.poll_when_due(at_ns)
    assert seen == [0, 350_000_000, 700_000_000]


class Sampler:
    """A process as ``subprocess`` shows it."""

    pid = 99

    def __init__(self, *words: str) -> None:
        self.args = ["py-spy", "record", *words]


@pytest.mark.parametrize(
    ("words", "noted"), [((), (99, 1)), (("--subprocesses",), (99, 2)), (("--nonblocking", "--subprocesses"), (0, 2))]
)
def test_the_sampler_that_stops_the_program_is_told(tree: Tree, words: tuple[str, ...], noted: tuple[int, int]):
    tree.add(10, children=(20,), pages=1)
    tree.add(20, pages=1)
    poller = make_poller()
    begun = []
    poller.sleep_clock.begin = lambda *words: begun.append(words)  # type: ignore[method-assign]
    poller.note_sampler(Sampler(*words))  # type: ignore[arg-type]
    poller.poll(1)
    poller.note_sampler(None)
    poller.poll(2)
    assert begun == [noted, (0, 1)]


def test_parents_are_remembered(tree: Tree):
    tree.add(10, children=(20,), pages=1)
    tree.add(20, children=(30,), pages=1)
    tree.add(30, pages=1)
    poller = make_poller()
    poller.poll(1)
    assert poller.parents == {20: 10, 30: 20}


def test_the_sleep_of_threads_is_counted(tree: Tree, monkeypatch: pytest.MonkeyPatch):
    from whet.collect import sleeping

    now = [10**12]
    monkeypatch.setattr(sleeping, "monotonic_ns", lambda: now[0])
    tree.add(10, pages=1)
    folder = tree.task(10, 10)
    poller = make_poller()
    for number in range(1, 12):
        (folder / "schedstat").write_text(f"{number * 10_000_000} 0 {number}\n")
        poller.poll(number)
        now[0] += 50_000_000
    sleep = poller.sleep_clock.sleeps[10, 10]
    assert (sleep.watched_ns, sleep.waited_ns) == (500_000_000, 400_000_000)
