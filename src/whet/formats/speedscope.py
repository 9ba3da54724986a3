"""speedscope's file format, as its ``file-format-schema.json`` and ``file-format-spec.ts`` describe it.

Written by py-spy, pyinstrument, memray and austin's converters. A file holds frames and profiles; a profile is of one
thread and one quantity: ``sampled``, stacks with weights, or ``evented``, frames that open and close.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterator
from typing import BinaryIO, cast

from whet.errors import FormatError
from whet.formats._builder import MOST_DEPTH, MOST_FRAMES, SCALES, ProfileBuilder, check_line, check_value, reindex
from whet.formats._json_stream import BrokenOff, JsonStream
from whet.formats.api import Keeps
from whet.formats.collapsed import PERIOD_NS
from whet.model.frame import NO_FRAME, Frame
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile, Thread

SCHEMA = "https://www.speedscope.app/file-format-schema.json"
_TITLES = {
    Metric.CPU: "Time",
    Metric.WAITING: "Waiting",
    Metric.ALLOCATED: "Allocated",
    Metric.PEAK: "Peak memory",
}
"""How the profiles of each quantity are called, in the order in which they are written."""
_METRICS = {title: metric for metric, title in _TITLES.items()}
_THREAD = re.compile(
    r"(?:(?P<title>[\w ]+): )?(?:Process (?P<pid>\d{1,18}) )?Thread (?P<tid>0[xX][0-9a-fA-F]{1,16}|\d{1,18})"
    r'(?: "(?P<name>.*)")?(?: of (?P<process>.*))?',
    re.DOTALL,
)
_AUSTIN = re.compile(r"(?P<mode>Wall|CPU) time profile for (?P<pid>\d{1,18}):\d+:(?P<tid>[0-9a-fA-F]{1,16})")
_MOST_CACHED = 64 * 1024 * 1024
"""Characters of stacks as the file writes them, which are remembered to recognize repeated ones."""
_BROKEN = "it breaks off"


class Speedscope:
    """Reads and writes it."""

    name = "speedscope"
    keeps = Keeps(frozenset(_TITLES))

    def recognizes(self, head: bytes) -> bool:
        """Return whether ``head`` is the start of a JSON object that names the schema or has its members."""
        text = head.lstrip()
        if not text.startswith(b"{"):
            return False
        if SCHEMA.encode() in text:
            return True
        return re.search(rb'"(endValue|startValue)"\s*:', text) is not None and b'"unit"' in text

    def read(self, file: BinaryIO) -> Iterator[Profile]:
        """Yield the profiles in ``file`` as one; raises ``FormatError`` with the character that is wrong."""
        reader = _Reader(JsonStream(file))
        try:
            yield reader.read()
        except BrokenOff:
            raise FormatError(_BROKEN, where=reader.stream.position) from None

    def write(self, profile: Profile, sink: BinaryIO) -> None:
        """Write time, waiting, allocated bytes and the peak, each thread's as a profile of its own."""
        frames = [
            {"name": frame.name, **({"file": frame.file} if frame.file else {}), **_write_line(frame)}
            for frame in profile.frames
        ]
        head = {"$schema": SCHEMA, "exporter": "whet", "name": profile.collector, "activeProfileIndex": 0}
        sink.write(_dump(head)[:-1])
        sink.write(b',"shared":{"frames":' + _dump(frames) + b'},"profiles":[')
        order = list(_TITLES)
        columns = [each for each in profile.samples if each.metric in _TITLES and len(each.stack)]
        columns.sort(key=lambda each: (order.index(each.metric), -sum(each.value)))
        for number, samples in enumerate(columns):
            stacks = [
                [profile.stacks.frame[at] for at in profile.stacks.walk(row)][::-1] if row >= 0 else []
                for row in samples.stack
            ]
            written = {
                "type": "sampled",
                "name": f"{_TITLES[samples.metric]}: {_name_thread(profile.threads[samples.thread])}",
                "unit": samples.metric.unit.value if samples.metric.unit.value == "bytes" else "nanoseconds",
                "startValue": 0,
                "endValue": sum(samples.value),
                "samples": stacks,
                "weights": list(samples.value),
                "whet": {"samples": samples.count, "period_ns": profile.period_ns, "wall": profile.wall},
            }
            sink.write((b"," if number else b"") + _dump(written))
        sink.write(b"]}\n")


