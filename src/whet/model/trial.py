"""What proving says about a rewrite, and about all of them together."""

from __future__ import annotations

from enum import StrEnum

from whet.model.finding import Edit, Safety
from whet.model.growth import ExponentChange
from whet.records import dataclass


class Verdict(StrEnum):
    """The outcome of trying a rewrite on the user's own program."""

    UNTESTED = "untested"
    FASTER = "faster"
    LESS_MEMORY = "less memory"
    """Not faster, but with less memory, where that was asked for."""
    NO_DIFFERENCE = "no difference"
    SLOWER = "slower"
    DIFFERENT_OUTPUT = "different output"
    FAILED = "failed"
    NOT_RUN = "not run"


GAINED = frozenset((Verdict.FASTER, Verdict.LESS_MEMORY))
"""Verdicts of rewrites that are worth writing."""
REFUTED = frozenset((Verdict.SLOWER, Verdict.DIFFERENT_OUTPUT, Verdict.FAILED))
"""Verdicts after which a rewrite is not offered again for the same code."""


class Clock(StrEnum):
    """Which seconds a verdict is about."""

    CPU = "CPU"
    """Of the process tree: for programs that compute."""
    WALL = "wall"
    """For programs that wait."""


@dataclass(frozen=True, slots=True)
class MemoryChange:
    """The candidate's most resident memory over the baseline's, with its interval: 0.73 is 27 % less."""

    ratio: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class RequestFigures:
    """What a server answered under load, as medians of its runs; durations in nanoseconds, of all routes together."""

    per_second: float
    p50_ns: int
    p95_ns: int


@dataclass(frozen=True, slots=True)
class Gain:
    """How many times as fast: the baseline's seconds over the candidate's, above 1 is faster.

    ``low`` to ``high`` is the interval, of the whole command's ``confidence`` (0 to
    1), from ``pairs`` interleaved pairs of runs. The seconds are medians of one run.
    """

    estimate: float
    low: float
    high: float
    pairs: int
    confidence: float
    clock: Clock = Clock.CPU
    baseline_ns: int = 0
    candidate_ns: int = 0
    baseline_peak_bytes: int = 0
    candidate_peak_bytes: int = 0
    """Most resident memory of the process tree, the median of its runs; 0 where it was not seen."""
    memory: MemoryChange | None = None
    """The change of that, of the same confidence as the gain in time; ``None`` where it was not seen."""
    by_samples: bool = False
    """Told from samples on the lines that it changes, instead of by runs without it."""
    baseline_requests: RequestFigures | None = None
    candidate_requests: RequestFigures | None = None
    """Of a server; ``None`` for any other program."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was compared of the program's behaviour. Exit statuses always are.

    ``unchecked`` says why equality could not be judged, and is empty when it was.
    ``candidates`` are files that the program wrote and that nobody asked to compare.
    """

    stdout_bytes: int = 0
    """Of a server, those of its responses."""
    responses: int = 0
    """How many responses of a server were compared."""
    files: tuple[str, ...] = ()
    file_bytes: int = 0
    candidates: tuple[str, ...] = ()
    tolerance: float = 0.0
    """Relative difference that numbers in the output may have; 0 is byte for byte."""
    tests: str = ""
    """The command of the tests that passed on the rewritten tree."""
    unchecked: str = ""

    @property
    def is_checked(self) -> bool:
        """Whether something that the program puts out was compared, or tests ran."""
        return bool(self.tests or (not self.unchecked and (self.stdout_bytes or self.files)))


@dataclass(frozen=True, slots=True)
class FileEdits:
    """The edits of one file, and the hash of the bytes that they were made for."""

    file: str
    sha256: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class RewriteRef:
    """Which rewrite is meant. ``id`` is that of the advice that it belongs to."""

    id: str
    rule: str
    title: str = ""
    place: str = ""
    """As people are shown it: ``orders.py:12``."""
    safety: Safety = Safety.SAFE


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one rewrite."""

    ref: RewriteRef
    verdict: Verdict
    gain: Gain | None = None
    """With the other rewrites in place: against all of them but this."""
    why: str = ""
    """The first difference, how it failed, or why it was not run."""
    group: tuple[str, ...] = ()
    """Ids of the rewrites that were judged together with it, where each alone is too small to be measured."""
    changes: tuple[FileEdits, ...] = ()
    measured: str = ""
    """When it was measured, ISO 8601 with offset, if an earlier proof of the same code did; empty: in this one."""


@dataclass(frozen=True, slots=True)
class Total:
    """What some rewrites (``applied``, by the ids of their advice) win together, from fresh runs."""

    gain: Gain | None = None
    verdict: Verdict = Verdict.UNTESTED
    applied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """One session of proving: every trial, and what those that are faster win together, from fresh runs."""

    workload: tuple[str, ...] = ()
    """What was run, secrets masked."""
    started: str = ""
    """ISO 8601 with offset; empty when nothing was proven."""
    trials: tuple[Trial, ...] = ()
    parts: tuple[Trial, ...] = ()
    """What each hunk of a change of the user's own gains; empty for one of a single hunk, and for suggestions."""
    total: Gain | None = None
    total_verdict: Verdict = Verdict.UNTESTED
    applied: tuple[str, ...] = ()
    """Ids of the rewrites that ``total`` is about."""
    without_offers: Total | None = None
    """The total of those that `whet apply` writes without being asked by name; ``None`` where that is all or none."""
    checked: Checked = Checked()
    runs: int = 0
    """Executions that were needed."""
    seconds: float = 0.0
    order: tuple[str, ...] = ()
    """Ids of the advice as it was numbered when this was proven, the first is 1; empty where nobody kept it."""
    growth: ExponentChange | None = None
    """The program's exponent without and with the rewrites ``applied``, where that was asked for."""
    growth_sizes: tuple[int, ...] = ()
    """The sizes of the input that it was measured at."""
    notes: tuple[str, ...] = ()
    """What the reader must know: not isolated, ended early, processes left behind."""

    @property
    def offers(self) -> tuple[str, ...]:
        """Ids of those of ``applied`` that `whet apply` writes only when they are asked for by name."""
        return (
            ()
            if self.without_offers is None
            else tuple(id_ for id_ in self.applied if id_ not in self.without_offers.applied)
        )

    def trial_of(self, advice: str) -> Trial | None:
        """Return what became of the rewrite of an advice."""
        return next((trial for trial in self.trials if trial.ref.id == advice), None)
