"""Builds the columns of a profile from stacks as they stream by."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

from whet.errors import FormatError
from whet.model.frame import Frame
from whet.model.metric import Metric
from whet.model.profile import ROOT, Samples, StackTable, Thread

DEEPEST = 1_000_000
"""Frames of one stack in captures that whet's own runs leave too: a program may recurse deeper than others' files."""
MOST_RUN_ROWS = 16_000_000
"""Rows of the stack table of such captures: about 400 MB."""


class StackBuilder:
    """Interns stacks into parent-linked rows: a frame called from a row is one row, however often it is seen.

    Most rows have one row below them, which stands in two columns; a dictionary for each would be most of the memory.
    """

    def __init__(self) -> None:
        self.parent = array("i")
        self.frame = array("i")
        # For ``ROOT`` and then for each row: the first row below it, and its frame; -1 for none.
        self._first_row = array("i", [-1])
        self._first_frame = array("i", [-1])
        self._others: dict[int, dict[int, int]] = {}
        """Further rows below a row, by its number plus one and then by frame."""

    def row(self, parent: int, frame: int) -> int:
        """Return the row of ``frame`` called from ``parent`` (``ROOT`` for the outermost)."""
        place = parent - ROOT
        if self._first_frame[place] == frame:
            return self._first_row[place]
        row = len(self.parent)
        if self._first_row[place] < 0:
            self._first_row[place], self._first_frame[place] = row, frame
        else:
            others = self._others.setdefault(place, {})
            known = others.setdefault(frame, row)
            if known != row:
                return known
        self.parent.append(parent)
        self.frame.append(frame)
        self._first_row.append(-1)
        self._first_frame.append(-1)
        return row

    def rows(self, frames: Sequence[int]) -> int:
        """Return the row of the stack that ``frames`` make, outermost first."""
        first_frame, first_row, others = self._first_frame, self._first_row, self._others
        row = ROOT
        for at, frame in enumerate(frames):
            place = row - ROOT
            if first_frame[place] == frame:
                row = first_row[place]
                continue
            below = others.get(place)
            found = None if below is None else below.get(frame)
            if found is None:
                for new in frames[at:]:  # below a new row all are new
                    row = self.row(row, new)
                return row
            row = found
        return row

    def table(self) -> StackTable:
        """Return the rows as they are now."""
        return StackTable(self.parent, self.frame)


class FrameBuilder:
    """Interns frames: equal ones get one index."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self._index: dict[Frame, int] = {}

    def add(self, frame: Frame) -> int:
        """Return the index of ``frame``."""
        index = self._index.setdefault(frame, len(self.frames))
        if index == len(self.frames):
            self.frames.append(frame)
        return index


class ThreadBuilder:
    """Interns threads by process and kernel id; the first name that is given stays."""

    def __init__(self) -> None:
        self._threads: list[Thread] = []
        self._index: dict[tuple[int, int], int] = {}

    def add(self, thread: Thread) -> int:
        """Return the index of ``thread``."""
        key = (thread.pid, thread.tid)
        index = self._index.setdefault(key, len(self._threads))
        if index == len(self._threads):
            self._threads.append(thread)
            return index
        known = self._threads[index]
        if (thread.name and not known.name) or (thread.process and not known.process):
            self._threads[index] = Thread(*key, known.name or thread.name, known.process or thread.process)
        return index

    def threads(self) -> tuple[Thread, ...]:
        """Return the threads in the order of their indices."""
        return tuple(self._threads)


class SampleBuilder:
    """Sums the values of one metric by thread and stack row."""

    def __init__(self) -> None:
        self._values: dict[int, dict[int, int]] = {}
        self._counts: dict[int, int] = {}

    def add(self, thread: int, row: int, value: int, count: int) -> None:
        """Add ``value`` and the ``count`` samples behind it to ``row`` of ``thread``."""
        values = self._values.setdefault(thread, {})
        values[row] = values.get(row, 0) + value
        self._counts[thread] = self._counts.get(thread, 0) + count

    def add_all(self, thread: int, values: Iterable[tuple[int, int]], count: int) -> None:
        """Add rows of ``thread`` with their values, and the ``count`` samples behind all of them."""
        sums = self._values.setdefault(thread, {})
        for row, value in values:
            sums[row] = sums.get(row, 0) + value
        self._counts[thread] = self._counts.get(thread, 0) + count

    def samples(self, metric: Metric, scale: int = 1) -> tuple[Samples, ...]:
        """Return one entry a thread, values multiplied by ``scale``, rows ascending; what was added is given up.

        Raises ``FormatError`` where a sum is beyond 64 bits.
        """
        found: list[Samples] = []
        for thread in sorted(self._values):
            values = self._values.pop(thread)
            rows = sorted(values)
            try:
                column = array("q", (values[row] * scale for row in rows))
            except OverflowError:
                raise FormatError(
                    "the values of a stack add up to more than any program can use", where=f"thread {thread + 1}"
                ) from None
            found.append(Samples(metric, thread, array("i", rows), column, self._counts[thread]))
        return tuple(found)

    def most(self) -> int:
        """Return the highest count of samples that any thread has."""
        return max(self._counts.values(), default=0)
