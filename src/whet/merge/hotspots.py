"""From all profiles of a run to hotspots: functions and lines with all their metrics side by side.

Definitions. *Busy* is CPU plus waiting; idle time and waiting for the GIL are
left out of every share.
*Self* is CPU in the place itself, *total* with everything that it called (a
recursive function counts once), *attributed* its self time plus everything
outside user code called from it, up to the next user frame; what an event loop
computes for itself is attributed to nobody. Waiting is attributed
the same way. A share is of busy time and has the standard error
of :func:`whet.model.hotspot.share_error`. Repeated executions add up.
"""

from __future__ import annotations

from collections.abc import Sequence

from whet.merge.attribute import Times, attribute_memory, attribute_time
from whet.merge.codemap import MODULE_NAME, CodeMap, code_map
from whet.merge.cost_table import CostTable, CostTotals
from whet.merge.hits import pool_hits
from whet.merge.names import package_name
from whet.merge.select import memory_profiles, time_profiles, tool_name
from whet.merge.units import find_units
from whet.model.frame import Frame, Owner
from whet.model.hotspot import (
    Callee,
    Cost,
    DependencySpot,
    FunctionSpot,
    Hotspots,
    ImportSpot,
    LineSpot,
    ThreadTime,
    share_error,
)
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile, Thread
from whet.model.run import Run

Spot = FunctionSpot | LineSpot
CALLEES_OF_SHARE = 0.01
"""Lines that took at least this share of the run say what they called,"""
CALLEE_SHARE = 0.05
"""where a call took at least this share of the line's time, and"""
MOST_CALLEES = 3
"""so many at most."""


def merge_run(run: Run) -> Hotspots:
    """Return the merged view of ``run``, whose profiles are aligned (:func:`whet.merge.align.align_profile`)."""
    timed, measured = time_profiles(run), memory_profiles(run)
    roots = import_roots(run, timed)
    table = CostTable(frozenset(run.sources))
    times = Times()
    for profile in timed:
        attribute_time(profile, table, times, roots)
    for profile in measured:
        attribute_memory(profile, table)
    threads = sorted(times.threads.items(), key=_thread_order)
    builder = _Builder(run, table, times, roots)
    functions = builder.functions([thread for thread, _ in threads])
    lines = builder.lines()
    busy = times.cpu + times.waiting
    return Hotspots(
        busy_ns=busy,
        cpu_ns=times.cpu,
        waiting_ns=times.waiting,
        idle_ns=times.idle,
        gil_ns=times.gil,
        outside_ns=times.outside,
        outside_packages=tuple(sorted(times.outside_of.items(), key=lambda item: (-item[1], item[0]))),
        peak_bytes=sum(profile.peak_bytes for profile in measured),
        samples=times.samples,
        share_error=share_error(0.5, times.samples),
        functions=functions,
        lines=lines,
        imports=tuple(
            ImportSpot(module, file, value, _share(value, busy))
            for (module, file), value in sorted(times.imports.items(), key=lambda item: (-item[1], item[0]))
        ),
        dependencies=tuple(
            DependencySpot(package, owner, self_ns, total_ns, _share(self_busy, busy))
            for (package, owner), (self_ns, total_ns, self_busy) in sorted(
                times.packages.items(), key=lambda item: (-item[1][2], -item[1][1], item[0])
            )
            if total_ns or self_busy
        ),
        threads=tuple(_thread_time(thread, spent) for thread, spent in threads),
        units=find_units(run, busy, times.samples),
        line_index={(spot.file, spot.line): spot for spot in lines},
    )


def import_roots(run: Run, profiles: Sequence[Profile]) -> tuple[str, ...]:
    """Return the folders that modules of the run were imported from, as far as it tells.

    They are the project and its ``src``, the working folder, and the folder of
    each outermost module: a script's own folder stands first on ``sys.path``.
    """
    folders = [run.project, f"{run.project}/src" if run.project else "", run.directory]
    for profile in profiles:
        for parent, index in zip(profile.stacks.parent, profile.stacks.frame, strict=True):
            frame = profile.frames[index]
            if parent == ROOT and frame.name == MODULE_NAME and not frame.file.startswith("<"):
                folders.append(frame.file.replace("\\", "/").rpartition("/")[0])
    return tuple(dict.fromkeys(folder for folder in folders if folder))


