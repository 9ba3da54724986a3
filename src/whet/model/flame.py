"""A tree of calls with their cost, as flame graphs show it.

Columnar and in preorder: row ``i`` is a node, its children are the rows right
after it that are one deeper. So a walk is one loop, and no depth overflows a
stack.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from whet.model.frame import Frame
from whet.model.metric import Metric
from whet.model.profile import Thread
from whet.records import dataclass

FOLDED = -1
"""In ``FlameTree.frame``: a node that stands for several siblings too small to show."""


@dataclass(frozen=True, slots=True)
class FlameTree:
    """Calls from the outside in. All four columns are equally long; values are integers in the metric's unit.

    ``depth`` starts at 0 for the outermost calls (there may be several roots).
    ``frame`` indexes ``frames``, or is ``FOLDED``. ``total_value`` is a node's
    own value plus that of all its descendants. Siblings are ordered by
    ``total_value``, largest first.
    """

    metric: Metric
    frames: Sequence[Frame] = ()
    depth: Sequence[int] = ()
    frame: Sequence[int] = ()
    self_value: Sequence[int] = ()
    total_value: Sequence[int] = ()
    folded_value: int = 0
    """How much of the whole is inside ``FOLDED`` nodes."""
    folded_nodes: int = 0
    """How many nodes were folded away."""
    siblings: Mapping[int, int] = field(default_factory=dict)
    """For each ``FOLDED`` row the number of siblings that it stands for: the n of "(n more)"."""

    @property
    def whole(self) -> int:
        """The value of all roots together: what widths are parts of."""
        return sum(value for depth, value in zip(self.depth, self.total_value, strict=True) if depth == 0)

    def __len__(self) -> int:
        return len(self.depth)


@dataclass(frozen=True, slots=True)
class CallColumn:
    """The own values of some nodes of a :class:`CallTree`: one metric of one thread in one execution.

    ``rows`` ascend; all other rows hold nothing. ``count`` is the number of
    samples behind the values, and 0 where they were counted, not sampled.
    """

    metric: Metric
    execution: int
    thread: int
    """An index into ``CallTree.threads``."""
    rows: Sequence[int]
    values: Sequence[int]
    count: int


@dataclass(frozen=True, slots=True)
class CallTree:
    """All calls of a run, in every metric at once: what a reader chooses metric, thread and execution from.

    ``depth``, ``frame``, ``siblings`` and ``folded_nodes`` are those of
    :class:`FlameTree`; siblings are ordered by the largest share that they have
    of any metric. ``before`` holds the columns of a run that this one is
    compared with, over the same rows.
    """

    frames: Sequence[Frame] = ()
    threads: Sequence[Thread] = ()
    depth: Sequence[int] = ()
    frame: Sequence[int] = ()
    columns: Sequence[CallColumn] = ()
    before: Sequence[CallColumn] = ()
    folded_nodes: int = 0
    siblings: Mapping[int, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.depth)
