"""Processes of the program that go on when it has ended."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="found by /proc")

DAEMON = """
import os, sys, time
def work():
    end = time.process_time() + 0.3
    while time.process_time() < end:
        sum(range(1_000))
work()
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    os.environ.clear()
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)
    os.closerange(3, 4096)
    with open("daemon", "w") as file:
        file.write(str(os.getpid()))
    os.rename("daemon", "pid")
    time.sleep(300)
    os._exit(0)
os.wait()
open("executions", "a").write("x")
"""
CHILD = """
import subprocess, sys, time
sum(range(10_000_000))
child = subprocess.Popen(["sleep", "300"], stdin=-3, stdout=-3, stderr=-3)
child.returncode = 0
open("pid", "w").write(str(child.pid))
# Long enough to be seen.
end = time.monotonic() + 1
while time.monotonic() < end:
    sum(range(1_000))
"""
HELPERS = """
import multiprocessing
def work(number):
    return sum(range(number))
if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    with multiprocessing.Pool(2) as pool:
        print(pool.map(work, [2_000_000] * 4))
"""


@pytest.mark.parametrize(
    ("program", "options"),
    [
        pytest.param(DAEMON, [], marks=pytest.mark.slow),
        (DAEMON, ["--full"]),
        (CHILD, []),
        pytest.param(CHILD, ["--outside"], marks=pytest.mark.slow),
    ],
)
def test_what_goes_on_unmeasured_is_named(runner, waiting, program, options):
    folder = runner.make_folder()
    ran = runner.whet(runner.write(program), cwd=folder, options=options)
    waiting((folder / "pid").exists)
    pid = int((folder / "pid").read_text())
    try:
        assert Path(f"/proc/{pid}").exists()
        assert ran.status == 0, ran.words
        (said,) = ran.warnings_about("processes")
        assert said.startswith(f"a process of the program (pid {pid}) was still running when it ended; what it did ")
        # Run again, it would meet the one that is there.
        assert "whet run" not in ran.words.partition("\nNext: ")[2]
        if program is DAEMON:
            assert (folder / "executions").read_text() == "x"
    finally:
        os.kill(pid, signal.SIGKILL)


def test_helpers_that_end_with_the_program_are_not(runner):
    ran = runner.whet(runner.write(HELPERS))
    assert ran.status == 0
    assert not ran.warnings_about("processes")