def _dump(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def _write_line(frame: Frame) -> dict[str, int]:
    line = frame.line or frame.first_line
    return {"line": line} if line else {}


def _name_thread(thread: Thread) -> str:
    process = f"Process {thread.pid} " if thread.pid else ""
    name = f' "{thread.name}"' if thread.name else ""
    command = f" of {thread.process}" if thread.process else ""
    return f"{process}Thread {thread.tid}{name}{command}"


class _Reader:
    """Takes member after member; what the frames are may come last."""

    def __init__(self, stream: JsonStream) -> None:
        self.stream = stream
        self.builder = ProfileBuilder()
        self.frames: list[Frame] | None = None
        self.exporter = ""
        self.missing: list[str] = []
        self.period_ns = 0
        self.wall = True
        self._highest = -1
        self.known_rows: dict[str, int] = {}
        self._cached = 0
        self._has_profiles = False
        self._texts: dict[str, str] = {}

    def read(self) -> Profile:
        stream = self.stream
        for member in stream.members():
            if member == "shared":
                self._read_shared()
            elif member == "profiles":
                self._has_profiles = True
                for _ in stream.entries():
                    _Entry(self).read()
            else:
                value = stream.value()
                if member in {"exporter", "name"} and isinstance(value, str):
                    self._texts[member] = value[:80]
                    self.exporter = self._texts.get("exporter", "")
        if self.frames is None or not self._has_profiles:
            raise FormatError("no frames and profiles: not a file of speedscope", where=stream.position)
        if self._highest >= len(self.frames):
            raise FormatError(f"frame {self._highest} of {len(self.frames)}", where="profiles")
        return self._finish(self.frames)

    def _finish(self, frames: list[Frame]) -> Profile:
        # Rows hold the file's own numbers, each plus one, up to here: 0 stands for no frame at all.
        tool = self._texts.get("name", "") if self.exporter == "whet" else self.exporter.replace("@", " ")
        collector = tool or "speedscope"
        if not any(frame.line for frame in frames):
            self.missing.append("lines")
        if all(not each.tid and not each.name for each in self.builder.threads.threads()):
            self.missing.append("threads")
        made = self.builder.build(collector, period_ns=self.period_ns, wall=self.wall, missing=self.missing)
        return reindex(made, [NO_FRAME, *frames])

    def _read_shared(self) -> None:
        for member in self.stream.members():
            if member != "frames":
                self.stream.value()
                continue
            self.frames = []
            for value in self.stream.elements():
                self.frames.append(self._read_frame(value))
                if len(self.frames) > MOST_FRAMES:
                    raise FormatError(f"more than {MOST_FRAMES:,} frames", where=self.stream.position)

    def _read_frame(self, value: object) -> Frame:
        match value:
            case {"name": str(name), **rest}:
                file = rest.get("file")
                return Frame(file if isinstance(file, str) else "", name, check_line(rest.get("line")))
            case _:
                raise FormatError("a frame without a name", where=self.stream.position)

    def row(self, text: str) -> int:
        """Return the row of a stack as the file writes it."""
        row = self.known_rows.get(text)
        if row is None:
            if text and not (text.isascii() and text.replace(",", "").isdigit()):
                raise FormatError("not an array of arrays of numbers", where=self.stream.position)
            try:
                frames = [self.frame(int(each)) for each in text.split(",")] if text else []
            except ValueError:
                raise FormatError("a stack that is not a list of frames", where=self.stream.position) from None
            row = self.builder.stack(frames or [0], self.stream.position)
            self._cached += len(text) + 150
            if self._cached > _MOST_CACHED:
                self.known_rows.clear()
                self._cached = 0
            self.known_rows[text] = row
        return row

    def frame(self, index: int) -> int:
        """Return the builder's number of one of the file's frames; whether it is there shows at the end."""
        if index > MOST_FRAMES:
            raise FormatError(f"frame {index}, more than there can be", where=self.stream.position)
        self._highest = max(self._highest, index)
        return index + 1


class _Entry:
    """One profile of the file."""

    def __init__(self, reader: _Reader) -> None:
        self.reader = reader
        self.stream = reader.stream
        self.texts: dict[str, str] = {}
        self.rows = array("i")
        self.values: list[int] | array[float] = array("d")
        self.spent: dict[int, float] = {}
        self.samples = 0
        self.count = 0
        self.is_wall = False

    def read(self) -> None:
        for member in self.stream.members():
            if member == "samples":
                for texts in self.stream.rows():
                    self._add_rows(texts)
            elif member == "weights":
                self._read_weights()
            elif member == "events":
                self._read_events()
            else:
                value = self.stream.value()
                if isinstance(value, str):
                    self.texts[member] = value
                elif member == "whet" and isinstance(value, dict):
                    self._read_own(value)
        self._add()

    def _read_weights(self) -> None:
        position = self.stream.position
        values = array("d")
        for numbers in self.stream.numbers():
            try:
                found: array[float] = array("d", numbers)  # type: ignore[arg-type]
            except (TypeError, OverflowError):
                raise FormatError("a value that is not a number", where=position) from None
            # The sum of what holds NaN is NaN, which is in no order with anything.
            if found and not (min(found) >= 0 and max(found) <= 2**62 and sum(found) >= 0):
                raise FormatError("a weight that is negative or not finite", where=position)
            values.extend(found)
        self.values = values

    def _add_rows(self, texts: list[str]) -> None:
        """Add the rows of samples; those that were seen before are found many at once."""
        rows = list(map(self.reader.known_rows.get, texts))
        if None in rows:
            rows = [self.reader.row(text) if row is None else row for text, row in zip(texts, rows, strict=True)]
        self.rows.extend(cast("list[int]", rows))

    def _read_own(self, value: dict[str, object]) -> None:
        count, period = value.get("samples"), value.get("period_ns")
        if isinstance(count, int) and 0 <= count < 2**53:
            self.count = count
        if isinstance(period, int) and 0 <= period < 2**53:
            self.reader.period_ns = period
        self.is_wall = value.get("wall") is True

    def _read_events(self) -> None:
        """Turn opening and closing of frames into time of stacks: what passes belongs to the frames that are open."""
        builder = self.reader.builder
        open_: list[tuple[int, int]] = []  # frames and the rows that they make
        last: float | None = None
        row = ROOT
        for number, event in enumerate(self.stream.elements(), start=1):
            where = f"event {number} before {self.stream.position}"
            match event:
                case {"type": "O" | "C" as kind, "at": int(at) | float(at), "frame": int(frame)} if (
                    frame >= 0 and abs(at) <= 2**62
                ):
                    pass
                case _:
                    raise FormatError("not an event that opens or closes a frame", where=where)
            if last is not None and at < last:
                raise FormatError("an event before the one ahead of it", where=where)
            if last is not None and open_ and at > last:
                self.spent[row] = self.spent.get(row, 0.0) + (at - last)
                self.samples += 1
            last = at
            if kind == "O":
                if len(open_) >= MOST_DEPTH:
                    raise FormatError(f"a stack of more than {MOST_DEPTH:,} frames", where=where)
                row = builder.call(row, self.reader.frame(frame), where)
                open_.append((frame, row))
            elif not open_ or open_.pop()[0] != frame:
                raise FormatError("a frame is closed that is not the last one opened", where=where)
            else:
                row = open_[-1][1] if open_ else ROOT

    def _add(self) -> None:
        reader, builder = self.reader, self.reader.builder
        where = f"the profile before {self.stream.position}"
        kind, unit, name = (self.texts.get(key, "") for key in ("type", "unit", "name"))
        if kind not in ("sampled", "evented"):
            raise FormatError(f"a profile of type {kind[:20]!a}", where=where)
        if kind == "sampled" and len(self.rows) != len(self.values):
            raise FormatError(f"{len(self.rows):,} samples and {len(self.values):,} weights", where=where)
        thread, title = self._find_thread(name)
        metric, scale = self._find_metric(unit, title, where)
        if metric is None:
            return
        sums: dict[int, float] = self.spent
        counts = 0
        if kind == "sampled":
            sums = self._sum_up()
            counts = self.count or len(self.rows)
            if unit == "none":
                counts = round(sum(self.values))
        else:
            counts = self.samples if reader.exporter.startswith("pyinstrument") else 0
        values = ((row, check_value(spent, where, scale)) for row, spent in sums.items())
        builder.add_all(metric, thread, values, counts if sums else 0)

    def _sum_up(self) -> dict[int, float]:
        """Return the weight of each row that has samples."""
        size = len(self.reader.builder.stacks.parent)
        if len(self.rows) < size // 8:
            few: dict[int, float] = {}
            for row, value in zip(self.rows, self.values, strict=True):
                few[row] = few.get(row, 0.0) + value
            return few
        # A column of all rows is several times quicker than a dictionary.
        sums = array("d", bytes(8 * size))
        for row, value in zip(self.rows, self.values, strict=True):
            sums[row] += value
        return {row: value for row, value in enumerate(sums) if value}

    def _find_thread(self, name: str) -> tuple[int, str]:
        builder = self.reader.builder
        if (found := _AUSTIN.fullmatch(name)) is not None:
            tid = int(found["tid"], 10 if found["tid"].isdecimal() else 16)
            self.reader.wall = found["mode"] == "Wall"
            return builder.thread(int(found["pid"]), tid), ""
        if (found := _THREAD.fullmatch(name)) is not None:
            tid = int(found["tid"], 0) if found["tid"][:2].lower() == "0x" else int(found["tid"])
            return (
                builder.thread(int(found["pid"] or 0), tid, found["name"] or "", found["process"] or ""),
                found["title"] or "",
            )
        return builder.thread(), name

    def _find_metric(self, unit: str, title: str, where: str) -> tuple[Metric | None, float]:
        reader = self.reader
        if title in _METRICS and reader.exporter == "whet":
            reader.wall = self.is_wall
            return _METRICS[title], 1
        if unit in SCALES:
            return Metric.CPU, SCALES[unit]
        if unit == "bytes":
            return Metric.PEAK, 1
        if unit != "none":
            raise FormatError(f"the unit {unit[:20]!a}", where=where)
        if reader.exporter.startswith("memray") or title == "Allocations":
            note = "the number of allocations: what is counted is alive at the peak, not all that were made"
            if note not in reader.missing:
                reader.missing.append(note)
            return None, 1
        note = f"times: it counts samples, and {PERIOD_NS // 1_000_000} ms is assumed for each"
        if note not in reader.missing:
            reader.missing.append(note)
        reader.period_ns = PERIOD_NS
        return Metric.CPU, PERIOD_NS
