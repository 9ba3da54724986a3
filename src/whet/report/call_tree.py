"""The call tree, for reading: the hot path open, libraries' own calls folded into the call that reached them."""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import nlargest

from whet.model.flame import FOLDED, CallTree
from whet.model.frame import Frame, Owner
from whet.report.drawn import TreeRow
from whet.report.places import Places
from whet.report.relations import sum_calls
from whet.report.units import share_figure, time_figure

LEAST = 0.01
"""The part of the whole that a call must have to be listed."""
MOST_ROWS = 400
MOST_DEPTH = 60
"""Calls below are left out: each is indented, and pages nest no deeper."""
OPEN = 0.2
"""On the path of the largest calls, those of at least this part of the whole are open."""


@dataclass(slots=True)
class _Call:
    frame: Frame
    value: int = 0
    folded: int = 0
    calls: dict[int, _Call] = field(default_factory=dict)
    """By the frame's index in the tree."""


def list_call_tree(tree: CallTree, places: Places) -> tuple[TreeRow, ...]:
    """Return the calls with a part of the time, in preorder, the largest first; computing and waiting together.

    Calls that a library makes of itself or of other libraries are part of the row of the first; what it calls back in
    the user's code stands below that.
    """
    totals, parent, _ = sum_calls(tree)
    whole = sum(total for total, above in zip(totals, parent, strict=True) if above < 0)
    wanted = [row for row, total in enumerate(totals) if total >= LEAST * whole > 0 and tree.frame[row] != FOLDED]
    # A caller is never less than what it calls, so with a call its callers are among them.
    kept = set(nlargest(MOST_ROWS, wanted, key=lambda row: (totals[row], -row)))
    root = _Call(Frame("", ""))
    shown: dict[int, tuple[_Call, int]] = {}
    for row in sorted(kept):
        frame = tree.frames[tree.frame[row]]
        above, depth = shown.get(parent[row], (root, -1))
        is_inside = frame.owner is not Owner.USER and above.frame.owner is not Owner.USER and above is not root
        if is_inside:
            above.folded += 1
            shown[row] = above, depth
        elif depth + 1 < MOST_DEPTH:
            call = above.calls.setdefault(tree.frame[row], _Call(frame))
            call.value += totals[row]
            shown[row] = call, depth + 1
        else:
            shown[row] = above, depth
    rows: list[TreeRow] = []
    _add_rows(root, 0, whole, places, rows, is_open=True)
    return tuple(rows)


def _add_rows(call: _Call, depth: int, whole: int, places: Places, rows: list[TreeRow], *, is_open: bool) -> None:
    ranked = sorted(call.calls.values(), key=lambda each: (-each.value, each.frame.name, each.frame.file))
    for number, each in enumerate(ranked):
        opens = is_open and number == 0 and each.value >= OPEN * whole
        frame, line = each.frame, each.frame.first_line or each.frame.line
        shown = places.show(frame.file)
        rows.append(
            TreeRow(
                depth=depth,
                name=frame.name,
                place=f"{shown}:{line}" if line else shown,
                owner=frame.owner.value,
                share=share_figure(each.value / whole),
                time=time_figure(each.value),
                folded=each.folded,
                calls=len(each.calls),
                is_open=opens,
                anchor=places.line_anchor(frame.file, frame.first_line, frame.line),
            )
        )
        _add_rows(each, depth + 1, whole, places, rows, is_open=opens)
