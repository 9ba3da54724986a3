"""What a rule says about a place in the source."""

from __future__ import annotations

from enum import StrEnum

from whet.records import dataclass


class Safety(StrEnum):
    """How far a rewrite keeps the program's meaning; the words are shown as they stand."""

    SAFE = "safe"
    """Equivalent under conditions that the source shows."""
    OBSERVED = "observed"
    """Equivalent given what was seen at run time, and compared by running."""
    OFFER = "offer"
    """A minor behaviour change, which the message names; applied only when allowed by name."""
    ADVICE = "advice"
    """No edit."""


class Speed(StrEnum):
    """What kind of gain a rule promises."""

    CONSTANT = "c"
    """At most about 1.3 times."""
    FACTOR = "C"
    """2 to 10 times."""
    ASYMPTOTIC = "∞"
    """Grows with the size of the data."""


class Ask(StrEnum):
    """What a question wants to know about a name, or about lines."""

    TYPES = "types"
    ELEMENTS = "elements"
    LENGTH = "length"
    DISTINCT = "distinct"
    """How many of the calls of a function had different arguments."""
    RUNS = "runs"
    """How often a line ran for each time that another one did."""
    SHARE = "share"
    """What lines cost, as a part of what others do, or of the run."""


@dataclass(frozen=True, slots=True)
class Question:
    """Something that only running can tell, and which answers speak against the finding.

    It is about the value of a name; ``RUNS`` and ``SHARE`` are about ``lines``. Type names are those of
    :class:`whet.model.evidence.Seen`, as in ``builtins.list``.
    """

    name: str
    """A local or global (``seen``) or an attribute (``self.seen``)."""
    ask: Ask
    function_line: int
    """Where the code object starts, decorators included (``co_firstlineno``)."""
    file: str = ""
    function: str = ""
    """The function's qualified name."""
    expects: tuple[str, ...] = ()
    """The finding falls unless most samples saw one of these types; empty is "any"."""
    excludes: tuple[str, ...] = ()
    """The finding falls when one of these types was seen."""
    at_least: int = 0
    """The finding falls when nothing this long was seen."""
    needed: bool = False
    """Without an answer the finding is not advice."""
    lines: tuple[int, ...] = ()
    """Of ``file``: those that ran, or cost."""
    of: tuple[int, ...] = ()
    """Of ``file``: those that they are compared with; empty is the run (``SHARE``)."""
    least: float = 0.0
    """The finding falls when ``lines`` come to less than this part of ``of``: 0.1 is a tenth, 3.0 three times."""
    most: float | None = None
    """The finding falls when they come to more than this part of it."""


@dataclass(frozen=True, slots=True)
class Speedup:
    """A measured gain of a rewrite: on Python ``python`` (``3.13``), at ``size``, it was ``factor`` times as fast."""

    python: str
    size: int
    factor: float


@dataclass(frozen=True, slots=True)
class Edit:
    """A source range and its new text. Lines count from 1, columns from 0 in characters; the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int
    text: str


@dataclass(frozen=True, slots=True)
class Frees:
    """What following a finding frees of the memory at the peak: ``each`` bytes of each object of type ``kind``.

    Without these it is all that the finding's lines hold, at most. Where it is ``needed``, the finding is advice only
    if memory was measured, and much of it is held there.
    """

    each: int = 0
    kind: str = ""
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that one rule found. ``lines`` are those whose cost the rewrite removes."""

    rule: str
    file: str
    line: int
    end_line: int
    column: int
    function: str
    function_line: int
    title: str
    message: str
    safety: Safety
    speed: Speed
    lines: tuple[int, ...] = ()
    questions: tuple[Question, ...] = ()
    edits: tuple[Edit, ...] = ()
    snippet: str = ""
    """The source of the place, white space normalised: part of a stable identity."""
    speedups: tuple[Speedup, ...] = ()
    """The rule's own measurements, as far as they hold for this finding."""
    frees: Frees | None = None
    """``None``: nothing that is known."""
    saves_calls: bool = False
    """Whether what its lines call is saved with them: other functions of the program, too."""
