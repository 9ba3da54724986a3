"""The costs of a merge while they are added up: mutable totals of each function and each line, in integers."""

from __future__ import annotations

from dataclasses import dataclass, field

from whet.model.frame import Frame, Owner
from whet.model.metric import Metric

NOT_KEPT = -1
"""The line number (in the table) of frames whose lines are not listed."""

FunctionKey = tuple[str, str, int]
LineKey = tuple[str, int]


@dataclass(slots=True)
class CostTotals:
    """Sums of one place, in nanoseconds and bytes."""

    self_ns: int = 0
    self_waiting_ns: int = 0
    total_ns: int = 0
    total_waiting_ns: int = 0
    attributed_ns: int = 0
    waiting_ns: int = 0
    memory: dict[Metric, int] = field(default_factory=dict)
    callees: dict[int, int] = field(default_factory=dict)
    """Of a line: by the number of a function that is not the user's, what was attributed in calls of it."""

    @property
    def spent_ns(self) -> int:
        """Attributed CPU time plus waiting."""
        return self.attributed_ns + self.waiting_ns

    def is_empty(self) -> bool:
        """Tell whether nothing was seen here."""
        return not (self.total_ns or self.total_waiting_ns or self.memory)


class CostTable:
    """All places of a run by number, so that sums over stack tables are sums over lists."""

    def __init__(self, shown: frozenset[str]) -> None:
        self.functions: list[CostTotals] = []
        self.function_frames: list[Frame] = []
        self.lines: list[CostTotals] = []
        self.line_frames: list[Frame] = []
        self._function_index: dict[FunctionKey, int] = {}
        self._line_index: dict[LineKey, int] = {}
        self._shown = shown

    def function(self, frame: Frame) -> int:
        """Return the number of the function that ``frame`` stands in."""
        key = (frame.file, frame.name, frame.first_line)
        index = self._function_index.get(key)
        if index is None:
            index = self._function_index[key] = len(self.functions)
            self.functions.append(CostTotals())
            self.function_frames.append(frame)
        return index

    def line(self, frame: Frame) -> int:
        """Return the number of the line that ``frame`` stands on.

        The user's lines and those of files whose source is kept are listed; others
        have no place where they could be shown: ``NOT_KEPT``.
        """
        if frame.line <= 0 or (frame.owner is not Owner.USER and frame.file not in self._shown):
            return NOT_KEPT
        key = (frame.file, frame.line)
        index = self._line_index.get(key)
        if index is None:
            index = self._line_index[key] = len(self.lines)
            self.lines.append(CostTotals())
            self.line_frames.append(frame)
        return index
