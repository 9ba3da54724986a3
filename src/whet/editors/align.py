"""Which line of a source, as it was measured, is which line of the text in the editor now: by what they say."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence

MOST_WORK = 3_000_000
"""Lines looked at, over all rounds: texts that take more have too little in common to be matched."""
_DEFINITION = re.compile(r"[ \t]*(?:async[ \t]+def|def|class)\b")
Block = tuple[int, int, int, int]
"""Lines of the old and of the new text, as two half-open ranges."""


def align(old: Sequence[str], new: Sequence[str]) -> dict[int, int]:
    """Return which lines of ``old`` are in ``new``, and where; both count from 0.

    Equal lines at the ends of a block match; between them, those that are in each text once do, as far as they are in
    the same order ("patience diff"), and divide the block. So a line that is there twice is matched only next to others
    that are, and never with one of another place.
    """
    found: dict[int, int] = {}
    blocks: list[Block] = [(0, len(old), 0, len(new))]
    work = 0
    while blocks and work < MOST_WORK:
        block = _match_ends(old, new, blocks.pop(), found)
        first, last, begin, end = block
        if first == last or begin == end:
            continue
        work += last - first + end - begin
        anchors = _find_anchors(old, new, block)
        for (left, right), (after, until) in zip(
            [(first - 1, begin - 1), *anchors], [*anchors, (last, end)], strict=True
        ):
            if anchors and left + 1 < after and right + 1 < until:
                blocks.append((left + 1, after, right + 1, until))
        found.update(anchors)
    return found


def _match_ends(old: Sequence[str], new: Sequence[str], block: Block, found: dict[int, int]) -> Block:
    """Match equal lines at the start and at the end of a block; return what is left of it."""
    first, last, begin, end = block
    while first < last and begin < end and old[first] == new[begin]:
        found[first] = begin
        first, begin = first + 1, begin + 1
    while first < last and begin < end and old[last - 1] == new[end - 1]:
        last, end = last - 1, end - 1
        found[last] = end
    return first, last, begin, end


def _find_anchors(old: Sequence[str], new: Sequence[str], block: Block) -> list[tuple[int, int]]:
    """Return pairs of lines that are in each text's part of the block once, in the order of both."""
    first, last, begin, end = block
    in_old, in_new = Counter(old[first:last]), Counter(new[begin:end])
    places = {new[at]: at for at in range(begin, end) if in_new[new[at]] == 1}
    pairs = [(at, places[old[at]]) for at in range(first, last) if in_old[old[at]] == 1 and old[at] in places]
    return _keep_ascending(pairs)


def _keep_ascending(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return a longest part of ``pairs`` in which the second numbers ascend as the first do."""
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for index, (_, place) in enumerate(pairs):
        at = bisect_left(ends, place)
        before.append(last[at - 1] if at else -1)
        ends[at : at + 1] = [place]
        last[at : at + 1] = [index]
    kept = []
    index = last[-1] if last else -1
    while index >= 0:
        kept.append(pairs[index])
        index = before[index]
    return kept[::-1]


class Lines:
    """The lines of the editor's text, and where those that were measured are among them. Numbers count from 1."""

    def __init__(self, measured: Sequence[str], now: Sequence[str]) -> None:
        self.is_same = list(measured) == list(now)
        self._now = now
        self._places: Mapping[int, int] = {} if self.is_same else align(measured, now)

    def find(self, line: int, function_line: int = 0) -> int | None:
        """Return where a measured line of the function that starts at ``function_line`` is now; ``None`` for nowhere.

        The function must be there too, and no other one begin between them: equal text elsewhere cost something else.
        """
        if self.is_same:
            return line if 1 <= line <= len(self._now) else None
        place = self._places.get(line - 1)
        if place is None or not function_line:
            return None if place is None else place + 1
        start = self._places.get(function_line - 1)
        if start is None or (start < place and self._has_definition(start, place)):
            return None
        return place + 1

    def _has_definition(self, start: int, place: int) -> bool:
        """Whether a function or class that is not inside the one at ``start`` begins before ``place``."""
        depth = _indent(self._now[start])
        # A decorator, at which functions start too, is followed by its function.
        skipped = self._now[start].lstrip().startswith("@")
        for text in self._now[start + 1 : place + 1]:
            if _DEFINITION.match(text) and _indent(text) <= depth:
                if not skipped:
                    return True
                skipped = False
        return False


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
