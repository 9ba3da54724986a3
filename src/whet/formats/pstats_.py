"""pstats: what ``cProfile``, ``profiling.tracing``, Tachyon, yappi and pyinstrument leave: a dictionary, marshalled.

``(file, line, name): (primitive calls, calls, self, cumulative, callers)``, times in seconds, where ``callers`` maps
such keys to the same four figures. There are no lines and no threads: since Python 3.12 all threads share one stack, so
callers and cumulative times of programs with threads are wrong, and only self times are used.

Tachyon has an integer for each caller and marks the file by the key ``("__sampled__",)``; its calls are samples.
"""

from __future__ import annotations

import marshal
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import BinaryIO

from whet.errors import FormatError
from whet.formats import _marshal
from whet.formats._builder import check_value
from whet.formats._call_graph import CallGraph, Key, Row
from whet.formats.api import Keeps
from whet.model.metric import NANOSECONDS_PER_SECOND, Metric
from whet.model.profile import Profile

MOST_BYTES = 64 * 1024 * 1024
_SAMPLED = ("__sampled__",)


class Pstats:
    """Reads and writes them."""

    name = "pstats"
    binary = True
    keeps = Keeps(frozenset({Metric.CPU}), stacks=False, lines=False, threads=False)

    def recognizes(self, head: bytes) -> bool:
        """Return whether ``head`` is the start of a marshalled dictionary whose first key is a tuple."""
        return len(head) > 5 and head[0] & 0x7F == ord("{") and chr(head[1] & 0x7F) in "()" and head[2] in {1, 3}

    def read(self, file: BinaryIO) -> Iterator[Profile]:
        """Yield the one profile in ``file``; raises ``FormatError`` with the byte or function that is wrong."""
        data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise FormatError(f"more than {MOST_BYTES:,} bytes", where=f"byte {MOST_BYTES}")
        table = _marshal.load(data)
        if not isinstance(table, dict):
            raise FormatError("not a dictionary of functions", where="byte 0")
        yield _Table(table).profile()

    def write(self, profile: Profile, sink: BinaryIO) -> None:
        """Write self and cumulative CPU time of each function, and of each edge; what ran is counted as no call."""
        marshal.dump(_sum_up(profile), sink)


class _Table:
    """The functions of a file, checked."""

    def __init__(self, table: Mapping[object, object]) -> None:
        is_sampled = _SAMPLED in table
        self.graph = CallGraph(exact_edges=not is_sampled, is_sampled=is_sampled)
        self.is_yappi = False
        self.has_no_calls = False
        for raw, value in table.items():
            if raw == _SAMPLED:
                continue
            key = _check_key(raw)
            match value:
                case (int(primitive), int(calls), spent, cumulative, dict(callers)):
                    self.is_yappi |= primitive > calls and not is_sampled
                    self.has_no_calls |= calls < 0
                    self.graph.rows[key] = self._row(primitive, calls, spent, cumulative, key)
                    self.graph.callers[key] = {_check_key(each): self._edge(row, key) for each, row in callers.items()}
                case _:
                    raise FormatError("a function without its five figures", where=f"function {key[2][:80]!a}")
        if not self.graph.rows:
            raise FormatError("no function in it", where="byte 0")

    def _row(self, primitive: int, calls: int, spent: object, cumulative: object, key: Key) -> Row:
        where = f"function {key[2][:80]!a}"
        # cProfile's differences may fall a few nanoseconds below zero.
        times = [0.0 if isinstance(each, float) and -1e-3 < each < 0 else each for each in (spent, cumulative)]
        values = [check_value(each, where, NANOSECONDS_PER_SECOND) for each in times]
        return Row(primitive, calls, *values)

    def _edge(self, row: object, key: Key) -> Row:
        match row:
            case (int(primitive), int(calls), spent, cumulative):
                return self._row(primitive, calls, spent, cumulative, key)
            case int(calls):
                return Row(calls, calls, 0, 0)
            case _:
                raise FormatError("a caller without its four figures", where=f"function {key[2][:80]!a}")

    def profile(self) -> Profile:
        """Return the stacks that the edges make."""
        builder = self.graph.build()
        return builder.build(self._name_tool(), wall=not self.graph.is_sampled, missing=self._list_missing())

    def _name_tool(self) -> str:
        if self.graph.is_sampled:
            return "tachyon"
        if self.has_no_calls:
            return "pyinstrument"
        return "yappi" if self.is_yappi else "cProfile"

    def _list_missing(self) -> tuple[str, ...]:
        said = ["lines", "threads", "stacks: it has callers, and total times are estimated from them"]
        if not self.graph.is_sampled:
            said.append("calls of programs with threads: from Python 3.12 on their callers are mixed up")
        return tuple(said)


def _check_key(raw: object) -> Key:
    match raw:
        case (str(file), int(line), str(name)) if 0 <= line < 2**31:
            return file, line, name
        case _:
            raise FormatError("a function that is not a file, a line and a name", where=f"{raw!a:.80}")


def _sum_up(profile: Profile) -> dict[Key, tuple[int, int, float, float, dict[Key, tuple[int, int, float, float]]]]:
    """Return the dictionary of a profile's CPU time; in recursion a function's time counts once."""
    keys = [
        (frame.file or "~", frame.first_line or frame.line if frame.file else 0, frame.name) for frame in profile.frames
    ]
    own: defaultdict[Key, int] = defaultdict(int)
    whole: defaultdict[Key, int] = defaultdict(int)
    edges: dict[Key, dict[Key, list[int]]] = defaultdict(dict)
    for samples in profile.samples:
        if samples.metric is not Metric.CPU:
            continue
        for row, value in zip(samples.stack, samples.value, strict=True):
            stack = [keys[profile.stacks.frame[at]] for at in profile.stacks.walk(row)] if row >= 0 else []
            if stack:
                own[stack[0]] += value
            for key in dict.fromkeys(stack):
                whole[key] += value
            for callee, caller in dict.fromkeys(pairwise(stack)):
                edges[callee].setdefault(caller, [0, 0])[1] += value
            if len(stack) > 1:
                edges[stack[0]][stack[1]][0] += value

    def write(value: int) -> float:
        return value / NANOSECONDS_PER_SECOND

    return {
        key: (
            0,
            0,
            write(own[key]),
            write(total),
            {each: (0, 0, write(a), write(b)) for each, (a, b) in edges[key].items()},
        )
        for key, total in whole.items()
    }
