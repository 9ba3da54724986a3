"""Waiting in profiles of wall time: what a stack shows of it.

Samplers of wall time (austin, Tachyon, Google's, py-spy with ``--idle``) do not say what a thread did. Where the
innermost frame is one of the standard library's that does nothing but wait, it waited, and whether that is idle is
judged as for whet's own samples (:mod:`whet.merge.waiting`). All other time stays as it is: it may
hold more waiting, in C code.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import replace

from whet.merge.idle_stacks import name_place
from whet.merge.waiting import judge_waiting
from whet.model.frame import Frame
from whet.model.metric import Metric
from whet.model.profile import Profile, Samples

_WAITS = frozenset(
    {
        "asyncio.windows_events:_poll",
        "multiprocessing.connection:_recv",
        "multiprocessing.connection:wait",
        "multiprocessing.popen_fork:poll",
        "multiprocessing.synchronize:__enter__",
        "queue:get",
        "selectors:select",
        "socket:accept",
        "socket:create_connection",
        "socket:getaddrinfo",
        "socket:readinto",
        "ssl:do_handshake",
        "ssl:read",
        "subprocess:_try_wait",
        "subprocess:_wait",
        "threading:_shutdown",
        "threading:_wait_for_tstate_lock",
        "threading:acquire",
        "threading:join",
        "threading:wait",
    }
)
"""Functions whose own time is a system call that waits."""


def split_wall(profile: Profile) -> Profile:
    """Return ``profile``, whose CPU time is wall time, with what its stacks show of waiting taken out of that.

    So is waiting that the profile has already, if nobody has judged whether it was idle.
    """
    waits = [_waits(profile, row) for row in range(len(profile.stacks))]
    active: list[Samples] = []
    standing: list[Samples] = []
    for entry in profile.samples:
        if entry.metric is Metric.WAITING and profile.unjudged:
            standing.append(entry)
        elif entry.metric is not Metric.CPU or not profile.wall:
            active.append(entry)
        else:
            active += _pick(entry, waits, wanted=False)
            standing += _pick(entry, waits, wanted=True)
    if not standing:
        return profile
    told = judge_waiting(replace(profile, samples=active), replace(profile, samples=standing))
    return _count(told, len(active), standing)


def _count(told: Profile, number: int, standing: Sequence[Samples]) -> Profile:
    """Return ``told``, whose samples from ``number`` on were ``standing``, with the counts that these had."""
    count, whole = sum(entry.count for entry in standing), sum(sum(entry.value) for entry in standing)
    kept = list(told.samples[:number])
    moved = [
        replace(entry, count=round(count * sum(entry.value) / whole) if whole else 0) for entry in told.samples[number:]
    ]
    return replace(told, samples=(*kept, *moved))


def _waits(profile: Profile, row: int) -> bool:
    frame: Frame = profile.frames[profile.stacks.frame[row]]
    return name_place(frame) in _WAITS


def _pick(entry: Samples, waits: Sequence[bool], *, wanted: bool) -> list[Samples]:
    rows, values = array("i"), array("q")
    for row, value in zip(entry.stack, entry.value, strict=True):
        if (row >= 0 and waits[row]) is wanted:
            rows.append(row)
            values.append(value)
    whole = sum(entry.value)
    count = round(entry.count * sum(values) / whole) if whole else 0
    return [replace(entry, stack=rows, value=values, count=count)] if rows else []
