"""What the system counted for a program's threads, as the merging of two samplers needs it."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import replace

from whet.collect.resident import TreePoller
from whet.collect.sleeping import Sleep
from whet.merge.computing import scale_threads
from whet.merge.standstill import Told
from whet.merge.waiting import ThreadClock
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile
from whet.model.run import Notice

LONG_QUEUE = 0.25
"""The reader is told of a queue for processors from this part of the computing time on, and from"""
LONG_QUEUE_NS = 200_000_000
POLLED_NS = 100_000_000
"""How old the last clock of a thread may be when the thread ends."""
UNPLACED = 0.1
"""The reader is told of waiting that is on no line from this part of all on, and from"""
UNPLACED_NS = 100_000_000
CROWDED = 6
"""From a queueing time on of so many times its running time, and"""
CROWDED_PART = 0.25
"""of this part of all its time, nothing tells how long a thread slept."""
ENOUGH_SLEEPERS = 5
"""So many times a thread must have been found asleep for it to be known how often it waited for the GIL then."""
OTHERS = 0.1
"""Part of a process's computing that all threads but one must have for them to wait for the GIL."""
MOSTLY = 0.5
"""Part of a thread's time that its clocks must cover to speak for all of it."""


def count_awake(poller: TreePoller) -> list[ThreadClock]:
    """Return for how long each thread ran or queued for a CPU: to a sampler both are computing."""
    delays = poller.thread_delays()
    return [ThreadClock(*key, spent + delays.get(key, 0)) for key, spent in poller.thread_clocks().items()]


def read_clocks(poller: TreePoller, wall: Profile | None) -> list[ThreadClock]:
    """Return what there is to know of each thread's waiting.

    Where the system does not tell it, the clock is the time awake, and with it
    that in which the sampler had stopped the thread while it computed. Nor does it
    where each stop of a thread that sleeps costs it a long time in the queue.
    """
    seen, spent, delays = _sum_threads(wall), poller.thread_clocks(), poller.thread_delays()
    running = 1 - min(poller.paused_share, 0.9)
    clocks: list[ThreadClock] = []
    for clock in count_awake(poller):
        key = clock.pid, clock.tid
        sleep = poller.sleep_clock.sleeps.get(key, Sleep())
        is_crowded = delays.get(key, 0) > max(CROWDED * spent.get(key, 0), CROWDED_PART * sleep.watched_ns)
        if sleep.watched_ns and sleep.watched_ns >= MOSTLY * seen.get(key, 0) and not is_crowded:
            clocks.append(replace(clock, told=Told(sleep.watched_ns, sleep.waited_ns, sleep.error_ns)))
        else:
            clocks.append(replace(clock, cpu_ns=round(clock.cpu_ns / running)))
    return clocks


def find_unknown(poller: TreePoller, clocks: Sequence[ThreadClock], wall: Profile | None) -> set[tuple[int, int]]:
    """Return the (pid, tid) of threads whose waiting is not known: the machine is busy, and nothing counted it."""
    if not _is_busy(poller):
        return set()
    return set(_sum_threads(wall)) - {(clock.pid, clock.tid) for clock in clocks if clock.told is not None}


def find_gil_parts(poller: TreePoller) -> dict[tuple[int, int], float]:
    """Return by (pid, tid) the part (0 to 1) of each thread's waiting that was for the GIL, where that is known.

    Threads that were hardly met are taken together with the others of their process of which that is so.
    """
    short: dict[int, list[int]] = {}
    parts: dict[tuple[int, int], float] = {}
    for key, (asleep, for_gil) in poller.sleepers.items():
        if asleep >= ENOUGH_SLEEPERS:
            parts[key] = for_gil / asleep
        else:
            sums = short.setdefault(key[0], [0, 0])
            sums[0] += asleep
            sums[1] += for_gil
    for pid, tid in (*poller.sleepers, *poller.clocks):
        asleep, for_gil = short.get(pid, (0, 0))
        if (pid, tid) not in parts and asleep >= ENOUGH_SLEEPERS:
            parts[pid, tid] = for_gil / asleep
    return parts


def find_contenders(active: Profile, known: Collection[tuple[int, int]]) -> set[tuple[int, int]]:
    """Return the (pid, tid) of threads that may have waited for the GIL, and nobody knows whether they did.

    They are all that computed in a process where others than one thread did a good part of it. Of threads in
    ``known`` it is known.
    """
    computed: dict[int, dict[int, int]] = {}
    for entry in active.samples:
        if entry.metric is Metric.CPU:
            thread = active.threads[entry.thread]
            of_process = computed.setdefault(thread.pid, {})
            of_process[thread.tid] = of_process.get(thread.tid, 0) + sum(entry.value)
    found: set[tuple[int, int]] = set()
    for pid, threads in computed.items():
        whole = sum(threads.values())
        if whole - max(threads.values()) > OTHERS * whole:
            found |= {(pid, tid) for tid, value in threads.items() if value} - set(known)
    return found


