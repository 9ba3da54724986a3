"""Processes of a program that go on when it has ended: daemons that forked twice, children that nobody waited for."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable

from whet.collect.proc import PROC, read_proc, read_state

SETTLE_SECONDS = 0.5
"""Helpers that end with the program, such as multiprocessing's, get so long."""
_PAUSE_SECONDS = 0.05


def find_left_behind(seen: Iterable[int], mark: bytes) -> list[int]:
    """Return the processes that are still there, in ascending order.

    ``seen`` are processes that once descended from the program. One that was forked twice quickly may never have been
    seen below it: ``mark`` is what stood in the environment that the program was started with, and so stands at the
    start of each of its forks, whatever became of their variables since; empty without one.
    """
    if not sys.platform.startswith("linux"):
        return []
    deadline = time.monotonic() + SETTLE_SECONDS
    found = {*filter(_is_alive, seen), *(_list_marked(mark) if mark else ())}
    while found and time.monotonic() < deadline:
        time.sleep(_PAUSE_SECONDS)
        found = set(filter(_is_alive, found))
    return sorted(found)


def _list_marked(mark: bytes) -> Iterable[int]:
    for entry in os.scandir(PROC):
        if entry.name.isdigit():
            try:
                variables = read_proc(f"{PROC}/{entry.name}/environ").split(b"\0")
            except OSError:  # ended, or somebody else's
                continue
            if mark in variables and _is_alive(int(entry.name)):
                yield int(entry.name)


def _is_alive(pid: int) -> bool:
    try:
        return read_state(f"{PROC}/{pid}")[0] not in (b"Z", b"X")
    except (OSError, IndexError):
        return False
