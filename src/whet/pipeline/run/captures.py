"""Reads the captures of one execution. A missing or broken one costs its own figures, never the report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from whet.collect import line_profiler, memray, requests, values
from whet.collect.api import Launch
from whet.collect.attach import Watched
from whet.collect.plan import Outcome
from whet.collect.resident import TreePoller
from whet.errors import FormatError
from whet.formats.api import ProfileFormat
from whet.formats.exact_lines import ExactLinesReport, read_exact_lines
from whet.formats.memray_records import MemrayRecords
from whet.formats.request_counts import RequestCounts, read_request_counts
from whet.formats.value_samples import read_agent_report
from whet.merge.awaiting import place_awaiting, sum_awaited
from whet.merge.loops import settle_loops
from whet.model.agent_report import AgentReport
from whet.model.frame import Frame
from whet.model.profile import Profile
from whet.model.run import Notice
from whet.pipeline.run.correct import Corrector
from whet.pipeline.run.memray_reader import convert_captures
from whet.pipeline.run.options import Sampler
from whet.pipeline.run.samplers import load_formats
from whet.program.arguments import mask_words
from whet.program.host import TargetHost
from whet.program.tools import describe_tool
from whet.records import dataclass


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
        self._own_threads = {(agent.pid, thread) for agent in self.agents for thread in agent.threads}

    def read_time(self, launch: Launch | None, outcome: Outcome) -> list[Profile]:
        """Return what the sampler of ``launch`` saw, with times corrected; none if it left nothing, or there is none.

        Samplers outside the program are corrected (:mod:`whet.pipeline.run.correct`), those inside are not.
        """
        poller = outcome.poller or TreePoller(0)
        cpu_ns = max(outcome.cpu_ns, sum(poller.thread_clocks().values()))
        return self._read_sampled(launch, Watched(poller, outcome.wall_ns, cpu_ns)) if launch is not None else []

    def read_attached(self, launch: Launch, watched: Watched) -> list[Profile]:
        """Return the profile of a process that ran already; none where the sampler left nothing."""
        return self._read_sampled(launch, watched, attached=True)

    def _read_sampled(self, launch: Launch, watched: Watched, *, attached: bool = False) -> list[Profile]:
        profiles: list[Profile] = []
        wall: list[Profile] = []
        readers = [launch.reader] * len(launch.captures) if launch.reader else map(_OneFile, load_formats(launch))
        for (_, path), reader in zip(launch.captures, readers, strict=True):
            read = partial(reader.read, path, watched.poller.pid)
            if path == launch.wall:
                # Without the other it explains nothing.
                wall += self._read(launch.tool, read, needed=False) if profiles else []
            elif why := self._read_reason(path):
                message = f"{launch.tool} failed inside the program, so times are missing: {why}"
                self.notices.append(Notice(launch.tool, message))
            else:
                # Of one of whet's own the report says itself that it saw nothing.
                profiles += self._read(launch.tool, read, needed=launch.tool not in tuple(Sampler))
        if not launch.attach:
            return [settle_loops(profile) for profile in profiles]
        if not profiles:
            return []
        profiles, wall = ([_name_process(each, watched.poller.pid) for each in read] for read in (profiles, wall))
        corrector = Corrector(watched, self._own_threads, attached=attached, has_gil=self.has_gil)
        first, *others = profiles
        joined = corrector.join(first, next(iter(wall), None)) if launch.wall is not None else corrector.correct(first)
        corrected = [place_awaiting(each, self.agents) for each in (joined, *map(corrector.correct, others))]
        self.notices += corrector.notices
        return corrected

    @staticmethod
    def _read_reason(capture: Path) -> str:
        """Return why what was to leave ``capture`` could not begin inside the program; empty where it did."""
        try:
            return Path(f"{capture}.why").read_bytes()[:1_000].decode("utf-8", "replace")
        except OSError:
            return ""

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
            waits = tuple(
                replace(each, stack=tuple((self._absolute(place[0]), *place[1:]) for place in each.stack))
                for each in report.waits
            )
            evidence = replace(report.evidence, seen=seen, awaited=sum_awaited(waits))
            reports.append(replace(report, evidence=evidence, waits=waits))
        return reports

    def read_requests(self) -> list[RequestCounts]:
        """Return the requests that each process of a server counted."""
        found = []
        for names, counts in requests.list_captures(self.out):
            try:
                found.append(read_request_counts(names, counts, self.execution))
            except (OSError, FormatError) as error:
                self.notices.append(Notice("requests", f"{counts.name} cannot be read: {error}"))
        return found

    def read_exact_lines(self) -> list[Profile]:
        """Return the exact counts."""
        path = self.out / line_profiler.CAPTURE
        if why := self._read_reason(path):
            message = f"line_profiler failed inside the program, so hits are missing: {why}"
            self.notices.append(Notice("line_profiler", message))
            return []

        def read() -> Iterator[Profile]:
            with path.open("rb") as file:
                report = read_exact_lines(file)
            self.notices += _describe_left_out(report)
            yield Profile(collector=describe_tool("line_profiler"), lines=report.lines)

        return self._read("line_profiler", read)

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
                profiles += self._read("memray", partial(_OneFile(MemrayRecords()).read, records))
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

    def _read(self, about: str, read: Callable[[], Iterable[Profile]], *, needed: bool = True) -> list[Profile]:
        try:
            profiles = list(read())
        except FileNotFoundError:
            if needed:
                self.notices.append(Notice(about, f"{about} left no capture, so its figures are missing"))
            return []
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


def _name_process(profile: Profile, pid: int) -> Profile:
    """Return ``profile`` with the id of the process that was sampled: a sampler of one process may leave it out."""
    return replace(profile, threads=[replace(each, pid=each.pid or pid) for each in profile.threads])


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


@dataclass(frozen=True, slots=True)
class _OneFile:
    """Reads captures of which each is whole by itself."""

    format: ProfileFormat

    def read(self, capture: Path, _pid: int = 0) -> Iterator[Profile]:
        with capture.open("rb") as file:
            yield from self.format.read(file)
