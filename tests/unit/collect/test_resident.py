from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from whet.collect import resident
from whet.collect.namespaces import ThreadIds
from whet.collect.resident import TreePoller
from whet.collect.sleeping import Sleep

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

BUSY = "import os\nwhile os.times().user < {}: pass\nprint(1, flush=True)\ninput()"


@pytest.fixture
def busy():
    """A process that has computed for 0.2 s, and whose child did so too; both stand still."""
    child = BUSY.format(0.2)
    code = f"import subprocess, sys; c = subprocess.Popen([sys.executable, '-c', {child!r}]); {BUSY.format(0.2)!s}"
    code = code.replace("; import os\n", "\nimport os\n")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as process:
        process.stdout.readline()
        process.stdout.readline()
        yield process
        process.stdin.close()


def test_clocks_count_the_tree_and_from_the_start_only(busy):
    poller = TreePoller(busy.pid)
    assert len(poller.tree()) == 2
    poller.poll(1)
    assert all(spent >= 150_000_000 for spent in poller.thread_clocks().values())
    assert {pid for pid, _ in poller.thread_clocks()} == set(poller.tree())
    assert all(poller.cpu_ns(pid) >= 200_000_000 for pid in poller.tree())
    poller.start_clocks()
    poller.poll(2)
    assert all(spent < 100_000_000 for spent in poller.thread_clocks().values())
    assert all(late >= 0 for late in poller.thread_delays().values())
    assert poller.peak_bytes > 2_000_000
    assert poller.at_ns == [1, 2]


def test_standing_in_line_is_told_from_computing(monkeypatch, tmp_path):
    """Two processes on one processor: each computes for half of the time and stands in line for the other half."""
    first = sorted(os.sched_getaffinity(0))[0]
    code = f"import os; os.sched_setaffinity(0, [{first}])\nprint(1, flush=True)\nwhile True: pass"
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(2)]
    try:
        for process in both:
            process.stdout.readline()
        poller = TreePoller(both[0].pid)
        poller.start_clocks()
        if not poller.delays:
            pytest.skip("this kernel does not tell")
        deadline = time.monotonic() + 20
        while not sum(poller.thread_delays().values()) and time.monotonic() < deadline:
            time.sleep(0.05)
            poller.poll(1)
        assert sum(poller.thread_delays().values()) > 0
        assert sum(poller.thread_clocks().values()) > 0
    finally:
        for process in both:
            process.kill()
            process.communicate()


def test_pauses_are_counted(busy, tmp_path, monkeypatch):
    poller = TreePoller(busy.pid)
    for _ in range(resident.ENOUGH_POLLS):
        assert poller.paused_share == 0
        poller.note_pause()
    assert poller.paused_share == 0

    stat = tmp_path / str(busy.pid) / "stat"
    stat.parent.mkdir()
    stat.write_text(f"{busy.pid} (py) t) t 1 1")
    monkeypatch.setattr(resident, "PROC", str(tmp_path))
    for _ in range(resident.ENOUGH_POLLS):
        poller.note_pause()
    assert poller.paused_share == 0.5


def test_threads_are_renamed_only_where_the_process_numbers_them_apart(busy, tmp_path, monkeypatch):
    ids = ThreadIds()
    ids.note([busy.pid, 2**22 + 1])
    assert ids.ours == {}
    pid = busy.pid
    for tid, own in ((pid, 1), (pid + 1, 11)):
        folder = tmp_path / "proc" / str(pid) / "task" / str(tid)
        folder.mkdir(parents=True)
        (folder / "status").write_text(f"Name:\tx\nNSpid:\t{tid}\t{own}\n")
    (tmp_path / "proc" / str(pid) / "status").write_text(f"Name:\tx\nNSpid:\t{pid}\t1\n")
    from whet.collect import namespaces

    real = namespaces.Path
    monkeypatch.setattr(namespaces, "Path", lambda path: real(f"{tmp_path}{path}"))
    ids = ThreadIds()
    ids.note([pid])
    assert ids.ours == {(pid, 1): pid, (pid, 11): pid + 1}


AWAKE = Sleep(watched_ns=300_000_000, awake_ns=300_000_000, readings=6)
ASLEEP = Sleep(watched_ns=300_000_000, certain_ns=200_000_000)


@pytest.mark.parametrize(
    ("sleeps", "wall", "own", "parents", "is_awake"),
    [
        ({(5, 5): AWAKE}, 400, (), {}, True),
        ({(5, 5): AWAKE, (5, 6): ASLEEP}, 400, (6,), {}, True),
        ({(5, 5): AWAKE, (5, 6): ASLEEP}, 400, (), {}, False),
        ({(5, 5): ASLEEP}, 400, (), {}, False),
        ({(5, 5): AWAKE}, 800, (), {}, False),  # of most of its time nothing is known
        ({(5, 5): AWAKE}, 400, (), {9: 5}, False),  # children may end between two readings
        ({(5, tid): AWAKE for tid in range(5, 205)}, 400, (), {}, False),  # there may be more
        ({}, 400, (), {}, False),
    ],
)
def test_a_process_is_known_to_be_awake_where_its_clocks_say_so(sleeps, wall, own, parents, is_awake):
    poller = TreePoller(5)
    poller.sleep_clock.sleeps, poller.parents = sleeps, parents
    assert poller.is_known_awake(wall * 1_000_000, own) is is_awake
