"""What the agent inside the program leaves: a head line, one line a stack that tasks waited with, one line a place."""

from __future__ import annotations

import json
from typing import Any, BinaryIO

from whet.errors import FormatError
from whet.model.agent_report import AgentReport, TaskWait
from whet.model.evidence import Evidence, Seen, Trigger

MAX_LINE = 16 * 1024 * 1024
MAX_PLACES = 100_000
MAX_TRIGGERS, MAX_GENERATIONS = 1_000, 8
MAX_DEPTH = 1_000
MAX_TRACK = 2 * 1_000
_MALFORMED = (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError, RecursionError)


def read_agent_report(file: BinaryIO) -> AgentReport:
    """Read a capture of ``whet.inprocess.agent.agent``. Raises :class:`FormatError`."""
    head = _read_line(file, 1)
    if head is None or head.get("schema") != 2:
        raise FormatError("the value samples have an unknown schema", "line 1")
    seen: list[Seen] = []
    waits: list[TaskWait] = []
    while (row := _read_line(file, number := len(seen) + len(waits) + 2)) is not None:
        if number > MAX_PLACES:
            raise FormatError("the value samples are too large", f"over {MAX_PLACES} lines")
        try:
            if "stack" in row:
                waits.append(_read_wait(row))
            else:
                seen.append(_seen(row))
        except _MALFORMED as error:
            raise FormatError("the value samples are malformed", f"line {number}: {error!r}"[:200]) from error
    try:
        return AgentReport(
            pid=int(head["pid"]),
            began=bool(head["began"]),
            threads=tuple(int(each) for each in head["threads"]),
            evidence=Evidence(
                int(head["samples"]),
                tuple(seen),
                str(head["why_none"]),
                tuple(
                    Trigger(str(file), int(line), str(function), int(first), int(samples))
                    for file, line, function, first, samples in head.get("triggers", ())[:MAX_TRIGGERS]
                ),
                tuple(int(count) for count in head.get("collections", ())[:MAX_GENERATIONS]),
            ),
            peak_kilobytes=int(head["peak_kilobytes"]),
            peak_stack=tuple((str(file), int(line), str(name)) for file, line, name in head["peak_stack"]),
            waits=tuple(waits),
            wall_ns=int(head["wall_ns"]),
            cpu_ns=int(head["cpu_ns"]),
        )
    except _MALFORMED as error:
        raise FormatError("the value samples are malformed", f"line 1: {error!r}"[:200]) from error


def read_agent_threads(file: BinaryIO) -> list[int]:
    """Read the ids of the agent's own threads, which stand in the first line. Raises :class:`FormatError`."""
    head = _read_line(file, 1)
    try:
        return [int(each) for each in head["threads"]] if head is not None else []
    except _MALFORMED as error:
        raise FormatError("the value samples are malformed", f"line 1: {error!r}"[:200]) from error


def read_agent_lists(file: BinaryIO) -> tuple[int, int] | None:
    """Read where two lists of the garbage collector are, which stand in the first line. Raises :class:`FormatError`."""
    head = _read_line(file, 1)
    try:
        garbage, callbacks = head["lists"] if head is not None else (0, 0)
        return (int(garbage), int(callbacks)) if head is not None else None
    except _MALFORMED as error:
        raise FormatError("the value samples are malformed", f"line 1: {error!r}"[:200]) from error


def _read_line(file: BinaryIO, number: int) -> dict[str, Any] | None:
    line = file.readline(MAX_LINE + 1)
    if not line:
        return None
    if len(line) > MAX_LINE:
        raise FormatError("the value samples are too large", f"line {number}")
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise FormatError("the value samples are not JSON", f"line {number}: {error}"[:200]) from error
    if not isinstance(row, dict):
        raise FormatError("the value samples are malformed", f"line {number}")
    return row


def _seen(raw: dict[str, Any]) -> Seen:
    low, middle, high = raw["lengths"] or (None, None, None)
    return Seen(
        file=str(raw["file"]),
        function=str(raw["function"]),
        function_line=int(raw["line"]),
        name=str(raw["name"]),
        samples=int(raw["samples"]),
        types={str(kind): int(count) for kind, count in raw["types"].items()},
        elements={str(kind): int(count) for kind, count in raw["elements"].items()},
        min_length=None if low is None else int(low),
        median_length=None if middle is None else int(middle),
        max_length=None if high is None else int(high),
        track=_read_track(raw.get("track", ())),
        distinct=int(raw["distinct"]) if raw.get("distinct") is not None else None,
    )


def _read_wait(raw: dict[str, Any]) -> TaskWait:
    stack = [(str(file), int(line), str(name), int(first)) for file, line, name, first in raw["stack"][:MAX_DEPTH]]
    return TaskWait(tuple(stack), int(raw["thread"]), max(0, int(raw["ns"])), max(0, int(raw["together"])))


def _read_track(raw: list[int]) -> tuple[int, ...]:
    """Return a track as it is, as far as it is whole; captures of others may hold anything."""
    track = tuple(int(number) for number in raw[:MAX_TRACK])
    return track[: len(track) // 2 * 2]
