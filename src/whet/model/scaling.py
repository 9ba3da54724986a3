"""What `whet scale` measured: the cost of a program and of its lines in runs at several sizes of its input."""

from __future__ import annotations

from collections.abc import Sequence

from whet.model.trial import Clock
from whet.records import dataclass

SIZE = "{n}"
"""Stands for the size in the program's arguments, in ``--make`` and in ``--env``."""


@dataclass(frozen=True, slots=True)
class SizedRun:
    """One run. ``busy_ns`` is what the sampler saw, CPU plus waiting over all threads, in ``samples`` samples.

    ``waiting_ns`` of that was waiting: of the program, not for a processor.
    """

    size: int
    wall_ns: int
    cpu_ns: int
    busy_ns: int
    waiting_ns: int
    samples: int
    peak_bytes: int = 0
    """The most resident memory, as polled; 0 where nothing was."""
    round: int = 0
    """In which round it ran: each round runs each size once."""

    def cost(self, clock: Clock) -> int:
        """Return its cost by a clock, in nanoseconds."""
        return self.wall_ns if clock is Clock.WALL else self.cpu_ns


@dataclass(frozen=True, slots=True)
class PlaceCosts:
    """What a function, or one of its lines, cost in each of :attr:`Scaling.runs`: attributed CPU time plus waiting.

    ``line`` is 0 for the function as a whole. ``allocated_bytes`` is what memray saw in each of
    :attr:`Scaling.memory_runs`.
    """

    file: str
    function: str
    function_line: int
    line: int
    spent_ns: Sequence[int]
    allocated_bytes: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class LengthsSeen:
    """The largest length of a variable that value samples saw in each of :attr:`Scaling.runs`; 0 where they saw none.

    ``name`` is as of :class:`whet.model.evidence.Seen`.
    """

    file: str
    function_line: int
    name: str
    lengths: Sequence[int]


@dataclass(frozen=True, slots=True)
class MemoryRun:
    """A run under memray at one size: all that it allocated, and the most that it held."""

    size: int
    allocated_bytes: int
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Scaling:
    """All runs of one ``whet scale``, in the order in which they ran; without any, it was not asked for.

    ``command``, ``make`` and ``environ`` (``NAME=VALUE``) are as given, with ``{n}`` in them, and secrets masked.
    """

    command: tuple[str, ...] = ()
    make: str = ""
    environ: tuple[str, ...] = ()
    clock: Clock = Clock.CPU
    runs: tuple[SizedRun, ...] = ()
    places: tuple[PlaceCosts, ...] = ()
    lengths: tuple[LengthsSeen, ...] = ()
    memory_runs: tuple[MemoryRun, ...] = ()
    seconds: float = 0.0
    """How long all of it took; ``runs`` took less."""
    notes: tuple[str, ...] = ()
    predict: int = 0
    """The size that costs are predicted for, with ``--predict``; 0 for ten times the largest."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes that ran, ascending."""
        return tuple(sorted({run.size for run in self.runs}))
