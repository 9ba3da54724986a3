"""Resident memory of a process tree, and the CPU time of its threads, polled from outside."""

from __future__ import annotations

import contextlib
import os
import sys
import time

PROC = "/proc"
MAX_POINTS = 2_000
ENOUGH_POLLS = 10
"""From so many on they tell how long the program was stopped."""
MAX_THREADS = 200
"""Threads of a process whose clocks are read."""
MOST_SHARE = 0.03
"""Part of the time that polls may compute: of hundreds of threads or processes they become rarer."""


def _read(path: str) -> bytes:
    """Return what the kernel says there, without what :class:`pathlib.Path` costs for each of many threads."""
    number = os.open(path, os.O_RDONLY)
    try:
        parts = []
        while part := os.read(number, 65_536):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(number)


def _read_state(task: str) -> list[bytes]:
    """Return the fields of ``stat`` behind the name, which may hold anything: the first is the state."""
    return _read(f"{task}/stat").rpartition(b")")[2].split()


def read_times(task: object) -> tuple[int, int]:
    """Return for how many nanoseconds a thread has run and stood in line. Raises ``OSError`` and ``ValueError``."""
    running, in_line = _read(f"{task}/schedstat").split()[:2]
    return int(running), int(in_line)


class TreePoller:
    """Polls ``/proc``. On systems without it, every figure is zero and ``supported`` is false."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.supported = sys.platform.startswith("linux")
        self.at_ns: list[int] = []
        self.bytes: list[int] = []
        self.peak_bytes = 0
        self.peak_at_ns = 0
        self.clocks: dict[tuple[int, int], int] = {}
        """CPU nanoseconds by process and thread, as last seen."""
        self.delays: dict[tuple[int, int], int] = {}
        """Nanoseconds in which a thread was ready and stood in line for a processor, as last seen."""
        self._clocks_before: dict[tuple[int, int], int] = {}
        self._delays_before: dict[tuple[int, int], int] = {}
        self._polls = 0
        self._paused_polls = 0
        self._tasks: dict[int, list[int]] = {}
        """Threads by process, as last seen."""
        self._next_ns = 0
        if self.supported:
            self._page = os.sysconf("SC_PAGE_SIZE")
            self._tick_ns = 1_000_000_000 // os.sysconf("SC_CLK_TCK")

    def poll_when_due(self, at_ns: int) -> None:
        """Add a point, unless the last one took so long that it is too early for another."""
        if at_ns >= self._next_ns:
            began = time.thread_time_ns()
            self.poll(at_ns)
            self._next_ns = at_ns + round((time.thread_time_ns() - began) / MOST_SHARE)

    def poll(self, at_ns: int) -> None:
        """Add a point; when there are too many, keep every second one."""
        if not self.supported:
            return
        pids = self.tree()
        self._read_clocks(pids)
        total = sum(self._resident(pid) for pid in pids)
        if not total:
            return
        self.at_ns.append(at_ns)
        self.bytes.append(total)
        if total > self.peak_bytes:
            self.peak_bytes, self.peak_at_ns = total, at_ns
        if len(self.at_ns) > MAX_POINTS:
            self.at_ns, self.bytes = self.at_ns[::2], self.bytes[::2]

    def tree(self) -> list[int]:
        """Return the process and its descendants."""
        found: list[int] = []
        todo = [self.pid]
        self._tasks = {}
        while todo:
            pid = todo.pop()
            found.append(pid)
            try:
                tasks = self._tasks[pid] = [int(entry.name) for entry in os.scandir(f"{PROC}/{pid}/task")]
                for task in tasks:
                    todo += [int(word) for word in _read(f"{PROC}/{pid}/task/{task}/children").split()]
            except (OSError, ValueError):
                continue
        return found

    def cpu_ns(self, pid: int | None = None) -> int:
        """Return the CPU time of the process (or of one of its descendants) so far, without its children."""
        if not self.supported:
            return 0
        try:
            # How the kernel numbers the CPU clock of another process: see clock_getcpuclockid(3).
            return time.clock_gettime_ns((~(pid or self.pid) << 3) | 2)
        except OSError:
            return 0

    def start_clocks(self) -> None:
        """Let the threads' clocks count from now."""
        if self.supported:
            self._read_clocks(self.tree())
            self._clocks_before, self._delays_before = dict(self.clocks), dict(self.delays)

    @property
    def paused_share(self) -> float:
        """Part of the time (0 to 1) in which a sampler had stopped the program to look at it."""
        return self._paused_polls / self._polls if self._polls >= ENOUGH_POLLS else 0.0

    def note_pause(self) -> None:
        """See whether the program is stopped just now: cheaper than a whole poll, so it can be done more often."""
        if self.supported:
            with contextlib.suppress(OSError, IndexError):
                self._note_state(_read_state(f"{PROC}/{self.pid}"))

    def _note_state(self, fields: list[bytes]) -> None:
        self._paused_polls += fields[0] == b"t"
        self._polls += 1

    def thread_clocks(self) -> dict[tuple[int, int], int]:
        """Return the CPU time of each thread since the clocks were started."""
        return {key: max(0, spent - self._clocks_before.get(key, 0)) for key, spent in self.clocks.items()}

    def thread_delays(self) -> dict[tuple[int, int], int]:
        """Return for how long each thread has stood in line since the clocks were started; 0 where it is not told."""
        return {key: max(0, late - self._delays_before.get(key, 0)) for key, late in self.delays.items()}

    def _read_clocks(self, pids: list[int]) -> None:
        for pid in pids:
            for tid in self._tasks.get(pid, ())[:MAX_THREADS]:
                with contextlib.suppress(OSError, ValueError, IndexError):
                    self._read_clock(pid, tid)

    def _read_clock(self, pid: int, tid: int) -> None:
        task = f"{PROC}/{pid}/task/{tid}"
        if tid == self.pid:
            self._note_state(_read_state(task))
        # Finer than ticks, and tells the queue apart; kernels can be built without it.
        with contextlib.suppress(OSError, ValueError):
            spent, late = read_times(task)
            if spent:
                self.clocks[pid, tid], self.delays[pid, tid] = spent, late
                return
        fields = _read_state(task)
        self.clocks[pid, tid] = (int(fields[11]) + int(fields[12])) * self._tick_ns

    def _resident(self, pid: int) -> int:
        try:
            return int(_read(f"{PROC}/{pid}/statm").split()[1]) * self._page
        except (OSError, ValueError, IndexError):
            return 0
