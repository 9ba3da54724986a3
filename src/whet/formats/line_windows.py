"""What the agent inside the target leaves: line counts from windows, anchors, looks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from whet.errors import FormatError
from whet.formats.anchored_hits import estimate_hits
from whet.model.evidence import Evidence, Seen
from whet.model.profile import LineCount, Profile

MAX_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class AgentReport:
    """Everything that one process's agent reported."""

    pid: int
    lines: tuple[LineCount, ...] = ()
    windows: int = 0
    evidence: Evidence = field(default_factory=Evidence)
    why_no_hits: str = ""
    left_plain: int = 0
    strangers: tuple[str, ...] = ()
    """Files that ran and that something else than the import system had compiled: no counts there."""
    peak_kilobytes: int = 0
    peak_stack: tuple[tuple[str, int, str], ...] = ()
    sources: Mapping[str, bytes] = field(default_factory=dict)
    wall_ns: int = 0
    cpu_ns: int = 0


class LineWindows:
    """The agent's capture as a profile that holds line counts only."""

    name = "whet-lines"

    def read(self, file: BinaryIO) -> Iterator[Profile]:
        """Yield one profile. Raises :class:`FormatError`."""
        report = read_agent_report(file)
        yield Profile(collector="line_profiler", lines=report.lines)

    def write(self, profile: Profile, sink: BinaryIO) -> None:
        """Write exact counts; those are all that a profile still knows."""
        exact = [[each.file, "", each.function_line, each.line, each.hits] for each in profile.lines if each.exact]
        sink.write(json.dumps({"schema": 1, "exact": exact}).encode())


def read_agent_report(file: BinaryIO) -> AgentReport:
    """Read a capture of ``whet._target.agent`` or ``whet._target.all_lines``. Raises :class:`FormatError`."""
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise FormatError("the line counts are too large", f"over {MAX_BYTES} bytes")
    try:
        raw = json.loads(data.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise FormatError("the line counts are not JSON", str(error)) from error
    if not isinstance(raw, dict) or raw.get("schema") != 1:
        raise FormatError("the line counts have an unknown schema", "schema")
    try:
        report = _exact_report(raw) if "exact" in raw else _windows_report(raw)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError) as error:
        raise FormatError("the line counts are malformed", repr(error)[:200]) from error
    for line in report.lines:
        # Written so that no number that is none passes.
        if not (line.line > 0 and line.error >= 0 and (line.hits is None or line.hits >= 0)):
            raise FormatError("the line counts are malformed", f"line {line.line}")
    return report


def _exact_report(raw: dict[str, Any]) -> AgentReport:
    lines = tuple(
        LineCount(str(file), int(line), int(first), int(hits), exact=True)
        for file, _name, first, line, hits in raw["exact"]
        if hits
    )
    return AgentReport(pid=0, lines=lines)


def _windows_report(raw: dict[str, Any]) -> AgentReport:
    counted = raw["lines"]
    lines: tuple[LineCount, ...] = ()
    if counted is not None:
        lines = tuple(estimate_hits(counted["rows"], counted["phases"], counted["anchors"], counted["anchor_rows"]))
    return AgentReport(
        pid=int(raw["pid"]),
        lines=lines,
        windows=int(counted["windows"]) if counted is not None else 0,
        evidence=Evidence(int(raw["looks"]), tuple(_seen(each) for each in raw["seen"]), str(raw["why_no_looks"])),
        why_no_hits=str(raw["why_no_hits"]),
        left_plain=int(raw["left_plain"]),
        strangers=tuple(str(file) for file in raw.get("strangers", ())),
        peak_kilobytes=int(raw["peak_kilobytes"]),
        peak_stack=tuple((str(file), int(line), str(name)) for file, line, name in raw["peak_stack"]),
        sources={str(name): text.encode("latin-1") for name, text in raw["sources"].items()},
        wall_ns=int(raw["wall_ns"]),
        cpu_ns=int(raw["cpu_ns"]),
    )


def _seen(raw: dict[str, Any]) -> Seen:
    low, middle, high = raw["lengths"] or (None, None, None)
    return Seen(
        file=str(raw["file"]),
        function=str(raw["function"]),
        function_line=int(raw["line"]),
        name=str(raw["name"]),
        looks=int(raw["looks"]),
        types={str(kind): int(count) for kind, count in raw["types"].items()},
        elements={str(kind): int(count) for kind, count in raw["elements"].items()},
        min_length=low,
        median_length=middle,
        max_length=high,
    )
