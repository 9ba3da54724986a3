"""A finding that matters, because measured time stands behind it."""

from __future__ import annotations

from whet.model.evidence import Ratio, Seen
from whet.model.finding import Finding, Question
from whet.model.trial import RewriteRef, Trial, Verdict
from whet.records import dataclass

GENERAL = ("newer-python", "native-candidate", "slow-ending")
"""The rules whose advice is about the program as a whole, in the order in which it comes, after all other."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a rewrite may win for the whole run, as factors of its duration (1.0 is nothing)."""

    low: float
    high: float
    is_measured: bool = True
    """Whether a measurement says what the rewrite gains; else ``high`` is only the most that it can."""


@dataclass(frozen=True, slots=True)
class MemoryWorth:
    """What an advice is worth where memory was measured: it frees ``low`` to ``high`` (0 to 1) of the peak."""

    held_bytes: int
    """What its lines hold at the peak."""
    peak_bytes: int
    """What all of the program holds then."""
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Advice:
    """A finding joined to its cost. ``share`` is the part of the run (0 to 1) on the finding's lines."""

    id: str
    """Stable over edits elsewhere: a hash of rule, path, qualified name and snippet."""
    finding: Finding
    share: float
    share_error: float
    estimate: Estimate
    seen: tuple[Seen, ...] = ()
    verdict: Verdict = Verdict.UNTESTED
    diff: str = ""
    trial: Trial | None = None
    """What became of the rewrite where it was tried; ``verdict`` is the trial's."""
    ratios: tuple[Ratio, ...] = ()
    """What was measured of the lines that the finding asks about."""
    unanswered: tuple[Question, ...] = ()
    """What the finding asks about values that nobody saw: its reader has to answer."""
    memory: MemoryWorth | None = None
    """``None`` where memory was not measured, or it is hardly any."""


def refer_to(advice: Advice, shown: str) -> RewriteRef:
    """Return the reference to an advice's rewrite, in the file that people are shown as ``shown``."""
    finding = advice.finding
    return RewriteRef(advice.id, finding.rule, finding.title, f"{shown}:{finding.line}", finding.safety)
