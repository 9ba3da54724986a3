"""Which of pprof's types of samples are which metric: every tool names them in its own way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from whet.formats._builder import SCALES
from whet.model.metric import Metric
from whet.records import dataclass

_CPU = ("cpu", "cpu-time", "cpu_time", "process_cpu")
_WALL = ("wall", "wall-time", "wall_time", "wall time", "time")
_COUNTS = ("cpu-samples", "cpu_samples", "samples", "sample", "wall-samples", "wall_samples")
_UNITS = {"ns": "nanoseconds", "us": "microseconds", "μs": "microseconds", "ms": "milliseconds", "s": "seconds"}
_WAIT = ("wait", "waiting")
_MEMORY = {
    Metric.ALLOCATED: ("alloc_space", "alloc-space", "allocated"),
    Metric.ALLOCATIONS: ("alloc_objects", "alloc-samples", "allocations"),
    Metric.PEAK: ("inuse_space", "heap-space", "heap_space", "heap", "memory"),
}


@dataclass(frozen=True, slots=True)
class ChosenTypes:
    """The columns of a sample's values that are read."""

    found: bool
    period_ns: int = 0
    wall: bool = False
    missing: tuple[str, ...] = ()
    time: tuple[int, int] = (-1, 1)
    """Column and nanoseconds of one."""
    whole: tuple[int, int] = (-1, 1)
    """Wall time where there is CPU time beside it."""
    wait: tuple[int, int] = (-1, 1)
    count: int = -1
    memory: tuple[tuple[Metric, int], ...] = ()

    def values(self, sums: Sequence[int]) -> Iterator[tuple[Metric, int, int]]:
        """Yield metric, value and number of samples of the sums of one stack, whose last is how many were added up."""
        spent = sums[self.time[0]] * self.time[1] if self.time[0] >= 0 else 0
        count = (
            sums[self.count]
            if self.count >= 0
            else max(1, round(spent / self.period_ns))
            if self.period_ns
            else sums[-1]
        )
        waited = sums[self.wait[0]] * self.wait[1] if self.wait[0] >= 0 else 0
        if self.whole[0] >= 0:
            waited = max(0, sums[self.whole[0]] * self.whole[1] - spent)
        if self.time[0] >= 0:
            yield Metric.CPU, spent, count if spent else 0
        yield Metric.WAITING, waited, 0 if spent else max(1, count)
        for metric, column in self.memory:
            yield metric, sums[column], sums[-1]


def choose_types(types: Sequence[tuple[str, str]], period_type: tuple[str, str], period: int) -> ChosenTypes:
    """Return the columns to read; ``types`` are pairs of a type and its unit."""
    kinds = [(kind.lower(), _UNITS.get(unit.lower(), unit.lower())) for kind, unit in types]

    def find(names: Sequence[str], units: Sequence[str]) -> int:
        return next((i for name in names for i, (kind, unit) in enumerate(kinds) if kind == name and unit in units), -1)

    def scale(column: int) -> tuple[int, int]:
        return (column, SCALES[kinds[column][1]]) if column >= 0 else (-1, 1)

    times = tuple(SCALES)
    cpu, wall, wait = (find(names, times) for names in (_CPU, _WALL, _WAIT))
    count = find(_COUNTS, ("count", ""))
    memory = tuple(
        (metric, column) for metric, names in _MEMORY.items() if (column := find(names, ("bytes", "count"))) >= 0
    )
    missing = (
        ["the peak: what was in use when it was taken stands for it"]
        if any(m is Metric.PEAK for m, _ in memory)
        else []
    )
    period_ns = period * SCALES.get(_UNITS.get(period_type[1].lower(), period_type[1].lower()), 0)
    # Datadog writes 1.
    period_ns = period_ns if period_ns >= SCALES["microseconds"] else 0
    time = cpu if cpu >= 0 else wall
    if time < 0 and count >= 0 and period_ns:
        return ChosenTypes(True, period_ns, True, tuple(missing), (count, period_ns), count=count, memory=memory)
    return ChosenTypes(
        found=time >= 0 or wait >= 0 or bool(memory),
        period_ns=period_ns if time >= 0 else 0,
        wall=cpu < 0 <= wall,
        missing=tuple(missing),
        time=scale(time),
        whole=scale(wall) if cpu >= 0 else (-1, 1),
        wait=scale(wait),
        count=count,
        memory=memory,
    )
