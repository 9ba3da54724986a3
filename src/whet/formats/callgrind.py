"""callgrind, as yappi writes it: each function's own cost, and for each function that it called calls and cost.

``fl=(1) file`` and ``fn=(1) name file:line`` give numbers to names; later they stand alone. yappi's costs are
microseconds, although it calls them ticks, and which clock they are of stands nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from whet.errors import FormatError
from whet.formats._call_graph import CallGraph, Key, Row
from whet.model.profile import Profile

MOST_LINE = 1024 * 1024
MOST_FUNCTIONS = 1_000_000
_UNIT_NS = 1_000
_NAME = re.compile(r"(?P<part>c?f[lni])=(?:\((?P<number>\d{1,9})\))?(?: ?(?P<text>.*))?")
_COST = re.compile(r"[+-]?\d{1,9}|\*")


class Callgrind:
    """Reads yappi's."""

    name = "callgrind"

    def recognizes(self, head: bytes) -> bool:
        """Return whether ``head`` is a header of callgrind."""
        return b"\nevents:" in head and b"fn=" in head and (b"creator:" in head or b"# callgrind" in head)

    def read(self, file: BinaryIO) -> Iterator[Profile]:
        """Yield the one profile in ``file``; raises ``FormatError`` with the line that is wrong."""
        reader = _Reader()
        while line := file.readline(MOST_LINE + 1):
            reader.number += 1
            if len(line) > MOST_LINE:
                raise FormatError(f"more than {MOST_LINE:,} bytes", where=reader.where)
            reader.take(line.decode("utf-8", "backslashreplace").rstrip("\r\n"))
        yield reader.profile()

    def write(self, profile: Profile, sink: BinaryIO) -> None:
        """Refuse: the viewers of this format read others that hold more."""
        raise FormatError("callgrind is read, not written", hint="write pprof, speedscope or pstats")


class _Reader:
    """Takes line after line."""

    def __init__(self) -> None:
        self.number = 0
        self.creator = "callgrind"
        self.graph = CallGraph(exact_edges=False)
        self.names: dict[tuple[str, str], str] = {}
        self.file = self.callee_file = ""
        self.function: Key | None = None
        self.callee: Key | None = None
        self.calls: int | None = None

    @property
    def where(self) -> str:
        return f"line {self.number}"

    def take(self, line: str) -> None:
        """Add one line."""
        head, _, rest = line.partition("=")
        if not line.strip() or line.startswith("#"):
            return
        if head in {"fl", "fi", "fe", "fn", "cfl", "cfi", "cfn"}:
            self._take_name(line)
        elif head == "calls":
            count = rest.partition(" ")[0]
            if not count.isdecimal() or len(count) > 15:
                raise FormatError("calls without a number", where=self.where)
            self.calls = int(count)
        elif line[0].isdigit() or line[0] in "+-*":
            self._take_cost(line)
        elif (found := re.fullmatch(r"creator: *(.{1,80})", line)) is not None:
            self.creator = found[1]
        elif ":" not in line and "=" not in line:
            raise FormatError("not a line of callgrind", where=self.where)

    def _take_name(self, line: str) -> None:
        found = _NAME.fullmatch(line)
        if found is None:
            raise FormatError("a name without its number", where=self.where)
        part, number, text = found["part"], found["number"], found["text"] or ""
        kind = "file" if part in {"fl", "fi", "cfl", "cfi"} else "function"
        if number is not None:
            text = text or self.names.get((kind, number), "")
            self.names[kind, number] = text
            if len(self.names) > MOST_FUNCTIONS:
                raise FormatError(f"more than {MOST_FUNCTIONS:,} names", where=self.where)
        if not text:
            raise FormatError("a number without a name", where=self.where)
        if part in {"fl", "fi"}:
            self.file = text
        elif part in {"cfl", "cfi"}:
            self.callee_file = text
        elif part == "fn":
            self.function = _make_key(text, self.names.get(("file", number or ""), self.file))
        else:
            self.callee = _make_key(text, self.names.get(("file", number or ""), self.callee_file or self.file))

    def _take_cost(self, line: str) -> None:
        words = line.split()
        if len(words) < 2 or _COST.fullmatch(words[0]) is None or not words[1].isdecimal() or len(words[1]) > 15:
            raise FormatError("not a line with its cost", where=self.where)
        cost = int(words[1]) * _UNIT_NS
        if self.function is None:
            raise FormatError("a cost of no function", where=self.where)
        if self.calls is None:
            old = self.graph.rows.get(self.function, Row(0, 0, 0, 0))
            self.graph.rows[self.function] = old._replace(self_ns=old.self_ns + cost)
            return
        if self.callee is None:
            raise FormatError("calls of no function", where=self.where)
        callers = self.graph.callers.setdefault(self.callee, {})
        old = callers.get(self.function, Row(0, 0, 0, 0))
        calls = old.calls + self.calls
        callers[self.function] = Row(calls, calls, 0, old.cumulative_ns + cost)
        self.calls = None

    def profile(self) -> Profile:
        if not self.graph.rows:
            raise FormatError("no function with a cost", where=self.where)
        missing = ("lines", "threads", "stacks: it has callers, and total times are estimated from them", "its clock")
        return self.graph.build().build(self.creator, wall=True, missing=missing)


def _make_key(text: str, file: str) -> Key:
    """Return the function that yappi writes with its place, ``name file:line``, and others without.

    yappi gives a function and its file the same number: ``file`` is that one's, and may hold spaces.
    """
    head, colon, line = text.rpartition(":")
    if not (colon and line.isascii() and line.isdigit() and len(line) < 10):
        return file, 0, text
    if file and head.endswith(f" {file}"):
        return file, int(line), head.removesuffix(f" {file}")
    name, space, last = head.rpartition(" ")
    return (last, int(line), name) if space and last else (file, 0, text)
