"""Many runs as one: added one after the other, in memory that depends on what differs between their stacks.

Of each part (a rank, a worker, a file) its times and the functions with most of them are kept. Stacks are kept for each
part and thread until they are too many; then for each part, and then for all parts together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from heapq import nlargest

from whet.merge.combine import ProfileTables, sum_lines
from whet.merge.evidence import pool_evidence
from whet.merge.exchange import find_exchange_rows
from whet.merge.requests import pool_requests
from whet.merge.select import MEMORY, TIME, memory_profiles, time_profiles
from whet.merge.tree import inherit
from whet.model.frame import Frame, Owner
from whet.model.metric import Metric
from whet.model.origin import Origin
from whet.model.part import Part, PartFunction
from whet.model.profile import Correction, LineCount, Profile, Thread
from whet.model.routes import Requests
from whet.model.run import Execution, Host, Interpreter, Notice, Purpose, Resident, Run, SourceFile
from whet.model.scaling import Scaling
from whet.model.trial import Proof
from whet.records import dataclass

MOST_ENTRIES = 300_000
"""Pairs of a stack and a value that are kept, of all threads together."""
MOST_THREADS = 2_000
MOST_FUNCTIONS = 32
"""Functions that are counted for each part; where there are more, those with least time are dropped."""
MOST_ORIGINS = 1_000
MOST_NOTICES = 5
"""Different notices about one thing that are kept; of more only their number."""


@dataclass(slots=True)
class _PartTotals:
    """The times of one part in the making, in nanoseconds."""

    wall: int = 0
    clock: int = 0
    exchange: int = 0
    samples: int = 0
    runs: int = 0
    times: dict[Metric, int] = field(default_factory=dict)
    functions: dict[int, int] = field(default_factory=dict)
    """Busy time by index of the function."""
    is_worker: bool = True
    note: str = ""


class Gathering:
    """The parts of a job, added one by one; :meth:`finish` returns the one run that they make."""

    def __init__(self, most_entries: int = MOST_ENTRIES) -> None:
        self._most_entries = most_entries
        self._time = ProfileTables()
        self._memory = ProfileTables()
        self._lines: dict[tuple[str, int, int], int] = {}
        self._parts: dict[str, _PartTotals] = {}
        self._functions: dict[tuple[str, str, int], int] = {}
        self._sources: dict[str, SourceFile] = {}
        self._differing: dict[str, str] = {}
        """Files whose source differs between parts, and the part whose source is shown."""
        self._source_of: dict[str, str] = {}
        self._profiles = _ProfileFacts()
        self._head = _HeadFacts()
        self._folded = 0
        """0: stacks of each thread are kept; 1: of each part and task; 2: of each task, of all parts together."""

    def __len__(self) -> int:
        return len(self._parts)

    def add(self, run: Run, label: str, *, note: str = "") -> None:
        """Add ``run``, whose profiles are aligned, as the part ``label``; a run that was merged keeps its own parts."""
        timed, measured = time_profiles(run), memory_profiles(run)
        for profile in timed:
            self._time.add(self._place(profile, label), TIME)
            self._profiles.add(profile)
        for profile in measured:
            self._memory.add(self._place(profile, label), MEMORY)
            self._profiles.add_memory(profile)
        for key, hits in sum_lines(run.profiles).items():
            self._lines[key] = self._lines.get(key, 0) + hits
        if run.parts:
            self._take_parts(run)
        else:
            self._take_times(run, label, timed, note)
        self._take_sources(run, label)
        self._head.add(run, label)
        self._fold_if_large()

    def describe(
        self, label: str, *, note: str = "", clock_ns: int = 0, wall_ns: int = 0, is_worker: bool = True
    ) -> None:
        """Set what is known of one part besides what was sampled; times of 0 stay as they are."""
        part = self._parts.setdefault(label, _PartTotals())
        part.is_worker = is_worker
        part.note = note or part.note
        part.clock = clock_ns or part.clock
        part.wall = wall_ns or part.wall

    def finish(self) -> Run:
        """Return the run of all parts. Adding may go on afterwards."""
        executions = self._head.executions()
        profiles = [self._profiles.finish(self._time)]
        lines = tuple(LineCount(*key, hits) for key, hits in self._lines.items())
        if self._memory.frames:
            # Of a purpose of its own, where there is an execution for it: it says nothing about time.
            at = next((i for i, each in enumerate(executions) if each.purpose is Purpose.MEMORY), 0)
            profiles.append(replace(self._profiles.finish_memory(self._memory), execution=at))
        if lines:
            at = next((i for i, each in enumerate(executions) if each.purpose is Purpose.EXACT_LINES), 0)
            profiles.append(Profile("line_profiler", lines=lines, execution=at))
        return replace(
            self._head.finish(),
            executions=executions,
            profiles=tuple(each for each in profiles if each.samples or each.lines),
            sources=dict(self._sources),
            parts=self._list_parts(),
            notices=(*self._describe_folding(), *self._describe_sources(), *self._head.list_notices()),
        )

    def _place(self, profile: Profile, label: str) -> Profile:
        """Return ``profile`` with its threads under ``label``, as finely as threads are still told apart."""
        threads = []
        for each in profile.threads:
            placed = each if each.label else replace(each, label=label)
            threads.append(_fold_thread(placed, self._folded))
        return replace(profile, threads=threads)

    def _fold_if_large(self) -> None:
        while self._folded < 2 and self._is_large():
            self._folded += 1
            for tables in (self._time, self._memory):
                tables.join_threads(lambda thread: _fold_thread(thread, self._folded))

    def _is_large(self) -> bool:
        entries = self._time.entries + self._memory.entries
        return entries > self._most_entries or len(self._time.threads) > MOST_THREADS

    def _take_times(self, run: Run, label: str, timed: Iterable[Profile], note: str) -> None:
        part = self._parts.setdefault(label, _PartTotals())
        part.runs += 1
        part.note = note or part.note
        if run.timed is not None:
            part.wall += run.timed.wall_ns
            part.clock += run.timed.cpu_ns
            if run.timed.stopped and not note:
                part.note = run.timed.stopped
        for profile in timed:
            self._take_profile(profile, run.sources, part)

    def _take_profile(self, profile: Profile, sources: Mapping[str, SourceFile], part: _PartTotals) -> None:
        functions = [self._number(frame) if frame.owner is Owner.USER else -1 for frame in profile.frames]
        of_row = inherit(profile.stacks.parent, map(functions.__getitem__, profile.stacks.frame))
        exchange = find_exchange_rows(profile, sources)
        for entry in profile.samples:
            if entry.metric not in TIME:
                continue
            part.times[entry.metric] = part.times.get(entry.metric, 0) + sum(entry.value)
            if entry.metric not in (Metric.CPU, Metric.WAITING):
                continue
            part.samples += entry.count
            for row, value in zip(entry.stack, entry.value, strict=True):
                if row < 0:
                    continue
                if entry.metric is Metric.WAITING and exchange[row]:
                    part.exchange += value
                elif (own := of_row[row + 1]) >= 0:
                    part.functions[own] = part.functions.get(own, 0) + value
        if len(part.functions) > MOST_FUNCTIONS:
            part.functions = dict(nlargest(MOST_FUNCTIONS, part.functions.items(), key=lambda item: item[1]))

    def _number(self, frame: Frame) -> int:
        key = frame.file, frame.name, frame.first_line
        return self._functions.setdefault(key, len(self._functions))

    def _take_parts(self, run: Run) -> None:
        for each in run.parts:
            part = self._parts.setdefault(each.label, _PartTotals())
            part.wall += each.wall_ns
            part.clock += each.clock_ns
            part.exchange += each.exchange_ns
            part.samples += each.samples
            part.runs += each.runs
            part.is_worker = each.is_worker
            part.note = each.note or part.note
            times = (each.cpu_ns, each.waiting_ns, each.idle_ns, each.gil_ns)
            for metric, value in zip((Metric.CPU, Metric.WAITING, Metric.IDLE, Metric.GIL), times, strict=True):
                part.times[metric] = part.times.get(metric, 0) + value
            for function in each.functions:
                key = function.file, function.name, function.line
                number = self._functions.setdefault(key, len(self._functions))
                part.functions[number] = part.functions.get(number, 0) + function.spent_ns

    def _list_parts(self) -> tuple[Part, ...]:
        names = list(self._functions)
        return tuple(
            Part(
                label=label,
                wall_ns=part.wall,
                clock_ns=part.clock,
                cpu_ns=part.times.get(Metric.CPU, 0),
                waiting_ns=part.times.get(Metric.WAITING, 0),
                exchange_ns=part.exchange,
                idle_ns=part.times.get(Metric.IDLE, 0),
                gil_ns=part.times.get(Metric.GIL, 0),
                samples=part.samples,
                runs=part.runs,
                functions=tuple(
                    PartFunction(*names[number], spent)
                    for number, spent in sorted(part.functions.items(), key=lambda item: -item[1])
                ),
                is_worker=part.is_worker,
                note=part.note,
            )
            for label, part in self._parts.items()
        )

    def _take_sources(self, run: Run, label: str) -> None:
        for file, source in run.sources.items():
            known = self._sources.setdefault(file, source)
            self._source_of.setdefault(file, label)
            if known.sha256 != source.sha256:
                self._differing.setdefault(file, self._source_of[file])

    def _describe_sources(self) -> Iterable[Notice]:
        for file, label in sorted(self._differing.items())[:MOST_NOTICES]:
            message = f"{self._sources[file].shown} is not the same in all parts: that of {label} is shown"
            yield Notice("source", message, "merge parts that ran the same code")

    def _describe_folding(self) -> Iterable[Notice]:
        if self._folded:
            of = "each part" if self._folded == 1 else "all parts together"
            yield Notice("parts", f"many threads and stacks: stacks are kept for {of}, not for each thread")


def _fold_thread(thread: Thread, folded: int) -> Thread:
    if not folded:
        return thread
    return Thread(0, 0, "", "", thread.label if folded == 1 else "", thread.task)


class _ProfileFacts:
    """What stands at the head of the merged profiles."""

    def __init__(self) -> None:
        self._collectors: dict[str, None] = {}
        self._memory_collectors: dict[str, None] = {}
        self._period = self._ticks = self._own = self._peak = 0
        self._wall = self._unjudged = False
        self._moved: dict[tuple[str, Metric], int] = {}
        self._missing: dict[str, None] = {}

    def add(self, profile: Profile) -> None:
        self._collectors.setdefault(profile.collector)
        self._period = self._period or profile.period_ns
        self._ticks += profile.ticks
        self._own += profile.own_ns
        self._wall = self._wall or profile.wall
        self._unjudged = self._unjudged or profile.unjudged
        self._missing.update(dict.fromkeys(profile.missing))
        for each in profile.corrections:
            key = each.name, each.metric
            self._moved[key] = self._moved.get(key, 0) + each.moved_ns

    def add_memory(self, profile: Profile) -> None:
        self._memory_collectors.setdefault(profile.collector)
        self._peak += profile.peak_bytes  # as those of its lines

    def finish(self, tables: ProfileTables) -> Profile:
        return replace(
            tables.profile(),
            collector=", ".join(self._collectors) or "whet",
            period_ns=self._period,
            ticks=self._ticks,
            own_ns=self._own,
            wall=self._wall,
            unjudged=self._unjudged,
            missing=tuple(self._missing),
            corrections=tuple(Correction(*key, moved) for key, moved in self._moved.items() if moved),
        )

    def finish_memory(self, tables: ProfileTables) -> Profile:
        return replace(tables.profile(), collector=", ".join(self._memory_collectors), peak_bytes=self._peak)


class _HeadFacts:
    """What stands at the head of the merged run: the command, the interpreter, executions, notices."""

    def __init__(self) -> None:
        self._first: Run | None = None
        self._commands: dict[tuple[str, ...], None] = {}
        self._pythons: dict[str, str] = {}
        """Each version of Python, with the first part that ran it."""
        self._executions: dict[Purpose, Execution] = {}
        self._has_all_executions = True
        self._origins: list[Origin] = []
        self._more_origins = 0
        self._evidence: list[Run] = []
        self._requests: list[Requests] = []
        self._notices: dict[str, dict[Notice, list[str]]] = {}
        self._not_measured: set[tuple[str, str]] | None = None

    def add(self, run: Run, label: str) -> None:
        self._first = self._first or run
        self._commands.setdefault(run.command)
        if run.interpreter.version:
            self._pythons.setdefault(f"{run.interpreter.implementation} {run.interpreter.version}", label)
        self._has_all_executions = self._has_all_executions and bool(run.executions)
        for execution in run.executions:
            before = self._executions.get(execution.purpose)
            self._executions[execution.purpose] = _join_executions(before, execution) if before else execution
        for origin in run.origins or (_describe_origin(run, label),):
            if len(self._origins) < MOST_ORIGINS:
                self._origins.append(origin)
        if run.requests.routes:
            # Added up at once: there may be many parts.
            self._requests = [pool_requests((*self._requests, run.requests))]
        if run.evidence.samples and len(self._evidence) < MOST_ORIGINS:
            self._evidence.append(replace(run, profiles=(), sources={}))
        for notice in run.notices:
            self._notices.setdefault(notice.about, {}).setdefault(notice, []).append(label)
        missing = set(run.not_measured)
        self._not_measured = missing if self._not_measured is None else self._not_measured & missing

    def executions(self) -> tuple[Execution, ...]:
        """Return one execution for each purpose; none where some parts are profiles of other tools."""
        return tuple(self._executions.values()) if self._has_all_executions else ()

    def finish(self) -> Run:
        first = self._first or Run("", (), "", "", "", Interpreter("", ""))
        return replace(
            first,
            command=first.command if len(self._commands) == 1 else (),
            interpreter=first.interpreter if len(self._pythons) <= 1 else replace(first.interpreter, obvious=True),
            host=first.host if len(self._origins) == 1 else Host(first.host.system, first.host.machine),
            evidence=pool_evidence([run.evidence for run in self._evidence]) if self._evidence else first.evidence,
            resident=Resident(),
            # What was proven or scaled is one part's.
            proof=Proof(),
            scaling=Scaling(),
            not_measured=tuple(sorted(self._not_measured or ())),
            labels=(),
            requests=pool_requests(self._requests),
            origins=tuple(self._origins),
            can_run_again=False,
            arguments=(),
            saved_in="",
        )

    def list_notices(self) -> tuple[Notice, ...]:
        """Return the notices of all parts, those about one thing not more often than a reader reads them."""
        listed: list[Notice] = []
        if len(self._pythons) > 1:
            versions = ", ".join(f"{python} ({label})" for python, label in self._pythons.items())
            listed.append(Notice("interpreter", f"the parts ran under different versions of Python: {versions}"))
        for about, notices in self._notices.items():
            for notice, labels in list(notices.items())[:MOST_NOTICES]:
                of = labels[0] if len(labels) == 1 else f"{labels[0]} and {len(labels) - 1} more"
                listed.append(replace(notice, message=f"{of}: {notice.message}"))
            if len(notices) > MOST_NOTICES:
                listed.append(Notice(about, f"{len(notices) - MOST_NOTICES} more such warnings of other parts"))
        return tuple(listed)


def _join_executions(one: Execution, other: Execution) -> Execution:
    """Return two executions that ran next to each other as one: the longer wall time, the sum of CPU times."""
    worse = other if other.exit_status and not one.exit_status else one
    return replace(
        worse,
        collectors=tuple(dict.fromkeys((*one.collectors, *other.collectors))),
        wall_ns=max(one.wall_ns, other.wall_ns),
        cpu_ns=one.cpu_ns + other.cpu_ns,
        peak_resident_bytes=one.peak_resident_bytes + other.peak_resident_bytes,
        paused_share=max(one.paused_share, other.paused_share),
        pid=0,
    )


def _describe_origin(run: Run, label: str) -> Origin:
    timed = time_profiles(run)
    return Origin(
        label=label,
        file=" ".join(run.command)[:200],
        format="whet",
        tool=", ".join(dict.fromkeys(profile.collector for profile in timed)),
        samples=sum(entry.count for profile in timed for entry in profile.samples if entry.metric in TIME),
    )
