"""Stacks of profilers that record calls: who called a function, and how long that took, but no whole stacks.

A function's self time is split by caller, exactly where the edges hold it, else in proportion to their times.
Above each caller stands the caller through which most of its own time came, and so on: totals are estimates.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from whet.formats._builder import ProfileBuilder
from whet.model.frame import Frame, Owner
from whet.model.metric import Metric

_MOST_CALLERS = 64
"""Callers that are put above one another."""
Key = tuple[str, int, str]
"""File, first line and name of a function."""


class Row(NamedTuple):
    """The figures of one function, or of one edge to it. ``primitive`` calls are not made through itself."""

    primitive: int
    calls: int
    self_ns: int
    cumulative_ns: int


class CallGraph:
    """Functions and the edges to them. ``exact_edges``: each edge has the self time that was spent through it."""

    def __init__(self, *, exact_edges: bool = True, is_sampled: bool = False) -> None:
        self.rows: dict[Key, Row] = {}
        self.callers: dict[Key, dict[Key, Row]] = {}
        self.exact_edges = exact_edges
        self.is_sampled = is_sampled
        self._chains: dict[Key, list[int]] = {}

    def build(self) -> ProfileBuilder:
        """Return a builder with the stacks of all self times; counts are calls only where these are samples."""
        builder = ProfileBuilder()
        thread = builder.thread()
        index = {key: builder.frame(make_frame(key)) for key in self.rows}
        for key, row in self.rows.items():
            for caller, value in self._split(key, row).items():
                if not value:
                    continue
                above = self._chain(caller, index) if caller is not None else []
                where = f"function {key[2][:80]!a}"
                count = max(1, round(row.primitive * value / row.self_ns)) if self.is_sampled else 0
                builder.add(Metric.CPU, thread, builder.stack([*above, index[key]], where), value, count)
        return builder

    def _split(self, key: Key, row: Row) -> dict[Key | None, int]:
        """Return the self time of a function by caller."""
        edges = {each: edge for each, edge in self.callers.get(key, {}).items() if each in self.rows and each != key}
        if self.exact_edges:
            parts = {each: edge.self_ns for each, edge in edges.items()}
        else:
            timed = any(edge.cumulative_ns for edge in edges.values())
            parts = {each: edge.cumulative_ns if timed else max(0, edge.calls) for each, edge in edges.items()}
        told = sum(parts.values())
        if told and (told > row.self_ns or not self.exact_edges):
            # Also where edges of programs with threads are wrong.
            parts = {each: value * row.self_ns // told for each, value in parts.items()}
        rest = row.self_ns - sum(parts.values())
        split = dict[Key | None, int](parts.items())
        if rest:
            # What recursion spent, and what rounding left, goes where most of it does.
            is_known = key in self.callers.get(key, {}) or not self.exact_edges
            most = max(parts, key=lambda each: parts[each]) if parts and is_known else None
            split[most] = split.get(most, 0) + rest
        return split

    def _chain(self, key: Key, index: Mapping[Key, int]) -> list[int]:
        """Return the frames down to ``key``, outermost first: each time the caller with most time; no cycles."""
        known = self._chains.get(key)
        if known is None:
            path: dict[Key, None] = {}
            at: Key | None = key
            while at is not None and len(path) < _MOST_CALLERS:
                path[at] = None
                edges = self.callers.get(at, {})
                above = [each for each in edges if each in self.rows and each not in path]
                at = max(above, key=lambda each: (edges[each].cumulative_ns, edges[each].calls)) if above else None
            known = self._chains[key] = [index[each] for each in reversed(list(path))]
        return known


def make_frame(key: Key) -> Frame:
    """Return the frame of a function; where it starts is no line that was seen."""
    file, line, name = key
    return Frame(file, name, 0, line) if file not in {"~", ""} else Frame("", name, owner=Owner.NATIVE)
