"""How long each thread slept: what is left of the elapsed time when it neither ran, nor queued for a CPU, nor was held.

The kernel counts both running and queueing of every thread (``schedstat``), so this holds on a busy machine
too, where a sampler cannot tell a thread that sleeps from one that queues. Not counted by the kernel are the
stops that a sampler makes to read a stack, and the time that a hypervisor takes. Both are bounded from above, by
the sampler's own work and by the machine's steal time; how much it was is told by how many readings found the
thread stopped.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from time import monotonic_ns

from whet.collect.proc import Times, read_times

GRAIN_NS = 25_000_000
"""The kernel adds queueing up when it ends, and running at its ticks: so much may be missing from the last reading."""
DRIFT = 0.01
"""Part of the time awake by which the kernel's counts may miss the elapsed time."""
WOKEN_NS = 100_000
"""A thread that runs for less than this at a time was woken to be sampled only, and when it slept for"""
WOKEN_SLEEPING = 0.2
"""more than this part of an interval, its queueing was for that: on a busy machine each stop makes it queue."""
STEAL_EVERY_NS = 1_000_000_000
"""How often the machine's steal time is read: with many CPUs that file is long."""


@dataclass(slots=True)
class Sleep:
    """What is known of one thread, in nanoseconds, from its first reading to its last.

    What is left of the time counts where the thread slept for the greater part of an interval between two
    readings, and in the intervals next to such. In others it may be stops as well.
    """

    watched_ns: int = 0
    certain_ns: int = 0
    """What is left of such intervals."""
    awake_ns: int = 0
    """The length of the others,"""
    rest_ns: int = 0
    """what is left of them, and"""
    held_ns: int = 0
    """how much of that can be stops."""
    readings: int = 0
    """The readings at their ends, and"""
    stopped: int = 0
    """those that found the thread stopped by the sampler."""

    @property
    def waited_ns(self) -> int:
        """The most likely time that the thread slept; 0 where it is not certain that it slept at all."""
        slept = self.certain_ns
        if self._slept_while_awake:
            slept += self.rest_ns - min(self.awake_ns * self.stopped // self.readings, self.held_ns)
        return min(slept, self.watched_ns) if slept > GRAIN_NS else 0

    @property
    def error_ns(self) -> int:
        """How far from that the truth can be: for stops two standard errors, as counts are Poisson's."""
        if not self._slept_while_awake:
            return GRAIN_NS
        stops = 2 * self.awake_ns * sqrt(max(1, self.stopped)) / self.readings
        return round(GRAIN_NS + min(stops, self.held_ns) + DRIFT * self.awake_ns)

    def add(self, interval: Sleep) -> None:
        """Add an interval in which the thread may not have slept at all."""
        self.awake_ns += interval.awake_ns
        self.rest_ns += interval.rest_ns
        self.held_ns += interval.held_ns
        self.readings += interval.readings
        self.stopped += interval.stopped

    @property
    def _slept_while_awake(self) -> bool:
        return self.rest_ns > self.held_ns + GRAIN_NS + DRIFT * self.awake_ns


@dataclass(slots=True)
class _Reading:
    """The clocks of a thread as they were, and what came of the interval before."""

    at: int
    clocks: Times
    slept: bool = False
    pending: Sleep | None = None
    """The interval, where it is not yet known whether the thread slept in the next."""


class SleepClock:
    """Adds up readings of threads' clocks: call :meth:`begin`, then :meth:`note` for each thread, again and again."""

    def __init__(self) -> None:
        self.sleeps: dict[tuple[int, int], Sleep] = {}
        self._last: dict[tuple[int, int], _Reading] = {}
        self._work = 0
        self._worked = 0
        """For how long the sampler worked, for each process, since the reading before."""
        self._polled_at = 0
        self._now = 0
        self._steal = 0.0
        self._steal_ticks: tuple[int, int] | None = None
        self._steal_at = 0

    def begin(self, sampler: int, processes: int) -> None:
        """Begin a round of readings. ``sampler`` is the process that holds up so many ``processes``; 0: none does."""
        self._polled_at, self._now = self._now, monotonic_ns()
        work = _read_work(sampler) if sampler else 0
        # Another sampler may have taken over.
        self._worked = (work - self._work if work >= self._work else work) // max(1, processes)
        self._work = work
        if self._now - self._steal_at >= STEAL_EVERY_NS:
            self._steal_at = self._now
            self._read_steal()

    def note(self, thread: tuple[int, int], clocks: Times, born_at: int = 0, *, stopped: bool = False) -> None:
        """Add a reading of a thread's clocks, and of whether the sampler had just stopped it.

        ``born_at`` is when the thread began, as ``monotonic_ns`` counts.
        """
        now = monotonic_ns()
        last = self._last.get(thread)
        new = self._last[thread] = _Reading(now, clocks)
        sleep = self.sleeps.setdefault(thread, Sleep())
        if last is None or any(here < before for here, before in zip(clocks, last.clocks, strict=True)):
            if not self._polled_at:
                return
            # It is new; the system gives ids of ended threads again.
            last = _Reading(min(max(born_at, self._polled_at), now), Times(0, 0, 0))
        ran, queued, slices = (here - before for here, before in zip(clocks, last.clocks, strict=True))
        elapsed = now - last.at
        rest = elapsed - ran - queued
        stolen = round(self._steal * ran)
        sleep.watched_ns += elapsed
        # A reading that came late counts too much, and the next one as much too little: so neighbours count as well.
        was_woken = slices > 1 and ran < WOKEN_NS * slices and rest > WOKEN_SLEEPING * elapsed
        # What the sampler may have held it is no sleep: of a stack of thousands of frames that is nearly all the time.
        held = min(self._worked, elapsed) + stolen
        new.slept = was_woken or rest - held > elapsed / 2
        if new.slept:
            sleep.certain_ns += elapsed - ran if was_woken else rest
            sleep.certain_ns += last.pending.rest_ns if last.pending is not None else 0
        elif last.slept:
            sleep.certain_ns += rest
        else:
            new.pending = Sleep(0, 0, elapsed, rest, held, 1, int(stopped))
            if last.pending is not None:
                sleep.add(last.pending)

    def _read_steal(self) -> None:
        """Read how much a hypervisor took for each nanosecond that a CPU worked."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            with Path("/proc/stat").open() as file:
                user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
            ticks = user + nice + system, irq + softirq + steal
            before, self._steal_ticks = self._steal_ticks, ticks
            if before is not None and ticks[0] > before[0]:
                self._steal = max(0.0, (ticks[1] - before[1]) / (ticks[0] - before[0]))


def _read_work(pid: int) -> int:
    try:
        return sum(sum(read_times(task)[:2]) for task in Path(f"/proc/{pid}/task").iterdir())
    except (OSError, ValueError):
        return 0
