"""Signals are handled in whet's own process, and in none that it is starting."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

STARTING = """
import os, signal, subprocess, sys
from whet.program.leash import end_with_parent
from whet.signals import handle_signals

ask = end_with_parent()

def prepare():
    {prepare}

with handle_signals({{"SIGINT": lambda *about: os.write(1, b"handled\\n")}}):
    os.kill(os.getpid(), signal.SIGINT)
    child = subprocess.Popen([sys.executable, "-c", "print('up')"], preexec_fn=prepare)
    print(child.wait())
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(
    "prepare",
    [
        "os.kill(os.getpid(), signal.SIGINT)",
        # As when whet is killed between the fork and what the child asks the kernel for.
        "os.getppid = lambda: 1\n    ask()",
    ],
    ids=["signalled", "orphaned"],
)
def test_a_process_that_is_being_started_ends_by_a_signal_that_whet_handles(prepare: str) -> None:
    if "ask" in prepare and sys.platform != "linux":
        pytest.skip("the kernel sends a signal at the end of whet")
    text = STARTING.format(prepare=prepare)
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "handled\n130\n", done.stderr
