"""Chrome's trace events, as "Trace Event Format" describes them: JSON, an array or an object with ``traceEvents``.

Read are ``B`` and ``E`` (begin and end; py-spy) and ``X`` (complete, in any order; viztracer), which time stacks
of each thread, and ``M``, which names processes and threads. Times are microseconds.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from typing import BinaryIO

from whet.errors import FormatError
from whet.formats._builder import MOST_DEPTH, MOST_THREADS, ProfileBuilder, check_line
from whet.formats._chrome_write import CATEGORIES, write_trace
from whet.formats._json_stream import BrokenOff, JsonStream
from whet.formats.api import Keeps
from whet.formats.frame_text import read_frame
from whet.model.frame import Frame
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile

MOST_EVENTS = 5_000_000
"""Complete events: about 100 bytes each while they are sorted."""
_MICROSECOND = 1_000
_MOST_US = 2.0**53
_THREAD_NAME = re.compile(r"thread \((?:0[xX][0-9a-fA-F]{1,16}|\d{1,19})\)(?:: ?(?P<name>.*))?", re.DOTALL)
_FUNCTION_EVENTS = frozenset({"fee", "FEE"})
"""viztracer's category of calls, whose line is the one at which the function starts."""


class Chrome:
    """Reads and writes them."""

    name = "chrome"
    keeps = Keeps(frozenset({Metric.CPU, Metric.WAITING}))

    def recognizes(self, head: bytes) -> bool:
        """Return whether ``head`` is the start of an array of events, or of an object with one."""
        text = head.lstrip()
        if text.startswith(b"["):
            return re.search(rb'"ph"\s*:', text) is not None
        return text.startswith(b"{") and re.search(rb'"traceEvents"\s*:\s*\[', text) is not None

    def read(self, file: BinaryIO) -> Iterator[Profile]:
        """Yield the one profile in ``file``; raises ``FormatError`` with the event that is wrong."""
        stream = JsonStream(file)
        reader = _Reader(stream)
        try:
            reader.read()
        except BrokenOff:
            raise FormatError("it breaks off", where=stream.position) from None
        yield reader.profile()

    def write(self, profile: Profile, sink: BinaryIO) -> None:
        """Write each thread's stacks next to one another, widest first: a trace of how long, not of when."""
        write_trace(profile, sink)


class _Track:
    """What happens in one thread: frames that are open, and complete events, in columns."""

    def __init__(self) -> None:
        self.open: list[int] = []
        """The rows of the frames that are open."""
        self.last = 0.0
        self.starts, self.spans, self.frames = array("d"), array("d"), array("i")


