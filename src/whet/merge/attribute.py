"""Cost from stacks to places: self, total and attributed time, memory, packages, imports, threads."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import compress

from whet.merge.cost_table import CostTable
from whet.merge.idle_stacks import is_event_loop, is_poll
from whet.merge.imports import sum_imports
from whet.merge.names import is_import_machinery, package_name
from whet.merge.select import TIME
from whet.merge.tree import attributing_rows, callee_rows, outermost_rows, preorder, self_values, subtree_sums
from whet.model.frame import Owner
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile, Thread

MEMORY_METRICS = (Metric.ALLOCATED, Metric.ALLOCATIONS, Metric.PEAK, Metric.BRIEF, Metric.LIVE, Metric.GROWN)


@dataclass(slots=True)
class Times:
    """What the time profiles say beside the entries. Values are nanoseconds."""

    cpu: int = 0
    waiting: int = 0
    idle: int = 0
    gil: int = 0
    outside: int = 0
    outside_of: dict[str, int] = field(default_factory=dict)
    """The part of ``outside`` that was spent in each package."""
    samples: int = 0
    imports: dict[tuple[str, str], int] = field(default_factory=dict)
    packages: dict[tuple[str, Owner], list[int]] = field(default_factory=dict)
    """Self CPU, total CPU and self busy time of each package."""
    threads: dict[Thread, dict[Metric, int]] = field(default_factory=dict)
    functions_of: dict[Thread, set[int]] = field(default_factory=dict)


def attribute_time(profile: Profile, table: CostTable, times: Times, roots: Sequence[str]) -> None:
    """Add one time profile to the entries and to ``times``.

    What an event loop computes for itself, and waits where nobody saw for whom, is attributed to nobody: the line that
    started it has hardly anything to do with how many events there are.
    """
    parent, frame_of = profile.stacks.parent, profile.stacks.frame
    function_of = [table.function(frame) for frame in profile.frames]
    line_of = [table.line(frame) for frame in profile.frames]
    functions = [function_of[frame] for frame in frame_of]
    lines = [line_of[frame] for frame in frame_of]
    attributed = attributing_rows(parent, frame_of, [frame.owner is Owner.USER for frame in profile.frames])
    cpu = self_values(profile, [Metric.CPU])
    waiting = self_values(profile, [Metric.WAITING])
    spent = [row for row in range(len(parent)) if cpu[row] or waiting[row]]
    inside = [row for row in spent if attributed[row] >= 0]
    whole = sum(cpu) + sum(waiting)
    of_loops = _find_loop_rows(profile)
    if any(of_loops):
        attributed = [ROOT if own else row for own, row in zip(of_loops, attributed, strict=True)]
        inside = [row for row in inside if attributed[row] >= 0]
    times.outside += whole - sum(cpu[row] + waiting[row] for row in inside)
    for entries, keys in ((table.functions, functions), (table.lines, lines)):
        for row in spent:
            if keys[row] >= 0:
                totals = entries[keys[row]]
                totals.self_ns += cpu[row]
                totals.self_waiting_ns += waiting[row]
        for row in inside:
            key = keys[attributed[row]]
            if key >= 0:
                totals = entries[key]
                totals.attributed_ns += cpu[row]
                totals.waiting_ns += waiting[row]
    _add_callees(profile, table, attributed, [cpu[row] + waiting[row] for row in range(len(parent))])
    cpu_sums = subtree_sums(parent, cpu)
    waiting_sums = subtree_sums(parent, waiting) if any(waiting) else [0] * len(parent)
    order = preorder(parent)
    for entries, keys in ((table.functions, functions), (table.lines, lines)):
        for row in outermost_rows(order, keys, len(entries)):
            totals = entries[keys[row]]
            totals.total_ns += cpu_sums[row]
            totals.total_waiting_ns += waiting_sums[row]
    package_of, packages = _name_packages(profile, roots)
    keys = [package_of[frame] for frame in frame_of]
    sums = [times.packages.setdefault(name, [0, 0, 0]) for name in packages]
    for row in spent:
        key = keys[row]
        if key >= 0:
            sums[key][0] += cpu[row]
            sums[key][2] += cpu[row] + waiting[row]
        lost = cpu[row] + waiting[row] if attributed[row] < 0 else 0
        if key >= 0 and lost:
            times.outside_of[packages[key][0]] = times.outside_of.get(packages[key][0], 0) + lost
    for row in outermost_rows(order, keys, len(sums)):
        sums[keys[row]][1] += cpu_sums[row]
    busy_sums = list(map(operator.add, cpu_sums, waiting_sums))
    sum_imports(profile, busy_sums, order, roots, times.imports)
    _add_threads(profile, times, functions)


def _add_callees(profile: Profile, table: CostTable, attributed: Sequence[int], values: Sequence[int]) -> None:
    """Add to each line of the user's what was attributed to it in calls of others' functions, by function."""
    frames, frame_of = profile.frames, profile.stacks.frame
    for row, callee in enumerate(callee_rows(profile.stacks.parent, attributed)):
        if callee >= 0 and values[row] and not is_import_machinery(frames[frame_of[callee]]):
            line = table.line(frames[frame_of[attributed[row]]])
            if line >= 0:
                calls, function = table.lines[line].callees, table.function(frames[frame_of[callee]])
                calls[function] = calls.get(function, 0) + values[row]


def _find_loop_rows(profile: Profile) -> list[bool]:
    """Tell for each row whether it is an event loop or the standard library's work for it, before any other code."""
    loops = [is_event_loop(frame) for frame in profile.frames]
    if not any(loops):
        return [False] * len(profile.stacks)
    aids = [frame.owner in (Owner.STDLIB, Owner.NATIVE) or is_poll(frame) for frame in profile.frames]
    own: list[bool] = []
    for parent, frame in zip(profile.stacks.parent, profile.stacks.frame, strict=True):
        own.append(loops[frame] or (aids[frame] and parent >= 0 and own[parent]))
    return own


