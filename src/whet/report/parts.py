"""The parts of a report, as every renderer gets them.

Strings are raw (a renderer escapes them for its own syntax), figures are formatted. ``anchor`` values are ids of
elements within one HTML page; empty if there is nothing to link to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from enum import StrEnum

from whet.model.advice import MemoryWorth
from whet.model.evidence import Seen
from whet.model.finding import Edit
from whet.model.hotspot import Callee
from whet.model.origin import Origin
from whet.records import dataclass
from whet.report.units import Figure, bytes_figure, format_whole_share

NO_FIGURE = Figure()


@dataclass(frozen=True, slots=True)
class CostFigures:
    """The metrics of one place. ``spent_seconds`` is attributed CPU time plus waiting."""

    spent_seconds: Figure
    self_seconds: Figure
    total_seconds: Figure
    attributed_seconds: Figure
    waiting_seconds: Figure
    spent_share: Figure
    """Share of attributed time, with its standard error in the text."""
    self_share: Figure
    total_share: Figure
    share_error: float
    samples: int
    hits: Figure
    hit_seconds: Figure
    allocated_bytes: Figure
    allocations: Figure
    peak_bytes: Figure
    live_bytes: Figure
    """Live at the end of the run."""
    grown_bytes: Figure
    """By how much more was live near the end of the run than in its middle, where that rose all the time."""
    collectors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """A function in a table."""

    file: str
    name: str
    line: int
    end_line: int
    owner: str
    cost: CostFigures
    anchor: str = ""
    growth: Figure = NO_FIGURE
    """The exponent of its cost, such as ``n^1.98 [1.93, 2.03]``, where it was measured."""

    @property
    def place(self) -> str:
        """Its location, such as ``ledger.py:40``; without the line if that is unknown."""
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class LineRow:
    """A line in a table. ``code`` is its text, without indentation, empty if the source is not known."""

    file: str
    line: int
    function: str
    function_line: int
    owner: str
    cost: CostFigures
    code: str = ""
    anchor: str = ""
    callees: tuple[Callee, ...] = ()
    """What it called outside the user's code, most of its time first."""
    growth: Figure = NO_FIGURE
    grows: str = ""
    """How its time a pass rose within the run: ``7-fold as self.text grew to 2,000,000``."""

    @property
    def calls(self) -> str:
        """Where its time went: ``Template.render 74 %, json.loads 20 %``; empty where that is in the line itself."""
        return describe_callees(self.callees)

    @property
    def place(self) -> str:
        """Its location, such as ``ledger.py:44``."""
        return f"{self.file}:{self.line}"


def describe_callees(callees: Sequence[Callee]) -> str:
    """Return calls with their part of the line's time: ``Template.render 74 %, json.loads 20 %``."""
    return ", ".join(f"{callee.name} {format_whole_share(callee.share)}" for callee in callees)


@dataclass(frozen=True, slots=True)
class GainFigures:
    """A measured gain: how many times as fast, as in ``[2.9, 3.3]``, by pairs of which ``runs``, and one's seconds."""

    factor: Figure
    interval: str
    low: float
    high: float
    pairs: int
    runs: str
    confidence: float
    clock: str
    before: Figure
    after: Figure
    peak_before: Figure
    peak_after: Figure
    saved: Figure

    @property
    def left(self) -> float:
        """The time after as a fraction (0 to 1) of the time before."""
        before, after = self.before.value or 0.0, self.after.value or 0.0
        return min(after / before, 1.0) if before else 1.0


@dataclass(frozen=True, slots=True)
class ProofFigures:
    """The result of a rewrite that was tried."""

    verdict: str
    sentence: str
    gain: GainFigures | None
    checked: str
    """What was compared of the program's output, such as ``output identical (3 files, 41 kB)``."""
    notes: tuple[str, ...] = ()
    others: int = 0
    """Number of other rewrites that share ``gain``, because they could not be measured separately."""


_WIDE = 1.1
"""If the interval of a ratio reaches above this, "no gain" is not reported."""


