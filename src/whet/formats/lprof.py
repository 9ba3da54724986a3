"""line_profiler's ``.lprof``: a pickle of ``LineStats`` with the hits and the time of each line of chosen functions.

The time of a line includes what it called. Read without unpickling anything: see :mod:`whet.formats._pickle`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from whet.errors import FormatError
from whet.formats._builder import ProfileBuilder, check_value
from whet.formats._pickle import load
from whet.model.frame import Frame
from whet.model.metric import NANOSECONDS_PER_SECOND, Metric
from whet.model.profile import LineCount, Profile

MOST_BYTES = 64 * 1024 * 1024
CLASSES = frozenset({"line_profiler.line_profiler LineStats", "line_profiler._line_profiler LineStats"})
_INCLUDED = "self times: those of lines include what they call, so functions that call one another count twice"


class Lprof:
    """Reads them."""

    name = "lprof"

    def recognizes(self, head: bytes) -> bool:
        """Return whether ``head`` is the start of a pickle that names ``LineStats``."""
        return head[:1] == b"\x80" and b"LineStats" in head and b"line_profiler" in head

    def read(self, file: BinaryIO) -> Iterator[Profile]:
        """Yield the one profile in ``file``; raises ``FormatError`` with the byte or function that is wrong."""
        data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise FormatError(f"more than {MOST_BYTES:,} bytes", where=f"byte {MOST_BYTES}")
        match load(data, CLASSES):
            case {"timings": dict(timings), "unit": int(unit) | float(unit)} if 0 < unit <= 1:
                yield _read(timings, unit)
            case _:
                raise FormatError("no timings and no unit: not a file of line_profiler", where="its end")

    def write(self, profile: Profile, sink: BinaryIO) -> None:
        """Refuse: a pickle is a program, which others had to trust."""
        raise FormatError("files of line_profiler are read, not written", hint="write the report as csv or json")


def _read(timings: dict[object, object], unit: float) -> Profile:
    builder = ProfileBuilder()
    thread = builder.thread()
    for key, rows in timings.items():
        match key, rows:
            case (str(file), int(first), str(name)), list(rows) if 0 <= first < 2**31:
                where = f"function {name[:80]!a}"
            case _:
                raise FormatError("a function that is not a file, a line and a name", where="timings")
        for row in rows:
            match row:
                case (int(line), int(hits), int(spent) | float(spent)) if 0 < line < 2**31 and 0 <= hits < 2**62:
                    pass
                case _:
                    raise FormatError("a line that is not a number, hits and a time", where=where)
            value = check_value(spent, where, unit * NANOSECONDS_PER_SECOND)
            index = builder.frame(Frame(file, name, line, first))
            builder.add(Metric.CPU, thread, builder.stack([index], where), value, 0)
            builder.lines.append(LineCount(file, line, first, hits))
    return builder.build("line_profiler", wall=True, missing=("stacks", "threads", _INCLUDED))
