"""Which findings' edits can be applied together: overlaps are resolved by rank, and those dropped are reported."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from whet.fix.together import Outline, Touch
from whet.model.finding import Edit, Finding, Safety, Speed
from whet.records import dataclass

_SPEEDS = (Speed.ASYMPTOTIC, Speed.FACTOR, Speed.CONSTANT)
_SAFETIES = (Safety.SAFE, Safety.OBSERVED, Safety.OFFER, Safety.ADVICE)


@dataclass(frozen=True, slots=True)
class GaveWay:
    """A finding whose edits were not applied, because those of ``to`` change the same text."""

    finding: Finding
    to: Finding


@dataclass(frozen=True, slots=True)
class Selection:
    """The findings whose edits are applied, by rank, and those dropped because of them."""

    taken: tuple[Finding, ...]
    gave_way: tuple[GaveWay, ...] = ()

    @property
    def edits(self) -> tuple[Edit, ...]:
        """All applied edits; insertions of several findings at one place are in source order."""
        ordered = sorted(self.taken, key=lambda finding: (finding.line, finding.column, finding.rule))
        return tuple(dict.fromkeys(edit for finding in ordered for edit in finding.edits))


def rank(finding: Finding) -> tuple[int, int, int, int, str]:
    """Return a sort key for findings without a known cost: larger gains first, then safer ones."""
    speed, safety = _SPEEDS.index(finding.speed), _SAFETIES.index(finding.safety)
    return speed, safety, finding.line, finding.column, finding.rule


def select(findings: Iterable[Finding], text: str = "") -> Selection:
    """Return which of ``findings``, all of one file and sorted by rank, can be applied together.

    With the ``text`` of the file also those give way that another rule's rewrite would break though it changes other
    text: see :mod:`whet.fix.together`.

    Findings without edits are left out. Findings with the same edits are all kept. Two may insert the same text (an
    import); replaced text belongs to one finding only.
    """
    taken: list[Finding] = []
    gave_way: list[GaveWay] = []
    lines = _Lines()
    outline = Outline(text) if text else None
    touches: dict[str, tuple[Touch, Finding]] = {}
    for finding in findings:
        if not finding.edits:
            continue
        near = (taken[at] for at in sorted(lines.find(finding)))
        other = next((other for other in near if _disagree(finding.edits, other.edits)), None)
        if other is None and outline is not None:
            touch = outline.touch(finding.edits)
            others = (known for rule, known in touches.items() if rule != finding.rule)
            other = next((first for of, first in others if touch.disagrees(of)), None)
            if other is None:
                touches.setdefault(finding.rule, (Touch(), finding))[0].add(touch)
        if other is None:
            lines.add(finding, len(taken))
            taken.append(finding)
        else:
            gave_way.append(GaveWay(finding, other))
    return Selection(tuple(taken), tuple(gave_way))


class _Lines:
    """The findings taken so far by the lines that they change: a file may have thousands."""

    def __init__(self) -> None:
        self._replaced: defaultdict[int, set[int]] = defaultdict(set)
        self._inserted: defaultdict[int, set[int]] = defaultdict(set)

    def add(self, finding: Finding, index: int) -> None:
        for edit in finding.edits:
            lines = self._inserted if _is_insertion(edit) else self._replaced
            for line in range(edit.line, edit.end_line + 1):
                lines[line].add(index)

    def find(self, finding: Finding) -> set[int]:
        """Return the findings that may overlap ``finding``. Insertions never overlap one another."""
        found: set[int] = set()
        for edit in finding.edits:
            for line in range(edit.line, edit.end_line + 1):
                found |= self._replaced.get(line, _NONE)
                if not _is_insertion(edit):
                    found |= self._inserted.get(line, _NONE)
        return found


_NONE: frozenset[int] = frozenset()


def _is_insertion(edit: Edit) -> bool:
    return (edit.line, edit.column) == (edit.end_line, edit.end_column)


def _disagree(edits: Sequence[Edit], others: Sequence[Edit]) -> bool:
    if set(edits) <= set(others):
        return False
    return any(_overlap(edit, other) for edit in edits for other in others)


def _overlap(one: Edit, other: Edit) -> bool:
    start, end = (one.line, one.column), (one.end_line, one.end_column)
    other_start, other_end = (other.line, other.column), (other.end_line, other.end_column)
    if start == end:
        return other_start < start < other_end
    if other_start == other_end:
        return start < other_start < end
    return start < other_end and other_start < end