class Kind(StrEnum):
    """What a suggestion leaves to do."""

    REWRITE = "rewrite"
    """There is an edit, which `whet prove` can try."""
    ADVICE = "advice"
    """The reader has to change the program."""
    GENERAL = "general"
    """It is about the program as a whole, and true of many."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One advice, as a card."""

    id: str
    kind: Kind
    rule: str
    file: str
    line: int
    end_line: int
    function: str
    title: str
    message: str
    safety: str
    safety_means: str
    verdict: str
    share: Figure
    share_error: float
    estimate: Figure
    """Such as ``1.2–1.6×``."""
    low: float
    high: float
    is_measured: bool
    """Whether a benchmark stands behind the estimate; else ``high`` is only the most that it can be."""
    evidence: tuple[str, ...]
    """Sentences about the observed values."""
    seen: tuple[Seen, ...]
    diff: str
    anchor: str = ""
    function_line: int = 0
    proof: ProofFigures | None = None
    """The result of proving; ``None`` if it was not tried."""
    edits: tuple[Edit, ...] = ()  # of the source as it was measured
    memory: MemoryWorth | None = None

    @property
    def worth(self) -> str:
        """What it is about, as parts of the run's time and of its memory: at least one of them."""
        held = self.memory
        if held is None:
            return f"{self.share} of the run"
        told = f"{bytes_figure(held.held_bytes)} of {bytes_figure(held.peak_bytes)} at the peak"
        if held.low:
            saved = bytes_figure(round(held.low * held.peak_bytes))
            told = f"frees about {saved} of {bytes_figure(held.peak_bytes)} at the peak"
        timed = f"{self.share} of the run, " if (self.share.value or 0.0) > 2 * self.share_error else ""
        return f"{timed}{told}"

    @property
    def place(self) -> str:
        """Its location, such as ``ledger.py:44``."""
        return f"{self.file}:{self.line}"

    @property
    def gain(self) -> Figure:
        """The gain for the whole run: measured if it was, else estimated."""
        return self.proof.gain.factor if self.proof and self.proof.gain else self.estimate

    @property
    def together(self) -> str:
        """What else the measured gain covers, such as ``with 2 others``; empty if only this rewrite."""
        others = self.proof.others if self.proof and self.proof.gain else 0
        return f"with {others} other{'s' if others != 1 else ''}" if others else ""

    @property
    def is_refuted(self) -> bool:
        """Whether it was tried, and did not help."""
        return not self.is_proven and self.verdict not in ("untested", "not run")

    @property
    def is_proven(self) -> bool:
        """Whether it was measured faster, or to need less memory."""
        return self.verdict in ("faster", "less memory")

    @property
    def outcome(self) -> str:
        """The result of one that was tried and did not help, in a word or two."""
        if self.verdict == "no difference" and self.proof and self.proof.gain and self.proof.gain.high > _WIDE:
            return "unclear"
        words = {"no difference": "no gain", "different output": "differs", "failed": "fails"}
        return words.get(self.verdict, self.verdict)

    @property
    def diff_lines(self) -> tuple[tuple[str, str], ...]:
        """The diff as pairs of a kind (``add``, ``del``, ``hunk``, ``file``, ``same``) and a line."""
        return tuple((_diff_kind(line), line) for line in self.diff.splitlines())


def _diff_kind(line: str) -> str:
    if line.startswith(("+++", "---")):
        return "file"
    return {"+": "add", "-": "del", "@": "hunk"}.get(line[:1], "same")


@dataclass(frozen=True, slots=True)
class SuggestionGroup:
    """Suggestions of one verdict. ``folded`` is for those that need no action."""

    id: str
    title: str
    note: str
    items: tuple[Suggestion, ...]
    folded: bool = False


@dataclass(frozen=True, slots=True)
class NamedTime:
    """A row of the small tables: dependencies and imports."""

    name: str
    kind: str
    file: str
    self_seconds: Figure
    total_seconds: Figure
    share: Figure


@dataclass(frozen=True, slots=True)
class ThreadRow:
    """One thread of one process."""

    pid: int
    tid: int
    name: str
    process: str
    label: str
    task: str
    cpu: Figure
    waiting: Figure
    idle: Figure
    gil: Figure
    """Ready to run Python, and waiting for the GIL."""


