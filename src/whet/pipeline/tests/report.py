"""The report of a session of tests: the runs of its processes pooled, saved, shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from whet.errors import CollectorError, StoreError, UsageError
from whet.merge.ownership import GIVEN_CODE
from whet.model.frame import Owner
from whet.model.profile import Profile
from whet.model.run import Notice, Run
from whet.pipeline.advise.show import Shown, find_renderer, show, write_rendering
from whet.program.arguments import mask_words
from whet.records import dataclass
from whet.report.sanitize import shorten
from whet.report.sanitize import show as escape
from whet.report.terminal import TerminalRenderer
from whet.report.tests import UnitRow
from whet.report.units import format_seconds
from whet.store import load_run, save_run

FORMATS = {".html": "html", ".htm": "html", ".json": "json", ".md": "markdown", ".csv": "csv"}


@dataclass(frozen=True, slots=True)
class Test:
    """A test that ran: its node id, its seconds with set-up and teardown, its file and its qualified name."""

    nodeid: str
    seconds: float
    file: str
    name: str


@dataclass(frozen=True, slots=True)
class Request:
    """What a session asks for. ``folder`` has a run or an error of each of its processes; ``report`` may be empty."""

    folder: str
    directory: str
    words: tuple[str, ...]
    report: str
    slowest: tuple[Test, ...]
    width: int
    color: bool


def report_tests(request: Request) -> str:
    """Save the session's run, write its report, and return the summary. Raises ``WhetError`` where none was sampled."""
    directory = Path(request.directory)
    folder = Path(request.folder)
    errors = [file.read_text("utf-8") for file in sorted(folder.glob("*.error"))]
    runs = {file.stem: load_run(file) for file in sorted(folder.glob("*.run"))}
    if not runs:
        raise CollectorError(f"nothing was measured: {errors[0] if errors else 'no process ran tests'}")
    run = pool_runs(runs, mask_words(request.words, directory))
    run = replace(run, notices=(*run.notices, *(Notice("pytest", text) for text in dict.fromkeys(errors))))
    notes: list[str] = []
    try:
        saved = save_run(run, directory)
        notes += [f"whet: {saved.notice.message}"] if saved.notice is not None else []
    except StoreError as error:
        notes.append(f"whet: {error.message}")
    shown = show(run)
    written = ""
    if request.report:
        try:
            written = str(_write(shown, directory / request.report))
        except (StoreError, UsageError) as error:
            notes.append(f"whet: {error.message}; {error.hint}")
    text = TerminalRenderer(request.width, color=request.color, report_path=written).format(shown.view)
    slowest = list_slowest(request.slowest, shown.view.units, request.width)
    lines = [*slowest, *(escape(note) for note in notes)]
    return text + "".join(f"{line}\n" for line in lines)


def pool_runs(runs: dict[str, Run], command: tuple[str, ...]) -> Run:
    """Return the runs of a session's processes, by the processes' names, as one of ``command``."""
    first = next(iter(runs.values()))
    if len(runs) == 1:
        return replace(first, command=command)
    executions = [run.executions[0] for run in runs.values() if run.executions]
    profiles = [_name_worker(profile, name) for name, run in runs.items() for profile in run.profiles]
    return replace(
        first,
        command=command,
        executions=(
            replace(
                executions[0],
                wall_ns=max(each.wall_ns for each in executions),
                cpu_ns=sum(each.cpu_ns for each in executions),
                peak_resident_bytes=max(each.peak_resident_bytes for each in executions),
                paused_share=max(each.paused_share for each in executions),
            ),
        ),
        profiles=tuple(profiles),
        sources={file: source for run in runs.values() for file, source in run.sources.items()},
        resident=max((run.resident for run in runs.values()), key=lambda each: each.peak_bytes),
        notices=tuple(dict.fromkeys(notice for run in runs.values() for notice in run.notices)),
    )


def _name_worker(profile: Profile, name: str) -> Profile:
    """Return a worker's profile with its name at its threads. The code that starts it is xdist's, not the user's."""
    return replace(
        profile,
        threads=tuple(replace(thread, process=name) for thread in profile.threads),
        frames=tuple(
            replace(frame, owner=Owner.DEPENDENCY) if frame.file == GIVEN_CODE else frame for frame in profile.frames
        ),
    )


def list_slowest(tests: Sequence[Test], units: Sequence[UnitRow], width: int) -> Iterator[str]:
    """Yield the slowest tests, each with the lines that took most of its time."""
    if tests:
        yield ""
        yield "Slowest tests, with set-up and teardown:"
    for number, test in enumerate(tests, 1):
        yield shorten(f"{number:2}. {format_seconds(test.seconds * 1e9):>8}  {escape(test.nodeid)}", width)
        unit = _find_unit(test, units)
        if unit is None:
            yield "    too short to be sampled"
            continue
        for line in unit.lines:
            yield shorten(f"    {line.share} at {escape(line.place)}  {escape(line.code)}".rstrip(), width)


def _write(shown: Shown, path: Path) -> Path:
    form = FORMATS.get(path.suffix)
    if form is None:
        raise UsageError(f"--whet-report {path.name} names no format", f"end it with one of {', '.join(FORMATS)}")
    write_rendering(shown, find_renderer(form), path)
    return path


def _find_unit(test: Test, units: Sequence[UnitRow]) -> UnitRow | None:
    """Return what was sampled of a test's function, the cases of a parametrized one together."""
    name, file = test.name.partition("[")[0], test.file.replace("\\", "/")
    for unit in units:
        if unit.kind == "test" and unit.name == name and Path(unit.file).name == Path(file).name:
            return unit
    return None
