"""pprof: the protocol buffer ``perftools.profiles.Profile`` of google/pprof's ``proto/profile.proto``.

Written by the agents of Pyroscope, Parca, Polar Signals, Datadog and Google Cloud Profiler, packed with gzip or zstd
(:mod:`whet.formats.unpack`). Strings, functions and locations may stand behind the samples that name them, so stacks
are kept by location until the end.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from whet.errors import FormatError
from whet.formats._builder import ProfileBuilder, check_line, check_value, reindex
from whet.formats._pprof_types import choose_types
from whet.formats._pprof_write import METRICS, WALL, encode_profile
from whet.formats._protobuf import (
    Truncated,
    read_field,
    read_message,
    read_number,
    read_numbers,
    read_stream,
    to_signed,
    write_field,
    write_number,
)
from whet.formats.api import Keeps
from whet.model.frame import NO_FRAME, Frame, Owner
from whet.model.profile import Profile, Thread

MOST_ENTRIES = 4_000_000
"""Different pairs of stack and labels, strings, locations and functions each."""
MOST_THREADS = 10_000
"""Values of one label, above which it is no thread's."""
_MOST_CACHED = 500_000
_LABELS = {
    "thread id": "tid",
    "thread_id": "tid",
    "tid": "tid",
    "thread name": "name",
    "thread_name": "name",
    "thread": "name",
    "process id": "pid",
    "process_id": "pid",
    "pid": "pid",
    "process": "process",
}
"""What labels that tools write say of the thread."""
_NATIVE_FILES = frozenset({"<native>", "<unknown>", "unknown"})


class Pprof:
    """Reads and writes it; gzip is taken off by the caller and put on here, as usual."""

    name = "pprof"
    binary = True
    keeps = Keeps(frozenset(METRICS))

    def recognizes(self, head: bytes) -> bool:
        """Return whether ``head`` is the start of a message with the fields of a profile."""
        at, seen = 0, set()
        try:
            while at < len(head):
                number, value, at = read_field(head, at)
                is_bytes = number in {1, 2, 3, 4, 5, 6, 11}
                if number > 15 or (number != 13 and isinstance(value, bytes) is not is_bytes):
                    return False
                seen.add(number)
        except Truncated:
            pass
        except ValueError:
            return False
        return bool(seen & {1, 2, 6})

    def read(self, file: BinaryIO) -> Iterator[Profile]:
        """Yield the one profile in ``file``; raises ``FormatError`` with the byte that is wrong."""
        reader = _Reader()
        for number, value, at in read_stream(file):
            reader.take(number, value, at)
        yield reader.profile()

    def write(self, profile: Profile, sink: BinaryIO) -> None:
        """Write time, waiting, allocated bytes and the peak (as ``inuse_space``), packed with gzip."""
        with gzip.GzipFile(fileobj=sink, mode="wb", mtime=0, filename="") as packed:
            for part in encode_profile(profile):
                packed.write(part)


