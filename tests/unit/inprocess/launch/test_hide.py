"""What traces the program by file meets none of whet's files."""

from __future__ import annotations

import subprocess
import sys

RENAMED = """
import functools, os, sys, types
from whet.inprocess.agent import agent, values
from whet.inprocess.launch import hide, runner
hide.rename_own_code()
own = os.path.dirname(agent.__file__)
left = []
for module in (agent, hide, runner, values):
    for value in vars(module).values():
        members = vars(value).values() if isinstance(value, type) and value.__module__ == module.__name__ else [value]
        for one in members:
            one = getattr(one, "__func__", getattr(one, "fget", one))
            if isinstance(one, types.FunctionType) and one.__module__ == module.__name__:
                todo = [one.__code__]
                while todo:
                    code = todo.pop()
                    todo += [each for each in code.co_consts if isinstance(each, types.CodeType)]
                    if code.co_filename.startswith(own):
                        left.append(code.co_qualname)
print(left, agent.Agent.start.__code__.co_filename, functools.partial.__module__)
print(os.path.join.__code__.co_filename.startswith("<whet>"))
"""


def test_all_code_is_renamed_and_no_others() -> None:
    done = subprocess.run([sys.executable, "-c", RENAMED], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[] <whet>/agent.py functools", "False"]
