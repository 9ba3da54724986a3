"""py-spy's raw output: collapsed stacks with processes, threads, files and lines.

What ``py-spy record -f raw -t -s --full-filenames`` leaves, one record a
distinct stack, in no order::

    process 12:"python app.py";thread (12): MainThread;<module> (/srv/app.py:9);work (/srv/app.py:4) 155

A child's record starts with the processes above it. The tool escapes nothing:
command lines hold ``;``, quotes and line breaks (``python -c``), thread names
and paths hold ``;`` and `` (``. So a record ends where the next one starts, and
pieces that are no frame by themselves are joined to their neighbours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO, cast

from whet.errors import FormatError
from whet.formats._stacks import FrameBuilder, SampleBuilder, StackBuilder, ThreadBuilder
from whet.model.frame import NO_FRAME, Frame
from whet.model.metric import NANOSECONDS_PER_SECOND, Metric, Unit
from whet.model.profile import ROOT, Profile, Thread

MAX_RECORD = 64 * 1024 * 1024
"""Bytes of one record; a recursion 100,000 deep stays below it."""
MAX_COUNT = 2**40
_CACHED_BYTES = 64 * 1024 * 1024
"""How many bytes of whole stacks are remembered to recognise repeated ones."""

_PLACES = 64
"""How many `` (`` of one frame are tried as the start of its file."""

_START = re.compile(rb'process \d+:"')
_PROCESS = re.compile(rb'(?:^|";)process (\d+):"')
_THREAD = re.compile(rb"thread \((0[xX][0-9a-fA-F]+|\d+)\)(?:: ?(.*))?", re.DOTALL)
_ENDED = re.compile(rb"\) \d{1,13}\r?\n\Z")
_LINE = re.compile(r":(\d{1,9})$")
_COUNT = re.compile(rb"\d{1,13}")
_ABSOLUTE = re.compile(r"[/<\\]|[A-Za-z]:[\\/]")
_TORN = re.compile(rb"(?:/|[A-Za-z]:\\)[^;]*\.pyw? \([^/<\\(]*?(?::\d+)?\)")
"""A frame that was read while the program went on, of a code object that was no longer there: a path stands for the
name, and for the path something else."""
_SHIM = b"__init__ (__init__)"
"""What CPython from 3.13 on puts between the call of a class and its ``__init__``: no function of anybody's."""


class PySpyRaw:
    """Reads and writes py-spy's raw format. ``rate`` is in samples a second and turns counts into nanoseconds.

    The format does not tell computing from waiting: ``metric`` says what was recorded. With ``lenient``, records
    that are no stacks are left out and told in ``Profile.truncated``: a program chooses its names, and the one
    that has spoilt a record must not cost the whole capture.
    """

    name = "pyspy-raw"

    def __init__(
        self, rate: int = 100, metric: Metric = Metric.CPU, tool: str = "py-spy", *, lenient: bool = False
    ) -> None:
        self.period_ns = max(1, round(NANOSECONDS_PER_SECOND / rate))
        self.metric = metric
        self.tool = tool
        self.lenient = lenient

    def recognizes(self, head: bytes) -> bool:
        """Return ``False``: collectors name this reader and know the rate; what users give is collapsed stacks."""
        return False

    def read(self, file: BinaryIO) -> Iterator[Profile]:
        """Yield the one profile in ``file``; raises ``FormatError`` with the line of the first record that is none.

        A last record that was cut off (the profiler was killed while it wrote) is left out and told in
        ``Profile.truncated``.
        """
        return self.read_all([(file, 1)])

    def read_all(self, files: Iterable[tuple[BinaryIO, int]]) -> Iterator[Profile]:
        """Yield one profile of captures that follow one another, as ``read`` does of one.

        Beside each is for how many periods one of its samples stands.
        """
        reader = _Reader(self.lenient)
        truncated = "the capture is empty"
        for file, reader.weight in files:
            pending: tuple[int, bytes] | None = None
            for number, record in _split_records(file):
                if pending is not None:
                    reader.take(*pending)
                pending = (number, record)
            if pending is not None:
                truncated = ""
                number, record = pending
                whole = _find_whole(record)
                if whole < len(record):
                    number += record.count(b"\n", 0, whole)
                    truncated = f"the last record, at line {number}, is cut off and left out"
                if whole:
                    reader.take(pending[0], record[:whole])
        scale = self.period_ns if self.metric.unit is Unit.NANOSECONDS else 1
        yield Profile(
            collector=self.tool,
            frames=tuple(reader.frames.frames),
            stacks=reader.stacks.table(),
            threads=reader.threads.threads(),
            samples=reader.samples.samples(self.metric, scale),
            period_ns=self.period_ns,
            # py-spy does not write how often it looked: no thread was seen more often than that.
            ticks=reader.samples.most(),
            truncated=truncated or reader.describe_losses(),
        )

    def write(self, profile: Profile, sink: BinaryIO) -> None:
        """Write the samples of this format's metric as text that reads back; values become counts of the period."""
        labels = [_frame_label(frame) for frame in profile.frames]
        heads = [_thread_label(thread) for thread in profile.threads]
        scale = (profile.period_ns or self.period_ns) if self.metric.unit is Unit.NANOSECONDS else 1
        for samples in profile.samples:
            if samples.metric is not self.metric:
                continue
            for row, value in zip(samples.stack, samples.value, strict=True):
                count = max(1, round(value / scale)) if value > 0 else 0
                pieces = [labels[profile.stacks.frame[step]] for step in profile.stacks.walk(row)]
                pieces.append(heads[samples.thread])
                if count:
                    sink.write(_encode(";".join(reversed(pieces))) + b" %d\n" % count)


def _split_records(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield records with the number of their first line.

    Where records start with a process, a line that does not is the rest of the one above.
    """
    number = 0
    start = 0
    parts: list[bytes] = []
    size = 0
    joined = False
    while line := file.readline(MAX_RECORD + 1):
        number += 1
        if number == 1:
            joined = _START.match(line) is not None
        if not joined or (line.startswith(b"process ") and _START.match(line)):
            if parts:
                yield start, parts[0] if len(parts) == 1 else b"".join(parts)
            parts, size, start = [line], len(line), number
        else:
            parts.append(line)
            size += len(line)
        if size > MAX_RECORD:
            raise FormatError(f"a record of more than {MAX_RECORD:,} bytes is no stack", where=f"line {start}")
    if parts:
        yield start, b"".join(parts)


def _find_whole(record: bytes) -> int:
    """Return how much of a file's last record is whole: all, nothing, or what stands before a torn start of a next."""
    if not _START.match(record):
        return len(record) if record.endswith(b"\n") else 0
    end = record.rfind(b"\n") + 1
    # Without its line break a count may have lost digits; with it, a name or command line may go on.
    several = b"\n" in record[: end - 1] or end < len(record)
    torn = (
        b'";thread (' not in record[:end]
        or record.rfind(b" (", 0, end) > record.rfind(b")", 0, end)
        or (several and not _ENDED.search(record, max(0, end - 40), end))
    )
    return 0 if torn else end


class _Reader:
    """Takes records one by one. Everything repeated is a look-up: whole stacks, heads, frames, rows."""

    def __init__(self, lenient: bool) -> None:
        self.lenient = lenient
        self.weight = 1
        """For how many periods one sample stands."""
        self.left_out = 0
        self.frames = FrameBuilder()
        self.stacks = StackBuilder()
        self.threads = ThreadBuilder()
        self.samples = SampleBuilder()
        self._seen: dict[bytes, tuple[int, int]] = {}
        self._seen_bytes = 0
        self._heads: dict[bytes, int] = {}
        self._pieces: dict[bytes, int] = {}

    def describe_losses(self) -> str:
        """Return what was left out, in words; empty when nothing was."""
        return f"{self.left_out} of its records are no stacks and left out" if self.left_out else ""

    def take(self, number: int, record: bytes) -> None:
        """Add one record; ``number`` is its line, for errors."""
        try:
            self._take(number, record)
        except FormatError:
            if not self.lenient:
                raise
            self.left_out += 1

    def _take(self, number: int, record: bytes) -> None:
        stack, _, digits = record.rstrip(b"\r\n").rpartition(b" ")
        seen = self._seen.get(stack)
        if seen is None:
            if not stack.strip():
                if not digits:
                    return  # an empty line
                raise FormatError(f"no stack before the count: {_shorten(record)}", where=f"line {number}")
            if not _COUNT.fullmatch(digits):
                raise FormatError(f"no count at the end of a stack: {_shorten(digits)}", where=f"line {number}")
            seen = self._find_row(number, stack)
            if self._seen_bytes < _CACHED_BYTES:
                self._seen[stack] = seen
                self._seen_bytes += len(stack)
        if not digits.isdigit() or len(digits) > 13 or (count := int(digits)) > MAX_COUNT:
            raise FormatError(f"no count at the end of a stack: {_shorten(digits)}", where=f"line {number}")
        self.samples.add(seen[0], seen[1], count * self.weight, count)

    def _find_row(self, number: int, stack: bytes) -> tuple[int, int]:
        body = stack
        head = b""
        if stack.startswith((b"process ", b"thread (")):
            at = 0 if stack.startswith(b"thread (") else stack.rfind(b'";thread (') + 2
            if at == 1:
                raise FormatError(f"a process without a thread: {_shorten(stack)}", where=f"line {number}")
            end = stack.find(b";", at)
            head, body = (stack, b"") if end < 0 else (stack[:end], stack[end + 1 :])
        pieces = body.split(b";") if body else []
        if _SHIM in body:
            pieces = [piece for piece in pieces if piece != _SHIM]
        if not pieces:
            return self._find_thread(number, head), self.stacks.row(ROOT, self.frames.add(NO_FRAME))
        known = self._pieces
        frames = list(map(known.get, pieces))
        if None in frames:
            if self.lenient and any(_TORN.fullmatch(piece) for piece in pieces if piece not in known):
                raise FormatError(f"a frame named by a path: {_shorten(body)}", where=f"line {number}")
            if not all(_is_frame(piece) for piece in pieces if piece not in known):
                return self._find_row_slowly(number, head, pieces)
            for piece in pieces:
                if piece not in known:
                    known[piece] = self.frames.add(_parse_frame(piece))
            frames = list(map(known.get, pieces))
        return self._find_thread(number, head), self.stacks.rows(cast("list[int]", frames))

    def _find_thread(self, number: int, head: bytes) -> int:
        thread = self._heads.get(head)
        if thread is None:
            thread = self._heads[head] = self.threads.add(_parse_head(head, number))
        return thread

    def _find_row_slowly(self, number: int, head: bytes, pieces: list[bytes]) -> tuple[int, int]:
        """Join what a ``;`` inside a name tore apart, then find the row."""
        rest, joined = _join_pieces(pieces)
        if head:
            head = b";".join([head, *rest])
        elif rest:
            raise FormatError(f"no frame: {_shorten(b';'.join(rest))}", where=f"line {number}")
        if not all(_is_frame(piece) for piece in joined):
            raise FormatError(f"no frame: {_shorten(joined[-1])}", where=f"line {number}")
        frames = [_parse_frame(piece) for piece in joined] or [NO_FRAME]
        return self._find_thread(number, head), self.stacks.rows([self.frames.add(frame) for frame in frames])


def _is_frame(piece: bytes) -> bool:
    # A name may be empty: the program chooses it.
    return piece.endswith(b")") and b" (" in piece


def _join_pieces(pieces: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Return what belongs to the thread's name, and the frames."""
    start = 0
    while start < len(pieces) and not _is_frame(pieces[start]):
        follows = pieces[start + 1] if start + 1 < len(pieces) else b" (x)"
        if b" (" in pieces[start] and not _is_frame(follows) and not pieces[start].endswith(b'"'):
            break  # the first half of a frame whose path holds the semicolon
        start += 1
    frames: list[list[bytes]] = []
    has_place = is_closed = False  # whether the last frame has " (", and ends with ")"
    for piece in pieces[start:]:
        if frames and (not (has_place and is_closed) or (b" (" not in piece and piece.endswith(b")"))):
            frames[-1].append(piece)
            has_place |= b" (" in piece
        else:
            frames.append([piece])
            has_place = b" (" in piece
        is_closed = piece.endswith(b")")
    return pieces[:start], [b";".join(frame) for frame in frames]


def _parse_head(head: bytes, number: int) -> Thread:
    if not head:
        return Thread(0, 0)
    pid, command, thread = 0, b"", head
    if not head.startswith(b"thread ("):
        at = head.rfind(b'";thread (')
        processes = list(_PROCESS.finditer(head, 0, at))
        if not processes:
            raise FormatError(f"no process: {_shorten(head)}", where=f"line {number}")
        last = processes[-1]
        pid, command, thread = int(last[1][:18]), head[last.end() : at], head[at + 2 :]
    match = _THREAD.fullmatch(thread)
    if match is None:
        raise FormatError(f"no thread: {_shorten(thread)}", where=f"line {number}")
    tid = int(match[1][:18], 0 if match[1][:2] in {b"0x", b"0X"} else 10)
    return Thread(pid, tid, _decode(match[2] or b""), _decode(command))


def _parse_frame(piece: bytes) -> Frame:
    """Take ``name (file:line)`` apart. Both halves may hold `` (``: C++ names do, and so do copied folders."""
    text = _decode(piece)
    at = _find_place(text)
    name, place = text[:at], text[at + 2 : -1]
    line = _LINE.search(place)
    return Frame(place[: line.start()], name, int(line[1])) if line else Frame(place, name)


def _find_place(text: str) -> int:
    """Return where the file starts: the first `` (`` before an absolute path, else the first whose brackets balance."""
    balanced = -1
    at = text.find(" (")
    for _ in range(_PLACES):
        if _ABSOLUTE.match(text, at + 2):
            return at
        if balanced < 0 and _is_balanced(text[at + 2 : -1]):
            balanced = at
        following = text.find(" (", at + 2)
        if following < 0:
            break
        at = following
    return balanced if balanced >= 0 else at


def _is_balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return False
    return depth == 0


def _decode(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _shorten(raw: bytes) -> str:
    """Return the start of hostile bytes, safe to print."""
    return ascii(raw[:60].decode("utf-8", "replace"))[1:-1] + ("…" if len(raw) > 60 else "")


def _encode(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a surrogate that stands for no byte
        return text.encode("utf-8", "backslashreplace")


def _thread_label(thread: Thread) -> str:
    name = f": {thread.name}" if thread.name else ""
    return _one_line(f'process {thread.pid}:"{thread.process}";thread ({thread.tid}){name}')


def _frame_label(frame: Frame) -> str:
    line = f":{frame.line}" if frame.line else ""
    return _one_line(f"{frame.name or '<unknown>'} ({frame.file or '<unknown>'}{line})")


def _one_line(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ")
