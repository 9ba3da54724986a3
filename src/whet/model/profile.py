"""What one collector saw in one execution.

Raw data, columnar: a frame table, a stack table whose rows name their parent,
and per thread and metric the stacks that were seen with their integer values.
Views (hotspots, flame graphs) are derived from it, never stored instead of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field

from whet.model.frame import Frame
from whet.model.metric import Metric
from whet.records import dataclass

ROOT = -1
"""The parent of a stack's outermost frame."""


@dataclass(frozen=True, slots=True)
class StackTable:
    """All stacks as a tree: row ``i`` is frame ``frame[i]`` called from row ``parent[i]``.

    A parent always stands before its children, so one pass in reverse order
    sums a tree without recursion. A sample refers to a stack by the row of its
    innermost frame.
    """

    parent: Sequence[int] = ()
    frame: Sequence[int] = ()

    def __len__(self) -> int:
        return len(self.parent)

    def walk(self, row: int) -> Iterator[int]:
        """Yield the rows of a stack from the innermost frame outwards."""
        while row != ROOT:
            yield row
            row = self.parent[row]


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread of a process of the program. ``tid`` is the kernel's id (0 unknown)."""

    pid: int
    tid: int
    name: str = ""
    process: str = ""
    """The command line of the process, as far as the profiler told it."""
    label: str = ""
    """Which part of a merged run it belongs to, as in ``rank 3``; empty in a run of its own."""
    task: str = ""
    """The kind of task that it ran, as a key prefix of Dask's; empty where it ran none, or nobody knows."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Values of one metric for one thread: ``value[i]`` belongs to stack row ``stack[i]``, or to none (``ROOT``).

    ``count`` is the number of samples (or allocation records) behind the values.
    """

    metric: Metric
    thread: int
    stack: Sequence[int]
    value: Sequence[int]
    count: int


@dataclass(frozen=True, slots=True)
class LineCount:
    """How often a line ran, counted throughout one execution.

    ``function_line`` is the first line of the owning code object.
    """

    file: str
    line: int
    function_line: int
    hits: int


@dataclass(frozen=True, slots=True)
class Correction:
    """By how much one step changed the times of a metric after they were sampled; ``moved_ns`` may be negative."""

    name: str
    metric: Metric
    moved_ns: int


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything that one collector recorded."""

    collector: str
    """Name and version of the tool, as in ``py-spy 0.4.3``."""
    frames: Sequence[Frame] = ()
    stacks: StackTable = field(default_factory=StackTable)
    threads: Sequence[Thread] = ()
    samples: Sequence[Samples] = ()
    lines: Sequence[LineCount] = ()
    period_ns: int = 0
    """Mean distance of two samples of a thread; 0 where the collector does not sample."""
    ticks: int = 0
    """How many times the collector looked (all threads together count once)."""
    execution: int = 0
    """Which execution of the run this was seen in: an index into ``Run.executions``."""
    peak_bytes: int = 0
    """The highest use of memory that the collector saw; 0 where it does not measure memory."""
    own_ns: int = 0
    """CPU time that was seen in whet's own code inside the program; it is in no sample."""
    corrections: tuple[Correction, ...] = ()
    """What was changed of the times as they were sampled, step by step; empty where nothing was."""
    truncated: str = ""
    """Why the capture ends before the program did, as in ``the last line is cut off``; empty when it is whole."""
    wall: bool = False
    """Whether the times of ``Metric.CPU`` are wall time, in which a thread may also have waited."""
    unjudged: bool = False
    """Whether time in ``Metric.WAITING`` may be idle: nobody has looked at its stacks yet."""
    missing: tuple[str, ...] = ()
    """What a file of another tool's does not hold or holds otherwise than its name says, as in ``lines``."""
