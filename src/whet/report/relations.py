"""Callers and callees of functions, with the time of those calls: links through the annotated source."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from whet.model.flame import FOLDED, CallTree
from whet.model.frame import Frame
from whet.model.metric import Metric
from whet.report.parts import Related, Relations
from whet.report.places import Places
from whet.report.units import time_figure

MOST = 4
_TIME = (Metric.CPU, Metric.WAITING)


def relate_functions(
    tree: CallTree, places: Places, wanted: Collection[tuple[str, int]] | None = None
) -> Mapping[tuple[str, int], Relations]:
    """Return callers and callees by (file, first line) of a function, the heaviest first; ``wanted`` narrows them.

    The time is that of the callee as called from the caller, including its own
    callees, computing and waiting; recursive calls count once.
    """
    pairs = _sum_pairs(tree)
    callers: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    callees: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for (caller, callee), value in pairs.items():
        callers[callee].append((value, caller))
        callees[caller].append((value, callee))

    def name(found: list[tuple[int, int]]) -> tuple[Related, ...]:
        best = sorted(found, key=lambda pair: (-pair[0], tree.frames[pair[1]].name))[:MOST]
        return tuple(_describe(tree.frames[frame], value, places) for value, frame in best)

    return {
        (frame.file, frame.first_line): Relations(
            callers=name(callers[number]),
            callees=name(callees[number]),
            more_callers=max(len(callers[number]) - MOST, 0),
            more_callees=max(len(callees[number]) - MOST, 0),
        )
        for number, frame in enumerate(tree.frames)
        if (wanted is None or (frame.file, frame.first_line) in wanted) and (number in callers or number in callees)
    }


def _sum_pairs(tree: CallTree) -> dict[tuple[int, int], int]:
    """Return the time by (caller, callee), as indices into ``tree.frames``."""
    totals, parent, end = sum_calls(tree)
    pairs: dict[tuple[int, int], int] = {}
    until: dict[tuple[int, int], int] = {}
    for row, above in enumerate(parent):
        if above < 0 or not totals[row] or tree.frame[row] == FOLDED:
            continue
        pair = (tree.frame[above], tree.frame[row])
        if pair[0] != pair[1] and until.get(pair, 0) <= row:
            until[pair] = end[row]
            pairs[pair] = pairs.get(pair, 0) + totals[row]
    return pairs


def sum_calls(tree: CallTree) -> tuple[list[int], list[int], list[int]]:
    """Return for each row its time with all that it called, its parent (-1 for the outermost), and where it ends.

    The time is in nanoseconds; the end is the first row that is not below it.
    """
    totals, parent, end = [0] * len(tree), [-1] * len(tree), [len(tree)] * len(tree)
    for column in tree.columns:
        if column.metric in _TIME:
            for row, value in zip(column.rows, column.values, strict=True):
                totals[row] += value
    open_rows: list[int] = []
    for row, depth in enumerate(tree.depth):
        for closed in open_rows[depth:]:
            end[closed] = row
        del open_rows[depth:]
        parent[row] = open_rows[-1] if open_rows else -1
        open_rows.append(row)
    for row in range(len(tree) - 1, -1, -1):
        if parent[row] >= 0:
            totals[parent[row]] += totals[row]
    return totals, parent, end


def _describe(frame: Frame, value: int, places: Places) -> Related:
    line = frame.first_line or frame.line
    shown = places.show(frame.file)
    return Related(
        name=frame.name,
        place=f"{shown}:{line}" if line else shown,
        time=time_figure(value),
        anchor=places.line_anchor(frame.file, frame.first_line, frame.line),
    )
