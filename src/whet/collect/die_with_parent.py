"""Run by path: ``python -I -S die_with_parent.py PID COMMAND…``. The command gets SIGINT when process PID ends.

A sampler that outlived a killed whet would go on stopping a process that
nobody watches any more. Standard library only; Linux only. The request does
not survive the start of a program with capabilities of its own, so whoever
uses this also gives the command a limit in time.
"""

import ctypes
import os
import signal
import sys

_SET_PARENT_DEATH_SIGNAL = 1


def become(parent: int, command: list[str]) -> None:
    """Replace this process by ``command``, on the leash of ``parent``; do nothing when that has ended already."""
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGINT)
    if os.getppid() == parent:
        try:
            os.execv(command[0], command)  # noqa: S606  no shell is wanted
        except OSError as error:
            sys.stderr.write(f"{command[0]} cannot be started: {error.strerror}\n")


if __name__ == "__main__":
    become(int(sys.argv[1]), sys.argv[2:])
