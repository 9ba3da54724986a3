"""Collapsed stacks, as flame graph tools exchange them: ``outer;inner 12``, one stack a line.

Written by py-spy (``--format raw``), Tachyon (``--collapsed``), austin, perf's ``stackcollapse``, and Pyroscope. What
the number means stands in none of them but austin's, which says it in lines of ``# key: value``; whet does so too, in
nanoseconds. Elsewhere it is a count of samples, and :data:`PERIOD_NS` is assumed.

Names may hold ``;`` (py-spy writes command lines as they are): a piece that is no frame by itself is joined
to what follows it.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from typing import BinaryIO

from whet.errors import FormatError
from whet.formats._builder import MOST_VALUE, SCALES, ProfileBuilder, check_value
from whet.formats.api import Keeps
from whet.formats.frame_text import Root, is_shim, read_frame, read_roots, write_frame, write_thread
from whet.model.metric import Metric
from whet.model.profile import Profile

PERIOD_NS = 10_000_000
"""How long one sample is taken to stand for where the file does not say: 100 samples a second are usual."""
MOST_LINE = 16 * 1024 * 1024
_MOST_CACHED = 64 * 1024 * 1024
"""Bytes of whole stacks that are remembered to recognise repeated ones."""
_META = re.compile(rb"# ([a-z_-]+): (.*)")
_STACK = re.compile(rb"(?:.*\S)?[ \t]+-?\d{1,19}")
_PROCESS = re.compile(rb'process \d+:"')
_COUNT = re.compile(rb"-?\d{1,19}")
_DIGITS = 15
_MOST_META = 100
_MOST_NUMBERS = 10_000
_CHUNK = 1024 * 1024
_AUSTIN_MODES = {
    "wall": (Metric.CPU, True),
    "full": (Metric.CPU, True),
    "cpu": (Metric.CPU, False),
    "memory": (Metric.ALLOCATED, False),
}
_PERIOD = re.compile(r"(\d{1,12}) ns")
_LINE_BREAK = re.compile(r"[\r\n]")


class Collapsed:
    """Reads and writes them. Only time is written, since a file holds one quantity."""

    name = "collapsed"
    keeps = Keeps(frozenset({Metric.CPU}))

    def recognizes(self, head: bytes) -> bool:
        """Return whether all lines of ``head`` are stacks with a number, or comments."""
        lines = head.splitlines()
        if len(head) >= 64 * 1024 and len(lines) > 1:
            lines.pop()
        stacks = [line for line in lines if line.strip() and not line.startswith(b"#")]
        if b"\0" in head or not stacks:
            return False
        # py-spy writes line breaks of command lines as they are, so some lines may be parts of a stack.
        if _PROCESS.match(head) is not None:
            return b")" in head
        good = sum(_STACK.fullmatch(line) is not None for line in stacks)
        return good > 0 and _STACK.fullmatch(stacks[0]) is not None and 10 * good >= 9 * len(stacks)

    def read(self, file: BinaryIO) -> Iterator[Profile]:
        """Yield the one profile in ``file``; raises ``FormatError`` with the line that is wrong."""
        reader = _Reader()
        rest, whole = b"", True
        while chunk := file.read(_CHUNK):
            *lines, rest = (rest + chunk).replace(b"\r\n", b"\n").split(b"\n")
            reader.take(lines)
            if len(rest) > MOST_LINE:
                raise FormatError(f"more than {MOST_LINE:,} bytes", where=f"line {reader.number + 1}")
        if rest:
            whole = False
            try:
                reader.take([rest])
            except FormatError:
                # Without its end it may be half of a line; the first of a file is not worth keeping.
                if reader.number == 1:
                    raise
        yield reader.profile(truncated="" if whole else f"line {reader.number}, the last, has no end")

    def write(self, profile: Profile, sink: BinaryIO) -> None:
        """Write the time of all threads in nanoseconds; threads and processes are the outermost frames."""
        heads = [write_thread(each.pid, each.tid, each.name, each.process) for each in profile.threads]
        labels = [_flatten(write_frame(frame)) for frame in profile.frames]
        sink.write(f"# tool: {_flatten(profile.collector)}\n# unit: nanoseconds\n".encode("utf-8", "backslashreplace"))
        sink.write(f"# mode: {'wall' if profile.wall else 'cpu'}\n".encode())
        if profile.period_ns:
            sink.write(f"# period: {profile.period_ns} ns\n".encode())
        for samples in profile.samples:
            if samples.metric is not Metric.CPU:
                continue
            head = [_flatten(piece) for piece in heads[samples.thread]]
            for row, value in zip(samples.stack, samples.value, strict=True):
                stack = [labels[profile.stacks.frame[at]] for at in profile.stacks.walk(row)]
                text = ";".join((*head, *reversed(stack)))
                sink.write(f"{text} {value}\n".encode("utf-8", "backslashreplace"))


def _flatten(text: str) -> str:
    """Return text without the format's separators."""
    return _LINE_BREAK.sub(" ", text).replace(";", ":")


