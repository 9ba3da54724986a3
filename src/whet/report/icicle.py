"""An icicle graph (a flame graph that hangs from the top), laid out as rectangles.

One pass over the tree in preorder, no recursion. Rectangles too small to see, too
deep or too many for a page are left out, and the amount is stated.
"""

from __future__ import annotations

from heapq import nsmallest

from whet.model.flame import FOLDED, FlameTree
from whet.model.metric import Metric, Unit
from whet.report.drawn import FlameBox, Icicle
from whet.report.places import Places
from whet.report.units import Figure, bytes_figure, count_figure, format_share, share_figure, time_figure

SMALLEST = 0.001
MOST_BOXES = 900
MOST_ROWS = 80

_TITLES = {
    Metric.CPU: "CPU time",
    Metric.WAITING: "Waiting",
    Metric.IDLE: "Idle time",
    Metric.GIL: "Waiting for the GIL",
    Metric.HITS: "Hits",
    Metric.ALLOCATED: "Memory allocated",
    Metric.ALLOCATIONS: "Allocations",
    Metric.PEAK: "Memory live at the peak",
    Metric.BRIEF: "Memory live at the peak for a short time",
    Metric.LIVE: "Memory live at the end",
    Metric.GROWN: "Growth of memory",
}


def lay_out(tree: FlameTree, places: Places, most_boxes: int = MOST_BOXES) -> Icicle:
    """Return the rectangles of ``tree`` that are at least a thousandth wide, at most ``most_boxes`` of the widest."""
    whole = tree.whole
    if whole <= 0:
        return Icicle(tree.metric.value, _TITLES[tree.metric], (), 0, _figure(tree, 0))
    chosen = _choose_rows(tree, whole, most_boxes)
    boxes: list[FlameBox] = []
    starts = [0]
    """Start of the next node of each depth, in the tree's unit."""
    shown_self = 0
    for row, depth in enumerate(tree.depth):
        del starts[depth + 1 :]
        start = starts[depth]
        starts[depth] = start + tree.total_value[row]
        starts.append(start)
        if row in chosen:
            boxes.append(_make_box(tree, row, start, whole, places))
            shown_self += tree.self_value[row]
    return Icicle(
        metric=tree.metric.value,
        title=_TITLES[tree.metric],
        boxes=tuple(boxes),
        rows=max((box.row for box in boxes), default=-1) + 1,
        whole=_figure(tree, whole),
        folded=_describe_folded(max(whole - shown_self, 0) / whole, max(tree.depth, default=0) + 1),
    )


def _choose_rows(tree: FlameTree, whole: int, most: int) -> frozenset[int]:
    """Return the rows to draw. Callers are never smaller or deeper than their callees, so they are included."""
    smallest = max(1, round(whole * SMALLEST))
    wide = [
        row
        for row, value in enumerate(tree.total_value)
        if value >= smallest and tree.depth[row] < MOST_ROWS and tree.frame[row] != FOLDED
    ]
    return frozenset(nsmallest(most, wide, key=lambda row: (-tree.total_value[row], tree.depth[row])))


def _make_box(tree: FlameTree, row: int, start: int, whole: int, places: Places) -> FlameBox:
    frame = tree.frames[tree.frame[row]]
    line = frame.line or frame.first_line
    shown = places.show(frame.file)
    total = tree.total_value[row]
    return FlameBox(
        left=start / whole,
        width=total / whole,
        row=tree.depth[row],
        name=frame.name,
        place=f"{shown}:{line}" if line else shown,
        owner=frame.owner.value,
        total=_figure(tree, total),
        self_value=_figure(tree, tree.self_value[row]),
        share=share_figure(total / whole),
        anchor=places.line_anchor(frame.file, frame.line, frame.first_line),
    )


def _figure(tree: FlameTree, value: int) -> Figure:
    match tree.metric.unit:
        case Unit.NANOSECONDS:
            return time_figure(value)
        case Unit.BYTES:
            return bytes_figure(value)
        case _:
            return count_figure(value)


def _describe_folded(share: float, depth: int) -> str:
    said = []
    if share >= 0.0005:
        said.append(
            f"{format_share(share)} is spent in calls too small or too deep to draw; it shows as part of their callers."
        )
    if depth > MOST_ROWS:
        said.append(f"Calls are up to {depth:,} deep; the outermost {MOST_ROWS} levels are drawn.")
    return " ".join(said)
