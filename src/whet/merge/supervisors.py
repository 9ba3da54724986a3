"""Processes that only wait for the processes that they started: masters of servers, reloaders, parents of workers.

They are found by what they do, not by name: a process waits in one place for most of its time, and meanwhile its
children serve others, or compute and wait themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from whet.merge.idle_stacks import Stance

ONE_PLACE = 0.75
"""Part of a thread's waiting that is in one function when it does nothing but wait there, until it is told to end."""
MOSTLY = 0.5
"""Part of its time that a supervisor waits, and of that time that its children live or are busy."""

ThreadKey = tuple[int, int, str]
Function = tuple[str, str]
"""File and name."""


def find_supervisors(
    waits: Mapping[ThreadKey, Mapping[Function, int]],
    seen: Mapping[ThreadKey, int],
    computed: Mapping[ThreadKey, int],
    parents: Mapping[int, int],
    serving: Collection[int],
    main: Collection[ThreadKey],
) -> dict[int, Stance]:
    """Return why the first threads of such processes wait, by pid: for servers they are idle, for workers they join.

    ``waits`` is for how long each thread waited in which function, ``seen`` how long it lived, ``computed`` how long
    it computed, all in nanoseconds; ``parents`` maps pids to their parents', ``serving`` are the pids that serve.
    """
    lived: dict[int, int] = {}
    busy: dict[int, int] = {}
    for key, value in seen.items():
        lived[key[0]] = max(lived.get(key[0], 0), value)
        busy[key[0]] = busy.get(key[0], 0) + computed.get(key, 0) + sum(waits.get(key, {}).values())
    children: dict[int, list[int]] = {}
    for pid in lived:
        for ancestor in _list_ancestors(pid, parents):
            children.setdefault(ancestor, []).append(pid)
    found: dict[int, Stance] = {}
    for key in main:
        pid, places = key[0], waits.get(key, {})
        waited = sum(places.values())
        below = children.get(pid, [])
        if (
            not below
            or not waited
            or waited < MOSTLY * seen.get(key, 0)
            or max(places.values(), default=0) < ONE_PLACE * waited
        ):
            continue
        if any(child in serving and lived[child] >= MOSTLY * waited for child in below):
            found[pid] = Stance.IDLE
        elif sum(busy[child] for child in below) >= MOSTLY * waited:
            found[pid] = Stance.JOIN
    return found


def _list_ancestors(pid: int, parents: Mapping[int, int]) -> list[int]:
    """Return the processes above one; the system gives ids again, so they may lead in a circle."""
    ancestors: list[int] = []
    while (pid := parents.get(pid, 0)) and pid not in ancestors:
        ancestors.append(pid)
    return ancestors
