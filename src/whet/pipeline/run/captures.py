"""Reads the captures of one execution. A missing or broken one costs its own figures, never the report."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from whet.collect import line_profiler, memray, pyinstrument, pyspy, tachyon, values
from whet.collect.api import Launch
from whet.collect.attach import Watched
from whet.collect.plan import Outcome
from whet.collect.resident import TreePoller
from whet.collect.successor import PREFIX
from whet.errors import FormatError
from whet.formats.api import ProfileFormat
from whet.formats.exact_lines import ExactLinesReport, read_exact_lines
from whet.formats.memray_records import MemrayRecords
from whet.formats.pyinstrument_session import PyinstrumentSession
from whet.formats.pyspy_raw import PySpyRaw
from whet.formats.tachyon_binary import Capture, TachyonBinary
from whet.formats.value_samples import read_agent_report
from whet.merge.computing import drop_frameless, drop_own_threads, find_blind, rename_threads, scale_threads
from whet.merge.corrections import Corrections
from whet.merge.loops import settle_loops
from whet.merge.waiting import judge_waiting, split_waiting
from whet.model.agent_report import AgentReport
from whet.model.frame import Frame
from whet.model.metric import Metric
from whet.model.profile import Profile
from whet.model.run import Notice
from whet.pipeline.run.clocks import (
    POLLED_NS,
    count_awake,
    describe_contenders,
    describe_queue,
    describe_unknown,
    describe_unplaced,
    find_contenders,
    find_gil_parts,
    find_unknown,
    read_clocks,
    scale_to_clocks,
)
from whet.pipeline.run.memray_reader import convert_captures
from whet.pipeline.run.notices import STOOD_STILL
from whet.program.arguments import mask_words
from whet.program.cache import read_version
from whet.program.host import TargetHost


class Captures:
    """The captures of one execution in the folder ``out``."""

    def __init__(self, out: Path, directory: str, execution: int, *, has_gil: bool = True) -> None:
        self.out = out
        self.has_gil = has_gil
        self.directory = Path(directory).absolute()
        self.execution = execution
        self.notices: list[Notice] = []
        self.agents = self._read_agents()
        """What the agents inside reported, the program's first, then those of forked children."""
        self._corrections = Corrections()
        self._own_threads = {(agent.pid, thread) for agent in self.agents for thread in agent.threads}

    def read_time(self, rate: int, wall_rate: int, outcome: Outcome) -> list[Profile]:
        """Return the sampler's profile with waiting separated from computing; none if no sampler left anything."""
        if outcome.poller is not None and (self.out / tachyon.CAPTURE).is_file():
            return self._read_tachyon(outcome.poller, outcome.cpu_ns)
        active, wall = self._read_samplers(rate, wall_rate)
        if active is None:
            return [settle_loops(profile) for profile in self._read_inside()]
        poller = outcome.poller
        if poller is None:
            return [split_waiting(active, wall)]
        joined = self._join(active, wall, poller, elapsed_ns=outcome.wall_ns)
        return [self._scale(joined, poller, max(outcome.cpu_ns, sum(poller.thread_clocks().values())))]

    def read_attached(self, rate: int, wall_rate: int, watched: Watched) -> list[Profile]:
        """Return the profile of a process that ran already; none where the sampler left nothing."""
        if (self.out / tachyon.CAPTURE).is_file():
            return self._read_tachyon(watched.poller, watched.cpu_ns, attached=True)
        active, wall = self._read_samplers(rate, wall_rate)
        if active is None:
            return []
        if watched.own_ids:
            active = rename_threads(active, watched.own_ids)
            wall = rename_threads(wall, watched.own_ids) if wall is not None else None
        joined = self._join(
            active, wall, watched.poller, elapsed_ns=watched.wall_ns, overlap=watched.overlap, attached=True
        )
        return [self._scale(joined, watched.poller, watched.cpu_ns)]

    def _scale(self, profile: Profile, poller: TreePoller, cpu_ns: int) -> Profile:
        """Return ``profile`` with computing scaled to the CPU clocks, which is the last correction, and all noted."""
        scaled = scale_to_clocks(profile, poller, cpu_ns)
        return self._corrections.attach(self._corrections.note("scaled to the CPU clocks", profile, scaled))

    def _join(
        self,
        active: Profile,
        wall: Profile | None,
        poller: TreePoller,
        *,
        elapsed_ns: int,
        overlap: float = 1.0,
        attached: bool = False,
    ) -> Profile:
        """Return the profile of computing with waiting and idle time added. Computing is still as it was sampled."""
        self.notices += describe_queue(poller)
        note = self._corrections.note
        if poller.paused_share > STOOD_STILL:
            active = note("samples without a Python frame left out", active, drop_frameless(active))
        awake = count_awake(poller)
        blind = find_blind(active, awake, POLLED_NS)
        active = note("limited to the time awake", active, scale_threads(active, awake, POLLED_NS))
        clocks = read_clocks(poller, wall)
        unknown = find_unknown(poller, clocks, wall)
        self.notices += describe_unknown(unknown, wall)
        gil = find_gil_parts(poller)
        contenders = find_contenders(active, {*gil, *unknown}) if self.has_gil and wall is not None else set()
        self.notices += describe_contenders(contenders, wall)
        split = split_waiting(
            active,
            wall,
            clocks,
            overlap=overlap,
            elapsed_ns=elapsed_ns,
            attached=attached,
            unknown=unknown | contenders,
            blind=blind,
            parents=poller.parents,
            gil=gil,
        )
        self.notices += describe_unplaced(split)
        return note("waiting and idle time added", active, split)

    def read_of(self, about: str, launch: Launch, formats: Sequence[ProfileFormat]) -> list[Profile]:
        """Return what a collector of others left, each capture read by its format."""
        profiles: list[Profile] = []
        for (_, path), each in zip(launch.captures, formats, strict=True):
            profiles += self._read(about, path, each.read)
        return profiles

    def _read_inside(self) -> list[Profile]:
        """Return the profile of the sampler inside the program, if it was requested."""
        path = self.out / pyinstrument.CAPTURE
        if why := self._read_reason(path):
            self.notices.append(
                Notice("pyinstrument", f"pyinstrument failed inside the program, so times are missing: {why}")
            )
        return self._read("pyinstrument", path, PyinstrumentSession().read, needed=False)

    @staticmethod
    def _read_reason(capture: Path) -> str:
        """Return why what was to leave ``capture`` could not begin inside the program; empty where it did."""
        try:
            return Path(f"{capture}.why").read_bytes()[:1_000].decode("utf-8", "replace")
        except OSError:
            return ""

    def _read_samplers(self, rate: int, wall_rate: int) -> tuple[Profile | None, Profile | None]:
        version = _version_of("py-spy")
        computing = PySpyRaw(rate, Metric.CPU, version, lenient=True)

        def read_active(first: BinaryIO) -> Iterable[Profile]:
            with contextlib.ExitStack() as stack:
                files = [(first, 1)]
                files += [(stack.enter_context(path.open("rb")), 1) for path in active_files[1:]]
                for times in pyspy.SLOWER:
                    name = pyspy.slow_capture(times)
                    weight = rate // pyspy.slow_down(rate, times)
                    slow = [path for path in self._list_all(name) if path.is_file()]
                    files += [(stack.enter_context(path.open("rb")), weight) for path in slow]
                return list(computing.read_all(files))

        def read_wall(first: BinaryIO) -> Iterable[Profile]:
            with contextlib.ExitStack() as stack:
                again = [stack.enter_context(path.open("rb")) for path in wall_files[1:]]
                return list(waiting.read_all([(each, 1) for each in (first, *again)]))

        active_files, wall_files = map(self._list_all, (pyspy.ACTIVE, pyspy.WALL))
        active = self._read("py-spy", active_files[0], read_active)
        waiting = PySpyRaw(wall_rate, Metric.WAITING, version, lenient=True)
        wall = self._read("py-spy", wall_files[0], read_wall, needed=False) if active else []
        computing_profile, wall_profile = next(iter(active), None), next(iter(wall), None)
        kept, kept_wall = drop_own_threads(computing_profile, wall_profile, self._own_threads)
        if computing_profile is not None and kept is not None:
            self._corrections.note("whet's own threads left out", computing_profile, kept)
        return kept, kept_wall

    def _list_all(self, name: str) -> list[Path]:
        """Return the captures called ``name``: of the program, and of what its process became. The first is one."""
        again = sorted(self.out.glob(f"{PREFIX}*-{name}"))
        first = self.out / name
        return [first, *again] if first.is_file() or not again else again

    def _read_tachyon(self, poller: TreePoller, cpu_ns: int, *, attached: bool = False) -> list[Profile]:
        """Return what Tachyon saw of the program and its children; none where it left nothing that can be read."""

        def read(first: BinaryIO) -> Iterable[Profile]:
            with contextlib.ExitStack() as stack:
                captures = [
                    Capture(first if number == 0 else stack.enter_context(path.open("rb")), pid, command)
                    for number, (path, pid, command) in enumerate(tachyon.list_captures(self.out, poller.pid))
                ]
                return list(TachyonBinary().read_all(captures))

        seen = self._read("tachyon", self.out / tachyon.CAPTURE, read)
        if not seen:
            return []
        self.notices += describe_queue(poller)
        computing = tuple(each for each in seen[0].samples if each.metric is Metric.CPU)
        standing = tuple(each for each in seen[0].samples if each.metric is not Metric.CPU)
        active, still = drop_own_threads(
            replace(seen[0], samples=computing), replace(seen[0], samples=standing), self._own_threads
        )
        assert active is not None and still is not None
        note = self._corrections.note
        scaled = scale_to_clocks(active, poller, max(cpu_ns, sum(poller.thread_clocks().values())))
        note("scaled to the CPU clocks", active, scaled)
        judged = note("waiting and idle time added", scaled, judge_waiting(scaled, still, attached=attached))
        return [self._corrections.attach(judged)]

    def _read_agents(self) -> list[AgentReport]:
        reports = []
        for path in values.list_captures(self.out):
            try:
                with path.open("rb") as file:
                    report = read_agent_report(file)
            except (OSError, FormatError) as error:
                self.notices.append(Notice("values", f"{path.name} cannot be read: {error}"))
                continue
            seen = tuple(replace(each, file=self._absolute(each.file)) for each in report.evidence.seen)
            reports.append(replace(report, evidence=replace(report.evidence, seen=seen)))
        return reports

    def read_exact_lines(self) -> list[Profile]:
        """Return the exact counts."""
        path = self.out / line_profiler.CAPTURE
        if why := self._read_reason(path):
            message = f"line_profiler failed inside the program, so hits are missing: {why}"
            self.notices.append(Notice("line_profiler", message))
            return []

        def read(file: BinaryIO) -> Iterable[Profile]:
            report = read_exact_lines(file)
            self.notices += _describe_left_out(report)
            yield Profile(collector=_version_of("line_profiler"), lines=report.lines)

        return self._read("line_profiler", path, read)

    def read_memory(self, host: TargetHost) -> list[Profile]:
        """Let the target's interpreter, which has the right memray, turn its captures into records, and read those."""
        profiles: list[Profile] = []
        captures = memray.list_captures(self.out)
        if not captures:
            why = self._last_words()
            self.notices.append(Notice("memray", f"memray left no capture, so memory is not in this report{why}"))
        for capture, records, why in convert_captures(captures, host):
            if why:
                self.notices.append(Notice("memray", f"{capture.name} could not be read: {why}"))
            else:
                profiles += self._read("memray", records, MemrayRecords().read)
        return profiles

    def read_last_lines(self) -> list[str]:
        """Return what an execution that does not own the terminal said last on stderr."""
        try:
            return (self.out / "stderr").read_bytes()[-2_000:].decode("utf-8", "replace").strip().splitlines()
        except OSError:
            return []

    def _last_words(self) -> str:
        said = self.read_last_lines()
        return f" (the program's last output: {said[-1].strip()})" if said else ""

    def _read(
        self, about: str, path: Path, read: Callable[..., Iterable[Profile]], *, needed: bool = True
    ) -> list[Profile]:
        if not path.is_file():
            if needed and about != "py-spy":
                self.notices.append(Notice(about, f"{about} left no capture, so its figures are missing"))
            return []
        try:
            with path.open("rb") as file:
                profiles = list(read(file))
        except (OSError, FormatError) as error:
            self.notices.append(Notice(about, f"the capture of {about} cannot be read: {error}"))
            return []
        for profile in profiles:
            if profile.truncated and profile.samples:
                self.notices.append(Notice(about, f"the capture of {about} is incomplete: {profile.truncated}"))
        return [self._settle(profile) for profile in profiles]

    def _settle(self, profile: Profile) -> Profile:
        """Make paths absolute: profilers repeat what the program calls its files, which may be relative."""
        frames: Sequence[Frame] = [replace(frame, file=self._absolute(frame.file)) for frame in profile.frames]
        lines = tuple(replace(line, file=self._absolute(line.file)) for line in profile.lines)
        # The sampler names processes by their command lines, children's included.
        threads = [replace(each, process=_mask_command(each.process, self.directory)) for each in profile.threads]
        return replace(profile, frames=frames, lines=lines, threads=threads, execution=self.execution)

    def _absolute(self, file: str) -> str:
        if not file or file[0] in "</[" or ("/" not in file and not file.endswith((".py", ".pyw"))):
            return file
        return str(self.directory / file)


def _mask_command(line: str, directory: Path) -> str:
    return " ".join(mask_words(line.split(" "), directory)) if line else line


def _describe_left_out(report: ExactLinesReport) -> list[Notice]:
    def name(places: Iterable[tuple[str, int]]) -> str:
        return ", ".join(f"{Path(file).name}:{line}" for file, line in places)

    notices = []
    if report.too_large:
        notices.append(
            Notice(
                "line_profiler", f"no hits of functions too large to be counted line by line: {name(report.too_large)}"
            )
        )
    if report.alike:
        why = "line_profiler cannot tell the code from the same code in another file"
        notices.append(Notice("line_profiler", f"no hits of {name(report.alike)}: {why}"))
    return notices


def _version_of(name: str) -> str:
    """Return a distribution's name and version as its folder tells them: ``importlib.metadata`` takes long to load."""
    folders = (Path(entry) for entry in sys.path if entry)
    version = next(filter(None, (read_version(name.replace("-", "_"), folder) for folder in folders)), "")
    return f"{name} {version}".rstrip()
