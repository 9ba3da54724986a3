"""What Dask's workers count of their tasks themselves, added up: see "Fine Performance Metrics" in Dask's manual."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from whet.model.part import TaskTotals, Transfer
from whet.records import dataclass

TRANSFERS = "data from other workers"
MOST_TASKS = 500
MOST_TRANSFERS = 100
_OF_ACTIVITY = {
    "thread-cpu": "cpu",
    "thread-noncpu": "blocked",
    "network": "transfer",
    "transfer": "transfer",
    "disk-read": "spill",
    "disk-write": "spill",
    "memory-read": "other",
    "serialize": "serialize",
    "deserialize": "serialize",
    "compress": "serialize",
    "decompress": "serialize",
}
_LEFT_OUT = frozenset({"executor", "idle"})
"""Waiting for a thread: no task runs meanwhile."""


@dataclass(slots=True)
class _Task:
    count: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    transferred: float = 0.0

    def add(self, activity: str, unit: str, value: float) -> None:
        if unit == "seconds" and activity not in _LEFT_OUT:
            kind = _OF_ACTIVITY.get(activity, "other")
            self.seconds[kind] = self.seconds.get(kind, 0.0) + value
        elif unit == "bytes" and _OF_ACTIVITY.get(activity) == "transfer":
            self.transferred += value


class Totals:
    """The counts of all workers."""

    def __init__(self) -> None:
        self._tasks: dict[str, _Task] = {}
        self._moved: dict[str, list[int]] = {}

    def add(self, said: Mapping[str, Any]) -> None:
        """Add what one worker said of itself."""
        for name, count in dict(said.get("counts", {})).items():
            self._tasks.setdefault(str(name), _Task()).count += int(count)
        for key, value in said.get("digests", ()):
            if key[0] == "execute" and len(key) >= 4:
                self._tasks.setdefault(key[-3], _Task()).add(key[-2], key[-1], value)
            elif key[0] == "gather-dep" and len(key) >= 3:
                self._tasks.setdefault(TRANSFERS, _Task()).add(key[-2], key[-1], value)
        for key, times, size in said.get("moved", ()):
            moved = self._moved.setdefault(str(key), [0, 0])
            moved[0] += int(times)
            moved[1] = max(moved[1], int(size))

    def list_tasks(self) -> tuple[TaskTotals, ...]:
        """Return the kinds of tasks, those that took longest first."""
        ranked = sorted(self._tasks.items(), key=lambda item: (-sum(item[1].seconds.values()), item[0]))
        return tuple(_finish(name, task) for name, task in ranked[:MOST_TASKS])

    def list_transfers(self) -> tuple[Transfer, ...]:
        """Return the data that was moved, the most bytes first."""
        ranked = sorted(self._moved.items(), key=lambda item: (-item[1][0] * item[1][1], item[0]))
        return tuple(Transfer(key, times, size) for key, (times, size) in ranked[:MOST_TRANSFERS])


def _finish(name: str, task: _Task) -> TaskTotals:
    ns = {kind: round(seconds * 1e9) for kind, seconds in task.seconds.items()}
    return TaskTotals(
        name=name,
        count=task.count,
        cpu_ns=ns.get("cpu", 0),
        blocked_ns=ns.get("blocked", 0),
        transfer_ns=ns.get("transfer", 0),
        spill_ns=ns.get("spill", 0),
        serialize_ns=ns.get("serialize", 0),
        other_ns=ns.get("other", 0),
        transfer_bytes=round(task.transferred),
    )
