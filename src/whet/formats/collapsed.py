"""Collapsed stacks, as flame graph tools exchange them: ``outer;inner 12``, one stack a line.

Written by py-spy (``--format raw``), Tachyon (``--collapsed``), austin, perf's ``stackcollapse``, and Pyroscope. What
the number means stands in none of them but austin's, which says it in lines of ``# key: value``; whet does so too, in
nanoseconds. Elsewhere it is a count of samples, and :data:`PERIOD_NS` is assumed.

Names may hold ``;`` (py-spy writes command lines as they are): a piece that is no frame by itself is joined
to what follows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from whet.errors import FormatError
from whet.formats._builder import SCALES, ProfileBuilder
from whet.formats.api import Keeps
from whet.formats.frame_text import is_shim, read_frame, read_roots, write_frame, write_thread
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
        number = 0
        whole = True
        while line := file.readline(MOST_LINE + 1):
            number += 1
            if len(line) > MOST_LINE:
                raise FormatError(f"more than {MOST_LINE:,} bytes", where=f"line {number}")
            whole = line.endswith(b"\n")
            try:
                reader.take(line, number)
            except FormatError:
                # Without its end it may be half of a line; the first of a file is not worth keeping.
                if whole or number == 1:
                    raise
        if not reader.samples:
            raise FormatError("no stack with a number", where=f"line {number}")
        yield reader.profile(truncated="" if whole else f"line {number}, the last, has no end")

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
    """Takes line after line."""

    def __init__(self) -> None:
        self.builder = ProfileBuilder()
        self.meta: dict[str, str] = {}
        self.samples = 0
        self.negative = 0
        self._scale = PERIOD_NS
        self._is_counted = True
        self._own_period = 0
        self._metric = Metric.CPU
        self._wall = True
        self._rows: dict[bytes, tuple[int, int]] = {}
        self._cached = 0
        self._frames: dict[str, int] = {}
        self._pending = b""

    def take(self, line: bytes, number: int) -> None:
        """Add one line."""
        line = line.rstrip(b"\r\n")
        if not line.strip():
            return
        if line.startswith(b"#") and (found := _META.fullmatch(line)) is not None:
            self._note(found[1].decode(), found[2].decode("utf-8", "backslashreplace"))
            return
        stack, space, count = line.rpartition(b" ")
        if not space or _COUNT.fullmatch(count) is None:
            if self._pending or b"process " in line[:64]:
                # A command line that goes on in the next line.
                self._pending += line + b"\n"
                if len(self._pending) <= MOST_LINE:
                    return
            raise FormatError("not a stack with a number", where=f"line {number}")
        if self._pending:
            stack, self._pending = self._pending + stack, b""
        value = int(count)
        if value < 0:
            self.negative -= value
            return
        if value * self._scale > 2**62:
            raise FormatError("a value beyond 64 bits", where=f"line {number}")
        known = self._rows.get(stack)
        if known is None:
            known = self._find_row(stack, number)
        thread, row = known
        samples = value if self._is_counted else max(1, value // self._own_period) if self._own_period else 1
        self.builder.add(self._metric, thread, row, value * self._scale, samples)
        self.samples += 1

    def _note(self, key: str, value: str) -> None:
        """Heed a line of metadata: austin's, or whet's own."""
        self.meta.setdefault(key, value)
        if key == "mode" and value in _AUSTIN_MODES:
            self._metric, self._wall = _AUSTIN_MODES[value]
            if "unit" not in self.meta:
                self._is_counted, self._scale = False, 1 if self._metric is Metric.ALLOCATED else SCALES["microseconds"]
        elif key == "unit" and value in SCALES:
            self._is_counted, self._scale = False, SCALES[value]
        elif key == "period" and (found := _PERIOD.fullmatch(value)) is not None:
            self._own_period = int(found[1])

    def _find_row(self, stack: bytes, number: int) -> tuple[int, int]:
        pieces = stack.decode("utf-8", "backslashreplace").split(";")
        if len(pieces) > 1 and pieces[0].startswith("process "):
            pieces = _join_commands(pieces)
        root, pieces = read_roots(pieces)
        indices: list[int] = []
        for piece in pieces:
            index = self._frames.get(piece)
            if index is None:
                frame = read_frame(piece)
                index = -1 if is_shim(frame) else self.builder.frame(frame)
                self._frames[piece] = index
            if index >= 0:
                indices.append(index)
        known = self.builder.thread(*root), self.builder.stack(indices, f"line {number}")
        self._cached += len(stack) + 200
        if self._cached > _MOST_CACHED:
            self._rows.clear()
            self._cached = 0
        self._rows[stack] = known
        return known

    def profile(self, truncated: str) -> Profile:
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
    waiting = ""
    for piece in pieces:
        text = f"{waiting};{piece}" if waiting else piece
        if text.startswith("process ") and not (text.endswith('"') and text.count('"') > 1):
            waiting = text
            continue
        joined.append(text)
        waiting = ""
    return joined + waiting.split(";") if waiting else joined