def describe_contenders(contenders: Collection[tuple[int, int]], wall: Profile | None) -> list[Notice]:
    """Return what the reader must know of these threads, where they are a good part of all."""
    met = set(_sum_threads(wall))
    threads, contending = len(met), len(met.intersection(contenders))
    if contending <= OTHERS * threads:
        return []
    message = (
        f"the waiting of {contending} of {threads} threads is not known: nothing showed whether they waited for "
        "the GIL or for something else; there is no advice on it"
    )
    return [Notice("waiting", message)]


def describe_unknown(unknown: Collection[tuple[int, int]], wall: Profile | None) -> list[Notice]:
    """Return what the reader must know of these threads."""
    if not unknown:
        return []
    threads = len(_sum_threads(wall))
    which = f"of {len(unknown)} of {threads} threads " if len(unknown) < threads else ""
    message = (
        f"the waiting {which}is not known: more threads than CPUs were ready to run, and a sampler cannot tell a "
        "thread that queues for a CPU from one that waits; there is no advice on it"
    )
    return [Notice("waiting", message, "measure on a quiet machine")]


def describe_unplaced(profile: Profile) -> list[Notice]:
    """Return what the reader must know of waiting that is on no line."""
    waiting = [each for each in profile.samples if each.metric is Metric.WAITING]
    values = [(row, value) for each in waiting for row, value in zip(each.stack, each.value, strict=True)]
    whole, unplaced = sum(value for _, value in values), sum(value for row, value in values if row == ROOT)
    if unplaced <= max(UNPLACED_NS, UNPLACED * whole):
        return []
    message = (
        f"{unplaced / 1e9:.1f} of {whole / 1e9:.1f} s of waiting could not be assigned to lines: the samples do not "
        "tell lines that wait from lines that compute; there is no advice on it"
    )
    return [Notice("waiting", message, "measure for longer, or on a quiet machine")]


def describe_queue(poller: TreePoller) -> list[Notice]:
    """Return what the reader must know of a machine with too few processors for all that ran."""
    if not _has_queued(poller):
        return []
    computed, late = sum(poller.thread_clocks().values()), sum(poller.thread_delays().values())
    message = (
        f"threads were runnable but not scheduled for {late / 1e9:.1f} s, next to {computed / 1e9:.1f} s of CPU time; "
        "that time is left out"
    )
    return [Notice("machine", message, "measure on a quiet machine")]


def scale_to_clocks(profile: Profile, poller: TreePoller, computed_ns: int) -> Profile:
    """Scale computing times down to the CPU time that the system counted: each thread's, then that of all.

    A thread that stands in line for a processor, or that the sampler itself has
    stopped, is sampled as computing. Its share is right, its time is not.
    """
    running = [ThreadClock(*key, spent) for key, spent in poller.thread_clocks().items()]
    profile = scale_threads(profile, running, POLLED_NS, poller.current)
    sampled = sum(sum(each.value) for each in profile.samples if each.metric is Metric.CPU)
    if not computed_ns or sampled <= computed_ns + 2 * profile.period_ns:
        return profile
    factor = computed_ns / sampled
    samples = tuple(
        replace(each, value=[round(value * factor) for value in each.value]) if each.metric is Metric.CPU else each
        for each in profile.samples
    )
    return replace(profile, samples=samples, period_ns=max(1, round(profile.period_ns * factor)))


def _has_queued(poller: TreePoller) -> bool:
    computed, late = sum(poller.thread_clocks().values()), sum(poller.thread_delays().values())
    return late >= max(LONG_QUEUE_NS, LONG_QUEUE * computed)


def _is_busy(poller: TreePoller) -> bool:
    """Tell whether threads had to queue for a CPU; where the system does not count that, by its load average."""
    if any(poller.delays.values()):
        return _has_queued(poller)
    return hasattr(os, "getloadavg") and os.getloadavg()[0] > (os.cpu_count() or 1)


def _sum_threads(wall: Profile | None) -> dict[tuple[int, int], int]:
    """Return by (pid, tid) for how long the sampler of all threads saw them."""
    sums: dict[tuple[int, int], int] = {}
    if wall is None:
        return sums
    for entry in wall.samples:
        thread = wall.threads[entry.thread]
        sums[thread.pid, thread.tid] = sums.get((thread.pid, thread.tid), 0) + sum(entry.value)
    return sums
