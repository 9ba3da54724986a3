"""Runs a workload once, with limits: its cost, how it ended, its output.

Nothing outlives the run: a program beyond its limits is ended, and so is everything
that it started. Its output goes to files of bounded size.
"""

from __future__ import annotations

import contextlib
import hashlib
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from enum import StrEnum
from pathlib import Path
from typing import IO, Protocol

from whet.errors import TargetError
from whet.model.profile import Profile
from whet.model.trial import Clock
from whet.prove.serving import PORT, Load, Served, Service, find_port
from whet.prove.tree import ProcessTree, start_tree
from whet.records import dataclass

POLL_SECONDS = (0.01, 0.1)
"""First and later intervals between checks of the limits."""
HELPER_SECONDS = 600
"""Time limit of a setup or cleanup command."""
MEGABYTE = 1 << 20
_CHUNK = 1 << 20
_TAIL_BYTES = 4_000


class RunSampler(Protocol):
    """Samples a run from outside."""

    def set_pace(self, seconds: float) -> None:
        """Be told what the shortest of the runs to come take, about."""

    def prepare(self) -> None:
        """Forget the last run, before the next one is started."""

    def attach(self, pid: int, spare: Callable[[int], None]) -> None:
        """Begin with a process that was just started, and those that it starts; never raises.

        ``spare`` is to be told the sampler's own process, which is none of the program's.
        """

    def finish(self) -> tuple[Profile, ...]:
        """Return what was seen, once the process has ended; nothing where it could not be sampled."""


class Ended(StrEnum):
    """Why whet ended a program."""

    TIME = "time"
    MEMORY = "memory"
    OUTPUT = "output"
    PROCESSES = "processes"


@dataclass(frozen=True, slots=True)
class Workload:
    """A command that is run many times, each time in a process of its own.

    ``environ`` is the whole environment. ``stdin`` is a file that each run reads from its
    start; without one stdin is empty. ``setup`` and ``cleanup`` are lines for the
    shell, run in ``directory`` around each run, outside what is timed.
    """

    command: tuple[str, ...]
    directory: str
    environ: Mapping[str, str]
    stdin: Path | None = None
    setup: str = ""
    cleanup: str = ""
    load: Load | None = None
    """What is sent to it, where it is a server: ``{port}`` in its words is the port of the run."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may use; 0 is without limit."""

    seconds: float = 0
    memory_bytes: int = 0
    output_bytes: int = 0
    processes: int = 0

    def describe(self, ended: Ended) -> str:
        """Return a description of the exceeded limit."""
        match ended:
            case Ended.TIME:
                return f"it did not end within {self.seconds:.1f} s"
            case Ended.MEMORY:
                return f"it used more than {self.memory_bytes // MEGABYTE:,} MB"
            case Ended.OUTPUT:
                return f"it printed more than {self.output_bytes // MEGABYTE:,} MB"
            case Ended.PROCESSES:
                return f"it ran more than {self.processes:,} processes at once"


@dataclass(frozen=True, slots=True)
class Printed:
    """The output of a program to one stream: in a file, up to the limit."""

    file: Path
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Observed:
    """One run. ``status`` is what a shell would see (128+N after signal N)."""

    status: int
    wall_ns: int
    cpu_ns: int
    """CPU time of the program and its children."""
    peak_bytes: int
    """Peak resident memory of the process tree, as polled; 0 if the system does not report it."""
    stdout: Printed
    stderr: Printed
    ended: Ended | None = None
    """Why whet ended it; ``None`` when it ended by itself."""
    processes: int = 1
    """Maximum number of concurrent processes, as polled."""
    left_behind: int = 0
    """Processes that it left running, which whet ended."""
    delayed_ns: int = 0
    """For how long it was runnable but not scheduled, as polled."""
    profiles: tuple[Profile, ...] = ()
    """What was sampled of it, where that was asked for."""
    served: Served | None = None
    """What its load found out, of a server; ``stdout`` holds its responses then."""
    trouble: str = field(default="")
    """An error around the run (setup, cleanup), in one line; its figures do not count then."""

    @property
    def is_sound(self) -> bool:
        """Whether it ended by itself."""
        return self.ended is None and not self.trouble

    def cost(self, clock: Clock) -> int:
        """Return its cost by a clock, in nanoseconds; of a server what its load says."""
        if self.served is not None:
            return self.served.cost_ns
        return self.wall_ns if clock is Clock.WALL else self.cpu_ns

    def last_words(self, stream: str = "stderr") -> str:
        """Return the last line of stderr, or of stdout, short."""
        lines = read_tail((self.stdout if stream == "stdout" else self.stderr).file).strip().splitlines()
        return lines[-1][:300] if lines else ""


def limit_by(runs: list[Observed], *, least_seconds: float = 2.0) -> Limits:
    """Return limits for candidates from runs of the baseline: five times its time, four times the rest, and more."""
    processes = max((each.processes for each in runs), default=0)
    return Limits(
        seconds=least_seconds + 5 * max(each.wall_ns for each in runs) / 1e9,
        memory_bytes=512 * MEGABYTE + 4 * max(each.peak_bytes for each in runs),
        output_bytes=16 * MEGABYTE + 4 * max(each.stdout.size + each.stderr.size for each in runs),
        processes=32 + 4 * processes,
    )


def run_once(workload: Workload, limits: Limits, out: Path, sampler: RunSampler | None = None) -> Observed:
    """Run the workload and wait for it; its output is kept in ``out``, which is created.

    Raises :class:`TargetError` where the command cannot be started. Whatever
    interrupts the wait (Ctrl-C) ends the program first.
    """
    out.mkdir(parents=True, exist_ok=True)
    trouble = run_helper("setup", workload.setup, workload.directory, workload.environ)
    try:
        if trouble:
            return _tell_trouble(trouble, out)
        observed = _run_command(workload, limits, out, sampler)
    finally:
        # Remains of a run are cleaned up even if it was interrupted.
        trouble = trouble or run_helper("cleanup", workload.cleanup, workload.directory, workload.environ)
    return _with_trouble(observed, trouble) if trouble else observed


