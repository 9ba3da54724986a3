"""The calls of a run as data for the interactive flame graph: columns of numbers over a tree in preorder.

Every string in it is sanitised here; the page only ever inserts it as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from math import gcd
from typing import Any

from whet.model.flame import CallColumn, CallTree
from whet.model.frame import Owner
from whet.model.run import Run
from whet.report.places import Places
from whet.report.sanitize import shorten, show

OWNERS = (Owner.USER, Owner.DEPENDENCY, Owner.STDLIB, Owner.NATIVE)
"""Owners; the data refers to them by index."""
LONGEST_NAME = 300


def describe_calls(tree: CallTree, run: Run, places: Places) -> dict[str, Any]:
    """Return ``tree`` as plain lists.

    ``depth`` and ``frame`` have one entry a node, in preorder; ``more`` names
    the nodes that stand for several, and how many. A column holds the own
    values of some nodes: ``row`` as steps from one to the next, ``value`` as
    multiples of ``unit`` (nanoseconds or bytes). Names and files are indices
    into ``strings``.
    """
    strings: dict[str, int] = {}

    def number(text: str) -> int:
        return strings.setdefault(shorten(show(text), LONGEST_NAME), len(strings))

    frames = {
        "name": [number(frame.name) for frame in tree.frames],
        "file": [number(places.show(frame.file)) for frame in tree.frames],
        "line": [frame.first_line or frame.line for frame in tree.frames],
        "owner": [OWNERS.index(frame.owner) for frame in tree.frames],
        "anchor": [number(places.line_anchor(frame.file, frame.first_line, frame.line)) for frame in tree.frames],
    }
    threads = [
        (thread.pid, thread.tid, *map(number, (thread.name, thread.process, thread.label, thread.task)))
        for thread in tree.threads
    ]
    folded = sorted(tree.siblings)
    return {
        "frames": frames,
        "depth": list(tree.depth),
        "frame": list(tree.frame),
        "more": {"row": _to_steps(folded), "count": [tree.siblings[row] for row in folded]},
        "threads": threads,
        "executions": [execution.purpose.value for execution in run.executions],
        "columns": [_describe_column(column) for column in tree.columns],
        "before": [_describe_column(column) for column in tree.before],
        "strings": list(strings),
    }


def _describe_column(column: CallColumn) -> dict[str, Any]:
    # Sampled values are multiples of the sampler's period: as such they take one or two digits.
    unit = reduce(gcd, column.values, 0) or 1
    return {
        "metric": column.metric.value,
        "execution": column.execution,
        "thread": column.thread,
        "count": column.count,
        "unit": unit,
        "row": _to_steps(column.rows),
        "value": [value // unit for value in column.values],
    }


def _to_steps(rows: Sequence[int]) -> list[int]:
    return [row - last for row, last in zip(rows, (0, *rows), strict=False)]