class _Reader:
    """Takes lines, many at once: nearly all are stacks that were seen before."""

    def __init__(self) -> None:
        self.number = 0
        self.builder = ProfileBuilder()
        self.meta: dict[str, str] = {}
        self.negative = 0
        self.has_stacks = False
        self._scale = PERIOD_NS
        self._is_counted = True
        self._own_period = 0
        self._metric = Metric.CPU
        self._wall = True
        self._known: dict[bytes, int] = {}
        """The place of a stack as it is written in the columns of sums."""
        self._cached = 0
        self._numbers: dict[bytes, int] = {}
        """Counts as they are written."""
        self._places: dict[tuple[int, int], int] = {}
        """… and of its thread and row."""
        self._sums = array("q")
        self._lines = array("q")
        self._frames: dict[str, int] = {}
        self._rootless: set[str] = set()
        """Pieces with which stacks begin that say nothing of the thread."""
        self._pending: list[bytes] = []
        self._pending_size = 0

    def take(self, lines: list[bytes]) -> None:
        """Add lines without their ends. Raises ``FormatError`` with the line that is wrong."""
        before = self.number
        known, numbers, sums, times = self._known, self._numbers, self._sums, self._lines
        try:
            for number, line in enumerate(lines, start=before + 1):
                stack, _, count = line.rpartition(b" ")
                place, value = known.get(stack), numbers.get(count)
                if value is None and count.isdigit() and len(count) <= _DIGITS:
                    value = int(count)
                    if len(numbers) < _MOST_NUMBERS:
                        numbers[count] = value
                if place is None or value is None or self._pending:
                    self.number = number
                    self._take_new(line)
                    known, sums, times = self._known, self._sums, self._lines
                    continue
                sums[place] += value
                times[place] += 1
        except OverflowError:
            raise FormatError("values that add up to more than 64 bits", where=f"after line {before}") from None
        self.number = before + len(lines)

    def _take_new(self, line: bytes) -> None:
        """Add a line that is no stack that was seen before."""
        line = line.rstrip(b"\r")
        if not line.strip():
            return
        if line.startswith(b"#") and (found := _META.fullmatch(line)) is not None:
            self._note(found[1].decode(), found[2].decode("utf-8", "backslashreplace"))
            return
        stack, space, count = line.rpartition(b" ")
        if not space or _COUNT.fullmatch(count) is None:
            if self._pending or b"process " in line[:64]:
                # A command line that goes on in the next line.
                self._pending.append(line)
                self._pending_size += len(line) + 1
                if self._pending_size <= MOST_LINE:
                    return
            raise FormatError("not a stack with a number", where=f"line {self.number}")
        if self._pending:
            stack = b"\n".join([*self._pending, stack])
            self._pending, self._pending_size = [], 0
        value = int(count)
        if value * self._scale > MOST_VALUE:
            raise FormatError("a value beyond 64 bits", where=f"line {self.number}")
        if value < 0:
            self.negative -= value
            return
        place = self._known.get(stack)
        if place is None:
            place = self._find_place(stack)
        self._sums[place] += value
        self._lines[place] += 1

    def _note(self, key: str, value: str) -> None:
        """Heed a line of metadata: austin's, or whet's own."""
        if len(self.meta) < _MOST_META:
            self.meta.setdefault(key, value)
        if key == "mode" and value in _AUSTIN_MODES:
            self._settle()
            self._metric, self._wall = _AUSTIN_MODES[value]
            if "unit" not in self.meta:
                self._is_counted, self._scale = False, 1 if self._metric is Metric.ALLOCATED else SCALES["microseconds"]
        elif key == "unit" and value in SCALES:
            self._settle()
            self._is_counted, self._scale = False, SCALES[value]
        elif key == "period" and (found := _PERIOD.fullmatch(value)) is not None:
            self._own_period = int(found[1])

    def _settle(self) -> None:
        """Give what was added up so far to the builder: what follows may be in another unit."""
        values: dict[int, list[tuple[int, int]]] = {}
        counts: dict[int, int] = {}
        for (thread, row), place in self._places.items():
            value = check_value(self._sums[place], "the sum of a stack", self._scale)
            values.setdefault(thread, []).append((row, value))
            lines = self._lines[place]
            samples = self._sums[place] if self._is_counted else lines
            if self._own_period and not self._is_counted:
                samples = max(lines, value // self._own_period)
            counts[thread] = counts.get(thread, 0) + samples
        for thread, found in values.items():
            self.builder.add_all(self._metric, thread, found, counts[thread])
        self.has_stacks |= bool(values)
        self._known, self._places, self._cached = {}, {}, 0
        self._sums, self._lines = array("q"), array("q")

    def _find_place(self, stack: bytes) -> int:
        pieces = stack.decode("utf-8", "backslashreplace").split(";")
        if len(pieces) > 1 and pieces[0].startswith("process "):
            pieces = _join_commands(pieces)
        root = Root()
        if pieces[0] not in self._rootless:
            first = pieces[0]
            root, pieces = read_roots(pieces)
            if root == Root() and self._frames.get(first) is not None:
                self._rootless.add(first)
        found_frames = list(map(self._frames.get, pieces))
        if None in found_frames:
            found_frames = [self._find_frame(piece) for piece in pieces]
        indices = [index for index in found_frames if index is not None and index >= 0]
        found = self.builder.thread(*root), self.builder.stack(indices, f"line {self.number}")
        place = self._places.setdefault(found, len(self._sums))
        if place == len(self._sums):
            self._sums.append(0)
            self._lines.append(0)
        self._cached += len(stack) + 150
        if self._cached > _MOST_CACHED:
            self._known.clear()
            self._cached = 0
        self._known[stack] = place
        return place

    def _find_frame(self, piece: str) -> int:
        """Return the number of a frame; -1 for one that is no function of anybody's."""
        index = self._frames.get(piece)
        if index is None:
            frame = read_frame(piece)
            index = self._frames[piece] = -1 if is_shim(frame) else self.builder.frame(frame)
        return index

    def profile(self, truncated: str) -> Profile:
        """Return the profile. Raises ``FormatError`` where there is no stack."""
        self._settle()
        if not self.has_stacks:
            raise FormatError("no stack with a number", where=f"line {self.number}")
        if self._pending:
            truncated = f"the last stack, up to line {self.number}, has no number"
        frames = self.builder.frames.frames
        missing = []
        if self._is_counted:
            missing.append(f"times: it counts samples, and {PERIOD_NS // 1_000_000} ms is assumed for each")
        if not any(frame.line for frame in frames):
            missing.append("lines")
        if not any(frame.file for frame in frames):
            missing.append("files")
        if all(not thread.tid and not thread.name for thread in self.builder.threads.threads()):
            missing.append("threads")
        if self.negative:
            missing.append("memory that was freed: negative values are left out")
        interval = self.meta.get("interval", "")
        interval_ns = int(interval) * 1_000 if interval.isdecimal() and len(interval) < 10 else 0
        period = PERIOD_NS if self._is_counted else self._own_period or interval_ns
        return self.builder.build(
            self._name_tool(), period_ns=period, truncated=truncated, wall=self._wall, missing=missing
        )

    def _name_tool(self) -> str:
        if "austin" in self.meta:
            return f"austin {self.meta['austin'][:20]}"
        return self.meta.get("tool", "collapsed")[:80] or "collapsed"


def _join_commands(pieces: list[str]) -> list[str]:
    """Return the pieces with command lines of processes, which may hold ``;``, in one piece each."""
    joined: list[str] = []
    open_: list[str] = []
    quotes = 0
    for piece in pieces:
        if open_ or piece.startswith("process "):
            open_.append(piece)
            quotes += piece.count('"')
            if piece.endswith('"') and quotes > 1:
                joined.append(";".join(open_))
                open_, quotes = [], 0
        else:
            joined.append(piece)
    return joined + open_
