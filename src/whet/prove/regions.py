"""Which lines each rewrite changes, before and after, and how many samples of a run were on them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from whet.model.finding import Edit
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile
from whet.prove.rewrites import Unit
from whet.records import dataclass

NOBODY = -1
"""The unit of lines that no rewrite changes."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """Where the samples of one run were: ``on[i]`` of ``whole`` on the lines of the unit with index ``i``.

    A sample counts for the innermost of a stack's frames that stands on such a line. ``within`` holds pairs of units
    of which the first one's lines called the second one's, with the number of samples.
    """

    on: Mapping[int, int]
    whole: int
    within: Mapping[tuple[int, int], int]


class Regions:
    """The lines of units in the unmodified files, and in those with all of them applied.

    ``names`` are the files that rewrites change by the paths under which the program runs them. An edit that several
    units have, as of an import that each of them needs, belongs to none of them.
    """

    def __init__(self, units: Sequence[Unit], names: Mapping[str, str]) -> None:
        self._names = names
        self.before: dict[tuple[str, int], int] = {}
        self.after: dict[tuple[str, int], int] = {}
        self.shared: set[int] = set()
        """Units of which lines belong to another one too."""
        edits: dict[str, dict[Edit, list[int]]] = {}
        hot: dict[str, list[tuple[int, int]]] = {}
        for index, unit in enumerate(units):
            for rewrite in unit.rewrites:
                for change in rewrite.changes:
                    for edit in change.edits:
                        owners = edits.setdefault(change.file, {}).setdefault(edit, [])
                        if index not in owners:
                            owners.append(index)
                for file, line in rewrite.lines:
                    hot.setdefault(file, []).append((line, index))
        for file, own in edits.items():
            self._claim(file, own, hot.get(file, ()))

    def _claim(self, file: str, edits: Mapping[Edit, Sequence[int]], hot: Iterable[tuple[int, int]]) -> None:
        shift = 0
        ends: list[tuple[tuple[int, int], int]] = []
        for edit in sorted(edits, key=lambda each: (each.line, each.column, each.end_line, each.end_column)):
            new = edit.text.count("\n")
            is_whole = edit.end_column == 0
            old_lines = range(edit.line, edit.end_line + (0 if is_whole else 1))
            first = edit.line + shift
            new_lines = range(first, first + new + (0 if is_whole else 1))
            owners = edits[edit]
            if len(owners) == 1:
                for line in old_lines:
                    self._own(self.before, file, line, owners[0])
                for line in new_lines:
                    self._own(self.after, file, line, owners[0])
            shift += new - (edit.end_line - edit.line)
            ends.append(((edit.end_line, edit.end_column), shift))
        for line, owner in hot:
            moved = line + next((by for end, by in reversed(ends) if end <= (line, 0)), 0)
            inside = any(edit.line <= line < edit.end_line + (edit.end_column > 0) for edit in edits)
            self._own(self.before, file, line, owner)
            if not inside:
                self._own(self.after, file, moved, owner)

    def _own(self, side: dict[tuple[str, int], int], file: str, line: int, owner: int) -> None:
        other = side.setdefault((file, line), owner)
        if other != owner:
            self.shared |= {other, owner}

    def count(self, profiles: Iterable[Profile], *, after: bool) -> Sampled:
        """Return where the samples of one run were; ``after`` with all rewrites applied."""
        lines = self.after if after else self.before
        on: Counter[int] = Counter()
        within: Counter[tuple[int, int]] = Counter()
        whole = 0
        for profile in profiles:
            find = _make_finder(self._names, lines)
            of_frame = [find(frame.file, frame.line) for frame in profile.frames]
            owner: list[int] = []
            outer: list[frozenset[tuple[int, int]]] = []
            for parent, frame in zip(profile.stacks.parent, profile.stacks.frame, strict=True):
                above = owner[parent] if parent != ROOT else NOBODY
                pairs = outer[parent] if parent != ROOT else frozenset()
                own = of_frame[frame]
                if NOBODY not in (own, above) and own != above:
                    pairs |= {(above, own)}
                owner.append(above if own == NOBODY else own)
                outer.append(pairs)
            for samples in profile.samples:
                if samples.metric is Metric.CPU and samples.count:
                    each = sum(samples.value) / samples.count
                    for row, value in zip(samples.stack, samples.value, strict=True):
                        number = round(value / each) if each else 0
                        whole += number
                        if row != ROOT:
                            on[owner[row]] += number
                            within.update(dict.fromkeys(outer[row], number))
        return Sampled(on, whole, within)


def _make_finder(names: Mapping[str, str], lines: Mapping[tuple[str, int], int]) -> Callable[[str, int], int]:
    known: dict[str, str] = {}

    def find(file: str, line: int) -> int:
        if file not in known:
            known[file] = names.get(os.path.realpath(file), "")
        return lines.get((known[file], line), NOBODY)

    return find
