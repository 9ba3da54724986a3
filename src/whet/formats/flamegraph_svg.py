"""Flame graphs as pictures: the SVG that py-spy writes by default, and everything else that draws as inferno does.

Each box is a ``<title>`` with name and number of samples, and a ``<rect>``. Inferno (py-spy, Ray's dashboard) adds
where the box begins and ends in samples, ``fg:x`` and ``fg:w``; flamegraph.pl has only pixels, rounded to a tenth. A
box was called from the box in the row before it in which its middle lies. What is too narrow is not in the picture.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import unescape
from operator import attrgetter
from typing import BinaryIO, NamedTuple

from whet.errors import FormatError
from whet.formats._builder import MOST_DEPTH, ProfileBuilder, check_value
from whet.formats.collapsed import PERIOD_NS
from whet.formats.frame_text import is_shim, read_frame, read_roots
from whet.model.frame import Frame, Owner
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile

MOST_BYTES = 128 * 1024 * 1024
MISSING = (
    f"times: it counts samples, and {PERIOD_NS // 1_000_000} ms is assumed for each",
    "functions that were too narrow for the picture: their time is that of their callers",
)
NOT_DRAWN = Frame("", "<not drawn>", owner=Owner.NATIVE)
"""Where a process or a thread has time without a box in it."""
_WRITERS = (b"jonhoo/inferno", b"brendangregg/FlameGraph")
# Bounded where they could be tried again and again: a name may hold any number of brackets.
_BOX = re.compile(
    r"<title>(?P<name>[^<]*) \((?P<count>[\d,.]{1,30}) (?P<unit>[^\s<>()]{1,40}), [^<>()]{1,60}\)</title>"
    r"\s{0,20}<rect (?P<rect>[^<>]{1,2000})>"
)
_ATTRIBUTE = re.compile(r'([\w:]{1,20})="([^"]{0,100})"')
_MOST_ROOTS = 64
"""Boxes of processes and threads on one another."""


class FlamegraphSvg:
    """Reads them."""

    name = "flamegraph"

    def recognizes(self, head: bytes) -> bool:
        """Return whether ``head`` is the start of a picture of one of the tools that are known."""
        return b"<svg" in head and any(writer in head for writer in _WRITERS)

    def read(self, file: BinaryIO) -> Iterator[Profile]:
        """Yield the one profile in ``file``; raises ``FormatError`` that names the box that is wrong."""
        data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise FormatError(f"more than {MOST_BYTES:,} bytes", where=f"byte {MOST_BYTES}")
        if b"</svg>" not in data[-1000:]:
            raise FormatError("a picture that breaks off", where=f"byte {len(data)}")
        rows = _sort_into_rows([_read_box(found) for found in _BOX.finditer(data.decode("utf-8", "backslashreplace"))])
        if len(rows) > MOST_DEPTH:
            raise FormatError(f"a stack of more than {MOST_DEPTH:,} frames", where="its rows")
        yield _Reader().read(rows)

    def write(self, profile: Profile, sink: BinaryIO) -> None:
        """Refuse: whet's own flame graph is in its report."""
        raise FormatError(
            "flame graphs are read, not written",
            hint="the report as html has one; --format collapsed is what flame graph tools draw",
        )


class _Box(NamedTuple):
    """A function called from one place: where it begins and ends in its row, in samples or in pixels."""

    name: str
    samples: int
    left: float
    right: float
    y: float

    @property
    def middle(self) -> float:
        return (self.left + self.right) / 2


class _Stack(NamedTuple):
    """What stands below a box: the thread, and the row of the stack table, or what was said of the thread so far."""

    thread: int
    row: int
    roots: tuple[str, ...]


