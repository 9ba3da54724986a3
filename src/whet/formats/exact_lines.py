"""What an execution under line_profiler leaves: how often each line of the chosen functions ran."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import BinaryIO

from whet.errors import FormatError
from whet.model.profile import LineCount, Profile
from whet.records import dataclass

MAX_BYTES = 256 * 1024 * 1024

Place = tuple[str, int]
"""A file and the first line of a function in it."""


@dataclass(frozen=True, slots=True)
class ExactLinesReport:
    """The counts, and the functions that could not be counted."""

    lines: tuple[LineCount, ...]
    too_large: tuple[Place, ...] = ()
    """Those of more bytecode than line_profiler registers in reasonable time."""
    alike: tuple[Place, ...] = ()
    """Those that line_profiler cannot tell from another one: the same bytecode at the same line of another file."""


class ExactLines:
    """The capture as a profile that holds line counts only."""

    name = "whet-lines"

    def recognizes(self, head: bytes) -> bool:
        """Return ``False``: whet makes these inside the program, and nobody keeps them."""
        return False

    def read(self, file: BinaryIO) -> Iterator[Profile]:
        """Yield one profile. Raises :class:`FormatError`."""
        yield Profile(collector="line_profiler", lines=read_exact_lines(file).lines)

    def write(self, profile: Profile, sink: BinaryIO) -> None:
        """Write the exact counts of ``profile``; there is no room for anything else."""
        rows = [[each.file, each.function_line, each.line, each.hits] for each in profile.lines]
        sink.write(json.dumps({"schema": 2, "lines": rows, "too_large": [], "alike": []}).encode())


def read_exact_lines(file: BinaryIO) -> ExactLinesReport:
    """Read a capture of ``whet.inprocess.profilers.exact_lines``. Raises :class:`FormatError`."""
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise FormatError("the line counts are too large", f"over {MAX_BYTES} bytes")
    try:
        raw = json.loads(data.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise FormatError("the line counts are not JSON", str(error)[:200]) from error
    if not isinstance(raw, dict) or raw.get("schema") != 2:
        raise FormatError("the line counts have an unknown schema", "schema")
    try:
        counted: dict[tuple[str, int, int], int] = {}
        # Of a function that was defined several times there are several counts of one line.
        for name, first, line, hits in raw["lines"]:
            key = str(name), int(line), int(first)
            counted[key] = counted.get(key, 0) + int(hits)
        lines = tuple(LineCount(*key, hits) for key, hits in counted.items() if hits)
        left_out = [tuple((str(file), int(line)) for file, line in raw[key]) for key in ("too_large", "alike")]
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError) as error:
        raise FormatError("the line counts are malformed", repr(error)[:200]) from error
    for count in lines:
        # Written so that no number that is none passes.
        if not (count.line > 0 and count.hits >= 0):
            raise FormatError("the line counts are malformed", f"line {count.line}")
    return ExactLinesReport(lines, *left_out)
