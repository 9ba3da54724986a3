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
from whet.formats._pprof_samples import SampleReader, read_packed
from whet.formats._pprof_types import choose_types
from whet.formats._pprof_write import METRICS, WALL, encode_profile
from whet.formats._protobuf import Truncated, read_field, read_message, read_stream
from whet.formats.api import Keeps
from whet.model.frame import NO_FRAME, Frame, Owner
from whet.model.profile import Profile, Thread

MOST_ENTRIES = 500_000
"""Strings, locations and functions each: about 150 MB of the last two."""
MOST_TEXT = 128 * 1024 * 1024
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
        for number, value, at in read_stream(file, reader.samples.count):
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
        self.samples = SampleReader(self.builder)
        self._text_size = 0

    def take(self, number: int, value: int | bytes, at: int) -> None:
        """Add one field of the profile that starts at byte ``at``."""
        if number == 2 and isinstance(value, bytes):
            self.samples.take(value, at)
        elif number == 6 and isinstance(value, bytes):
            self.strings.append(value)
            self._text_size += len(value)
            self._bound(self.strings, at)
            if self._text_size > MOST_TEXT:
                raise FormatError(f"strings of more than {MOST_TEXT:,} bytes", where=f"byte {at}")
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
            self.comments += [value] if isinstance(value, int) else read_packed(value, at)[:100]

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
        self.samples.settle()
        threads = self._find_threads()
        for label, row, sums in self.samples.sums(len(types)):
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
        keys = {self._text(key) for key in self.samples.values_of}
        return "pyroscope" if {"thread_id", "thread_name"} <= keys else "pprof"

    def _find_frames(self) -> list[Frame]:
        """Return the frame of each location in the order of their numbers, the first that of no location."""
        found = [NO_FRAME]
        for key in self.samples.locations:
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
        known = [self._read_labels(labels) for labels in self.samples.labels]
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
