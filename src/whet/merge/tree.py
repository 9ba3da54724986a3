"""Sums over a stack table in a few linear passes: no recursion, so that depth does not matter.

Rows stand after their parents. So a reverse pass sums subtrees, and a forward
pass gives each row its place in preorder; in preorder "is this function
already on the stack?" is one comparison with the end of its outermost subtree.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile
from whet.records import dataclass


def self_values(profile: Profile, metrics: Iterable[Metric]) -> list[int]:
    """Return for each row of the stack table the sum of its samples' values of ``metrics``, all threads together.

    One entry more than rows stands at the end: samples without any frame (``ROOT``).
    """
    wanted = frozenset(metrics)
    values = [0] * (len(profile.stacks) + 1)
    for entry in profile.samples:
        if entry.metric in wanted:
            for row, value in zip(entry.stack, entry.value, strict=True):
                values[row] += value
    return values


def subtree_sums(parent: Sequence[int], values: Sequence[int]) -> list[int]:
    """Return for each row the sum of ``values`` over it and everything called from it."""
    sums = list(values[: len(parent)])
    for row in range(len(parent) - 1, -1, -1):
        above = parent[row]
        if above >= 0:
            sums[above] += sums[row]
    return sums


@dataclass(frozen=True, slots=True)
class Preorder:
    """``rows`` in preorder, and for each position where the row's subtree ends (exclusive)."""

    rows: list[int]
    ends: list[int]


def preorder(parent: Sequence[int]) -> Preorder:
    """Return the depth-first order of a stack table."""
    rows = len(parent)
    size = subtree_sums(parent, [1] * rows)
    free = [0] * rows
    order = [0] * rows
    ends = [0] * rows
    top = 0
    for row in range(rows):
        above = parent[row]
        extent = size[row]
        if above >= 0:
            at = free[above]
            free[above] = at + extent
        else:
            at = top
            top += extent
        free[row] = at + 1
        order[at] = row
        ends[at] = at + extent
    return Preorder(order, ends)


def outermost_rows(order: Preorder, key: Sequence[int], keys: int) -> list[int]:
    """Return the rows that have no row of the same key above them: those whose subtree sums add up to a key's total.

    ``key[row]`` lies in ``range(-1, keys)``; rows of key -1 are left out.
    """
    until = [0] * (keys + 1)
    found: list[int] = []
    for at, row in enumerate(order.rows):
        name = key[row]
        if at >= until[name]:
            until[name] = order.ends[at]
            if name >= 0:
                found.append(row)
    return found


def attributing_rows(parent: Sequence[int], frame: Sequence[int], is_user: Sequence[bool]) -> list[int]:
    """Return for each row the nearest row at or above it whose frame is the user's; ``ROOT`` where there is none."""
    return inherit(parent, [row if is_user[at] else ROOT for row, at in enumerate(frame)])[1:]


def inherit(parent: Sequence[int], own: Iterable[int]) -> list[int]:
    """Return for each row the value of ``own`` of the nearest row at or above it that is not negative; -1 without one.

    The list begins with that of ``ROOT``, which so needs no case of its own: a row's stands at ``row + 1``.
    """
    found = [-1]
    for above, value in zip(parent, own, strict=True):
        found.append(value if value >= 0 else found[above + 1])
    return found


def callee_rows(parent: Sequence[int], attributed: Sequence[int]) -> list[int]:
    """Return for each row the row of the call, made by the user's frame that it is attributed to, that it belongs to.

    ``attributed`` is what :func:`attributing_rows` returned. ``ROOT`` for the user's own rows, and below no user's.
    """
    callees = [ROOT] * len(parent)
    for row, owner in enumerate(attributed):
        if owner not in (ROOT, row):
            above = parent[row]
            callees[row] = row if above == owner else callees[above]
    return callees
