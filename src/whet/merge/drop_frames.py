"""Leaves frames that whet put on the stacks out of them."""

from __future__ import annotations

from collections.abc import Callable

from whet.model.profile import ROOT, StackTable


def drop_frames(stacks: StackTable, is_dropped: Callable[[int, int], bool]) -> tuple[StackTable, list[int]]:
    """Return ``stacks`` without the frames that are dropped, those that became equal joined, and each row's new row.

    ``is_dropped`` gets a frame and the one above it that stays, or ``ROOT``. A row of which nothing stays becomes
    ``ROOT``.
    """
    parent: list[int] = []
    frame_of: list[int] = []
    place: list[int] = []
    known: dict[tuple[int, int], int] = {}
    for above, frame in zip(stacks.parent, stacks.frame, strict=True):
        base = place[above] if above != ROOT else ROOT
        if is_dropped(frame, frame_of[base] if base != ROOT else ROOT):
            place.append(base)
            continue
        row = known.setdefault((base, frame), len(parent))
        if row == len(parent):
            parent.append(base)
            frame_of.append(frame)
        place.append(row)
    return StackTable(parent, frame_of), place
