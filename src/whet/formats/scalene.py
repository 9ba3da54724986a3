"""Scalene's JSON: for each line its part of the time, as percentages, and what it allocated.

Python, C and system time of all lines together make 100 % of ``elapsed_time_sec``. There are no stacks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from whet.errors import FormatError
from whet.formats._builder import ProfileBuilder, check_line, check_value
from whet.model.frame import Frame
from whet.model.metric import NANOSECONDS_PER_SECOND, Metric
from whet.model.profile import Profile

MOST_BYTES = 64 * 1024 * 1024
_MEBIBYTE = 1024 * 1024


class Scalene:
    """Reads it."""

    name = "scalene"

    def recognizes(self, head: bytes) -> bool:
        """Return whether ``head`` is the start of a JSON object with Scalene's members."""
        text = head.lstrip()
        return (
            text.startswith(b"{")
            and b'"elapsed_time_sec"' in text
            and re.search(rb'"alloc_samples"|"n_cpu_', text) is not None
        )

    def read(self, file: BinaryIO) -> Iterator[Profile]:
        """Yield the one profile in ``file``; raises ``FormatError`` with the file and line that are wrong."""
        data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise FormatError(f"more than {MOST_BYTES:,} bytes", where=f"byte {MOST_BYTES}")
        try:
            document = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise FormatError("not JSON, or it breaks off", where=f"{error!s:.80}") from None
        match document:
            case {"elapsed_time_sec": int(elapsed) | float(elapsed), "files": dict(files)} if 0 <= elapsed < 1e9:
                yield _read(files, elapsed)
            case _:
                raise FormatError("no files and no elapsed time: not a profile of Scalene", where="its members")

    def write(self, profile: Profile, sink: BinaryIO) -> None:
        """Refuse: its viewer is Scalene's own."""
        raise FormatError("Scalene's profiles are read, not written", hint="write the report as html, json or csv")


def _read(files: Mapping[str, object], elapsed: float) -> Profile:
    builder = ProfileBuilder()
    thread = builder.thread()
    percent_ns = elapsed * NANOSECONDS_PER_SECOND / 100
    for file, entry in files.items():
        match entry:
            case {"lines": list(lines), **others}:
                pass
            case _:
                raise FormatError("a file without lines", where=f"{file[:80]!a}")
        names = {}
        functions = others.get("functions")
        for each in functions if isinstance(functions, list) else ():
            match each:
                case {"line": str(name), "lineno": int(number)}:
                    names[number] = name
        for line in lines:
            if not isinstance(line, dict):
                raise FormatError("a line without figures", where=f"{file[:80]!a}")
            number = check_line(line.get("lineno"))
            where = f"line {number} of {file[:80]!a}"

            def value(key: str, scale: float, line: dict[str, object] = line, where: str = where) -> int:
                return check_value(line.get(key, 0), where, scale)

            parts = [value(f"n_{key}", percent_ns) for key in ("cpu_percent_python", "cpu_percent_c", "sys_percent")]
            seen = line.get("cpu_samples_list")
            count = len(seen) if isinstance(seen, list) else 0
            allocated = value("n_malloc_mb", _MEBIBYTE)
            if not any((*parts, allocated)):
                continue
            first = check_line(line.get("start_function_line"))
            # A line outside of any function is said to be its own.
            frame = Frame(file, names.get(first, ""), number, first if first in names else 0)
            row = builder.stack([builder.frame(frame)], where)
            builder.add(Metric.CPU, thread, row, parts[0] + parts[1], count)
            builder.add(Metric.WAITING, thread, row, parts[2], 0)
            builder.add(Metric.ALLOCATED, thread, row, allocated, 0)
    missing = ("stacks", "threads", "waiting: system time stands for it")
    return builder.build("scalene", wall=False, missing=missing)
