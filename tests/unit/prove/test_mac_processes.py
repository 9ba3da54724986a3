"""Processes of a group on macOS, by a stand-in for its library."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

import pytest

from whet.prove import mac_processes
from whet.prove.mac_processes import measure_group


class Library:
    """Knows two processes of group 7, of which one is gone when it is asked what it holds."""

    def proc_listpids(self, kind: int, group: int, buffer: Any, size: int) -> int:
        assert (kind, group) == (2, 7)
        assert size >= 3 * ctypes.sizeof(ctypes.c_int)
        buffer._obj[0], buffer._obj[1], buffer._obj[2] = 70, 71, 0
        return 3 * ctypes.sizeof(ctypes.c_int)

    def proc_pid_rusage(self, pid: int, kind: int, usage: Any) -> int:
        assert kind == 0
        usage._obj.resident_size = 5_000
        return 0 if pid == 70 else -1


def test_what_a_group_holds_is_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: Library())
    assert measure_group(7) == (5_000, 2)


def test_the_structure_is_that_of_the_system() -> None:
    assert ctypes.sizeof(mac_processes._Usage) == 16 + 10 * 8
    assert mac_processes._Usage.resident_size.offset == 16 + 6 * 8


@pytest.mark.skipif(sys.platform == "darwin", reason="there the library is")
def test_without_the_library_nothing_is_told() -> None:
    assert measure_group(1) == (0, 0)


@pytest.mark.skipif(sys.platform != "darwin", reason="macOS only")
def test_this_process_holds_something() -> None:
    resident, count = measure_group(os.getpgid(0))
    assert resident > 1_000_000
    assert count >= 1
