"""``whet attach`` up to the saved run: samples a running process, and builds the ``Run``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path, PurePosixPath

import whet
from whet.collect.api import Launch, Missing
from whet.collect.attach import AttachError, AttachPlan, Watched, attach
from whet.errors import CollectorError
from whet.merge.align import align_profile
from whet.merge.by_value import restore_files
from whet.merge.given_code import name_given_code
from whet.merge.ownership import Ownership
from whet.model.evidence import Evidence
from whet.model.profile import Profile
from whet.model.run import Execution, Notice, Purpose, Resident, Run
from whet.pipeline.foreign.formats import read_profiles
from whet.pipeline.project import find_commit, find_project
from whet.pipeline.run.captures import Captures
from whet.pipeline.run.machine import describe_machine
from whet.pipeline.run.options import AttachOptions, Sampler, Step
from whet.pipeline.run.samplers import ask_collector, make_sampler
from whet.pipeline.run.sources import gather_sources
from whet.program.arguments import mask_words
from whet.program.attached import find_host, find_own_program, find_spec
from whet.program.host import TargetHost
from whet.program.inside import resolve_inside
from whet.program.process import RunningProcess, check_process, find_python_in, is_above_us, open_process
from whet.program.refusal import explain_failure
from whet.program.roots import find_launchers
from whet.program.spec import TargetSpec
from whet.records import dataclass
from whet.report.units import format_whole_share
from whet.scratch import keep_files, scratch_folder
from whet.store import SavedRun, save_run

PAUSED_TOO_MUCH = 0.05
"""Fraction of the time from which the reader is warned; it is reported in any case."""
WHY_NO_VALUES = "whet attach puts nothing into the process"
_RECORDED_INSIDE = {Purpose.EXACT_LINES: "hits", None: "values", Purpose.MEMORY: "allocations"}


@dataclass(frozen=True, slots=True)
class Attached:
    """A run, and where it was saved."""

    run: Run
    saved: SavedRun


def attach_to(pid: int, options: AttachOptions) -> Attached:
    """Sample process ``pid`` for a while and save the run; the process keeps running.

    Raises :class:`whet.errors.TargetError` for a process that cannot be
    sampled, :class:`whet.errors.CollectorError` if the system or the sampler
    does not permit it, and :class:`whet.errors.StoreError` if the run cannot be
    saved.
    """
    check_process(pid)
    with open_process(pid) as process, scratch_folder() as raw:
        run = _Attachment(process, options, raw).sample()
        saved = save_run(run, Path.cwd())
        if options.keep_raw:
            keep_files(raw, saved.path.parent / "raw")
        return Attached(run, saved)


def sample(pid: int, options: AttachOptions) -> Run:
    """Sample process ``pid`` as :func:`attach_to` does, and save nothing."""
    check_process(pid)
    with open_process(pid) as process, scratch_folder() as raw:
        return _Attachment(process, options, raw).sample()


class _Attachment:
    def __init__(self, process: RunningProcess, options: AttachOptions, raw: Path) -> None:
        self.process = process
        self.options = options
        self.raw = raw
        self.started = datetime.now().astimezone()
        self.notices: list[Notice] = []
        self.sampler = options.sampler
        self.children = options.children
        if self.children and is_above_us(process.pid):
            self.children = False
            self.notices.append(
                Notice(
                    "whet", f"whet itself is a descendant of process {process.pid}, so child processes were left out"
                )
            )

    def sample(self) -> Run:
        # The system is queried now: afterwards the process may be gone.
        python = find_python_in(self.process)
        spec, host = find_spec(python), find_host(python)
        launch, watched = self._watch_somehow(spec, host)
        captures = Captures(self.raw, python.directory or "/", 0, has_gil=not host.interpreter.free_threaded)
        profiles = captures.read_attached(launch, watched)
        if not profiles:
            raise CollectorError(
                f"{self.sampler} recorded no samples of process {self.process.pid}", "run `whet doctor`"
            )
        self.notices += [*watched.notices, *captures.notices]
        return self._assemble(watched, profiles, python, spec, host)

    def _watch_somehow(self, spec: TargetSpec, host: TargetHost) -> tuple[Launch, Watched]:
        """Sample with the requested sampler; where py-spy cannot, with the one of the process's own interpreter."""
        try:
            return self._watch(spec, host)
        except CollectorError as error:
            if self.sampler is not Sampler.PY_SPY:
                raise
            failed, self.sampler = error, Sampler.TACHYON
            if isinstance(self._ask(spec, host), Missing):
                raise
        self.notices.append(Notice("py-spy", f"{failed.message}; tachyon sampled instead", failed.hint))
        return self._watch(spec, host)

    def _ask(self, spec: TargetSpec, host: TargetHost) -> Launch | Missing:
        options = replace(self.options, children=self.children)
        answer = ask_collector(make_sampler(self.sampler, options, host), spec, host, self.raw)
        # An interpreter of another user, or in a container, is not run to examine its process.
        if isinstance(answer, Launch) and self.sampler is Sampler.TACHYON and not host.abi:
            return Missing("whet does not run another user's interpreter")
        return answer

    def _watch(self, spec: TargetSpec, host: TargetHost) -> tuple[Launch, Watched]:
        launch = self._ask(spec, host)
        if isinstance(launch, Missing):
            raise CollectorError(launch.why, launch.remedy)
        plan = AttachPlan(
            self.process.pid,
            launch,
            self.raw,
            self.options.duration,
            whole_tree=self.children,
            rate=self.options.rate,
            progress=self._progress(),
            to_end=self.options.to_end,
        )
        try:
            watched = attach(plan)
        except AttachError as error:
            raise explain_failure(
                self.process, error.message, refused=error.refused, tool=self.sampler.value
            ) from error
        if watched.paused_share > PAUSED_TOO_MUCH:
            self.notices.append(
                Notice(
                    "py-spy",
                    f"sampling paused the process for {format_whole_share(watched.paused_share)} of the time",
                    f"--nonblocking never pauses it; --rate {max(1, self.options.rate // 4)} pauses it less often",
                )
            )
        return launch, watched

    def _progress(self) -> Callable[[float], None] | None:
        progress = self.options.progress
        if progress is None:
            return None
        return lambda seconds: progress(Step(1, 1, Purpose.ATTACH.value, seconds))

    def _assemble(
        self, watched: Watched, profiles: Sequence[Profile], python: RunningProcess, spec: TargetSpec, host: TargetHost
    ) -> Run:
        project = find_project_of(python)
        ownership = Ownership(
            project=project,
            stdlib=host.stdlib,
            site_packages=host.site_packages,
            program=find_own_program(python, spec, host),
            include=self.options.include,
            exclude=(*self.options.exclude, *find_launchers(spec)),
            hidden=self.options.hidden,
        )
        others = self._read_captures()
        profiles = [*profiles, *others]
        sources, changed = gather_sources(
            profiles, ownership, Path(project), root=python.root, cells=self.options.cells
        )
        poller = watched.poller
        return Run(
            whet_version=whet.__version__,
            command=mask_words(self.process.command or _find_command(profiles, self.process.pid), python.directory),
            started=self.started.isoformat(timespec="seconds"),
            directory=python.directory,
            project=project,
            interpreter=host.interpreter,
            host=describe_machine(),
            # git runs commands from a repository's configuration: only with the rights of its own user.
            commit=find_commit(Path(project)) if python.is_ours and python.root is None and project else "",
            executions=self._describe(watched),
            profiles=tuple(
                align_profile(name_given_code(each, is_program="<string>" in ownership.program), sources, ownership)
                for each in restore_files(profiles, sources)
            ),
            sources=sources,
            evidence=Evidence(why_missing=WHY_NO_VALUES),
            resident=Resident(tuple(poller.at_ns), tuple(poller.bytes), poller.peak_bytes, poller.peak_at_ns),
            notices=(*self.notices, *changed),
            not_measured=_list_not_measured(self.options.captures),
            options=mask_words(self.options.words, Path.cwd()),
        )

    def _read_captures(self) -> list[Profile]:
        """Return what profilers in the process recorded while it was sampled, each as an execution of its own."""
        read = [
            replace(profile, execution=index)
            for index, file in enumerate(self.options.captures.values(), 1)
            for profile in read_profiles(file)[1]
        ]
        for purpose in self.options.captures:
            self.notices.append(
                Notice("whet", f"the profiler that measured {purpose} slowed the code down: its times include that")
            )
        return read

    def _describe(self, watched: Watched) -> tuple[Execution, ...]:
        stopped = f"the process ended after {watched.wall_ns / 1e9:.1f} s" if watched.ended else ""
        first = Execution(
            purpose=Purpose.ATTACH,
            collectors=(self.sampler.value,),
            wall_ns=watched.wall_ns,
            cpu_ns=watched.cpu_ns,
            exit_status=None,
            peak_resident_bytes=watched.poller.peak_bytes,
            stopped=stopped,
            pid=self.process.pid,
            paused_share=watched.paused_share,
        )
        return (first, *(replace(first, purpose=purpose, collectors=()) for purpose in self.options.captures))


