"""Reads what the kernel says of processes and threads under ``/proc``, many times a second."""

from __future__ import annotations

import os
from typing import NamedTuple

PROC = "/proc"


class Times(NamedTuple):
    """The clocks of a thread in nanoseconds, and how often it was given a CPU."""

    running: int
    in_line: int
    slices: int


def read_proc(path: str) -> bytes:
    """Return what stands there, without what :class:`pathlib.Path` costs for each of many. Raises ``OSError``."""
    number = os.open(path, os.O_RDONLY)
    try:
        parts = []
        while part := os.read(number, 65_536):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(number)


def read_state(task: str) -> list[bytes]:
    """Return the fields of ``stat`` behind the name, which may hold anything: the first is the state."""
    return read_proc(f"{task}/stat").rpartition(b")")[2].split()


def read_times(task: object) -> Times:
    """Return the clocks of the thread or process in that folder. Raises ``OSError`` and ``ValueError``."""
    running, in_line, slices = read_proc(f"{task}/schedstat").split()[:3]
    return Times(int(running), int(in_line), int(slices))
