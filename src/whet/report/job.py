"""The parts of a merged run side by side: ranks, workers or files, and the tasks that ran in them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from whet.model.imbalance import Imbalance, find_imbalance, name_parts
from whet.model.part import Part, TaskTotals
from whet.model.run import Run
from whet.records import dataclass
from whet.report.places import Places
from whet.report.units import Figure, bytes_figure, count_figure, format_factor, format_seconds, time_figure

MOST_PARTS = 100
"""Parts in a table: those that worked most, and a few that worked least."""
_LEAST_WORKED = 5
MOST_TASKS = 50
_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class PartRow:
    """One part in a table. ``hottest`` is its hottest function, ``place`` where that is."""

    label: str
    work: Figure
    cpu: Figure
    waiting: Figure
    exchange: Figure
    idle: Figure
    wall: Figure
    clock: Figure
    samples: int
    hottest: str
    place: str
    note: str


@dataclass(frozen=True, slots=True)
class TaskRow:
    """All tasks of one name."""

    name: str
    count: Figure
    each: Figure
    """CPU time and waiting of one task, on average."""
    cpu: Figure
    blocked: Figure
    transfer: Figure
    spill: Figure
    serialize: Figure
    other: Figure
    transferred: Figure


@dataclass(frozen=True, slots=True)
class ImbalanceFigures:
    """How evenly the parts worked. ``ratio`` is the most work of a part over the mean."""

    label: str
    work: Figure
    others: Figure
    ratio: float
    function: str
    place: str
    lost: Figure
    is_significant: bool


@dataclass(frozen=True, slots=True)
class Job:
    """The parts and tasks of a run. ``noun`` is what a part is called, in the plural."""

    noun: str
    sentence: str
    """Which part is the slowest, what it loses its time in, and the imbalance; empty for one part."""
    parts: tuple[PartRow, ...]
    count: int
    """How many parts there are, of which ``parts`` may be some."""
    tasks: tuple[TaskRow, ...]
    imbalance: ImbalanceFigures | None

    @property
    def has_exchange(self) -> bool:
        """Whether any part waited for others."""
        return any(row.exchange.value for row in self.parts)


def describe_job(run: Run, places: Places) -> Job | None:
    """Return the parts and tasks of ``run``; ``None`` for a run that was not merged."""
    if not run.parts and not run.tasks:
        return None
    found = find_imbalance(run.parts)
    return Job(
        noun=name_parts(run.parts),
        sentence=_describe_imbalance(found, places, name_parts(run.parts)) if found is not None else "",
        parts=tuple(_describe_part(part, places) for part in _choose_parts(run.parts)),
        count=len(run.parts),
        tasks=tuple(_describe_task(each) for each in _rank_tasks(run.tasks)[:MOST_TASKS]),
        imbalance=_figure_imbalance(found, places) if found is not None else None,
    )


def _choose_parts(parts: Sequence[Part]) -> list[Part]:
    by_work = sorted(parts, key=lambda part: -part.work_ns)
    if len(by_work) > MOST_PARTS:
        by_work = [*by_work[: MOST_PARTS - _LEAST_WORKED], *by_work[-_LEAST_WORKED:]]
    return sorted(by_work, key=lambda part: _split(part.label))


def _split(label: str) -> list[str]:
    # Texts and numbers in turn, so that rank 10 stands after rank 9.
    return [each if at % 2 == 0 else each.zfill(20) for at, each in enumerate(_DIGITS.split(label))]


def _rank_tasks(tasks: Sequence[TaskTotals]) -> list[TaskTotals]:
    return sorted(tasks, key=lambda each: (-_sum_task(each), each.name))


def _sum_task(each: TaskTotals) -> int:
    return each.cpu_ns + each.blocked_ns + each.transfer_ns + each.spill_ns + each.serialize_ns + each.other_ns


def _describe_part(part: Part, places: Places) -> PartRow:
    top = part.functions[0] if part.functions else None
    return PartRow(
        label=part.label,
        work=time_figure(part.work_ns),
        cpu=time_figure(part.cpu_ns),
        waiting=time_figure(part.waiting_ns - part.exchange_ns),
        exchange=time_figure(part.exchange_ns),
        idle=time_figure(part.idle_ns),
        wall=time_figure(part.wall_ns or None),
        clock=time_figure(part.clock_ns or None),
        samples=part.samples,
        hottest=top.name if top else "",
        place=f"{places.show(top.file)}:{top.line}" if top else "",
        note=part.note,
    )


def _describe_task(each: TaskTotals) -> TaskRow:
    return TaskRow(
        name=each.name,
        count=count_figure(each.count or None),
        each=time_figure((each.cpu_ns + each.blocked_ns) // each.count if each.count else None),
        cpu=time_figure(each.cpu_ns),
        blocked=time_figure(each.blocked_ns),
        transfer=time_figure(each.transfer_ns),
        spill=time_figure(each.spill_ns),
        serialize=time_figure(each.serialize_ns),
        other=time_figure(each.other_ns),
        transferred=bytes_figure(each.transfer_bytes),
    )


def _describe_imbalance(found: Imbalance, places: Places, noun: str) -> str:
    ratio = f"load imbalance {found.ratio:.2f} (max over mean)"
    if not found.is_significant:
        return f"No {noun[:-1]} stands out: {found.label} worked longest, {format_seconds(found.work_ns)}; {ratio}"
    times = f"{format_factor(found.times)} the others' median" if found.times else "the others did nothing"
    where = ""
    if found.function is not None:
        place = f"{places.show(found.function.file)}:{found.function.line}"
        where = f", and loses {format_seconds(found.function.spent_ns)} in {found.function.name} ({place})"
    return f"{found.label} is the slowest: {format_seconds(found.work_ns)} of work, {times}{where}; {ratio}"


def _figure_imbalance(found: Imbalance, places: Places) -> ImbalanceFigures:
    function = found.function
    return ImbalanceFigures(
        label=found.label,
        work=time_figure(found.work_ns),
        others=time_figure(found.others_ns),
        ratio=found.ratio,
        function=function.name if function else "",
        place=f"{places.show(function.file)}:{function.line}" if function else "",
        lost=time_figure(function.spent_ns if function else None),
        is_significant=found.is_significant,
    )
