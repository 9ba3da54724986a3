"""What differs between two runs: how much time each place of the program took before and after."""

from __future__ import annotations

from enum import StrEnum

from whet.model.growth import ExponentChange
from whet.records import dataclass


class Change(StrEnum):
    """What became of a place."""

    FASTER = "faster"
    SLOWER = "slower"
    NEW = "new"
    GONE = "gone"
    UNCLEAR = "no significant change"


@dataclass(frozen=True, slots=True)
class Timed:
    """A time of one run, in nanoseconds for one execution, and the samples behind it."""

    spent_ns: int = 0
    samples: int = 0


@dataclass(frozen=True, slots=True)
class PlaceChange:
    """A function or a line in two runs.

    ``file`` is the path that people are shown. ``line_before`` and ``line_after`` are where it stands, 0 where it
    does not. ``low_ns`` to ``high_ns`` holds what it takes more now (negative: less), as far as sampling alone
    could have made the difference.
    """

    file: str
    name: str
    line_before: int
    line_after: int
    before: Timed
    after: Timed
    low_ns: int
    high_ns: int
    change: Change
    source: str = ""
    """The text of a line; empty for a function."""

    @property
    def saved_ns(self) -> int:
        """What it takes less now; negative where it takes more."""
        return self.before.spent_ns - self.after.spent_ns


@dataclass(frozen=True, slots=True)
class Whole:
    """One run as a whole, for one execution. ``wall_ns`` and ``cpu_ns`` are the system's own, not sampled."""

    command: tuple[str, ...]
    started: str
    commit: str
    python: str
    wall_ns: int
    cpu_ns: int
    busy_ns: int
    samples: int
    executions: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Two runs compared. Places are those that changed significantly, most first; the rest are counted."""

    before: Whole
    after: Whole
    functions: tuple[PlaceChange, ...]
    lines: tuple[PlaceChange, ...]
    compared: int
    """Functions and lines that were compared; the intervals hold for all of them together."""
    confidence: float
    threshold: float
    cautions: tuple[str, ...] = ()
    """What makes the two runs unlike one another."""
    exponents: tuple[ExponentChange, ...] = ()
    """How the program and its functions grow, where `whet scale` made both runs."""
