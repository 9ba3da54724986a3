"""Functions that came to a worker process by value, as cloudpickle sends them: without their file."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from whet.program.ptrace import ptrace_trouble

PROGRAM = """
    import inspect
    import multiprocessing
    import time


    def crunch(seconds):
        end, count = time.thread_time() + seconds, 0
        while time.thread_time() < end:
            count += sum(range(100))
        return count


    def work(source, first):
        space = {"time": time}
        exec(compile("\\n" * (first - 1) + source, "<dynamic-code>", "exec"), space)
        space["crunch"](0.8)


    if __name__ == "__main__":
        what = inspect.getsource(crunch), crunch.__code__.co_firstlineno
        process = multiprocessing.get_context("spawn").Process(target=work, args=what)
        process.start()
        process.join()
"""

pytestmark = pytest.mark.skipif(
    sys.platform == "linux" and ptrace_trouble() is not None, reason="this machine lets nobody read a process"
)


def test_a_function_that_came_by_value_is_the_users(runner):
    path = runner.write(PROGRAM)
    ran = runner.whet(path)
    assert ran.status == 0, ran.words
    (row,) = ran.find_functions("crunch")
    assert (Path(row["file"]).name, row["owner"], row["self_share"] > 0.2) == ("prog.py", "user", True)
    assert "dynamic-code" not in ran.words
