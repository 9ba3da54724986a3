"""How whet itself ends: by the signal that ended the program, so that whoever waits for it sees no difference."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.pieces import mark_slow

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

# Ended by one that it sends itself, after as much work as shows in a report.
ENDS = """
import os, resource, signal, sys, time
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
def work():
    end = time.process_time() + 0.3
    while time.process_time() < end:
        sum(range(1_000))
work()
{end}
"""
KILLED = ENDS.format(end="os.kill(os.getpid(), signal.{name})\ntime.sleep(60)")


def wait(process):
    """Return the true exit status of a command, negative for a signal."""
    _, words = process.communicate(timeout=240)
    return process.returncode, words.decode("utf-8", "replace")


@pytest.mark.parametrize(
    "name", mark_slow(["SIGKILL", "SIGTERM", "SIGINT", "SIGABRT", "SIGUSR1"], ["SIGKILL", "SIGINT"])
)
def test_whet_ends_by_the_signal_that_ended_the_program(runner, tmp_path, name):
    folder, temporary = runner.make_folder(), runner.make_folder()
    program = runner.write(KILLED.format(name=name))
    environ = {**os.environ, "TMPDIR": str(temporary)}
    plain, _ = wait(runner.start([sys.executable, str(program)], folder))
    status, words = wait(runner.start(runner.command(program, options=["--full"]), folder, env=environ))
    # Where Python has a handler of its own for the signal, it ends by that signal all the same.
    assert status == plain == -signal.Signals[name], words
    assert f"ended by {name}" in words
    assert "exit 1" not in words and "status 1" not in words
    assert (folder / "whet-report.html").is_file()
    assert not list(temporary.iterdir())


def test_status_above_128_is_one(runner):
    program = runner.write(ENDS.format(end="os._exit(143)"))
    assert wait(runner.start(runner.command(program), runner.make_folder()))[0] == 143


def test_program_that_duration_ended_is_told_by_its_status(runner):
    """Whoever asked for that did not interrupt whet, and a loop around it goes on."""
    program = runner.write(ENDS.format(end="time.sleep(60)"))
    status, _ = wait(runner.start(runner.command(program, options=["--duration", "1"]), runner.make_folder()))
    assert status == 130


def test_signal_in_a_later_execution_ends_whet(runner, waiting):
    """The first one ended by itself, and what was measured is reported."""
    program = runner.write(ENDS.format(end="open('executions', 'a').write('x')\ntime.sleep(60 * again)"))
    program.write_text(program.read_text().replace("work()\n", "work()\nagain = os.path.exists('executions')\n", 2))
    folder = runner.make_folder()
    process = runner.start(runner.command(program, options=["--repeat", "5"]), folder)
    waiting(lambda: (folder / "executions").is_file() and (folder / "executions").read_text() == "xx")
    process.terminate()
    status, words = wait(process)
    assert status == -signal.SIGTERM, words
    assert (folder / "executions").read_text() == "xx"
    assert (folder / "whet-report.html").is_file()


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="needs bash")
def test_loop_of_a_shell_ends_at_ctrl_c(runner, waiting):
    """bash leaves it where the command was ended by SIGINT, and goes on where that exited with 130."""
    folder = runner.make_folder()
    program = runner.write("open('begun', 'a').write('x')\n" + ENDS.format(end="time.sleep(60)"))
    command = shlex.join(runner.command(program))
    process = runner.start(["/bin/bash", "-c", f"while :; do {command}; done"], folder, start_new_session=True)
    waiting((folder / "begun").exists)
    os.killpg(process.pid, signal.SIGINT)
    try:
        status, words = wait(process)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    assert status == -signal.SIGINT, words
    assert (folder / "begun").read_text() == "x"
    assert (folder / "whet-report.html").is_file()
