from __future__ import annotations

import os
import subprocess
import sys

import pytest

from whet._target import guard, pending

PROGRAM = """
import os, sys
from whet._target import guard, pending
calls = []
schedule = pending.make_caller(guard.guard(lambda: calls.append(sys._getframe(1).f_code.co_name)))
os.register_at_fork(after_in_parent=schedule, after_in_child=schedule)
def fork():
    return os.fork()
pid = fork()
while not calls:
    pass
if not pid:
    os._exit(calls == ["fork"])
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), calls)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_it_is_called_once_fork_has_returned_in_both_processes() -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("1 ['fork']\n", "")


def test_where_there_is_no_fork_there_is_nothing_to_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork", raising=False)
    assert pending.make_caller(guard.guard(lambda: None)) is None