class _Reader:
    """Takes field after field. Locations are numbered in the order in which samples name them."""

    def __init__(self) -> None:
        self.builder = ProfileBuilder()
        self.strings: list[bytes] = []
        self.types: list[tuple[int, int]] = []
        self.period_type = (0, 0)
        self.period = 0
        self.comments: list[int] = []
        self.locations: dict[int, list[tuple[int, int]]] = {}
        """By id: function and line, the innermost first."""
        self.functions: dict[int, tuple[int, int, int]] = {}
        """By id: name, file, first line."""
        self._index: dict[int, int] = {}
        self._rows: dict[bytes, int] = {}
        self._values: dict[bytes, list[int]] = {}
        self._labels: dict[tuple[bytes, ...], int] = {}
        """Sets of labels that may tell threads apart."""
        self._seen_labels: dict[bytes, int] = {}
        self._values_of: dict[int, set[bytes]] = {}
        self._varied: set[bytes] = set()
        """Keys of one byte whose labels have too many values."""
        self._sums: dict[tuple[int, int], list[int]] = {}
        self._samples = 0

    def take(self, number: int, value: int | bytes, at: int) -> None:
        """Add one field of the profile that starts at byte ``at``."""
        if number == 2 and isinstance(value, bytes):
            self._take_sample(value, at)
        elif number == 6 and isinstance(value, bytes):
            self.strings.append(value)
            self._bound(self.strings, at)
        elif number == 4 and isinstance(value, bytes):
            self._take_location(value, at)
        elif number == 5 and isinstance(value, bytes):
            members = dict(read_message(value, f"byte {at}"))
            names = [members.get(key, 0) for key in (1, 2, 4, 5)]
            key, name, file, first = (each if isinstance(each, int) else 0 for each in names)
            self.functions[key] = name, file, first
            self._bound(self.functions, at)
        elif number in {1, 11} and isinstance(value, bytes):
            members = dict(read_message(value, f"byte {at}"))
            kind, unit = (each if isinstance(each, int) else 0 for each in (members.get(1, 0), members.get(2, 0)))
            if number == 11:
                self.period_type = kind, unit
            else:
                self.types.append((kind, unit))
                if len(self.types) > 100:
                    raise FormatError("more than 100 types of samples", where=f"byte {at}")
        elif number == 12 and isinstance(value, int):
            self.period = value if value < 2**53 else 0
        elif number == 13 and len(self.comments) < 100:
            self.comments += [value] if isinstance(value, int) else self._numbers(value, at)[:100]

    def _bound(self, table: Sequence[object] | Mapping[int, object], at: int) -> None:
        if len(table) > MOST_ENTRIES:
            raise FormatError(f"more than {MOST_ENTRIES:,} entries of a table", where=f"byte {at}")

    def _take_location(self, data: bytes, at: int) -> None:
        key, lines = 0, []
        for number, value in read_message(data, f"byte {at}"):
            if number == 1 and isinstance(value, int):
                key = value
            elif number == 4 and isinstance(value, bytes):
                members = dict(read_message(value, f"byte {at}"))
                function, line = members.get(1, 0), members.get(2, 0)
                if isinstance(function, int) and isinstance(line, int):
                    lines.append((function, line))
        self.locations[key] = lines
        self._bound(self.locations, at)

    def _take_sample(self, data: bytes, at: int) -> None:
        try:
            # As nearly all are written: locations packed, values packed, labels.
            end = 2 + data[1]
            second = end + 2 + data[end + 1]
            is_usual = data[0] == 0x0A and data[end] == 0x12 and data[1] < 0x80 and data[end + 1] < 0x80
        except IndexError:
            is_usual = False
        if is_usual and (second == len(data) or data[second : second + 1] == b"\x1a"):
            places, values, labels = data[2:end], data[end + 2 : second], data[second:]
        else:
            places, values, labels = self._split_sample(data, at)
        row = self._rows.get(places)
        if row is None:
            row = self._find_row(places, at)
        numbers = self._values.get(values)
        if numbers is None:
            numbers = self._find_values(values, at)
        label = self._seen_labels.get(labels)
        if label is None:
            label = self._find_label(labels, at)
        self._samples += 1
        sums = self._sums.get((label, row))
        if sums is None:
            self._sums[label, row] = [*numbers, 1]
            if len(self._sums) > MOST_ENTRIES:
                raise FormatError(f"more than {MOST_ENTRIES:,} different samples", where=f"byte {at}")
            return
        for index, value in enumerate(numbers):
            sums[index] += value
        sums[-1] += 1

    def _split_sample(self, data: bytes, at: int) -> tuple[bytes, bytes, bytes]:
        """Return a sample's locations and values as packed fields, and its labels as they stand."""
        places, values, labels = bytearray(), bytearray(), bytearray()
        for number, value in read_message(data, f"byte {at}"):
            if number in {1, 2}:
                part = write_number(value) if isinstance(value, int) else value
                (places if number == 1 else values).extend(part)
            elif number == 3 and isinstance(value, bytes):
                labels += write_field(3, value)
        return bytes(places), bytes(values), bytes(labels)

    def _numbers(self, data: bytes, at: int) -> list[int]:
        try:
            return read_numbers(data)
        except (Truncated, ValueError):
            raise FormatError("a list of numbers breaks off", where=f"the sample at byte {at}") from None

    def _find_row(self, places: bytes, at: int) -> int:
        index = self._index
        keys = self._numbers(places, at)
        row = self.builder.stack([index.setdefault(key, len(index) + 1) for key in reversed(keys)] or [0], f"byte {at}")
        if len(self._rows) > _MOST_CACHED:
            self._rows.clear()
        self._rows[places] = row
        return row

    def _find_values(self, values: bytes, at: int) -> list[int]:
        numbers = [max(0, to_signed(each)) for each in self._numbers(values, at)]
        if len(numbers) != len(self.types) and self.types:
            raise FormatError(f"{len(numbers)} values for {len(self.types)} types of samples", where=f"byte {at}")
        if len(self._values) > _MOST_CACHED:
            self._values.clear()
        self._values[values] = numbers
        return numbers

    def _split_labels(self, labels: bytes, at: int) -> list[bytes]:
        """Return the messages of a sample's labels."""
        found, start = [], 0
        while start < len(labels) and labels[start] == 0x1A and labels[start + 1 : start + 2] < b"\x80":
            end = start + 2 + labels[start + 1] if start + 1 < len(labels) else len(labels) + 1
            if end > len(labels):
                break
            found.append(labels[start + 2 : end])
            start = end
        rest = read_message(labels[start:], f"the sample at byte {at}") if start < len(labels) else []
        return found + [value for _, value in rest if isinstance(value, bytes)]

    def _find_label(self, labels: bytes, at: int) -> int:
        """Return the number of a set of labels, without those that have too many values to be a thread's: moments."""
        kept = []
        for label in self._split_labels(labels, at):
            if label[:1] != b"\x08":
                continue
            if label[1:2] in self._varied:
                continue
            try:
                key, _ = read_number(label, 1)
            except (Truncated, ValueError):
                raise FormatError("a label breaks off", where=f"the sample at byte {at}") from None
            values = self._values_of.setdefault(key, set())
            if len(values) <= MOST_THREADS:
                values.add(label)
                kept.append(label)
            elif key < 0x80:
                self._varied.add(label[1:2])
        if len(self._values_of) > MOST_THREADS:
            raise FormatError(f"more than {MOST_THREADS:,} keys of labels", where=f"byte {at}")
        number = self._labels.setdefault(tuple(kept), len(self._labels))
        if len(self._seen_labels) > _MOST_CACHED:
            self._seen_labels.clear()
        self._seen_labels[labels] = number
        return number

    # --- when all is read

    def profile(self) -> Profile:
        """Return the profile. Raises ``FormatError`` for what leads nowhere."""
        if not self.types or not self.strings:
            raise FormatError("no types of samples and no strings: not a profile of pprof", where="its end")
        types = [(self._text(kind), self._text(unit)) for kind, unit in self.types]
        chosen = choose_types(types, (self._text(self.period_type[0]), self._text(self.period_type[1])), self.period)
        if not chosen.found:
            named = ", ".join(f"{kind}/{unit}" for kind, unit in types)[:200]
            raise FormatError(f"no time and no memory, only {named!a}", where="its types of samples")
        threads = self._find_threads()
        for (label, row), sums in self._sums.items():
            if len(sums) != len(types) + 1:
                raise FormatError(f"{len(sums) - 1} values for {len(types)} types of samples", where="a sample")
            for metric, value, count in chosen.values(sums):
                if value:
                    self.builder.add(metric, threads[label], row, check_value(value, "a sample"), count)
        missing = list(chosen.missing)
        frames = self._find_frames()
        if not any(frame.line and frame.line != frame.first_line for frame in frames):
            missing.append("lines: it has those at which functions start")
        if all(not thread.tid and not thread.name for thread in self.builder.threads.threads()):
            missing.append("threads")
        tool = self._name_tool(types)
        # Pyroscope's agent takes a thread for computing that py-spy does not take for idle.
        wall = chosen.wall or tool == "pyroscope" or self._is_own_wall()
        # What is wall and not CPU time may be idle.
        unjudged = chosen.whole[0] >= 0
        made = self.builder.build(tool, period_ns=chosen.period_ns, wall=wall, unjudged=unjudged, missing=missing)
        return reindex(made, frames)

    def _is_own_wall(self) -> bool:
        return any(self._text(index) == WALL for index in self.comments)

    def _text(self, index: int) -> str:
        if index >= len(self.strings):
            raise FormatError(f"string {index} of {len(self.strings)}", where="its table of strings")
        return self.strings[index].decode("utf-8", "backslashreplace")

    def _name_tool(self, types: Sequence[tuple[str, str]]) -> str:
        for index in self.comments:
            text = self._text(index)
            if text.startswith("whet:"):
                return text.removeprefix("whet:")[:80] or "whet"
        kinds = {kind for kind, _ in types}
        if "cpu-time" in kinds and "wall-time" in kinds:
            return "ddtrace"
        keys = {self._text(key) for key in self._values_of}
        return "pyroscope" if {"thread_id", "thread_name"} <= keys else "pprof"

    def _find_frames(self) -> list[Frame]:
        """Return the frame of each location in the order of their numbers, the first that of no location."""
        found = [NO_FRAME]
        for key in self._index:
            if key not in self.locations:
                raise FormatError(f"location {key}, which is not there", where="a sample")
            lines = self.locations[key]
            # Of a function and what was inlined into it, Python has the first only.
            found.append(self._find_frame(*lines[0]) if lines else Frame("", f"0x{key:x}", owner=Owner.NATIVE))
        return found

    def _find_frame(self, key: int, line: int) -> Frame:
        if key not in self.functions:
            raise FormatError(f"function {key}, which is not there", where="a location")
        name, file, first = self.functions[key]
        path = self._text(file)
        if not path or path in _NATIVE_FILES:
            return Frame("", self._text(name) or path, owner=Owner.NATIVE)
        return Frame(path, self._text(name) or "?", check_line(line), check_line(first))

    def _find_threads(self) -> list[int]:
        """Return the thread of each set of labels."""
        known = [self._read_labels(labels) for labels in self._labels]
        names: dict[tuple[int, int], str] = {}
        for thread in known:
            # The same thread has its name in one sample and its number in the other (Datadog).
            if thread.name and not thread.name.isdecimal():
                names.setdefault((thread.pid, thread.tid), thread.name)
        return [
            self.builder.thread(each.pid, each.tid, names.get((each.pid, each.tid), ""), each.process)
            if each.tid
            else self.builder.thread(each.pid, 0, each.name, each.process)
            for each in known
        ]

    def _read_labels(self, labels: tuple[bytes, ...]) -> Thread:
        found: dict[str, str] = {}
        for label in labels:
            members = dict(read_message(label, "a label"))
            key, text, number = (
                each if isinstance(each, int) else 0
                for each in (members.get(1, 0), members.get(2, 0), members.get(3, 0))
            )
            field = _LABELS.get(self._text(key))
            if field is not None:
                found.setdefault(field, self._text(text) if text else str(number))
        pid, tid = (
            int(found[key]) if found.get(key, "").isdecimal() and len(found[key]) < 20 else 0 for key in ("pid", "tid")
        )
        return Thread(pid % 2**63, tid % 2**63, found.get("name", ""), found.get("process", ""))
