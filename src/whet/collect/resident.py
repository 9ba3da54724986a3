"""Resident memory of a process tree, and the CPU time of its threads, polled from outside."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Collection

from whet.collect.gil import GilReader
from whet.collect.proc import PROC, read_proc, read_state, read_times
from whet.collect.sleeping import SleepClock

MAX_POINTS = 2_000
ENOUGH_POLLS = 10
"""From so many on they tell how long the program was stopped."""
MAX_THREADS = 200
"""Threads of a process whose clocks are read."""
MOSTLY = 0.5
"""Part of its time for which a thread must have been watched to say that it did not sleep."""
MOST_SHARE = 0.03
"""Part of the time that polls may compute: of hundreds of threads or processes they become rarer."""
_STACK_START = 25
"""The field of ``stat`` with the address of the first thread's stack: another program has another one."""


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
        self.current: frozenset[tuple[int, int]] = frozenset()
        """Threads that ran to the end of the sampling, whose clocks were read then: they are not older."""
        self.sleep_clock = SleepClock()
        self.parents: dict[int, int] = {}
        """By the pid of each descendant that of its parent, as last seen."""
        self.sleepers: dict[tuple[int, int], tuple[int, int]] = {}
        """How often each thread of a process with several was found asleep, and how often for the GIL."""
        self._gil = GilReader()
        self._sampler = 0
        self._whole_tree = False
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
                    children = [int(word) for word in read_proc(f"{PROC}/{pid}/task/{task}/children").split()]
                    self.parents.update(dict.fromkeys(children, pid))
                    todo += children
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

    def end_clocks(self) -> None:
        """Read the clocks of the threads that still run, at the end of the sampling."""
        if self.supported:
            self._read_clocks(self.tree())
            self.current = frozenset((pid, tid) for pid, tids in self._tasks.items() for tid in tids[:MAX_THREADS])

    def note_sampler(self, process: subprocess.Popen[str] | None) -> None:
        """Say which process stops the program to read its stacks, if any does."""
        words = process.args if process is not None and isinstance(process.args, list) else []
        self._sampler = process.pid if process is not None and "--nonblocking" not in words else 0
        self._whole_tree = "--subprocesses" in words

    @property
    def paused_share(self) -> float:
        """Part of the time (0 to 1) in which a sampler had stopped the program to look at it."""
        return self._paused_polls / self._polls if self._polls >= ENOUGH_POLLS else 0.0

    def note_pause(self) -> None:
        """See whether the program is stopped just now: cheaper than a whole poll, so it can be done more often."""
        if self.supported:
            with contextlib.suppress(OSError, IndexError):
                self._note_state(read_state(f"{PROC}/{self.pid}"))

    def _note_state(self, fields: list[bytes]) -> None:
        self._paused_polls += fields[0] == b"t"
        self._polls += 1

    def is_known_awake(self, wall_ns: int, own: Collection[int]) -> bool:
        """Tell whether the system says that nothing slept, for most of the ``wall_ns`` that the program ran.

        It can say so of one process, of which all threads were read; ``own`` are the ids of those that do not count.
        """
        sleeps = self.sleep_clock.sleeps
        first = sleeps.get((self.pid, self.pid))
        if first is None or first.watched_ns < MOSTLY * wall_ns or self.parents or len(sleeps) >= MAX_THREADS:
            return False
        return not any(each.waited_ns for (_, tid), each in sleeps.items() if tid not in own)

    def thread_clocks(self) -> dict[tuple[int, int], int]:
        """Return the CPU time of each thread since the clocks were started."""
        return {key: max(0, spent - self._clocks_before.get(key, 0)) for key, spent in self.clocks.items()}

    def thread_delays(self) -> dict[tuple[int, int], int]:
        """Return for how long each thread has stood in line since the clocks were started; 0 where it is not told."""
        return {key: max(0, late - self._delays_before.get(key, 0)) for key, late in self.delays.items()}

    def _read_clocks(self, pids: list[int]) -> None:
        self.sleep_clock.begin(self._sampler, len(pids) if self._whole_tree else 1)
        for pid in pids:
            for tid in self._tasks.get(pid, ())[:MAX_THREADS]:
                with contextlib.suppress(OSError, ValueError, IndexError):
                    self._read_clock(pid, tid)

    def _read_clock(self, pid: int, tid: int) -> None:
        task = f"{PROC}/{pid}/task/{tid}"
        fields = read_state(task)
        if tid == self.pid:
            self._note_state(fields)
        if len(self._tasks.get(pid, ())) > 1 and fields[0] != b"R":
            self._note_sleeper(pid, tid, fields)
        # Finer than ticks, and tells the queue apart; kernels can be built without it.
        with contextlib.suppress(OSError, ValueError):
            times = read_times(task)
            if times.running:
                self.clocks[pid, tid], self.delays[pid, tid] = times.running, times.in_line
                born_at = self._since_boot_ns(int(fields[19]))
                self.sleep_clock.note((pid, tid), times, born_at, stopped=fields[0] == b"t")
                return
        self.clocks[pid, tid] = (int(fields[11]) + int(fields[12])) * self._tick_ns

    def _note_sleeper(self, pid: int, tid: int, fields: list[bytes]) -> None:
        waits = self._gil.is_waiting(pid, tid, fields[_STACK_START])
        if waits is not None:
            asleep, for_gil = self.sleepers.get((pid, tid), (0, 0))
            self.sleepers[pid, tid] = asleep + 1, for_gil + waits

    def _since_boot_ns(self, ticks: int) -> int:
        """Return when that was, as ``monotonic_ns`` counts, which leaves out when the machine was suspended."""
        clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
        return ticks * self._tick_ns - (time.clock_gettime_ns(clock) - time.monotonic_ns())

    def _resident(self, pid: int) -> int:
        try:
            return int(read_proc(f"{PROC}/{pid}/statm").split()[1]) * self._page
        except (OSError, ValueError, IndexError):
            return 0
