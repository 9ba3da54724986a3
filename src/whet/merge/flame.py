"""Stacks folded into one tree of calls, small enough to draw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate

from whet.merge.imports import find_imports
from whet.merge.names import IMPORT_SYSTEM, is_import_machinery
from whet.merge.select import profiles_for
from whet.merge.tree import subtree_sums
from whet.model.flame import FOLDED, FlameTree
from whet.model.frame import Frame, Owner
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile, Thread
from whet.model.run import Run

MOST_NODES = 50_000
_IMPORTING = Frame("<frozen importlib._bootstrap>", IMPORT_SYSTEM, owner=Owner.STDLIB)
_NO_STACK = Frame("", "<no Python frame>", owner=Owner.NATIVE)


def fold_stacks(
    run: Run, metric: Metric, most: int = MOST_NODES, keep: Callable[[Thread], bool] | None = None
) -> FlameTree:
    """Return the calls of ``run`` with their cost in ``metric``; ``keep`` chooses threads (all by default).

    Siblings of one function are one node, whatever their lines. The import
    system's frames are part of the module that they import. At most ``most`` nodes
    remain: the largest, and ``FOLDED`` ones for what was small beside them, so that
    totals are kept.
    """
    calls = _Calls()
    for profile in profiles_for(run, metric):
        calls.add(profile, metric, keep)
    return calls.tree(metric, max(1, most))


class _Calls:
    """A tree in the making. Nodes stand after their parents."""

    def __init__(self) -> None:
        self._frames: list[Frame] = []
        self._functions: dict[tuple[str, str, int], int] = {}
        self._nodes: dict[int, int] = {}
        self._parent: list[int] = []
        self._function: list[int] = []
        self._value: list[int] = []

    def add(self, profile: Profile, metric: Metric, keep: Callable[[Thread], bool] | None) -> None:
        """Add the stacks of one profile."""
        values = _values(profile, metric, keep)
        sums = subtree_sums(profile.stacks.parent, values)
        imports = find_imports(profile, sums)
        functions = [self._name(frame) for frame in profile.frames]
        machinery = [is_import_machinery(frame) for frame in profile.frames]
        node = [ROOT] * len(profile.stacks)
        caller = [ROOT] * len(profile.stacks)
        """For rows of the import system: the node from which the import was made."""
        for row, (parent, frame) in enumerate(zip(profile.stacks.parent, profile.stacks.frame, strict=True)):
            if not sums[row]:
                continue
            function = functions[frame]
            above = node[parent] if parent != ROOT else ROOT
            if machinery[frame]:
                began = imports.entry[row]
                caller[row] = above if began in (row, -1) else caller[began]
                body = imports.module.get(began)
                function = self._name(_IMPORTING) if body is None else functions[profile.stacks.frame[body]]
                above = caller[row]
            elif parent != ROOT and imports.entry[parent] >= 0 and imports.entry[row] < 0:
                above = caller[imports.entry[parent]]
            node[row] = self._node(above, function)
            self._value[node[row]] += values[row]
        if values[-1]:
            self._value[self._node(ROOT, self._name(_NO_STACK))] += values[-1]

    def tree(self, metric: Metric, most: int) -> FlameTree:
        """Return the tree, left-heavy, in preorder."""
        totals = subtree_sums(self._parent, self._value)
        kept = _choose_nodes(self._parent, totals, most)
        children, folded = self._children(totals, kept)
        frames: dict[int, int] = {}
        depths: list[int] = []
        frame: list[int] = []
        self_value: list[int] = []
        total_value: list[int] = []
        siblings: dict[int, int] = {}
        todo = [(node, 0) for node in reversed(children.get(ROOT, ()))]
        if ROOT in folded:
            todo.insert(0, (_group_below(ROOT), 0))
        while todo:
            node, depth = todo.pop()
            depths.append(depth)
            if node < 0:
                siblings[len(frame)], total = folded[_group_below(node)]
                frame.append(FOLDED)
                self_value.append(total)
                total_value.append(total)
                continue
            frame.append(frames.setdefault(self._function[node], len(frames)))
            self_value.append(self._value[node])
            total_value.append(totals[node])
            if node in folded:
                todo.append((_group_below(node), depth + 1))
            todo.extend((child, depth + 1) for child in reversed(children.get(node, ())))
        return FlameTree(
            metric=metric,
            frames=[self._frames[function] for function in frames],
            depth=depths,
            frame=frame,
            self_value=self_value,
            total_value=total_value,
            folded_value=sum(total_value[row] for row in siblings),
            folded_nodes=len(kept) - sum(kept),
            siblings=siblings,
        )

    def _children(
        self, totals: Sequence[int], kept: Sequence[bool]
    ) -> tuple[dict[int, list[int]], dict[int, tuple[int, int]]]:
        """Return the kept children of each kept node, largest first, and how many others it has, worth what."""
        children: dict[int, list[int]] = {}
        folded: dict[int, tuple[int, int]] = {}
        for node, parent in enumerate(self._parent):
            if kept[node]:
                children.setdefault(parent, []).append(node)
            elif parent == ROOT or kept[parent]:
                number, total = folded.get(parent, (0, 0))
                folded[parent] = (number + 1, total + totals[node])
        for below in children.values():
            if len(below) > 1:
                below.sort(key=lambda node: (-totals[node], *self._label(node)))
        return children, folded

    def _label(self, node: int) -> tuple[str, str, int]:
        frame = self._frames[self._function[node]]
        return frame.name, frame.file, frame.first_line

    def _name(self, frame: Frame) -> int:
        key = (frame.file, frame.name, frame.first_line)
        index = self._functions.get(key)
        if index is None:
            index = self._functions[key] = len(self._frames)
            self._frames.append(Frame(frame.file, frame.name, frame.first_line, frame.first_line, frame.owner))
        return index

    def _node(self, parent: int, function: int) -> int:
        key = (parent + 1) << 32 | function  # half the time and memory of a pair
        index = self._nodes.get(key)
        if index is None:
            index = self._nodes[key] = len(self._parent)
            self._parent.append(parent)
            self._function.append(function)
            self._value.append(0)
        return index


def _group_below(node: int) -> int:
    """Return the number that stands for the folded children of ``node``, and the other way round; below ``ROOT``."""
    return -node - 3


def _values(profile: Profile, metric: Metric, keep: Callable[[Thread], bool] | None) -> list[int]:
    values = [0] * (len(profile.stacks) + 1)
    for entry in profile.samples:
        if entry.metric is metric and (keep is None or keep(profile.threads[entry.thread])):
            for row, value in zip(entry.stack, entry.value, strict=True):
                values[row] += value
    return values


def _choose_nodes(parent: Sequence[int], totals: Sequence[int], most: int) -> list[bool]:
    """Return which nodes stay: the largest, as many as leave room for one ``FOLDED`` node beside each gap.

    A node is never larger than its caller and stands after it, so with a node all its callers stay.
    """
    nodes = len(parent)
    if nodes <= most:
        return [True] * nodes
    by_size = sorted(range(nodes), key=totals.__getitem__, reverse=True)  # stable: callers stay first
    rank = [0] * nodes
    for place, node in enumerate(by_size):
        rank[node] = place
    # Keeping the first k needs a folded node below every kept node whose last child has rank k or more.
    last_child = [0] * (nodes + 1)
    for node, above in enumerate(parent):
        last_child[above] = max(last_child[above], rank[node])
    begins = [0] * (nodes + 1)
    for node in range(-1, nodes):
        own = rank[node] if node >= 0 else -1
        if last_child[node] > own:
            begins[own + 1] += 1
            begins[last_child[node] + 1] -= 1
    gaps = list(accumulate(begins))
    keeping = max((k for k in range(nodes + 1) if k + gaps[k] <= most), default=0)
    return [place < keeping for place in rank]