def read_tail(file: Path) -> str:
    """Return the end of a program's output."""
    with contextlib.suppress(OSError), file.open("rb") as source:
        size = source.seek(0, 2)
        source.seek(max(0, size - _TAIL_BYTES))
        return source.read().decode("utf-8", "replace")
    return ""


def _run_command(workload: Workload, limits: Limits, out: Path, sampler: RunSampler | None) -> Observed:
    command, environ, load = workload.command, workload.environ, workload.load
    port = 0
    if sampler is not None:
        sampler.prepare()
    if load is not None:
        port = find_port()
        command = tuple(word.replace(PORT, str(port)) for word in command)
        environ = {**environ, "PORT": str(port)}
        load.prepare()
    with contextlib.ExitStack() as stack:
        stdin = stack.enter_context((workload.stdin or _empty(out)).open("rb"))
        stdout = stack.enter_context((out / "stdout").open("wb"))
        stderr = stack.enter_context((out / "stderr").open("wb"))
        try:
            streams = (stdin, stdout, stderr)
            tree = start_tree(command, workload.directory, environ, streams, is_sampled=sampler is not None)
        except OSError as error:
            raise TargetError(
                f"{command[0]} cannot be started: {error.strerror or error}", "give an existing command"
            ) from error
        profiles: tuple[Profile, ...] = ()
        service = Service(load, tree, port, out / "responses") if load is not None else None
        served = None
        try:
            if sampler is not None:
                sampler.attach(tree.pid, tree.spare)
            ended, processes = _watch(tree, limits, (stdout, stderr), service)
            if service is not None:
                served = service.finish()
                tree.measure()
        finally:
            if service is not None:
                service.stop()
            left_behind = tree.end()
            if sampler is not None:
                profiles = sampler.finish()
    code = tree.exit_code
    printed = out / "stdout"
    if service is not None and served is not None:
        # whet itself ends a server, and what it prints is its log.
        code, left_behind, printed = 0, 0, out / "responses"
        printed.touch()
        if service.has_ended and (said := read_tail(out / "stderr").strip().splitlines()):
            served = replace(served, failure=f"{served.failure} ({said[-1][:200]})")
    return Observed(
        status=128 - code if code < 0 else code,
        wall_ns=max(1, tree.ended_at - tree.began_at),
        cpu_ns=tree.cpu_ns,
        peak_bytes=tree.peak_bytes,
        stdout=_take(printed, limits.output_bytes),
        stderr=_take(out / "stderr", limits.output_bytes),
        ended=ended,
        processes=processes,
        left_behind=left_behind,
        delayed_ns=tree.delayed_ns,
        profiles=profiles,
        served=served,
    )


def _watch(
    tree: ProcessTree, limits: Limits, streams: tuple[IO[bytes], IO[bytes]], service: Service | None
) -> tuple[Ended | None, int]:
    """Wait until the program, or a server's load, ends or exceeds a limit; return which, and the most processes."""
    from os import fstat
    from time import perf_counter_ns

    pause, longest = POLL_SECONDS
    most = 1
    wait = tree.wait if service is None else service.wait
    while True:
        left = limits.seconds - (perf_counter_ns() - tree.began_at) / 1e9 if limits.seconds else pause
        if wait(max(0.0, min(pause, left))):
            return None, most
        pause = min(longest, pause * 1.5)
        resident, processes = tree.measure()
        most = max(most, processes)
        if limits.seconds and (perf_counter_ns() - tree.began_at) / 1e9 >= limits.seconds:
            return Ended.TIME, most
        if limits.memory_bytes and resident > limits.memory_bytes:
            return Ended.MEMORY, most
        if limits.processes and processes > limits.processes:
            return Ended.PROCESSES, most
        if limits.output_bytes and sum(fstat(stream.fileno()).st_size for stream in streams) > limits.output_bytes:
            return Ended.OUTPUT, most


def _take(file: Path, limit: int) -> Printed:
    """Describe the output; the file is cut to the limit."""
    size = file.stat().st_size
    digest = hashlib.sha256()
    with file.open("r+b") as source:
        if limit and size > limit:
            source.truncate(limit)
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
    return Printed(file, size, digest.hexdigest())


def run_helper(name: str, line: str, directory: str, environ: Mapping[str, str]) -> str:
    """Run a shell command given with the option ``--name``; return the error, in one line."""
    if not line:
        return ""
    try:
        done = subprocess.run(  # noqa: S602  the user's own line, as it was given for the shell
            line,
            shell=True,
            cwd=directory,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=HELPER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"--{name} failed: {error}"
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no output"]
        return f"--{name} ended with status {done.returncode}: {words[0][:200]}"
    return ""


def _tell_trouble(trouble: str, out: Path) -> Observed:
    nothing = Printed(_empty(out), 0, hashlib.sha256().hexdigest())
    return Observed(0, 1, 0, 0, nothing, nothing, trouble=trouble)


def _with_trouble(observed: Observed, trouble: str) -> Observed:
    return replace(observed, trouble=trouble)


def _empty(out: Path) -> Path:
    file = out / "nothing"
    file.write_bytes(b"")
    return file


def describe_status(status: int) -> str:
    """Return ``exit 1``, or ``SIGSEGV`` after a signal."""
    if status > 128:
        with contextlib.suppress(ValueError):
            return signal.Signals(status - 128).name
    return f"exit {status}"
