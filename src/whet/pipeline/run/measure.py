"""``whet run`` up to the saved run: the order of executions, and what each records."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from whet.collect.api import Collector, Launch
from whet.collect.execute import ROOM_HINT, execute, why_hook_is_not_loaded
from whet.collect.line_profiler import LineProfilerCollector
from whet.collect.memray import MemrayCollector
from whet.collect.plan import Outcome, Plan
from whet.collect.requests import time_requests
from whet.collect.values import describe_user_code, sample_values
from whet.errors import StoreError, WhetError
from whet.model.run import ENDED_BY_DURATION, INTERRUPTED, Execution, Notice, Purpose, Resident, Run
from whet.pipeline.project import find_project
from whet.pipeline.run.again import (
    Inputs,
    compare_work,
    ended_alike,
    explain_not_again,
    explain_other_end,
)
from whet.pipeline.run.notices import (
    describe_became,
    describe_bodies,
    describe_compiled,
    describe_left_behind,
    describe_missing_values,
    describe_sampling,
    describe_uncounted,
)
from whet.pipeline.run.options import MeasureOptions, Sampler, Step
from whet.pipeline.run.preload import preloading
from whet.pipeline.run.record import Record, Subject
from whet.pipeline.run.samplers import Samplers, ask_collector, choose_samplers
from whet.pipeline.run.unbuffered import can_lose_output, find_unbuffered
from whet.program.host import TargetHost
from whet.program.program import read_script
from whet.program.roots import count_compiled, find_program_roots
from whet.program.servers import ANY, Servers, find_servers
from whet.program.spec import TargetSpec
from whet.records import dataclass
from whet.scratch import keep_files, scratch_folder

if TYPE_CHECKING:
    from whet.model.agent_report import AgentReport
    from whet.model.profile import Profile
    from whet.pipeline.run.captures import Captures
    from whet.store import SavedRun

_LATER = 2
"""The number of an execution that does not own the terminal."""
LATER_SECONDS = 60.0
LATER_FACTOR = 20
"""A later execution may take the larger of ``LATER_SECONDS`` and this multiple of the first."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A run, where it was saved, and how whet is to end: with the program's exit status, or by signal N for -N.

    A program that ``--duration`` ended has the status that a shell would see, 128+N: nobody else wanted it to end.
    """

    run: Run
    saved: SavedRun
    status: int


@dataclass(frozen=True, slots=True)
class NeverBegan:
    """The program ended before its first line: it does not compile. There is no run. ``status`` as of ``Measured``."""

    status: int


def measure(spec: TargetSpec, host: TargetHost, options: MeasureOptions) -> Measured | NeverBegan:
    """Run the program under the profilers that ``options`` ask for, and save what they saw.

    Raises :class:`whet.errors.TargetError` where the program cannot be started
    and :class:`whet.errors.StoreError` where the run can be saved nowhere.
    """
    return _Measurement(spec, host, options).run()


def measure_once(spec: TargetSpec, host: TargetHost, options: MeasureOptions, out: Path) -> tuple[Run, Outcome]:
    """Run the program once under the sampler, its output kept in files in ``out``, and return the run, not saved.

    Raises :class:`whet.errors.TargetError` where the program cannot be started.
    """
    return _Measurement(spec, host, options).run_once(out)


def measure_memory_once(spec: TargetSpec, host: TargetHost, options: MeasureOptions, out: Path) -> Run:
    """Run the program once under memray, its output kept in files in ``out``, and return the run, not saved."""
    return _Measurement(spec, host, options).run_memory_once(out)


class _Measurement:
    def __init__(self, spec: TargetSpec, host: TargetHost, options: MeasureOptions) -> None:
        self.spec = replace(spec, directory=str(Path(spec.directory).absolute()))
        self.host = host
        self.options = options
        self.program = find_program_roots(self.spec, host)
        self.subject = Subject(
            spec=self.spec,
            host=host,
            project=find_project(Path(self.spec.directory)),
            program=self.program,
            include=options.include,
            exclude=options.exclude,
            started=datetime.now().astimezone(),
            options=options.words,
            labels=options.labels,
            keep_arguments=options.keep_arguments,
            source=read_script(self.spec),
        )
        self.record = Record(unbuffered=find_unbuffered(self.spec, host))
        self.inputs = Inputs(self.spec)
        self.later_limit = options.max_time
        self.ended_by = 0
        """The signal sent to whet that ended a later execution; 0: none did."""
        self.planned = options.repeat + options.memory + options.lines
        self.why_outside = "--outside" if options.outside else why_hook_is_not_loaded(self.spec, host)
        """Why nothing of whet's is inside the program; empty where something is."""
        self.record.excluded = self.why_outside
        self.servers = Servers()
        """Where requests are timed."""
        if not self.why_outside and options.routes is not False:
            servers = find_servers(self.spec, os.environ)
            self.servers = ANY if options.routes and not servers.holders else servers
            self.record.timed_servers = self.servers.holders
        whole = "--full" if "--full" in options.words else ""
        if options.memory:
            self.record.asked[Purpose.MEMORY] = whole or "--memory"
        if options.lines:
            self.record.asked[Purpose.EXACT_LINES] = whole or "--lines"

    def run(self) -> Measured | NeverBegan:
        with contextlib.ExitStack() as stack:
            try:
                raw = stack.enter_context(scratch_folder())
            except OSError as error:
                raise StoreError(
                    f"the profilers' captures cannot be written: {error.strerror or error}", ROOM_HINT
                ) from error
            first = self._measure_time(raw / "1", number=1)
            if first.status and self.record.agents and not self.record.agents[0].began:
                return NeverBegan(_end_as(first))
            self._judge_inputs(first.left_behind)
            self.record.note(*describe_left_behind(first.left_behind))
            if not self._may_go_on(first):
                how = first.stopped if self.options.duration and first.stopped else explain_not_again(first)
                self._miss_later(f"the first time it {how}")
            elif self.inputs.why_gone:
                self._miss_later(self.inputs.why_gone, self.inputs.hint)
            elif first.left_behind:
                self._miss_later(f"process {first.left_behind[0]} of it still runs")
            else:
                wall = first.wall_ns / 1e9
                self.later_limit = self.options.max_time or max(LATER_SECONDS, LATER_FACTOR * wall)
                try:
                    self._run_later(raw)
                except (WhetError, OSError) as error:
                    # Earlier measurements must not be lost with it.
                    self._notice("executions", f"a later execution failed: {error}", getattr(error, "hint", ""))
            from whet.store import save_run

            run = self.record.assemble(self.subject)
            saved = save_run(run, Path(self.spec.directory))
            if self.options.keep_raw:
                keep_files(raw, saved.path.parent / "raw")
            return Measured(run, saved, -self.ended_by if self.ended_by else _end_as(first))

    def run_once(self, out: Path) -> tuple[Run, Outcome]:
        outcome = self._measure_time(out, number=_LATER)
        self.record.note(*describe_left_behind(outcome.left_behind))
        return self.record.assemble(self.subject), outcome

    def run_memory_once(self, out: Path) -> Run:
        self._measure_memory(out, number=_LATER)
        return self.record.assemble(self.subject)

    def _judge_inputs(self, left_behind: Sequence[int]) -> None:
        """See whether the program can run again on what it was given."""
        self.inputs.judge()
        changed = self.inputs.changed
        self.record.stdin = self.inputs.stdin
        self.record.can_run_again = not self.inputs.why_gone and not changed and not left_behind
        if changed and self.planned > 1:
            self._notice(
                "executions",
                f"the program changed {', '.join(changed[:3])}, which its command names: later executions found that "
                "as the first one left it",
            )

    def _miss_later(self, why: str, hint: str = "") -> None:
        """Say why the program does not run again, where more was asked for."""
        for purpose in self.record.asked:
            self.record.miss(purpose, why)
        if self.planned > 1:
            self._notice("executions", f"the program did not run again for what else was asked: {why}", hint)

    # -- executions -------------------------------------------------------------------------------------------------

    def _measure_time(self, out: Path, number: int) -> Outcome:
        host, options = self.host, self.options
        # Later executions write to files.
        unbuffered = self.record.unbuffered if number == 1 and can_lose_output() else ""
        samplers = choose_samplers(
            options, self.spec, host, out, why_outside=self.why_outside, unstopped=bool(unbuffered)
        )
        self.record.note(*samplers.notices)
        launches = [] if samplers.first is None else [samplers.first]
        if not self.why_outside:
            user_code = describe_user_code(host, self.program, options.include, options.exclude)
            launches.append(Launch(agent=sample_values(out, user_code)))
        if self.servers.holders:
            launches.append(Launch(agent=time_requests(out, self.servers)))
        names = () if self.why_outside else ("values",)
        outcome = self._execute(out, launches, Purpose.TIME, names, number, samplers)
        captures = self._read(out)
        used = samplers.find_used(outcome)
        self.record.profiles += captures.read_time(used, outcome)
        self.record.requests += captures.read_requests()
        agents = captures.agents
        self._take_agents(agents, outcome)
        self.record.notices += captures.notices
        tool = used.tool if used is not None else samplers.asked
        unstopped = unbuffered if tool == Sampler.PY_SPY else ""
        rate = options.rate if isinstance(options.sampler, Sampler) else 0
        self.record.note(*describe_sampling(outcome, tool, rate, unstopped, native=options.native))
        is_first = len(self.record.executions) == 1
        if is_first and not options.native:
            self.record.compiled = count_compiled(self.program)
            self.record.note(*describe_compiled(self.record.compiled))
        if is_first and outcome.poller is not None:
            poller = outcome.poller
            stack = agents[0].peak_stack if agents else ()
            self.record.resident = Resident(
                tuple(poller.at_ns), tuple(poller.bytes), poller.peak_bytes, poller.peak_at_ns, stack
            )
        return outcome

    def _take_agents(self, agents: Sequence[AgentReport], outcome: Outcome) -> None:
        self.record.agents += agents
        if self.why_outside:
            hint = "run without --outside" if self.options.outside else ""
            self._notice("values", f"values are missing: {self.why_outside} keeps whet out of the program", hint)
        else:
            self.record.note(*describe_missing_values(agents, outcome))

    def _run_later(self, raw: Path) -> None:
        number = 1
        for _ in range(self.options.repeat - 1):
            number += 1
            outcome = self._measure_time(raw / str(number), number)
            self._compare(outcome, f"execution {number}", raw / str(number))
            if not self._may_go_on(outcome):
                return
        if self.options.memory:
            number += 1
            if not self._measure_memory(raw / str(number), number):
                return
        if self.options.lines:
            number += 1
            self._count_exactly(raw / str(number), number)

    def _measure_memory(self, out: Path, number: int) -> bool:
        options = self.options
        collector = MemrayCollector(
            self.host, options.trace_python_allocators, native=options.native, children=options.children
        )
        launch = self._launch(collector, out, "memory is missing", Purpose.MEMORY)
        if launch is None:
            return True
        outcome = self._execute(out, [launch], Purpose.MEMORY, ("memray",), number)
        if self._compare(outcome, "the memory execution", out, Purpose.MEMORY):
            captures = self._read(out)
            self._take_profiles(Purpose.MEMORY, captures.read_memory(self.host), captures)
        # A profiler in the program may have been what it failed of, which keeps no other from working.
        return not outcome.interrupted and not outcome.received

    def _count_exactly(self, out: Path, number: int) -> None:
        from whet.pipeline.run.exact_functions import choose_counted, list_uncounted

        run = self.record.assemble(self.subject)
        chosen = choose_counted(run)
        self.record.note(*describe_bodies(chosen.bodies))
        counted = chosen.functions
        if not counted:
            why = "the hot code is in no function" if chosen.bodies else "no function was found hot"
            self.record.miss(Purpose.EXACT_LINES, why)
            return
        collector = LineProfilerCollector(self.host, counted)
        launch = self._launch(collector, out, "exact hits are missing", Purpose.EXACT_LINES)
        if launch is None:
            return
        outcome = self._execute(out, [launch], Purpose.EXACT_LINES, ("line_profiler",), number)
        if self._compare(outcome, "the execution for exact lines", out, Purpose.EXACT_LINES):
            captures = self._read(out)
            profiles = captures.read_exact_lines()
            self._take_profiles(Purpose.EXACT_LINES, profiles, captures)
            # From 3.12 on all threads are counted.
            if profiles and self.host.version < (3, 12):
                self.record.note(*describe_uncounted(list_uncounted(run, counted, profiles[0].lines)))

    def _take_profiles(self, purpose: Purpose, profiles: Sequence[Profile], captures: Captures) -> None:
        self.record.profiles += profiles
        self.record.notices += captures.notices
        if not profiles:
            self.record.miss(purpose, "it left no figures that can be read")

    def _compare(self, later: Outcome, name: str, out: Path, purpose: Purpose | None = None) -> bool:
        """Say so where a later execution was not the same again: it ended otherwise, or found its work done.

        ``False`` where it ended otherwise: then what was measured there for ``purpose`` would mislead.
        """
        first = self.record.executions[0]
        if not ended_alike(first, later):
            why = explain_other_end(first, later, self._read(out).read_last_lines())
            left_out = f"; {purpose.value} is not in the report" if purpose else ""
            self._notice("executions", f"{name} {why}{left_out}")
            if purpose is not None:
                self.record.miss(purpose, f"its execution {why}")
            self.record.can_run_again = False
            return False
        notice = compare_work(first, later, name)
        if notice is not None:
            self.record.note(notice)
            self.record.can_run_again = False
        return True

    def _read(self, out: Path) -> Captures:
        """Return the captures of the last execution in ``out``. Their readers are not imported before."""
        from whet.pipeline.run.captures import Captures

        has_gil = not self.host.interpreter.free_threaded
        return Captures(out, self.spec.directory, len(self.record.executions) - 1, has_gil=has_gil)

    def _execute(
        self,
        out: Path,
        launches: Sequence[Launch],
        purpose: Purpose,
        names: tuple[str, ...],
        number: int,
        samplers: Samplers | None = None,
    ) -> Outcome:
        first = number == 1
        with preloading() as preload:
            outcome = execute(
                Plan(
                    self.spec,
                    self.host,
                    tuple(launches),
                    out,
                    substitute=samplers.substitute if samplers is not None else None,
                    fallback=samplers.fallback if samplers is not None else None,
                    owns_terminal=first,
                    duration=self.options.duration if first else None,
                    limit=self.options.max_time if first else self.later_limit,
                    progress=self._progress_of(number, purpose),
                    outside=self.options.outside,
                    started=preload.begin,
                )
            )
        if not first and outcome.received and (outcome.interrupted or outcome.status):
            self.ended_by = outcome.received
        if samplers is not None:
            used = samplers.find_used(outcome)
            names = (used.tool if used is not None else samplers.asked, *names)
        self.record.note(*outcome.notices)
        self.record.note(*describe_became(outcome, purpose))
        self.record.executions.append(
            Execution(
                purpose=purpose,
                collectors=names,
                wall_ns=outcome.wall_ns,
                cpu_ns=outcome.cpu_ns,
                exit_status=outcome.status,
                signal=outcome.signal,
                peak_resident_bytes=outcome.poller.peak_bytes if outcome.poller is not None else 0,
                stopped=outcome.stopped or (INTERRUPTED if outcome.interrupted else ""),
                collecting_share=outcome.collector.share if outcome.collector is not None else 0.0,
                collecting_looks=outcome.collector.looks if outcome.collector is not None else 0,
            )
        )
        return outcome

    def _progress_of(self, number: int, purpose: Purpose) -> Callable[[float], None] | None:
        progress = self.options.progress
        if progress is None:
            return None
        of = max(self.planned, number)
        return lambda seconds: progress(Step(number, of, purpose.value, seconds))

    def _may_go_on(self, outcome: Outcome) -> bool:
        """Nothing runs again after an execution that was interrupted, failed or ended by ``--duration``."""
        return not outcome.status and not outcome.interrupted and not (self.options.duration and outcome.stopped)

    def _launch(self, collector: Collector, out: Path, consequence: str, purpose: Purpose) -> Launch | None:
        """Return how ``collector`` is launched; ``None`` if it cannot be, which is reported."""
        launch = ask_collector(collector, self.spec, self.host, out, why_outside=self.why_outside)
        if isinstance(launch, Launch):
            return launch
        self.record.miss(purpose, launch.why)
        self._notice(collector.name, f"{launch.why}; {consequence}", launch.remedy)
        return None

    def _notice(self, about: str, message: str, hint: str = "") -> None:
        self.record.note(Notice(about, message, hint))


def _end_as(first: Outcome) -> int:
    """Return how whet is to end after the program ended like that: see ``Measured.status``."""
    return -first.signal if first.signal and not first.stopped.startswith(ENDED_BY_DURATION) else first.status
