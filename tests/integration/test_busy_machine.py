"""Waiting beside busy processes: what a program sleeps is told, and what it computes is not taken for waiting."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from tests.integration.conftest import WHET
from tests.integration.pieces import CRUNCH

from whet.program.ptrace import ptrace_trouble

SLEPT = 0.8
NEAR = 0.3
"""Part by which the waiting may be off: 0.1 where nothing else runs, more where other tests run too."""
ALONE = 3.0
"""Seconds that the program takes at most where the load is what this test makes: it computes for 0.4 s, queues for
twice as long at most and sleeps. Beside still more processes each stop of the sleeper costs it a place in the queue;
there the report may be off by more, or say that it does not know."""

PROGRAM = f"""
    import time

    def compute(seconds):
        end, count = time.thread_time() + seconds, 0
        while time.thread_time() < end:
            count += sum(range(100))
        return count

    def sleep():
        time.sleep({SLEPT})

    def compute_again():
        return compute(0.2)

    compute(0.2)
    sleep()
    compute_again()
"""
SERVICE = f"""{CRUNCH}
print("ready", flush=True)
while True:
    crunch()
"""

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the clocks that Linux has for threads"),
    pytest.mark.skipif(
        sys.platform == "linux" and ptrace_trouble(attaching=True) is not None,
        reason="this machine lets nobody read a process that runs already",
    ),
]


@pytest.fixture
def busy() -> Iterator[None]:
    """Twice as many busy processes as there are CPUs."""
    code = "print(1, flush=True)\nwhile True: pass"
    count = 2 * len(os.sched_getaffinity(0))
    processes = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(count)]
    try:
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()
        yield
    finally:
        for process in processes:
            process.kill()
            process.communicate()


@pytest.mark.slow
def test_a_sleep_is_told_and_computing_is_no_waiting(busy, runner):
    path = runner.write(PROGRAM)
    ran = runner.whet(path)
    assert ran.status == 0, ran.words
    waiting = {row["name"]: row["waiting_seconds"] for row in ran.report["functions"] if row["owner"] == "user"}
    slept = waiting.pop("sleep", 0)
    waiting.pop("<module>", None)
    if ran.report["duration_seconds"] < ALONE and ran.knows_waiting:
        assert slept == pytest.approx(SLEPT, rel=NEAR)
        assert not any(waiting.values()), waiting
    elif not ran.warnings_about("waiting"):
        assert slept + sum(waiting.values()) == pytest.approx(SLEPT, rel=0.5), (slept, waiting)


@pytest.mark.slow
def test_attach_does_not_advise_on_waiting_for_a_line_that_computes(busy, runner):
    path = runner.write(SERVICE, "service.py")
    with runner.start([sys.executable, str(path)], path.parent) as service:
        try:
            service.stdout.readline()
            time.sleep(0.1)
            folder = runner.make_folder()
            ran = runner.call([*WHET, "attach", str(service.pid), "--duration", "3"], folder)
        finally:
            service.kill()
    assert ran.status == 0, ran.words
    assert "The program waits here" not in ran.words
    assert sum(row["waiting_seconds"] for row in ran.report["functions"]) == 0
