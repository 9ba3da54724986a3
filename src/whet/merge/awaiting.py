"""The waiting of event loops, put where the tasks wait: on the ``await`` of each coroutine.

A sampler from outside sees the thread of a loop in its poll. The agent inside sees the tasks meanwhile: the time that
the thread waited there is spread over their stacks as the agent saw them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from whet.merge.idle_stacks import Stance, find_stance, name_place
from whet.merge.ownership import is_native_file
from whet.model.agent_report import AgentReport, TaskWait
from whet.model.evidence import Awaited
from whet.model.frame import Frame
from whet.model.metric import Metric
from whet.model.profile import Profile, Samples, StackTable

_ONCE = "asyncio.base_events:_run_once"
"""Above it are the frames of the poll."""
MAX_AWAITED = 1_000


def place_awaiting(profile: Profile, agents: Iterable[AgentReport]) -> Profile:
    """Return ``profile`` with the waiting of asyncio's loops on the stacks of the tasks that waited.

    Where an agent saw no tasks, or the thread's loop is another one, nothing is changed.
    """
    waits: dict[tuple[int, int], list[TaskWait]] = {}
    for agent in agents:
        for wait in agent.waits:
            if wait.ns and wait.stack:
                waits.setdefault((agent.pid, wait.thread), []).append(wait)
    if not waits:
        return profile
    placing = _Placing(profile)
    samples: list[Samples] = []
    for entry in profile.samples:
        thread = profile.threads[entry.thread] if 0 <= entry.thread < len(profile.threads) else None
        known = waits.get((thread.pid, thread.tid)) or waits.get((thread.pid, 0)) if thread is not None else None
        samples.append(placing.place(entry, known) if entry.metric is Metric.WAITING and known else entry)
    return replace(
        profile,
        frames=tuple(placing.frames),
        stacks=StackTable(tuple(placing.parent), tuple(placing.frame)),
        samples=tuple(samples),
    )


class _Placing:
    """A stack table that grows by the stacks of tasks."""

    def __init__(self, profile: Profile) -> None:
        self.frames = list(profile.frames)
        self.numbers = {each: number for number, each in enumerate(self.frames)}
        self.parent, self.frame = list(profile.stacks.parent), list(profile.stacks.frame)
        self.rows = {pair: row for row, pair in enumerate(zip(self.parent, self.frame, strict=True))}

    def place(self, entry: Samples, waits: Sequence[TaskWait]) -> Samples:
        whole = sum(wait.ns for wait in waits)
        values: dict[int, int] = {}
        for row, value in zip(entry.stack, entry.value, strict=True):
            base = self._find_loop(row)
            left = value
            for wait in waits if base >= 0 else ():
                part = value * wait.ns // whole
                at = self._add(base, wait)
                values[at] = values.get(at, 0) + part
                left -= part
            if left:
                # What is lost by rounding stands with the last.
                at = row if base < 0 else at
                values[at] = values.get(at, 0) + left
        return replace(entry, stack=tuple(values), value=tuple(values.values()))

    def _find_loop(self, row: int) -> int:
        """Return the row of the loop that polls in ``row``; -1 where nothing polls."""
        rows: list[int] = []
        while row >= 0:
            rows.append(row)
            row = self.parent[row]
        stack = [self.frames[self.frame[each]] for each in rows]
        python = [frame for frame in stack if not is_native_file(frame.file)]
        if not python or find_stance(python, True) is not Stance.LOOP:
            return -1
        places = [name_place(frame) for frame in stack]
        if _ONCE in places:
            return rows[places.index(_ONCE)]
        return next((row for row, place in zip(rows, places, strict=True) if place.startswith("asyncio.")), -1)

    def _add(self, base: int, wait: TaskWait) -> int:
        for file, line, name, _ in wait.stack:
            frame = Frame(file, name, line)
            number = self.numbers.get(frame)
            if number is None:
                number = self.numbers[frame] = len(self.frames)
                self.frames.append(frame)
            row = self.rows.get((base, number))
            if row is None:
                row = self.rows[base, number] = len(self.parent)
                self.parent.append(base)
                self.frame.append(number)
            base = row
        return base


def sum_awaited(waits: Iterable[TaskWait]) -> tuple[Awaited, ...]:
    """Return for each line of the stacks for how long tasks waited on it, and how many at once."""
    sums: dict[tuple[str, int], list[int]] = {}
    for wait in waits:
        for place in {(file, line) for file, line, _, _ in wait.stack}:
            entry = sums.setdefault(place, [0, 0])
            entry[0] += wait.ns
            entry[1] += wait.together
    found = [Awaited(file, line, ns, together / ns) for (file, line), (ns, together) in sums.items() if ns]
    return tuple(sorted(found, key=lambda each: (-each.ns, each.file, each.line))[:MAX_AWAITED])
