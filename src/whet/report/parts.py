"""The parts of a report, as every renderer gets them.

Texts are raw (a renderer escapes them for its own syntax), figures are ready to
be shown. ``anchor`` values are ids of elements within one HTML page; empty where
there is nothing to link to.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from whet.model.evidence import Seen
from whet.report.units import Figure


@dataclass(frozen=True, slots=True)
class CostFigures:
    """The metrics of one place, written out. ``spent_seconds`` is attributed CPU time plus waiting."""

    spent_seconds: Figure
    self_seconds: Figure
    total_seconds: Figure
    attributed_seconds: Figure
    waiting_seconds: Figure
    spent_share: Figure
    """Attributed, with its standard error in the text."""
    self_share: Figure
    total_share: Figure
    share_error: float
    samples: int
    hits: Figure
    hit_seconds: Figure
    allocated_bytes: Figure
    allocations: Figure
    peak_bytes: Figure
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

    @property
    def place(self) -> str:
        """Where it is, as in ``ledger.py:40``; the line is left out where it is unknown."""
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class LineRow:
    """A line in a table. ``code`` is its text, without indentation, empty where the source is not known."""

    file: str
    line: int
    function: str
    function_line: int
    owner: str
    cost: CostFigures
    code: str = ""
    anchor: str = ""

    @property
    def place(self) -> str:
        """Where it is, as in ``ledger.py:44``."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class GainFigures:
    """A measured gain: how many times as fast, with its interval, and one run's seconds before and after."""

    factor: Figure
    interval: str
    """As in ``[2.9, 3.3]``."""
    low: float
    high: float
    pairs: int
    confidence: float
    clock: str
    before: Figure
    after: Figure
    peak_before: Figure
    peak_after: Figure
    saved: Figure

    @property
    def left(self) -> float:
        """The part (0 to 1) of the time before that is left."""
        before, after = self.before.value or 0.0, self.after.value or 0.0
        return min(after / before, 1.0) if before else 1.0


@dataclass(frozen=True, slots=True)
class ProofFigures:
    """What became of a rewrite that was tried."""

    verdict: str
    sentence: str
    gain: GainFigures | None
    checked: str
    """What was compared of the program's output, as in ``output identical (3 files, 41 kB)``."""
    notes: tuple[str, ...] = ()
    others: int = 0
    """How many other rewrites ``gain`` is the gain of too, as they could not be told apart."""


_WIDE = 1.1
"""Where the interval of a ratio reaches above this, it is not said that there is no gain."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One advice, as a card."""

    id: str
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
    """As in ``1.2–1.6×``."""
    low: float
    high: float
    evidence: tuple[str, ...]
    """Sentences about the values seen."""
    seen: tuple[Seen, ...]
    diff: str
    anchor: str = ""
    function_line: int = 0
    proof: ProofFigures | None = None
    """What proving said; ``None`` where it was not tried."""

    @property
    def place(self) -> str:
        """Where it is, as in ``ledger.py:44``."""
        return f"{self.file}:{self.line}"

    @property
    def gain(self) -> Figure:
        """The gain for the whole run: measured where it was, else estimated."""
        return self.proof.gain.factor if self.proof and self.proof.gain else self.estimate

    @property
    def together(self) -> str:
        """What else the measured gain is of, as in ``with 2 others``; empty where it is of this rewrite alone."""
        others = self.proof.others if self.proof and self.proof.gain else 0
        return f"with {others} other{'s' if others != 1 else ''}" if others else ""

    @property
    def is_refuted(self) -> bool:
        """Whether it was tried, and did not help."""
        return not self.is_proven and self.verdict not in ("untested", "not run")

    @property
    def is_proven(self) -> bool:
        """Whether it was measured faster."""
        return self.verdict == "faster"

    @property
    def outcome(self) -> str:
        """What became of one that was tried and did not help, in a word or two."""
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
    """Suggestions of one standing. ``folded`` is for those that nobody needs to act on."""

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
    """Round amounts to rule lines at, as parts of the peak."""
    moments: tuple[tuple[float, Figure], ...] = ()
    """Round times for the axis, as parts of the duration."""


@dataclass(frozen=True, slots=True)
class Caution:
    """What is missing or to be doubted, why, and what mends it."""

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
    """What the first screen says. ``verdict`` is one sentence."""

    title: str
    verdict: str
    spent: str
    """What the program spends its time on, where ``verdict`` says something else."""
    duration: Figure
    cpu: Figure
    own: Figure
    """The part of ``cpu`` that whet itself took inside the program; nothing where it is not worth a word."""
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
    """The command that gets more samples, where there are too few."""
    next_command: str = ""
    not_measured: str = ""
    """One sentence that names what was not measured, and the command for it."""
    outside: str = ""
    """How much is attributed to no line of the user's, and which packages spent it; nothing where it is little."""


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
    """The interpreter's path and why it was chosen, where it may not be the one that the user means."""


@dataclass(frozen=True, slots=True)
class Method:
    """How it was measured: paragraphs for people who doubt a figure."""

    executions: tuple[ExecutionRow, ...]
    sentences: tuple[str, ...]
    values: str


@dataclass(frozen=True, slots=True)
class Related:
    """A caller or a callee, with the time that goes from the one to the other."""

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
    """Lines that stand together: shown with figures, or ``cold`` and folded away."""

    first: int
    last: int
    cold: bool
    lines: tuple[SourceLine, ...]
    omitted: int = 0
    """How many of a cold block's lines are left out altogether."""


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


@dataclass(frozen=True, slots=True)
class FlameBox:
    """One rectangle of an icicle: ``left`` and ``width`` are parts of the whole, ``row`` counts from the top."""

    left: float
    width: float
    row: int
    name: str
    place: str
    owner: str
    total: Figure
    self_value: Figure
    share: Figure
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Icicle:
    """A flame graph that hangs from the top, laid out. ``folded`` states what is not shown."""

    metric: str
    title: str
    """What the widths are, as in ``CPU time``."""
    boxes: tuple[FlameBox, ...]
    rows: int
    whole: Figure
    folded: str = ""
