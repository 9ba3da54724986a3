from __future__ import annotations

import os
import platform
import subprocess
import sys
import time

import pytest

from whet.collect import gil
from whet.collect.gil import GilReader, find_data
from whet.collect.resident import TreePoller

MAPS = b"""\
55e89a161000-55e89a162000 r--p 00000000 fe:00 26723   /opt/my python/bin/python3.13
55e89a165000-55e89a166000 rw-p 00003000 fe:00 26723   /opt/my python/bin/python3.13
55e8a74c3000-55e8a7510000 rw-p 00000000 00:00 0       [heap]
7f9c8f893000-7f9c8f894000 rw-p 00005000 fe:00 29740   /usr/lib/_json.cpython-313-x86_64-linux-gnu.so
7f9c90400000-7f9c90500000 r-xp 00000000 fe:00 29741   /usr/lib/libpython3.13t.so.1.0
7f9c90500000-7f9c90600000 rw-p 00005000 fe:00 29741   /usr/lib/libpython3.13t.so.1.0
7f9c90600000-7f9c90700000 rw-p 00005000 fe:00 29741   /usr/lib/x86_64-linux-gnu/libpythonic.so
7f9c90700000-7f9c90800000 rw-p 00000000 00:00 0
"""


def test_the_interpreters_data_is_found_and_nothing_else():
    assert [hex(each.start) for each in find_data(MAPS)] == ["0x55e89a165000", "0x7f9c90500000"]
    embedded = b"5000-6000 rw-p 0 fe:00 1 /usr/bin/uwsgi\n6000-7000 rw-p 0 00:00 0\n"
    assert find_data(embedded) == []
    assert find_data(embedded, "/usr/bin/uwsgi") == [range(0x5000, 0x6000)]
    assert find_data(b"\xff\n\nno maps at all\n") == []


@pytest.fixture
def proc(tmp_path, monkeypatch):
    """A made-up ``/proc`` with one process of one thread: call it with what ``syscall`` says."""
    monkeypatch.setattr(gil, "PROC", str(tmp_path))
    task = tmp_path / "7/task/8"
    task.mkdir(parents=True)
    (tmp_path / "7/maps").write_bytes(MAPS)
    (tmp_path / "7/exe").symlink_to("/opt/my python/bin/python3.13")

    def say(text):
        (task / "syscall").write_text(text)
        return tmp_path / "7/maps"

    return say


@pytest.mark.parametrize(
    ("said", "waits"),
    [
        ("202 0x7f9c905000f0 0x89 0x0 0x7f 0x0 0xffffffff 0x7f 0x7f", True),
        ("219 0x7f9c905000f4 0x89 0x0 0x7f 0x0 0xffffffff 0x7f 0x7f", True),
        ("202 0x55e8a74c3530 0x189 0x0 0x0 0x0 0xffffffff 0x7f 0x7f", False),  # a lock on the heap
        ("7 0x7f9c905000f0 0x1 0xffffffff 0x1 0x0 0x0 0x7f 0x7f", False),  # poll
        ("running", None),
        ("-1 0x7f 0x7f", None),  # stopped while it computed
        ("", None),
        ("202 nonsense", None),
    ],
)
def test_a_thread_waits_for_the_gil_where_it_sleeps_in_the_interpreters_data(proc, said, waits):
    proc(said)
    assert GilReader("x86_64").is_waiting(7, 8) is waits


def test_what_is_not_known_is_not_said(proc):
    proc("202 0x7f9c905000f0 0x89")
    assert GilReader("pdp11").is_waiting(7, 8) is None
    assert GilReader("x86_64").is_waiting(7, 9) is None


def test_a_process_that_became_another_program_is_looked_at_again(proc):
    reader = GilReader("x86_64")
    maps = proc("202 0x7f9c905000f0 0x89")
    assert reader.is_waiting(7, 8, b"1") is True
    maps.write_bytes(MAPS.replace(b"7f9c905", b"7f9c915"))
    assert reader.is_waiting(7, 8, b"1") is True
    assert reader.is_waiting(7, 8, b"2") is False


CODE = """
import sys, threading, time
def compute():
    while True:
        sum(range(50))
lock = threading.Lock()
lock.acquire()
for target in (compute, compute, lambda: time.sleep(60), lock.acquire):
    threading.Thread(target=target, daemon=True).start()
print(1, flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in gil.FUTEX or platform.libc_ver()[0] != "glibc",
    reason="the lock's address, as Linux and glibc tell it",
)
@pytest.mark.skipif(not getattr(sys, "_is_gil_enabled", lambda: True)(), reason="no GIL")
def test_threads_that_compute_are_met_waiting_for_the_gil_and_sleepers_are_not():
    with subprocess.Popen([sys.executable, "-c", CODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            process.stdout.readline()
            if not os.access(f"/proc/{process.pid}/syscall", os.R_OK):
                pytest.skip("this system does not tell")
            poller = TreePoller(process.pid)
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline:
                time.sleep(0.01)
                poller.poll(1)
                parts = sorted((waits / asleep, asleep) for asleep, waits in poller.sleepers.values())
                if len(parts) == 5 and min(asleep for _, asleep in parts) >= 10:
                    break
        finally:
            process.kill()
    # The sleeper, the lock's second owner-to-be, and the first thread, which reads.
    assert [part for part, _ in parts[:2]] == [0, 0], parts
    assert [part > 0.5 for part, _ in parts] == [False, False, False, True, True], parts
