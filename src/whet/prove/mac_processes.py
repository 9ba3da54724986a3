"""Memory and processes of a process group on macOS, from the system's ``libproc``: it has no ``/proc``.

Constants and structures are those of ``sys/proc_info.h`` and ``sys/resource.h``.
"""

from __future__ import annotations

import ctypes

_LIBRARY = "/usr/lib/libproc.dylib"
_PROC_PGRP_ONLY = 2
_RUSAGE_INFO_V0 = 0
_MOST = 4096


class _Usage(ctypes.Structure):
    """``rusage_info_v0``."""

    _fields_ = [
        ("uuid", ctypes.c_uint8 * 16),
        ("user_time", ctypes.c_uint64),
        ("system_time", ctypes.c_uint64),
        ("pkg_idle_wkups", ctypes.c_uint64),
        ("interrupt_wkups", ctypes.c_uint64),
        ("pageins", ctypes.c_uint64),
        ("wired_size", ctypes.c_uint64),
        ("resident_size", ctypes.c_uint64),
        ("phys_footprint", ctypes.c_uint64),
        ("proc_start_abstime", ctypes.c_uint64),
        ("proc_exit_abstime", ctypes.c_uint64),
    ]


def measure_group(group: int) -> tuple[int, int]:
    """Return the resident bytes of a process group and its number of processes; zeros if that is not available."""
    try:
        library = ctypes.CDLL(_LIBRARY)
        pids = (ctypes.c_int * _MOST)()
        filled = library.proc_listpids(_PROC_PGRP_ONLY, group, ctypes.byref(pids), ctypes.sizeof(pids))
        found = [pid for pid in pids[: max(0, filled) // ctypes.sizeof(ctypes.c_int)] if pid > 0]
        return sum(_read_resident(library, pid) for pid in found), len(found)
    except (OSError, AttributeError):
        return 0, 0


def _read_resident(library: ctypes.CDLL, pid: int) -> int:
    usage = _Usage()
    failed = library.proc_pid_rusage(pid, _RUSAGE_INFO_V0, ctypes.byref(usage))
    return 0 if failed else int(usage.resident_size)
