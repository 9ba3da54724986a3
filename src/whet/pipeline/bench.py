"""``whet bench``: a program run many times, by several interpreters or in two versions, in turn and in random order."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import random
import re
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from time import monotonic

from whet import __version__
from whet.errors import TargetError, UsageError
from whet.model.bench import Bench, BenchComparison, BenchSide, SlowdownCall
from whet.model.masking import mask_argv
from whet.model.trial import Clock
from whet.pipeline.bench_figures import CONFIDENCE, choose_clock, compare_pairs, compare_sessions, find_figures
from whet.pipeline.bench_file import refuse_unlike
from whet.pipeline.measuring import describe_machine
from whet.pipeline.project import find_repository
from whet.pipeline.proving import ended_by_signals
from whet.pipeline.worktree import check_out, find_import_folders, move_into
from whet.prove.run import Limits, Observed, Workload, describe_status, limit_by, run_once
from whet.prove.stats import FIRST_LOOK, plan_looks, share_error
from whet.prove.tree import Guard
from whet.target.host import TargetHost
from whet.target.naming import choose_target
from whet.target.spec import TargetSpec

MOST_ROUNDS = 100
LEAST_ROUNDS = FIRST_LOOK
"""So many are made whatever the budget is: fewer say next to nothing."""
LEAST_FOR_LIMITS = 2
_INTERRUPTED = "ended by Ctrl-C"
WORKING_TREE = "working tree"
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class BenchRequest:
    """What a user asks for.

    ``pythons`` are written as for a shell: ``[NAME=VALUE…] PYTHON [OPTION…]``. ``against`` is a git
    commit or a :class:`Bench` of another session. ``runs`` is the number for each side, else as many as ``budget``
    (seconds) holds, at most 100. ``clock`` ``None`` chooses by what the program does.
    """

    words: tuple[str, ...] = ()
    module: str | None = None
    code: str | None = None
    pythons: tuple[str, ...] = ()
    environ: tuple[str, ...] = ()
    against: str | Bench | None = None
    max_slowdown: float = 0.1
    runs: int | None = None
    warmup: int = 1
    budget: float = 60.0
    confidence: float = 0.99
    setup: str = ""
    cleanup: str = ""
    stdin: Path | None = None
    clock: Clock | None = None
    unlike: bool = False
    """Compare with a saved bench of another machine or interpreter too."""
    seed: int | None = None
    progress: Callable[[int, float], None] | None = None
    """Is told how many runs were made, and the seconds since the first."""


@dataclass(slots=True)
class _Runner:
    """One side while it is run."""

    side: BenchSide
    workload: Workload
    wall_ns: list[int] = field(default_factory=list)
    cpu_ns: list[int] = field(default_factory=list)
    peak_bytes: list[int] = field(default_factory=list)

    def finish(self) -> BenchSide:
        return replace(
            self.side, wall_ns=tuple(self.wall_ns), cpu_ns=tuple(self.cpu_ns), peak_bytes=tuple(self.peak_bytes)
        )


def bench(request: BenchRequest, cwd: Path) -> Bench:
    """Run the program as asked and return all that was measured.

    Raises ``UsageError`` and ``TargetError``: wrong use, no such commit, a program that fails. Ctrl-C ends the runs;
    what there is by then is returned when it is enough, with a note.
    """
    _check(request)
    started = datetime.now().astimezone().isoformat(timespec="seconds")
    with contextlib.ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="whet-bench-", ignore_cleanup_errors=True))
        folder = Path(name).resolve()
        stack.enter_context(Guard(folder))
        stack.enter_context(ended_by_signals())
        if isinstance(request.against, str):
            runners, spec = stack.enter_context(_make_versions(request, cwd, folder))
        else:
            runners, spec = _make_sides(request, cwd)
            if request.against is not None and not request.unlike:
                words = mask_argv(spec.words)
                refuse_unlike(request.against, machine=identify_machine(), command=words, side=runners[0].side)
        session = _Session(request, runners, folder)
        notes = session.run()
    sides = tuple(runner.finish() for runner in runners)
    clock = session.choose_clock()
    comparisons, more = _compare(request, sides, clock, session)
    command = mask_argv(spec.words)
    return Bench(
        __version__,
        command,
        started,
        describe_machine(),
        identify_machine(),
        clock,
        sides,
        comparisons,
        (*notes, *more),
    )


def decide_bench(measured: Bench) -> int:
    """Return the exit status: 1 where a slow-down beyond the limit is shown, else 0."""
    return int(any(each.call is SlowdownCall.BEYOND for each in measured.comparisons))


def is_interrupted(measured: Bench) -> bool:
    """Whether Ctrl-C or a signal ended the runs early: what there is was not what was asked for."""
    return any(note.startswith(_INTERRUPTED) for note in measured.notes)


def identify_machine() -> str:
    """Return what differs between machines and stays the same on one, as a short hash."""
    host = describe_machine()
    parts = (platform.node(), platform.system(), host.machine, str(host.cpus), _read_processor())
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:16]


def _read_processor() -> str:
    with contextlib.suppress(OSError):
        text = Path("/proc/cpuinfo").read_text("utf-8", "replace")
        found = re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)
        return found[1] if found else ""
    return platform.processor()


class _Session:
    """The runs: warm-up, then rounds in which each side runs once, in random order."""

    def __init__(self, request: BenchRequest, runners: Sequence[_Runner], folder: Path) -> None:
        self.request, self.runners, self.folder = request, runners, folder
        self.is_versions = isinstance(request.against, str)
        self.planned = request.runs or MOST_ROUNDS
        self.rounds = 0
        self.began = monotonic()
        self.clock = request.clock
        """Chosen once: a clock that could change from look to look would be chosen by what it shows."""
        self._runs = 0
        self._limits = Limits()
        self._first: list[Observed] = []
        self._random = random.Random(request.seed)  # noqa: S311  the order of runs is no secret
        self._design = plan_looks(max(2, self.planned), error=1 - request.confidence)

    def run(self) -> tuple[str, ...]:
        """Run everything and return notes."""
        try:
            for _ in range(self.request.warmup):
                for runner in self.runners:
                    self._observe(runner)
            while self.rounds < self.planned and not self._is_over():
                self._play_round()
        except KeyboardInterrupt:
            if self.rounds < 2:
                raise
            return (f"{_INTERRUPTED} after {self.rounds} runs a side",)
        return ()

    def _is_over(self) -> bool:
        if self.request.runs is not None:
            return False
        if self.is_versions and self.rounds in self._design.looks and self._is_settled():
            return True
        spent = monotonic() - self.began
        a_round = spent / max(1, self.rounds + self.request.warmup)
        return self.rounds >= LEAST_ROUNDS and spent + a_round > self.request.budget

    def _is_settled(self) -> bool:
        """Whether it is clear on which side of the limit the slow-down lies: the design allows looking."""
        before, after = (runner.finish() for runner in self.runners)
        clock = self.choose_clock()
        found = compare_pairs(
            before,
            after,
            clock,
            error=1 - self.request.confidence,
            limit=self.request.max_slowdown,
            planned=self._design.most_pairs,
        )
        return found.call is not SlowdownCall.OPEN

    def choose_clock(self) -> Clock:
        """Return what sides are compared by, as the first of them looks when it is asked for first."""
        self.clock = self.clock or choose_clock(self.runners[0].finish())
        return self.clock

    def _play_round(self) -> None:
        order = list(self.runners)
        self._random.shuffle(order)
        taken = [(runner, self._observe(runner)) for runner in order]
        # A round counts whole or not at all, so that Ctrl-C leaves the pairs in step.
        for runner, observed in taken:
            runner.wall_ns.append(observed.wall_ns)
            runner.cpu_ns.append(observed.cpu_ns)
            runner.peak_bytes.append(observed.peak_bytes)
        self.rounds += 1

    def _observe(self, runner: _Runner) -> Observed:
        out = self.folder / "printed"
        shutil.rmtree(out, ignore_errors=True)
        if self.request.progress is not None:
            self.request.progress(self._runs + 1, monotonic() - self.began)
        is_baseline = runner is self.runners[0]
        limits = self._limits if self.is_versions and not is_baseline else Limits()
        observed = run_once(runner.workload, limits, out)
        self._runs += 1
        label = runner.side.label
        if observed.trouble:
            raise TargetError(f"{label}: {observed.trouble}", "mend the command, or leave it away")
        if observed.ended is not None:
            raise TargetError(
                f"{label}: {limits.describe(observed.ended)}, far more than the other side needed, and was ended",
                "run the program by hand to see what it does",
            )
        if observed.status:
            said = observed.last_words()
            hint = "only a program that ends with status 0 is measured"
            if self.is_versions and is_baseline:
                hint = "a checkout holds only what git tracks: data and compiled files that it ignores are not there"
            raise TargetError(f"{label}: the program ended with {describe_status(observed.status)}: {said}", hint)
        if is_baseline and len(self._first) < LEAST_FOR_LIMITS:
            self._first.append(observed)
            self._limits = limit_by(self._first)
        return observed


def _check(request: BenchRequest) -> None:
    for text in request.environ:
        if not _ASSIGNMENT.fullmatch(text):
            raise UsageError(f"--env {text[:40]!r} sets nothing", "--env NAME=VALUE")
    if request.against is not None and len(request.pythons) > 1:
        raise UsageError("--against compares two versions on one interpreter", "give --python once")
    if request.stdin is not None and not request.stdin.is_file():
        raise UsageError(f"there is no file {request.stdin}", "--stdin FILE")


def _make_sides(request: BenchRequest, cwd: Path) -> tuple[list[_Runner], TargetSpec]:
    """Return one side for each interpreter that was named, or for the one that the program would run on."""
    made: list[_Runner] = []
    spec: TargetSpec | None = None
    for text in request.pythons or ("",):
        host, found, options, extra = _resolve(request, text, cwd)
        spec = spec or found
        label = text or f"{Path(host.interpreter.path).name} {host.interpreter.version}"
        if any(each.side.label == label for each in made):
            raise UsageError(f"--python {text} is given twice", "each side needs a name of its own")
        made.append(_make_runner(request, label, host, found, options, extra, str(cwd)))
    assert spec is not None
    return made, spec


@contextlib.contextmanager
def _make_versions(request: BenchRequest, cwd: Path, folder: Path) -> Iterator[tuple[list[_Runner], TargetSpec]]:
    """Check the other version out and yield it and the working tree, in this order."""
    ref = str(request.against)
    cwd = cwd.resolve()
    repository = find_repository(cwd)
    host, spec, options, extra = _resolve(request, request.pythons[0] if request.pythons else "", cwd)
    tree = folder / "tree"
    with check_out(repository, ref, tree) as commit:
        there = Path(move_into(str(cwd), repository, tree))
        if not there.is_dir():
            raise UsageError(f"{ref} has no folder {cwd.relative_to(repository)}", "start from a folder that both have")
        imports = find_import_folders(host.interpreter.path, cwd, {**os.environ, **extra}, repository)
        made: list[_Runner] = []
        for label, move in ((f"{ref} ({commit})", True), (WORKING_TREE, False)):

            def place(path: str, moved: bool = move) -> str:
                return move_into(path, repository, tree) if moved else path

            path = os.pathsep.join([*map(place, imports), *_inherited(extra, place)])
            own = {**extra, "PYTHONPATH": path} if path else extra
            words = replace(spec, name=place(spec.name), args=tuple(map(place, spec.args)))
            runner = _make_runner(request, label, host, words, options, own, place(str(cwd)))
            runner.side = replace(runner.side, commit=commit if move else "", environ=_write_environ(extra))
            made.append(runner)
        yield made, spec


def _inherited(extra: dict[str, str], place: Callable[[str], str]) -> list[str]:
    inherited = extra.get("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    return [place(part) for part in inherited.split(os.pathsep) if part]


def _resolve(
    request: BenchRequest, text: str, cwd: Path
) -> tuple[TargetHost, TargetSpec, tuple[str, ...], dict[str, str]]:
    """Read ``[NAME=VALUE…] PYTHON [OPTION…]`` and find interpreter and program."""
    try:
        words = shlex.split(text, posix=os.name != "nt")
    except ValueError as error:
        raise UsageError(f"--python cannot be read: {error}", "quote it as for a shell") from error
    if os.name == "nt":  # backslashes are no escapes there, and then the quotes stay
        words = [word.strip("\"'") for word in words]
    extra = dict(item.split("=", 1) for item in request.environ)
    while words and _ASSIGNMENT.fullmatch(words[0]):
        name, _, value = words.pop(0).partition("=")
        extra[name] = value
    python, options = (words[0], tuple(words[1:])) if words else (None, ())
    environ = {**os.environ, **extra}
    host, spec = choose_target(
        list(request.words), request.module, request.code, python=python, environ=environ, cwd=cwd
    )
    return host, spec, options, extra


def _make_runner(
    request: BenchRequest,
    label: str,
    host: TargetHost,
    spec: TargetSpec,
    options: tuple[str, ...],
    extra: dict[str, str],
    directory: str,
) -> _Runner:
    workload = Workload(
        (host.interpreter.path, *options, *spec.words),
        directory,
        {**os.environ, **extra},
        request.stdin.resolve() if request.stdin is not None else None,
        request.setup,
        request.cleanup,
    )
    return _Runner(BenchSide(label, host.interpreter, options, _write_environ(extra)), workload)


def _write_environ(extra: dict[str, str]) -> tuple[str, ...]:
    """Return what was set, for people: values may be secrets, and are masked as in a command."""
    return tuple(mask_argv(tuple(f"{name}={value}" for name, value in sorted(extra.items()))))


def _compare(
    request: BenchRequest, sides: Sequence[BenchSide], clock: Clock, session: _Session
) -> tuple[tuple[BenchComparison, ...], tuple[str, ...]]:
    error = 1 - request.confidence
    if isinstance(request.against, Bench):
        before = request.against.sides[0]
        found = compare_sessions(before, sides[0], clock, error=error, limit=request.max_slowdown)
        found = replace(found, baseline=f"saved {request.against.started[:16]}")
        return (found,), ("the two sessions were not interleaved: how the machine changed between them is not covered",)
    if session.rounds < 2:
        return (), ()
    if session.is_versions:
        # With a fixed number of runs nobody looks before the end.
        planned = None if request.runs is not None else session.planned
        limit = request.max_slowdown
        return (compare_pairs(sides[0], sides[1], clock, error=error, limit=limit, planned=planned),), ()
    each = share_error(error, len(sides) - 1)
    return tuple(compare_pairs(sides[0], side, clock, error=each) for side in sides[1:]), ()


def render_bench_as(measured: Bench, form: str) -> str:
    """Return what was measured as ``text`` or ``json``."""
    from whet.report.bench import render_bench, render_bench_json

    render = render_bench_json if form == "json" else render_bench
    return render(measured, find_figures, CONFIDENCE)
