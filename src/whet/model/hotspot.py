"""What merging makes: a function or a line with all its metrics side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from math import sqrt

from whet.model.frame import Owner
from whet.records import dataclass

LEAST_SAMPLES = 3
"""Samples that a place must have been seen in for anything to be said about it."""
FEW_SAMPLES = 20
"""No gain is estimated from fewer samples of the run."""


def share_error(share: float, samples: int) -> float:
    """Return the standard error of a ``share`` (0 to 1) that was seen in so many ``samples`` of a run; 0 without any.

    That of Agresti and Coull, which counts two samples more of either kind: four of four samples leave a doubt too.
    """
    if samples <= 0:
        return 0.0
    middle = (min(1.0, max(0.0, share)) * samples + 2) / (samples + 4)
    return sqrt(middle * (1 - middle) / (samples + 4))


@dataclass(frozen=True, slots=True)
class Cost:
    """All metrics of one place. ``None`` is "not measured", never zero.

    Times are nanoseconds summed over threads. ``self_ns`` is CPU time in the
    place itself, ``total_ns`` with everything it called, ``attributed_ns`` its own
    plus everything outside user code called from it, up to the next user frame.
    ``waiting_ns`` is attributed the same way, and ``spent_ns`` is both. Shares are
    of ``Hotspots.busy_ns`` (CPU plus waiting, idle left out), each of CPU and
    waiting together. ``share_error`` is the standard error of ``spent_share``.
    """

    self_ns: int = 0
    total_ns: int = 0
    attributed_ns: int = 0
    waiting_ns: int = 0
    self_share: float = 0.0
    total_share: float = 0.0
    spent_share: float = 0.0
    share_error: float = 0.0
    samples: int = 0
    """Samples behind ``attributed_ns`` and ``waiting_ns``."""
    hits: int | None = None
    """How often it ran in one execution; of a function, how often it was called."""
    hit_ns: int | None = None
    """CPU and waiting time of one hit, ``None`` where times and hits are not of the same work."""
    allocated_bytes: int | None = None
    allocations: int | None = None
    peak_bytes: int | None = None
    brief_bytes: int | None = None
    """The part of ``peak_bytes`` that was allocated for less than a quarter of the recording."""
    live_bytes: int | None = None
    grown_bytes: int | None = None
    """By how much more was live near the end of the recording than in its middle, where that rose all the time."""
    collectors: tuple[str, ...] = ()

    @property
    def spent_ns(self) -> int:
        """What tables are sorted by: attributed CPU time plus waiting."""
        return self.attributed_ns + self.waiting_ns


@dataclass(frozen=True, slots=True)
class FunctionSpot:
    """A function (code object) and its cost. ``name`` is the qualified name.

    ``threads`` are those that it was seen in, as indices into ``Hotspots.threads``.
    """

    file: str
    name: str
    line: int
    end_line: int
    owner: Owner
    cost: Cost
    threads: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Callee:
    """A function outside the user's code that a line calls; ``share`` (0 to 1) is its part of the line's time."""

    name: str
    """The qualified name, after its package where that is no method: ``Template.render``, ``json.loads``."""
    file: str
    line: int
    share: float


@dataclass(frozen=True, slots=True)
class LineSpot:
    """A line and its cost; ``function`` is the qualified name of its owner, ``function_line`` where that starts.

    ``callees`` are where most of its time was spent, most first, where that is outside the user's code.
    """

    file: str
    line: int
    function: str
    function_line: int
    owner: Owner
    cost: Cost
    callees: tuple[Callee, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportSpot:
    """Time spent importing a module, what it imports included."""

    module: str
    file: str
    total_ns: int
    share: float


@dataclass(frozen=True, slots=True)
class DependencySpot:
    """A package that is not the user's, with the time spent in its own frames."""

    package: str
    owner: Owner
    self_ns: int
    total_ns: int
    share: float


@dataclass(frozen=True, slots=True)
class ThreadTime:
    """How one thread spent its time."""

    pid: int
    tid: int
    name: str
    process: str
    cpu_ns: int
    waiting_ns: int
    idle_ns: int
    gil_ns: int = 0
    """For how long it was ready to run and waited for the GIL."""
    label: str = ""
    task: str = ""


class UnitKind(StrEnum):
    """What a unit of a program's work is."""

    TEST = "test"
    FIXTURE = "fixture"
    ROUTE = "route"


@dataclass(frozen=True, slots=True)
class UnitLine:
    """A line of the user's with the time that a unit spent there (nanoseconds), and its part of the unit's (0 to 1)."""

    file: str
    line: int
    spent_ns: int
    share: float


@dataclass(frozen=True, slots=True)
class UnitSpot:
    """What time was spent for: a test, a fixture or a route, with all it called. ``share`` is of ``busy_ns``."""

    kind: UnitKind
    file: str
    name: str
    """Qualified, as in ``TestParser.test_empty``; of a route as ``GET /users/{id}``, without file and line."""
    line: int
    cpu_ns: int
    waiting_ns: int
    share: float
    share_error: float
    lines: tuple[UnitLine, ...] = ()
    """Those with most of its time, most first."""

    @property
    def spent_ns(self) -> int:
        """CPU time plus waiting."""
        return self.cpu_ns + self.waiting_ns


@dataclass(frozen=True, slots=True)
class Hotspots:
    """The merged view of a run. Functions and lines are sorted by attributed plus waiting time, hottest first."""

    busy_ns: int = 0
    """CPU plus waiting time over all threads; the whole that shares refer to."""
    cpu_ns: int = 0
    waiting_ns: int = 0
    idle_ns: int = 0
    gil_ns: int = 0
    """For how long threads were ready to run and waited for the GIL. No part of ``busy_ns``."""
    outside_ns: int = 0
    """The part of ``busy_ns`` that is attributed to nobody: no user frame on the stack, or an event loop's own work."""
    outside_packages: tuple[tuple[str, int], ...] = ()
    """What of that was spent in which package, most first."""
    peak_bytes: int = 0
    """Bytes live at the moment of highest use, as the memory profiler counts them; 0 where it did not run."""
    samples: int = 0
    share_error: float = 0.0
    """Standard error of a share of one half: the worst any share can have."""
    functions: tuple[FunctionSpot, ...] = ()
    lines: tuple[LineSpot, ...] = ()
    imports: tuple[ImportSpot, ...] = ()
    dependencies: tuple[DependencySpot, ...] = ()
    threads: tuple[ThreadTime, ...] = ()
    units: tuple[UnitSpot, ...] = ()
    """Tests, fixtures and routes, those with most time first; none in programs that are neither tests nor servers."""
    line_index: Mapping[tuple[str, int], LineSpot] = field(default_factory=dict)
    """``lines`` by ``(file, line)``."""

    def index_unlined(self) -> Mapping[tuple[str, int], FunctionSpot]:
        """Return the user's functions of files of which the profile has no lines, but times, by file and line."""
        lined = {spot.file for spot in self.lines if spot.cost.total_ns or spot.cost.waiting_ns}
        return {
            (spot.file, spot.line): spot
            for spot in self.functions
            if spot.owner is Owner.USER and spot.cost.spent_ns and spot.file not in lined
        }
