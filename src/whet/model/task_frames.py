"""How a task's name stands on the stack while it runs, where samplers find it.

A worker calls each task through a function whose name holds that of the task, in hexadecimal digits: names of tasks are
anybody's, and profile formats have signs of their own.
"""

from __future__ import annotations

FILE = "<whet-task>"
"""What such functions call their file."""
_PREFIX = "whet_task_"
_LONGEST = 200


def write_task_name(task: str) -> str:
    """Return the name of the function that runs ``task``.

    >>> write_task_name("inc")
    'whet_task_696e63'
    """
    return _PREFIX + task[:_LONGEST].encode("utf-8", "backslashreplace").hex()


def read_task_name(name: str) -> str:
    """Return the task that a function called ``name`` runs; empty for a function that is none of these."""
    if not name.startswith(_PREFIX):
        return ""
    try:
        return bytes.fromhex(name[len(_PREFIX) :]).decode("utf-8", "replace")
    except ValueError:
        return ""
