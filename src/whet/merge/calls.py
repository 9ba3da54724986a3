"""Stacks as one tree of calls: from what profilers saw to nodes with values, many columns over one tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from whet.merge.imports import find_imports
from whet.merge.names import IMPORT_SYSTEM, is_import_machinery
from whet.merge.tree import subtree_sums
from whet.model.frame import Frame, Owner
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile, Samples, Thread
from whet.records import dataclass

_IMPORTING = Frame("<frozen importlib._bootstrap>", IMPORT_SYSTEM, owner=Owner.STDLIB)
_NO_STACK = Frame("", "<no Python frame>", owner=Owner.NATIVE)


@dataclass(frozen=True, slots=True)
class Slot:
    """What a column of values is about. ``before`` marks the run that another one is compared with."""

    metric: Metric
    execution: int
    thread: int
    before: bool = False


@dataclass(slots=True)
class Column:
    """The own values of nodes, and how many samples they are made of."""

    values: dict[int, int]
    count: int = 0


class Calls:
    """A tree in the making. Nodes stand after their parents; siblings of one function are one node."""

    def __init__(self) -> None:
        self.functions: list[Frame] = []
        self.threads: list[Thread] = []
        self.parent: list[int] = []
        self.function: list[int] = []
        self.columns: dict[Slot, Column] = {}
        self._functions: dict[tuple[str, str, int], int] = {}
        self._threads: dict[Thread, int] = {}
        self._nodes: dict[int, int] = {}

    def add(
        self,
        profile: Profile,
        entries: Iterable[Samples],
        *,
        before: bool = False,
        translate: Callable[[Frame], Frame] | None = None,
    ) -> None:
        """Add ``entries`` of ``profile``; ``translate`` says which function of this tree a frame is."""
        entries = list(entries)
        place = self._place_rows(profile, entries, translate)
        for entry in entries:
            thread = self._number_thread(profile.threads[entry.thread])
            column = self.columns.setdefault(Slot(entry.metric, profile.execution, thread, before), Column({}))
            column.count += entry.count if profile.period_ns else 0
            values = column.values
            for row, value in zip(entry.stack, entry.value, strict=True):
                if value:
                    node = place[row] if row != ROOT else self._node(ROOT, self._number(_NO_STACK))
                    values[node] = values.get(node, 0) + value

    def label(self, node: int) -> tuple[str, str, int]:
        """Return what siblings of the same weight are ordered by."""
        frame = self.functions[self.function[node]]
        return frame.name, frame.file, frame.first_line

    def _place_rows(
        self, profile: Profile, entries: Sequence[Samples], translate: Callable[[Frame], Frame] | None
    ) -> list[int]:
        """Return the node of each row of the stack table that holds anything.

        The import system's frames are part of the module that they import.
        """
        values = [0] * (len(profile.stacks) + 1)
        for entry in entries:
            for row, value in zip(entry.stack, entry.value, strict=True):
                values[row] += value
        sums = subtree_sums(profile.stacks.parent, values)
        imports = find_imports(profile, sums)
        functions = [self._number(translate(frame) if translate else frame) for frame in profile.frames]
        machinery = [is_import_machinery(frame) for frame in profile.frames]
        nodes = self._nodes
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
                function = self._number(_IMPORTING) if body is None else functions[profile.stacks.frame[body]]
                above = caller[row]
            elif parent != ROOT and imports.entry[parent] >= 0 and imports.entry[row] < 0:
                above = caller[imports.entry[parent]]
            # As _node does it: a call for each row is what takes the time here.
            key = (above + 1) << 32 | function
            index = nodes.get(key)
            if index is None:
                index = nodes[key] = len(self.parent)
                self.parent.append(above)
                self.function.append(function)
            node[row] = index
        return node

    def _number(self, frame: Frame) -> int:
        key = (frame.file, frame.name, frame.first_line)
        index = self._functions.get(key)
        if index is None:
            index = self._functions[key] = len(self.functions)
            self.functions.append(Frame(frame.file, frame.name, frame.first_line, frame.first_line, frame.owner))
        return index

    def _number_thread(self, thread: Thread) -> int:
        index = self._threads.setdefault(thread, len(self.threads))
        if index == len(self.threads):
            self.threads.append(thread)
        return index

    def _node(self, parent: int, function: int) -> int:
        key = (parent + 1) << 32 | function  # half the time and memory of a pair
        index = self._nodes.get(key)
        if index is None:
            index = self._nodes[key] = len(self.parent)
            self.parent.append(parent)
            self.function.append(function)
        return index
