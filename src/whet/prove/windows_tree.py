"""A program and everything that it starts, on Windows: a job object holds, counts and ends them all."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Mapping, Sequence
from time import perf_counter_ns, sleep
from typing import IO

if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    _ACCOUNTING, _EXTENDED_LIMITS = 1, 9
    _KILL_ON_CLOSE = 0x2000
    _SUSPENDED = 0x4
    _GRACE = 5
    """Number of checks, 10 ms apart, before a process counts as outliving the program."""

    class _Accounting(ctypes.Structure):
        _fields_ = [
            ("TotalUserTime", wintypes.LARGE_INTEGER),
            ("TotalKernelTime", wintypes.LARGE_INTEGER),
            ("ThisPeriodTotalUserTime", wintypes.LARGE_INTEGER),
            ("ThisPeriodTotalKernelTime", wintypes.LARGE_INTEGER),
            ("TotalPageFaultCount", wintypes.DWORD),
            ("TotalProcesses", wintypes.DWORD),
            ("ActiveProcesses", wintypes.DWORD),
            ("TotalTerminatedProcesses", wintypes.DWORD),
        ]

    class _ExtendedLimits(ctypes.Structure):
        _fields_ = [
            ("PerProcessUserTimeLimit", wintypes.LARGE_INTEGER),
            ("PerJobUserTimeLimit", wintypes.LARGE_INTEGER),
            ("LimitFlags", wintypes.DWORD),
            ("MinimumWorkingSetSize", ctypes.c_size_t),
            ("MaximumWorkingSetSize", ctypes.c_size_t),
            ("ActiveProcessLimit", wintypes.DWORD),
            ("Affinity", ctypes.c_size_t),
            ("PriorityClass", wintypes.DWORD),
            ("SchedulingClass", wintypes.DWORD),
            ("IoCounters", ctypes.c_ulonglong * 6),
            ("ProcessMemoryLimit", ctypes.c_size_t),
            ("JobMemoryLimit", ctypes.c_size_t),
            ("PeakProcessMemoryUsed", ctypes.c_size_t),
            ("PeakJobMemoryUsed", ctypes.c_size_t),
        ]

    class WindowsTree:
        """A program and its children in a job object; memory is their committed memory."""

        def __init__(
            self, command: Sequence[str], directory: str, environ: Mapping[str, str], streams: Sequence[IO[bytes]]
        ) -> None:
            self.exit_code = self.cpu_ns = self.peak_bytes = self.ended_at = self.delayed_ns = 0
            self._kernel = ctypes.WinDLL("kernel32", use_last_error=True)
            self._kernel.CreateJobObjectW.restype = wintypes.HANDLE
            self._job = wintypes.HANDLE(self._kernel.CreateJobObjectW(None, None))
            limits = _ExtendedLimits(LimitFlags=_KILL_ON_CLOSE)
            self._kernel.SetInformationJobObject(
                self._job, _EXTENDED_LIMITS, ctypes.byref(limits), ctypes.sizeof(limits)
            )
            stdin, stdout, stderr = streams
            self.began_at = perf_counter_ns()
            try:
                self._process = subprocess.Popen(
                    command,
                    cwd=directory,
                    env=dict(environ),
                    stdin=stdin,
                    stdout=stdout,
                    stderr=stderr,
                    creationflags=subprocess.CREATE_NEW_PROCESS_GROUP | _SUSPENDED,
                )
                self._admit()
            except BaseException:
                self._kernel.CloseHandle(self._job)
                raise

        def _admit(self) -> None:
            """Put the program into the job, then let it run: what it starts (a venv's Python does) belongs to it."""
            handle = wintypes.HANDLE(int(self._process._handle))  # type: ignore[attr-defined]
            if not self._kernel.AssignProcessToJobObject(self._job, handle):
                error = ctypes.WinError(ctypes.get_last_error())
                self._process.kill()
                raise error
            # `Popen` has closed the handle of the first thread, which ResumeThread would need.
            ctypes.WinDLL("ntdll").NtResumeProcess(handle)

        @property
        def pid(self) -> int:
            """The program's own process."""
            return self._process.pid

        def spare(self, pid: int) -> None:
            """Do nothing: only what is in the program's job is the program's."""

        def wait(self, seconds: float) -> bool:
            """Wait for the program itself, up to a limit; return whether it has ended."""
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.exit_code = self._process.wait(seconds)
                self.ended_at = self.ended_at or perf_counter_ns()
                return True
            return False

        def measure(self) -> tuple[int, int]:
            """Return the peak of committed bytes of the job, and its current number of processes."""
            limits, accounting = _ExtendedLimits(), _Accounting()
            self._ask(_EXTENDED_LIMITS, limits)
            self._ask(_ACCOUNTING, accounting)
            self.peak_bytes = int(limits.PeakJobMemoryUsed)
            self.cpu_ns = (int(accounting.TotalUserTime) + int(accounting.TotalKernelTime)) * 100
            return self.peak_bytes, int(accounting.ActiveProcesses)

        def end(self) -> int:
            """End whatever is still running, and return how many processes outlived the program."""
            had_ended = self._process.poll() is not None
            if had_ended:
                self.wait(0)
            _, left = self.measure()
            for _ in range(_GRACE if had_ended and left else 0):
                sleep(0.01)
                _, left = self.measure()
            self._kernel.TerminateJobObject(self._job, 1)
            if not had_ended:
                self._process.kill()
                self.wait(60)
            self.measure()
            self._kernel.CloseHandle(self._job)
            return left if had_ended else 0

        def _ask(self, kind: int, answer: ctypes.Structure) -> None:
            self._kernel.QueryInformationJobObject(self._job, kind, ctypes.byref(answer), ctypes.sizeof(answer), None)