def _list_not_measured(captures: Collection[Purpose]) -> tuple[tuple[str, str], ...]:
    """Return what only a profiler in the process can measure, but for what one did."""
    *others, last = (name for purpose, name in _RECORDED_INSIDE.items() if purpose not in captures)
    what = f"{', '.join(others)} and {last}" if others else last
    return ((f"{what}, which require starting the program with whet", "whet run"),)


def find_project_of(process: RunningProcess) -> str:
    """Return the folder that paths are shown relative to, as the process sees it; empty if there is none.

    It is found from the working folder. A service often runs in ``/``, which is
    not a project: paths stay absolute then.
    """
    folder = process.directory
    if not folder:
        return ""
    if process.root is None:
        found = str(find_project(Path(folder)))
    else:
        inside = next(
            (
                str(above)
                for above in (PurePosixPath(folder), *PurePosixPath(folder).parents)
                if any(_exists_inside(process.root, above / mark) for mark in ("pyproject.toml", ".git"))
            ),
            folder,
        )
        found = inside
    return "" if found == "/" else found


def _exists_inside(root: Path, path: PurePosixPath) -> bool:
    try:
        return resolve_inside(root, str(path)).exists()
    except OSError:
        return False


def _find_command(profiles: Sequence[Profile], pid: int) -> tuple[str, ...]:
    """Return the command line that the sampler reported, where the system does not show it."""
    told = [thread.process for profile in profiles for thread in profile.threads if thread.pid == pid]
    return tuple(told[0].split()) if told else (f"process {pid}",)