class _Reader:
    """Goes through the rows from the one of all samples, each box to the one that it was called from."""

    def __init__(self) -> None:
        self.builder = ProfileBuilder()

    def read(self, rows: Sequence[Sequence[_Box]]) -> Profile:
        callers = [_Stack(self.builder.thread(), ROOT, ())]
        for depth, boxes in enumerate(rows):
            called = list(rows[depth + 1]) if depth + 1 < len(rows) else []
            owners = _find_owners(boxes, called)
            own = [box.samples for box in boxes]
            for owner, box in zip(owners, called, strict=True):
                own[owner] -= box.samples
            for stack, samples in zip(callers, own, strict=True):
                if samples > 0:
                    self._add(stack, samples)
            callers = [self._call(callers[owner], box.name) for owner, box in zip(owners, called, strict=True)]
        return self.builder.build("flamegraph", period_ns=PERIOD_NS, wall=True, missing=self._list_missing())

    def _add(self, stack: _Stack, samples: int) -> None:
        row = stack.row
        if row == ROOT:
            row = self.builder.call(ROOT, self.builder.frame(NOT_DRAWN), NOT_DRAWN.name)
        self.builder.add(Metric.CPU, stack.thread, row, samples * PERIOD_NS, samples)

    def _call(self, caller: _Stack, name: str) -> _Stack:
        where = f"the box {name[:80]!a}"
        if caller.row == ROOT and len(caller.roots) < _MOST_ROOTS:
            roots = (*caller.roots, name)
            root, frames = read_roots(list(roots))
            if not frames:
                return _Stack(self.builder.thread(*root), ROOT, roots)
        frame = read_frame(name)
        if is_shim(frame):
            return caller
        return caller._replace(row=self.builder.call(caller.row, self.builder.frame(frame), where))

    def _list_missing(self) -> list[str]:
        frames = self.builder.frames.frames
        missing = [*MISSING]
        if not any(frame.line for frame in frames):
            missing.append("lines")
        if not any(frame.file for frame in frames):
            missing.append("files")
        if all(not thread.tid and not thread.name for thread in self.builder.threads.threads()):
            missing.append("threads")
        return missing


def _read_box(found: re.Match[str]) -> _Box:
    name = unescape(found["name"])
    where = f"the box {name[:80]!a}"
    if found["unit"] != "samples":
        raise FormatError(f"it counts {found['unit']}, not samples", where=where)
    attributes = dict(_ATTRIBUTE.findall(found["rect"]))
    try:
        count = int(re.sub(r"[,.]", "", found["count"]))
        if "fg:x" in attributes:
            left = float(int(attributes["fg:x"]))
            right = left + int(attributes["fg:w"])
        else:
            left = float(attributes["x"].rstrip("%"))
            right = left + float(attributes["width"].rstrip("%"))
        y = float(attributes["y"])
    except (ValueError, KeyError, OverflowError):
        raise FormatError("a box without place and size", where=where) from None
    for number in (left, right, y):
        check_value(number, where)
    check_value(count, where, PERIOD_NS)
    return _Box(name, count, left, right, y)


def _sort_into_rows(boxes: Sequence[_Box]) -> list[list[_Box]]:
    """Return the rows of the picture from the one of all samples, each from left to right.

    Raises ``FormatError`` where no box has all of them.
    """
    rows: dict[float, list[_Box]] = {}
    for box in boxes:
        rows.setdefault(box.y, []).append(box)
    if not rows:
        raise FormatError("no box with a number of samples", where="its titles")
    # Stacks grow upwards from the box of all, or hang down from it.
    order = sorted(rows)
    ends = [y for y in (order[0], order[-1]) if [box.name for box in rows[y]] == ["all"]]
    if not ends:
        raise FormatError("no box of all samples at the top or at the bottom", where="its rows")
    if max(ends, key=lambda y: rows[y][0].samples) != order[0]:
        order.reverse()
    return [sorted(rows[y], key=attrgetter("left")) for y in order]


def _find_owners(boxes: Sequence[_Box], called: Sequence[_Box]) -> list[int]:
    """Return for each box of the next row the index of the one that it was called from; both are sorted."""
    owners: list[int] = []
    at = 0
    for box in called:
        while at < len(boxes) - 1 and boxes[at].right <= box.middle:
            at += 1
        if not boxes[at].left <= box.middle <= boxes[at].right:
            raise FormatError("a box that nothing below it called", where=f"the box {box.name[:80]!a}")
        owners.append(at)
    return owners