@dataclass(frozen=True, slots=True)
class MemoryCurve:
    """Resident memory over time; ``points`` are fractions (of the duration, of the peak) between 0 and 1."""

    points: tuple[tuple[float, float], ...]
    duration: Figure
    peak: Figure
    peak_at: Figure
    peak_point: tuple[float, float]
    peak_stack: tuple[tuple[str, str], ...]
    """Pairs of a place and a function, outermost first."""
    peak_anchors: tuple[str, ...] = ()
    """For each of ``peak_stack`` where the page shows its line; empty where it does not."""
    levels: tuple[tuple[float, Figure], ...] = ()
    """Round amounts for grid lines, as fractions of the peak."""
    moments: tuple[tuple[float, Figure], ...] = ()
    """Round times for the axis, as fractions of the duration."""


@dataclass(frozen=True, slots=True)
class Caution:
    """What is missing or doubtful, why, and how to fix it."""

    about: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ExecutionRow:
    """What was executed, with which collectors, and how it ended."""

    purpose: str
    collectors: str
    wall: Figure
    cpu: Figure
    peak_resident: Figure
    ended: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """The first screen. ``verdict`` is one sentence."""

    title: str
    verdict: str
    spent: str
    """What the program spends its time on, if ``verdict`` is about something else."""
    duration: Figure
    cpu: Figure
    own: Figure
    """The part of ``cpu`` that whet itself took inside the program; nothing if it is negligible."""
    busy: Figure
    waiting: Figure
    gil: Figure
    """For how long threads waited for the GIL; nothing where it is little. No part of ``busy``."""
    peak: Figure
    samples: int
    share_error: float
    executions: int = 1
    """How many executions are pooled: all times are their sums."""
    more_samples: str = ""
    """The command that gets more samples, if there are too few."""
    next_command: str = ""
    not_measured: str = ""
    """One sentence that names what was not measured, and the command for it."""
    outside: str = ""
    """How much is attributed to no line of the user's, and which packages spent it; nothing if it is little."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the figures come from."""

    command: tuple[str, ...]
    command_line: str
    python: str
    python_version: str
    python_path: str
    python_implementation: str
    python_free_threaded: bool
    python_why: str
    machine: str
    started: str
    directory: str
    commit: str
    whet: str
    exit_status: int | None
    exit_text: str
    python_chosen: str = ""
    """The interpreter's path and why it was chosen, if it may not be the intended one."""
    origins: tuple[Origin, ...] = ()
    """The files of other tools that the figures come from, instead of a program that whet ran."""


@dataclass(frozen=True, slots=True)
class Method:
    """How it was measured: paragraphs for readers who want to check a figure."""

    executions: tuple[ExecutionRow, ...]
    sentences: tuple[str, ...]
    values: str


@dataclass(frozen=True, slots=True)
class Related:
    """A caller or a callee, with the time of the calls between them."""

    name: str
    place: str
    time: Figure
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Relations:
    """Who calls a function and what it calls, the heaviest of them."""

    callers: tuple[Related, ...] = ()
    callees: tuple[Related, ...] = ()
    more_callers: int = 0
    more_callees: int = 0


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A line of source with its figures. ``heat`` is 0 (cold) to 10 (hottest)."""

    number: int
    text: str
    heat: int = 0
    cost: CostFigures | None = None
    anchor: str = ""
    suggestions: tuple[Suggestion, ...] = ()
    relations: Relations | None = None
    """For the first line of a function."""


@dataclass(frozen=True, slots=True)
class SourceBlock:
    """Consecutive lines: shown with figures, or ``cold`` and folded."""

    first: int
    last: int
    cold: bool
    lines: tuple[SourceLine, ...]
    omitted: int = 0
    """Number of a cold block's lines that are left out completely."""


@dataclass(frozen=True, slots=True)
class SourceListing:
    """The annotated source of one file. ``text`` is the whole file, for highlighting in context.

    ``measured`` are all lines of the file with figures, in order, also those that no block shows.
    """

    file: str
    anchor: str
    share: Figure
    spent: Figure
    blocks: tuple[SourceBlock, ...]
    text: str = field(repr=False, default="")
    measured: tuple[SourceLine, ...] = field(repr=False, default=())

    @property
    def is_cut(self) -> bool:
        """Whether the page leaves lines of it out."""
        return any(block.omitted for block in self.blocks)
