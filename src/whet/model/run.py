"""A run of whet: what was executed, how, and everything that was recorded.

This is what is saved under ``.whet/`` and what every later command starts from.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from enum import StrEnum

from whet.model.evidence import Evidence
from whet.model.masking import MASK
from whet.model.origin import Origin
from whet.model.part import Part, TaskTotals, Transfer
from whet.model.profile import Profile
from whet.model.routes import Requests
from whet.model.scaling import Scaling
from whet.model.source import Notice as Notice  # noqa: PLC0414 - part of a run, found here
from whet.model.source import SourceFile as SourceFile  # noqa: PLC0414
from whet.model.trial import Proof
from whet.records import dataclass


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The Python that ran the program."""

    path: str
    version: str
    """As in ``3.13.0``."""
    implementation: str = "CPython"
    free_threaded: bool = False
    why: str = ""
    """Why this one was chosen, as in ``VIRTUAL_ENV``."""
    obvious: bool = True
    """Whether it is the one that the user's shell means by ``python``, or that was asked for or activated."""
    libraries: tuple[str, ...] | None = None
    """Which of the libraries that rewrites may use it can import, as in ``numba``; ``None``: nobody has asked."""


@dataclass(frozen=True, slots=True)
class Host:
    """The machine, as far as it bears on the figures."""

    system: str = ""
    machine: str = ""
    cpus: int = 0


def name_signal(number: int) -> str:
    """Return ``SIGTERM``; ``signal 40`` for one without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def describe_exit(status: int, number: int) -> str:
    """Return ``ended with status 3``, or for a ``number`` ``was ended by SIGTERM``."""
    return f"was ended by {name_signal(number)}" if number else f"ended with status {status}"


class Purpose(StrEnum):
    """What an execution of the program was for."""

    TIME = "time"
    MEMORY = "memory"
    EXACT_LINES = "exact lines"
    ATTACH = "attach"


INTERRUPTED = "interrupted"
"""``stopped`` of an execution that Ctrl-C reached."""
ENDED_BY_DURATION = "ended by --duration"
"""How ``stopped`` begins for one that whet ended because it was to."""


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution of the program.

    ``exit_status`` is what a shell would see (128+N after signal N); ``None``
    while the program went on (attach). ``stopped`` says why the recording does
    not cover all of it, and is empty when it does. ``repeats`` counts the
    executions that were pooled into this one.
    """

    purpose: Purpose
    collectors: tuple[str, ...]
    wall_ns: int
    cpu_ns: int
    exit_status: int | None
    signal: int = 0
    peak_resident_bytes: int = 0
    stopped: str = ""
    repeats: int = 1
    pid: int = 0
    """The process that whet attached to; 0 for one that it started."""
    paused_share: float = 0.0
    """Part of the time (0 to 1) in which sampling had stopped a process that whet attached to."""
    collecting_share: float = 0.0
    """Part (0 to 1) that collecting garbage had of what the first process computed, as far as that could be seen,"""
    collecting_looks: int = 0
    """and how often it was looked whether it does; 0: never."""


@dataclass(frozen=True, slots=True)
class Resident:
    """Resident memory of the process tree over time, polled from outside.

    ``at_ns`` counts from the start of the program; ``peak_stack`` names what
    was on the stack nearest to the peak, outermost first, as
    ``(file, line, function)``.
    """

    at_ns: Sequence[int] = ()
    bytes: Sequence[int] = ()
    peak_bytes: int = 0
    peak_at_ns: int = 0
    peak_stack: tuple[tuple[str, int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class StandardInput:
    """What the program could read from standard input, so that it can be run again.

    ``kind`` is ``nothing`` (or nothing that the program read), ``file`` or ``stream`` (a pipe, a
    socket or a terminal that it read from, which cannot be read twice). ``data`` is
    the file's bytes in base64 where they are few.
    """

    kind: str = "nothing"
    file: str = ""
    sha256: str = ""
    data: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """Everything about one ``whet run`` or ``whet attach``."""

    whet_version: str
    command: tuple[str, ...]
    """What was run, secrets masked."""
    started: str
    """ISO 8601 with offset."""
    directory: str
    """The working folder of the program."""
    project: str
    """The folder that shown paths are relative to."""
    interpreter: Interpreter
    host: Host = field(default_factory=Host)
    commit: str = ""
    executions: tuple[Execution, ...] = ()
    profiles: tuple[Profile, ...] = ()
    sources: Mapping[str, SourceFile] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)
    resident: Resident = field(default_factory=Resident)
    notices: tuple[Notice, ...] = ()
    not_measured: tuple[tuple[str, str], ...] = ()
    """Pairs of what was not measured and the option that measures it, as ``("memory", "--memory")``.

    The option is empty where none does; what was not measured then says why.
    """
    proof: Proof = field(default_factory=Proof)
    """What `whet prove` found out about the advice on this run."""
    stdin: StandardInput = field(default_factory=StandardInput)
    options: tuple[str, ...] = ()
    """What whet was asked besides the program, each in one word, as ``--rate=50``."""
    can_run_again: bool = True
    """Whether the same command would do the same again, as far as was seen: nothing of the program goes on, what it
    read can be read again and is as it was."""
    unbuffered: str = ""
    """What asked the interpreter not to buffer the program's output, as ``PYTHONUNBUFFERED``; empty: nothing."""
    compiled: int = 0
    """Modules of the program's own package that are compiled, whose time counts for what calls them."""
    saved_in: str = ""
    """The folder whose ``.whet`` the run was saved in: where it is elsewhere now, so are the project's files."""
    is_masked: bool | None = None
    """Whether ``command`` contains a mask; ``None``: the run is of a version that did not say."""
    arguments: tuple[str, ...] = ()
    """``command`` with its secrets, so that it can be run again; only with `--keep-arguments`. Never shown."""

    scaling: Scaling = field(default_factory=Scaling)
    """The runs at all sizes, where `whet scale` made them; the profiles are those at the largest size."""
    origins: tuple[Origin, ...] = ()
    """The files that the profiles were read from, where others recorded them; then there are no executions."""
    labels: tuple[tuple[str, str], ...] = ()
    """What tells this run from others of one job, as pairs like ``("rank", "3")``."""
    parts: tuple[Part, ...] = ()
    """The ranks, workers or files that it was merged from; then executions are sums over them."""
    tasks: tuple[TaskTotals, ...] = ()
    """What a scheduler counted for each kind of task."""
    transfers: tuple[Transfer, ...] = ()
    """Data that went from worker to worker, the most bytes first."""
    scheduler_ns: int = 0
    """CPU time of the scheduler meanwhile; 0 where it did not say."""
    requests: Requests = field(default_factory=Requests)
    """The requests that it answered, by route, where it is a server."""

    @property
    def label(self) -> str:
        """Its labels in words, as in ``rank 3``; empty for none."""
        return ", ".join(f"{name} {value}" for name, value in self.labels)

    @property
    def has_hidden_arguments(self) -> bool:
        """Whether the command contains a secret, so that it cannot be run again, or pasted, as it is shown."""
        return any(MASK in word for word in self.command) if self.is_masked is None else self.is_masked

    @property
    def timed(self) -> Execution | None:
        """What the times come from: the first execution, with the times of those pooled with it added.

        ``None`` where nothing was executed.
        """
        if not self.executions:
            return None
        first = self.executions[0]
        pooled = [each for each in self.executions if each.purpose is first.purpose]
        return replace(
            first,
            wall_ns=sum(each.wall_ns for each in pooled),
            cpu_ns=sum(each.cpu_ns for each in pooled),
            repeats=sum(max(1, each.repeats) for each in pooled),
        )
