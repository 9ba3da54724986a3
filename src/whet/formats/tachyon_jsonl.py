"""Tachyon's ``--jsonl``: tables of strings and frames, and how many samples each frame was in. One JSON object a line.

CPython 3.15's ``Lib/profiling/sampling`` writes it. It has lines and full paths, but neither stacks nor threads.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import BinaryIO

from whet.errors import FormatError
from whet.formats._builder import ProfileBuilder, check_line, check_value
from whet.model.frame import Frame, Owner
from whet.model.metric import Metric
from whet.model.profile import Profile

MOST_LINE = 64 * 1024 * 1024
MOST_ENTRIES = 4_000_000
_MOST_US = 3_600_000_000


class TachyonJsonl:
    """Reads it."""

    name = "tachyon-jsonl"

    def recognizes(self, head: bytes) -> bool:
        """Return whether the first line is the meta data that Tachyon begins with."""
        line = head.partition(b"\n")[0]
        return line.startswith(b"{") and b'"meta"' in line and b'"sample_interval_usec"' in line

    def read(self, file: BinaryIO) -> Iterator[Profile]:
        """Yield the one profile in ``file``; raises ``FormatError`` with the line that is wrong."""
        reader = _Reader()
        while line := file.readline(MOST_LINE + 1):
            reader.number += 1
            if len(line) > MOST_LINE:
                raise FormatError(f"more than {MOST_LINE:,} bytes", where=reader.where)
            reader.take(line)
        yield reader.profile()

    def write(self, profile: Profile, sink: BinaryIO) -> None:
        """Refuse: CPython writes these."""
        raise FormatError("Tachyon's JSON lines are read, not written", hint="write speedscope, pprof or collapsed")


class _Reader:
    """Takes line after line."""

    def __init__(self) -> None:
        self.number = 0
        self.builder = ProfileBuilder()
        self.strings: dict[int, str] = {}
        self.frames: dict[int, int] = {}
        self.period_ns = 0
        self.mode = ""
        self.samples_total = 0
        self.is_ended = False

    @property
    def where(self) -> str:
        return f"line {self.number}"

    def take(self, line: bytes) -> None:
        """Add one line."""
        if not line.strip():
            return
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            raise FormatError("not JSON, or it breaks off", where=self.where) from None
        match record:
            case {"type": "meta", "v": int(version)} if version != 0:
                raise FormatError(f"version {ascii(version)[:20]} of the format, and only 0 is known", where=self.where)
            case {"type": "meta", "sample_interval_usec": int(interval), **rest} if 0 < interval < _MOST_US:
                self.period_ns = interval * 1_000
                self.mode = str(rest.get("mode", ""))[:20]
            case {"type": "string_table", "strings": list(strings)}:
                self._take_strings(strings)
            case {"type": "frame_table", "frames": list(frames)}:
                self._take_frames(frames)
            case {"type": "agg", "kind": "frame", "scope": "final", "entries": list(entries)}:
                self._take_entries(entries)
            case {"type": "end"}:
                self.is_ended = True
            case {"type": str()}:
                pass
            case _:
                raise FormatError("not a record with a type", where=self.where)

    def _take_strings(self, strings: list[object]) -> None:
        for each in strings:
            match each:
                case {"str_id": int(key), "value": str(value)}:
                    self.strings[key] = value
                case _:
                    raise FormatError("a string without its number", where=self.where)
        if len(self.strings) > MOST_ENTRIES:
            raise FormatError(f"more than {MOST_ENTRIES:,} strings", where=self.where)

    def _take_frames(self, frames: list[object]) -> None:
        for each in frames:
            match each:
                case {"frame_id": int(key), "path_str_id": int(path), "func_str_id": int(name), **rest} if (
                    path in self.strings and name in self.strings
                ):
                    file = self.strings[path]
                    frame = Frame(file, self.strings[name], check_line(rest.get("line")))
                    if file == "~":
                        frame = Frame("", self.strings[name], owner=Owner.NATIVE)
                    self.frames[key] = self.builder.frame(frame)
                case _:
                    raise FormatError("a frame whose path or name is not there", where=self.where)
        if len(self.frames) > MOST_ENTRIES:
            raise FormatError(f"more than {MOST_ENTRIES:,} frames", where=self.where)

    def _take_entries(self, entries: list[object]) -> None:
        if not self.period_ns:
            raise FormatError("samples before the line that says how long one stands for", where=self.where)
        thread = self.builder.thread()
        for each in entries:
            match each:
                case {"frame_id": int(key), "self": int(count)} if key in self.frames and count >= 0:
                    if count:
                        row = self.builder.stack([self.frames[key]], self.where)
                        value = check_value(count, self.where, self.period_ns)
                        self.builder.add(Metric.CPU, thread, row, value, count)
                case _:
                    raise FormatError("samples of a frame that is not there", where=self.where)

    def profile(self) -> Profile:
        if not self.is_ended:
            raise FormatError("it breaks off before the record that ends it", where=self.where)
        return self.builder.build(
            "tachyon", period_ns=self.period_ns, wall=self.mode != "cpu", missing=("stacks", "threads")
        )