class _Reader:
    """Takes event after event."""

    def __init__(self, stream: JsonStream) -> None:
        self.stream = stream
        self.builder = ProfileBuilder()
        self.names: dict[tuple[int, int], str] = {}
        self.processes: dict[int, str] = {}
        self.spent: dict[tuple[int, int, Metric], dict[int, float]] = {}
        self.tracks: dict[tuple[int, int, Metric], _Track] = {}
        self.number = 0
        self.complete = 0
        self.is_ours = False
        self.is_wall = True
        self.tools: set[str] = set()
        self.has_lines = False
        self._known: dict[tuple[str, str, int, int, str], int] = {}

    @property
    def where(self) -> str:
        return f"event {self.number} before {self.stream.position}"

    def read(self) -> None:
        """Read the whole file."""
        if self.stream.is_array():
            self._read_events()
            return
        found = False
        for member in self.stream.members():
            if member == "traceEvents":
                found = True
                self._read_events()
                continue
            value = self.stream.value()
            if member == "otherData" and isinstance(value, dict):
                self.is_ours = value.get("exporter") == "whet"
                if self.is_ours:
                    self.tools = {str(value.get("collector", "whet"))[:80]}
                    self.is_wall = value.get("wall") is True
        if not found:
            raise FormatError("no traceEvents: not a trace", where=self.stream.position)

    def _read_events(self) -> None:
        for event in self.stream.elements():
            self.number += 1
            if not isinstance(event, dict):
                raise FormatError("an event that is no object", where=self.where)
            self._take(event)

    def _take(self, event: dict[str, object]) -> None:
        kind = event.get("ph")
        pid, tid = (_read_id(event.get(key)) for key in ("pid", "tid"))
        if kind == "M":
            self._take_name(event, pid, tid)
            return
        if kind not in ("B", "E", "X"):
            return
        at = event.get("ts")
        if isinstance(at, bool) or not isinstance(at, int | float) or not abs(at) < _MOST_US:
            raise FormatError("an event without its time", where=self.where)
        category = str(event.get("cat", ""))
        metric = CATEGORIES.get(category, Metric.CPU) if self.is_ours else Metric.CPU
        if not self.is_ours and category and len(self.tools) < 5:
            self.tools.add("viztracer" if category in _FUNCTION_EVENTS else category[:40])
        track = self.tracks.setdefault((pid, tid, metric), _Track())
        if len(self.tracks) > MOST_THREADS:
            raise FormatError(f"more than {MOST_THREADS:,} threads", where=self.where)
        if kind == "X":
            span = event.get("dur", 0)
            if isinstance(span, bool) or not isinstance(span, int | float) or not 0 <= span < _MOST_US:
                raise FormatError("an event whose duration is negative or none", where=self.where)
            self.complete += 1
            if self.complete > MOST_EVENTS:
                raise FormatError(f"more than {MOST_EVENTS:,} events", where=self.where)
            track.starts.append(at)
            track.spans.append(span)
            track.frames.append(self._find_frame(event, category, pid, tid))
            return
        self._pass(track, (pid, tid, metric), at)
        if kind == "B":
            self._open(track.open, self._find_frame(event, category, pid, tid))
            return
        if not track.open:
            raise FormatError("an end of what did not begin", where=self.where)
        track.open.pop()

    def _pass(self, track: _Track, key: tuple[int, int, Metric], at: float) -> None:
        """Count the time since the event before as that of the frames that are open."""
        if track.open and at < track.last:
            raise FormatError("an event before the one ahead of it", where=self.where)
        if track.open and at > track.last:
            self._spend(key, track.open[-1], at - track.last)
        track.last = at

    def _open(self, rows: list[int], frame: int) -> None:
        """Put the row of ``frame`` on those that are open; a frame that names the thread has that below it."""
        if len(rows) >= MOST_DEPTH:
            raise FormatError(f"a stack of more than {MOST_DEPTH:,} frames", where=self.where)
        row = rows[-1] if rows else ROOT
        rows.append(self.builder.call(row, frame, self.where) if frame >= 0 else row)

    def _spend(self, key: tuple[int, int, Metric], row: int, span: float) -> None:
        if row == ROOT:
            row = self.builder.stack([], self.where)
        rows = self.spent.setdefault(key, {})
        rows[row] = rows.get(row, 0.0) + span

    def _take_name(self, event: dict[str, object], pid: int, tid: int) -> None:
        match event:
            case {"name": "thread_name", "args": {"name": str(name)}}:
                self.names[pid, tid] = name[:200]
            case {"name": "process_name", "args": {"name": str(name)}}:
                self.processes[pid] = name[:2000]

    def _find_frame(self, event: dict[str, object], category: str, pid: int, tid: int) -> int:
        """Return the index of an event's frame; -1 for one that names the thread."""
        name = event.get("name")
        if not isinstance(name, str):
            raise FormatError("an event without a name", where=self.where)
        arguments = event.get("args")
        file, line, first = "", 0, 0
        if isinstance(arguments, dict):
            file = next((text for key in ("filename", "file") if isinstance(text := arguments.get(key), str)), "")
            line, first = check_line(arguments.get("line")), check_line(arguments.get("first_line"))
        key = name, file, line, first, category
        index = self._known.get(key)
        if index is None:
            index = self._known[key] = self._make_frame(*key)
        if index == -1 and (found := _THREAD_NAME.fullmatch(name)) is not None and found["name"]:
            self.names.setdefault((pid, tid), found["name"])
        return index

    def _make_frame(self, name: str, file: str, line: int, first: int, category: str) -> int:
        if not file and _THREAD_NAME.fullmatch(name) is not None:
            return -1
        frame = Frame(file, name, line, first) if file or self.is_ours else read_frame(name)
        if category in _FUNCTION_EVENTS:
            frame = Frame(frame.file, frame.name, 0, frame.line)
        self.has_lines |= bool(frame.line)
        return self.builder.frame(frame)

    def profile(self) -> Profile:
        """Return what the events spent."""
        for key, track in self.tracks.items():
            if track.open:
                raise FormatError(f"{len(track.open)} frames that never end: it breaks off", where=self.where)
            self._spend_complete(key, track)
        for (pid, tid, metric), rows in self.spent.items():
            thread = self.builder.thread(pid, tid, self.names.get((pid, tid), ""), self.processes.get(pid, ""))
            for row, span in rows.items():
                self.builder.add(metric, thread, row, round(span * _MICROSECOND), 0)
        missing = [] if self.has_lines else ["lines: it has those at which functions start"]
        missing.append("how many samples it was")
        return self.builder.build(" ".join(sorted(self.tools)) or "chrome trace", wall=self.is_wall, missing=missing)

    def _spend_complete(self, key: tuple[int, int, Metric], track: _Track) -> None:
        """Turn complete events into time of stacks: each one's own is what no event inside it took."""
        starts, spans, frames = track.starts, track.spans, track.frames
        # Twice instead of once by pairs, which would take most of the memory.
        order = sorted(range(len(starts)), key=spans.__getitem__, reverse=True)
        order.sort(key=starts.__getitem__)
        open_: list[list[float]] = []
        stack: list[int] = []
        for index in order:
            start, span = starts[index], spans[index]
            # Written with three decimals, an event may seem to end a nanosecond after the one around it.
            while open_ and open_[-1][0] < start + span - 0.0015 and open_[-1][0] <= start + 0.0015:
                self._close(key, open_, stack)
            open_.append([start + span, span])
            if len(open_) > 1:
                open_[-2][1] -= span
            self._open(stack, frames[index])
        while open_:
            self._close(key, open_, stack)

    def _close(self, key: tuple[int, int, Metric], open_: list[list[float]], stack: list[int]) -> None:
        own = open_.pop()[1]
        if own > 0:
            self._spend(key, stack[-1], own)
        stack.pop()


def _read_id(value: object) -> int:
    """Return a process or thread id; 0 for what is none."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 19:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else 0