def attribute_memory(profile: Profile, table: CostTable) -> None:
    """Add one memory profile: what was allocated counts for the innermost user frame."""
    parent, frame_of = profile.stacks.parent, profile.stacks.frame
    attributed = attributing_rows(parent, frame_of, [frame.owner is Owner.USER for frame in profile.frames])
    for metric in MEMORY_METRICS:
        values = self_values(profile, [metric])
        for row, owner in enumerate(attributed):
            if values[row] and owner >= 0:
                frame = profile.frames[frame_of[owner]]
                line = table.line(frame)
                entries = [table.functions[table.function(frame)], *([table.lines[line]] if line >= 0 else [])]
                for totals in entries:
                    totals.memory[metric] = totals.memory.get(metric, 0) + values[row]


def _name_packages(profile: Profile, roots: Sequence[str]) -> tuple[list[int], list[tuple[str, Owner]]]:
    """Return for each frame the number of its package (-1 for the user's), and the packages."""
    numbers: dict[tuple[str, Owner], int] = {}
    package_of = [
        -1 if frame.owner is Owner.USER else numbers.setdefault((package_name(frame, roots), frame.owner), len(numbers))
        for frame in profile.frames
    ]
    return package_of, list(numbers)


def _add_threads(profile: Profile, times: Times, functions: Sequence[int]) -> None:
    parent = profile.stacks.parent
    rows_of: dict[Thread, bytearray] = {}
    """For each thread which rows it was seen in."""
    for entry in profile.samples:
        if entry.metric not in TIME:
            continue
        value = sum(entry.value)
        if entry.metric is Metric.CPU:
            times.cpu += value
        elif entry.metric is Metric.WAITING:
            times.waiting += value
        elif entry.metric is Metric.GIL:
            times.gil += value
        else:
            times.idle += value
        thread = profile.threads[entry.thread] if 0 <= entry.thread < len(profile.threads) else Thread(0, 0)
        spent = times.threads.setdefault(thread, {})
        spent[entry.metric] = spent.get(entry.metric, 0) + value
        if entry.metric in (Metric.IDLE, Metric.GIL):
            continue
        times.samples += entry.count
        known = rows_of.setdefault(thread, bytearray(len(parent)))
        for row in entry.stack:
            while row >= 0 and not known[row]:
                known[row] = 1
                row = parent[row]  # noqa: PLW2901
    for thread, known in rows_of.items():
        times.functions_of.setdefault(thread, set()).update(compress(functions, known))
