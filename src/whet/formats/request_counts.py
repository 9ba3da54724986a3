"""What the code inside a server leaves of requests: see :mod:`whet.inprocess.requests.counts`."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from whet.errors import FormatError
from whet.model.routes import CLASSES, MOST_ROUTES, RouteTotals
from whet.reading import MOST_DATA, read_file
from whet.records import dataclass

_HEAD = 2
_NUMBERS = 1 + CLASSES
_LONGEST = 1_000


@dataclass(frozen=True, slots=True)
class RequestCounts:
    """Of one process: when its first request began and its last ended, and each route by the name that stacks have."""

    began_ns: int
    ended_ns: int
    routes: tuple[tuple[str, RouteTotals], ...]
    execution: int = 0
    """Which execution of the run it was a process of."""


def read_request_counts(names: Path, counts: Path, execution: int = 0) -> RequestCounts:
    """Read the captures of one process. Raises ``OSError`` and :class:`FormatError`."""
    numbers = array("Q")
    data = read_file(counts, MOST_DATA)
    numbers.frombytes(data[: len(data) // 8 * 8])
    if len(numbers) < _HEAD:
        raise FormatError("the counts of requests are cut off", "their head")
    routes: list[tuple[str, RouteTotals]] = []
    for slot, line in enumerate(read_file(names, MOST_DATA).splitlines()):
        begin = _HEAD + slot * _NUMBERS
        spent, *classes = numbers[begin : begin + _NUMBERS] or (0,)
        if slot > MOST_ROUTES or not any(classes):
            # Of the last one there may be a name and nothing counted yet.
            continue
        try:
            routes.append(_read_route(json.loads(line), spent, classes))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise FormatError("the names of routes are malformed", f"line {slot + 1}: {error!r}"[:200]) from error
    return RequestCounts(numbers[0], numbers[1], tuple(routes), execution)


def _read_route(named: dict[str, Any], spent: int, classes: Iterable[int]) -> tuple[str, RouteTotals]:
    found = [(index, count) for index, count in enumerate(classes) if count]
    return str(named["key"])[:_LONGEST], RouteTotals(
        name=str(named["route"])[:_LONGEST],
        spent_ns=spent,
        classes=tuple(index for index, _ in found),
        counts=tuple(count for _, count in found),
        file=str(named["file"]),
        line=int(named["line"]),
        function=str(named["function"])[:_LONGEST],
    )