class _Builder:
    """Turns entries into spots."""

    def __init__(self, run: Run, table: CostTable, times: Times, roots: Sequence[str]) -> None:
        timed, measured = time_profiles(run), memory_profiles(run)
        self._run = run
        self._table = table
        self._times = times
        self._roots = roots
        self._hits = pool_hits(run)
        self._busy = times.cpu + times.waiting
        self._time_tools = tuple(dict.fromkeys(tool_name(profile) for profile in timed))
        self._memory_tools = tuple(dict.fromkeys(tool_name(profile) for profile in measured))
        self._memory = frozenset(entry.metric for profile in measured for entry in profile.samples)
        self._maps: dict[str, CodeMap | None] = {}
        self._uncounted: set[tuple[str, int]] = set()
        """Functions that ran where nobody counted as well, by file and line."""

    def functions(self, threads: Sequence[Thread]) -> tuple[FunctionSpot, ...]:
        """Return all functions that were seen; ``threads`` in the order that their indices refer to."""
        seen_in: dict[int, list[int]] = {}
        for index, thread in enumerate(threads):
            for function in self._times.functions_of.get(thread, ()):
                seen_in.setdefault(function, []).append(index)
        for function, indices in seen_in.items():
            if len({self._counted_as(threads[index]) for index in indices}) > 1:
                frame = self._table.function_frames[function]
                self._uncounted.add((frame.file, frame.first_line))
        for file, line, function_line in self._hits.places():
            known = self._map(file)
            if known is not None:
                counted = known.at(line, "", function_line)
                self._table.function(Frame(file, counted.name, line, counted.line, self._run.sources[file].owner))
        spots = [
            spot
            for index, frame in enumerate(self._table.function_frames)
            if (spot := self._function(frame, self._table.functions[index], tuple(seen_in.get(index, ()))))
        ]
        return tuple(sorted(spots, key=_hottest_first))

    def _counted_as(self, thread: Thread) -> tuple[int, int]:
        """Return what lines are counted in, of which there is one: a process, and before Python 3.12 a thread."""
        version = self._run.interpreter.version.split(".")
        each_thread = [int(part) for part in version[:2] if part.isdecimal()] < [3, 12]
        return thread.pid, thread.tid if each_thread else 0

    def _function(self, frame: Frame, totals: CostTotals, threads: tuple[int, ...]) -> FunctionSpot | None:
        if frame.owner is Owner.NATIVE:
            return None
        known = self._map(frame.file)
        span = known.at(frame.line or frame.first_line, frame.name, frame.first_line) if known else None
        if span is not None and span.name != frame.name:
            span = None  # the profiler and the source do not agree on what stands there
        hits = self._hits.of_function(frame.file, span) if span else None
        if totals.is_empty() and hits is None:
            return None
        end_line = span.end_line if span else frame.first_line
        cost = self._cost(totals, hits, is_counted=(frame.file, frame.first_line) not in self._uncounted)
        return FunctionSpot(frame.file, frame.name, frame.first_line, end_line, frame.owner, cost, threads)

    def lines(self) -> tuple[LineSpot, ...]:
        """Return all lines that were seen or counted."""
        table = self._table
        for file, line, _ in self._hits.places():
            source = self._run.sources.get(file)
            table.line(Frame(file, "", line, 0, source.owner if source else Owner.USER))
        spots: list[LineSpot] = []
        for frame, totals in zip(table.line_frames, table.lines, strict=True):
            known = self._map(frame.file)
            owner = known.at(frame.line) if known else None
            name, function_line = (owner.name, owner.line) if owner else (frame.name, frame.first_line)
            hits = self._hits.of_line(frame.file, frame.line, function_line)
            if not totals.is_empty() or hits is not None:
                cost = self._cost(totals, hits, is_counted=(frame.file, function_line) not in self._uncounted)
                callees = self._callees(totals)
                spots.append(LineSpot(frame.file, frame.line, name, function_line, frame.owner, cost, callees))
        return tuple(sorted(spots, key=_hottest_first))

    def _callees(self, totals: CostTotals) -> tuple[Callee, ...]:
        """Return what a line called that is worth naming; only of lines that are."""
        if totals.spent_ns < CALLEES_OF_SHARE * self._busy:
            return ()
        ranked = sorted(totals.callees.items(), key=lambda item: (-item[1], item[0]))[:MOST_CALLEES]
        return tuple(
            Callee(self._name_callee(frame), frame.file, frame.first_line, spent / totals.spent_ns)
            for function, spent in ranked
            if spent >= CALLEE_SHARE * totals.spent_ns and (frame := self._table.function_frames[function])
        )

    def _name_callee(self, frame: Frame) -> str:
        package = package_name(frame, self._roots).partition(".")[0]
        return frame.name if "." in frame.name or not package else f"{package}.{frame.name}"

    def _map(self, file: str) -> CodeMap | None:
        if file not in self._maps:
            source = self._run.sources.get(file)
            self._maps[file] = code_map(source.text) if source else None
        return self._maps[file]

    def _cost(self, totals: CostTotals, hits: int | None, *, is_counted: bool) -> Cost:
        share = _share(totals.spent_ns, self._busy)
        collectors = list(self._time_tools) if totals.total_ns or totals.total_waiting_ns else []
        collectors += self._memory_tools if totals.memory else ()
        collectors += self._hits.collectors if hits is not None else ()
        return Cost(
            self_ns=totals.self_ns,
            total_ns=totals.total_ns,
            attributed_ns=totals.attributed_ns,
            waiting_ns=totals.waiting_ns,
            self_share=_share(totals.self_ns + totals.self_waiting_ns, self._busy),
            total_share=_share(totals.total_ns + totals.total_waiting_ns, self._busy),
            spent_share=share,
            share_error=share_error(share, self._times.samples),
            samples=round(share * self._times.samples),
            hits=hits,
            hit_ns=self._hits.time_each(totals.spent_ns, hits) if is_counted else None,
            allocated_bytes=self._memory_of(totals, Metric.ALLOCATED),
            allocations=self._memory_of(totals, Metric.ALLOCATIONS),
            peak_bytes=self._memory_of(totals, Metric.PEAK),
            brief_bytes=self._memory_of(totals, Metric.BRIEF, Metric.LIVE),
            live_bytes=self._memory_of(totals, Metric.LIVE),
            grown_bytes=self._memory_of(totals, Metric.GROWN, Metric.LIVE),
            collectors=tuple(dict.fromkeys(collectors)),
        )

    def _memory_of(self, totals: CostTotals, metric: Metric, measured_with: Metric | None = None) -> int | None:
        """Return the value of a metric, ``None`` where it was not measured: no value at all tells nothing of itself."""
        return totals.memory.get(metric, 0) if (measured_with or metric) in self._memory else None


def _share(value: int, whole: int) -> float:
    return value / whole if whole > 0 else 0.0


def _hottest_first(spot: Spot) -> tuple[int, int, int, int, str, int]:
    cost = spot.cost
    memory = max(cost.peak_bytes or 0, cost.allocated_bytes or 0)
    return (-cost.spent_ns, spot.owner is not Owner.USER, -cost.total_ns, -memory, spot.file, spot.line)


def _thread_order(item: tuple[Thread, dict[Metric, int]]) -> tuple[int, int, int, int, str]:
    thread, spent = item
    busy = spent.get(Metric.CPU, 0) + spent.get(Metric.WAITING, 0)
    return (-busy, -spent.get(Metric.IDLE, 0), thread.pid, thread.tid, thread.name)


def _thread_time(thread: Thread, spent: dict[Metric, int]) -> ThreadTime:
    return ThreadTime(
        thread.pid,
        thread.tid,
        thread.name,
        thread.process,
        spent.get(Metric.CPU, 0),
        spent.get(Metric.WAITING, 0),
        spent.get(Metric.IDLE, 0),
        spent.get(Metric.GIL, 0),
        thread.label,
        thread.task,
    )
