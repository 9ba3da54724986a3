"""The binary captures of Python 3.15's sampling profiler, ``profiling.sampling`` (Tachyon).

What ``python -m profiling.sampling attach -a --binary`` writes, described in CPython's
``InternalDocs/profiling_binary_format.md``: a header of 64 bytes; one record per sample, which encodes how the thread's
stack differs from its previous one; then string table, frame table, and a footer with their lengths. The samples may be
compressed (zstd). Of that profiler's formats it is the only one with full paths, threads and, in each sample, the
thread's state. The process is not named.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from io import SEEK_END
from math import isfinite
from typing import BinaryIO, NamedTuple

from whet.errors import FormatError
from whet.formats._builder import MOST_FRAMES
from whet.formats._region import Decompressor, Region
from whet.formats._stacks import DEEPEST, MOST_RUN_ROWS, FrameBuilder, SampleBuilder, StackBuilder, ThreadBuilder
from whet.formats.unpack import find_zstd
from whet.model.frame import NO_FRAME, Frame, Owner
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile, Thread

_HEADER = 64
_FOOTER = 32
_STATS = 56
_MAGIC = 0x54414348
_VERSION = 1
_MOST_BYTES = 1024**3
"""Of samples, decompressed: a hundred looks a second at ten threads for a day."""
_MOST_TEXT = 128 * 1024 * 1024
"""Of strings."""
_MOST_US = 3_600_000_000
"""The longest interval between two samples that is believed."""
_MOST_LINE = 2**31
_REPEAT, _FULL, _SUFFIX, _POP_PUSH = range(4)
_HAS_GIL, _ON_CPU, _UNKNOWN, _WANTS_GIL, _MAIN = 1, 2, 4, 8, 32
_MADE_UP = frozenset({"<GC>", "<native>"})
"""Frames that the profiler puts in for what is no Python function; it gives them the file ``~``."""


class Capture(NamedTuple):
    """A file and the process that it is of: 0 where that is not known, and the id of its first thread stands for it."""

    file: BinaryIO
    pid: int = 0
    command: str = ""


class _Head(NamedTuple):
    order: str
    python: str
    interval_us: int
    samples: int
    strings_at: int
    frames_at: int
    compression: int
    strings: int
    frames: int
    stats_at: int
    """Where the tables end."""
    seconds: float
    rate: float
    """Samples a second that were really taken; 0 where the file does not tell."""


class TachyonBinary:
    """Reads them. A sample on a processor is computing, another one waiting; waiting for the GIL is neither: left out.

    Where the profiler did not look up whether a thread was on a processor (the command line's mode ``wall``), the one
    that holds the GIL computes: code that releases it to compute appears to wait.
    """

    name = "tachyon"

    def recognizes(self, head: bytes) -> bool:
        """Return whether ``head`` begins with the format's number."""
        return head[:4] in {struct.pack("<I", _MAGIC), struct.pack(">I", _MAGIC)}

    def read(self, file: BinaryIO) -> Iterator[Profile]:
        """Yield the one profile in ``file``; raises ``FormatError`` with the byte at which it is wrong."""
        return self.read_all([Capture(file)])

    def read_all(self, captures: Iterable[Capture]) -> Iterator[Profile]:
        """Yield one profile of the captures of one execution's processes, the program's first."""
        frames, stacks, threads = FrameBuilder(), StackBuilder(), ThreadBuilder()
        computing, standing = SampleBuilder(), SampleBuilder()
        period_ns = ticks = 0
        version = ""
        for capture in captures:
            head = _read_head(capture.file)
            period = round(1e9 / head.rate) if head.rate else head.interval_us * 1_000
            period_ns, version = period_ns or period, head.python
            ticks = ticks or round(head.seconds * head.rate)
            indices = [frames.add(frame) for frame in _read_frames(capture.file, head)]
            reader = _SampleReader(stacks, indices, frames)
            counts = reader.read(capture.file, head)
            first = next((tid for (tid, _), (main, _) in counts.items() if main), 0)
            for (tid, _), (_, rows) in counts.items():
                name = "MainThread" if tid == first else ""
                thread = threads.add(Thread(capture.pid or first, tid, name, capture.command))
                for (row, computes), count in rows.items():
                    (computing if computes else standing).add(thread, row, count * period, count)
        yield Profile(
            collector=f"tachyon {version}".strip(),
            frames=tuple(frames.frames),
            stacks=stacks.table(),
            threads=threads.threads(),
            samples=(*computing.samples(Metric.CPU), *standing.samples(Metric.WAITING)),
            period_ns=period_ns,
            ticks=ticks or max(computing.most(), standing.most()),
        )

    def write(self, profile: Profile, sink: BinaryIO) -> None:
        """Refuse: CPython writes these."""
        raise FormatError("captures of Tachyon can only be read", hint="write another format")


def _read_head(file: BinaryIO) -> _Head:
    try:
        size = file.seek(0, SEEK_END)
        file.seek(0)
    except OSError as error:
        raise FormatError("it has to be a file: what says how to read it stands at its end", where="byte 0") from error
    raw = file.read(_HEADER)
    if len(raw) == _HEADER and not any(raw):
        raise FormatError("the profiler was ended before it completed its capture", where="byte 0")
    order = {struct.pack("<I", _MAGIC): "<", struct.pack(">I", _MAGIC): ">"}.get(raw[:4])
    if order is None or size < _HEADER + _FOOTER:
        raise FormatError("no capture of Tachyon", where="byte 0")
    version, python, interval, samples, _, strings_at, frames_at, compression = struct.unpack_from(
        f"{order}I4s8xQQIQQI", raw, 4
    )
    if version != _VERSION:
        raise FormatError(f"version {version} of the format, and only {_VERSION} is known", where="byte 4")
    file.seek(size - _FOOTER)
    strings, frames, whole = struct.unpack_from(f"{order}IIQ", file.read(_FOOTER))
    # The size that the footer tells leaves out what was added later, so it is not held to the file's.
    del whole
    if not _HEADER <= strings_at <= frames_at <= size - _FOOTER:
        raise FormatError("its tables lie outside of it: it is cut off, or damaged", where="byte 40")
    if max(strings, frames) > min(size, 2 * MOST_FRAMES) or frames_at - strings_at > _MOST_TEXT:
        raise FormatError(
            "more strings or frames than it has room for, or any program has", where=f"byte {size - _FOOTER}"
        )
    if not 0 < interval <= _MOST_US:
        raise FormatError(f"an interval of {interval} µs between samples", where="byte 20")
    file.seek(max(frames_at, size - _FOOTER - _STATS))
    stats = file.read(_STATS)
    seconds = rate = 0.0
    if len(stats) == _STATS and stats[40:48] == b"TACHSTAT":
        seconds, rate = struct.unpack_from(f"{order}dd", stats)
        if not (isfinite(seconds) and 0 <= seconds < 1e9 and isfinite(rate) and 1e-4 < rate < 1e7):
            seconds = rate = 0.0
    shown = ".".join(map(str, python[:3]))
    return _Head(
        order,
        shown,
        interval,
        samples,
        strings_at,
        frames_at,
        compression,
        strings,
        frames,
        size - _FOOTER,
        seconds,
        rate,
    )


def _read_frames(file: BinaryIO, head: _Head) -> Iterator[Frame]:
    file.seek(head.strings_at)
    region = Region(file, head.strings_at, head.frames_at - head.strings_at)
    strings = []
    for _ in range(head.strings):
        size = region.number()
        if size > head.frames_at - head.strings_at:
            raise FormatError("a string longer than all of them", where=region.position)
        strings.append(region.take(size).decode("utf-8", "surrogateescape"))
    file.seek(head.frames_at)
    region = Region(file, head.frames_at, head.stats_at - head.frames_at)
    for _ in range(head.frames):
        path, name, line = region.number(), region.number(), region.signed()
        for _position in range(3):
            region.signed()
        region.take(1)
        if path >= len(strings) or name >= len(strings) or line >= _MOST_LINE:
            raise FormatError("a frame with a name or line that cannot be", where=region.position)
        if strings[path] == "~" and strings[name] in _MADE_UP:
            yield Frame("", strings[name], owner=Owner.NATIVE)
        else:
            yield Frame(strings[path], strings[name], max(0, line))


class _Stack(NamedTuple):
    row: int
    depth: int


class _SampleReader:
    """Follows each thread's stack from record to record. What a record takes off or puts on costs, nothing else."""

    def __init__(self, stacks: StackBuilder, indices: list[int], frames: FrameBuilder) -> None:
        self.stacks = stacks
        self.indices = indices
        self.frames = frames
        self.now: dict[tuple[int, int], _Stack] = {}

    def read(self, file: BinaryIO, head: _Head) -> dict[tuple[int, int], tuple[bool, dict[tuple[int, bool], int]]]:
        """Return by thread and interpreter whether it is the first of its process, and its counts by row and state."""
        file.seek(_HEADER)
        size = head.strings_at - _HEADER
        region = Region(file, _HEADER, size, _find_decompressor(head.compression), _MOST_BYTES)
        start = struct.Struct(f"{head.order}QIB")
        found: dict[tuple[int, int], tuple[bool, dict[tuple[int, bool], int]]] = {}
        count = 0
        while not region.is_at_end():
            tid, interpreter, kind = start.unpack(region.take(start.size))
            key = (tid, interpreter)
            main, rows = found.get(key) or (False, {})
            if kind == _REPEAT:
                number = region.number()
                if key not in self.now:
                    raise FormatError("a stack is repeated that was not there", where=region.position)
            else:
                number = 1
            row = -1
            for _ in range(number):
                region.number()  # when
                state = region.take(1)[0]
                if row < 0:
                    row = self._find_row(region, kind, key)
                main = main or bool(state & _MAIN)
                computes = bool(state & (_HAS_GIL if state & _UNKNOWN else _ON_CPU))
                if computes or not state & _WANTS_GIL:
                    rows[row, computes] = rows.get((row, computes), 0) + 1
            found[key] = (main, rows)
            count += number
        if count != head.samples:
            raise FormatError(f"{count:,} samples where {head.samples:,} were announced", where=region.position)
        return found

    def _find_row(self, region: Region, kind: int, key: tuple[int, int]) -> int:
        """Return the row of a thread's stack once this record is taken into account."""
        stack = self.now.get(key, _Stack(ROOT, 0))
        if kind != _REPEAT:
            stack = self._change(region, kind, stack)
            self.now[key] = stack
        return stack.row if stack.row != ROOT else self.stacks.row(ROOT, self.frames.add(NO_FRAME))

    def _change(self, region: Region, kind: int, stack: _Stack) -> _Stack:
        if kind == _FULL:
            stack = _Stack(ROOT, 0)
        elif kind == _SUFFIX:
            stack = self._pop(region, stack, stack.depth - region.number())
        elif kind == _POP_PUSH:
            stack = self._pop(region, stack, region.number())
        else:
            raise FormatError(f"a record of a kind that is not known ({kind})", where=region.position)
        row = stack.row
        size = region.number()
        if stack.depth + size > DEEPEST:
            raise FormatError(f"a stack of more than {DEEPEST:,} frames", where=region.position)
        new = [self._take_frame(region) for _ in range(size)]
        for frame in reversed(new):
            row = self.stacks.row(row, frame)
        if len(self.stacks.parent) > MOST_RUN_ROWS:
            raise FormatError(f"more than {MOST_RUN_ROWS:,} different stacks", where=region.position)
        return _Stack(row, stack.depth + size)

    def _pop(self, region: Region, stack: _Stack, frames: int) -> _Stack:
        if not 0 <= frames <= stack.depth:
            raise FormatError("more frames end than the stack has", where=region.position)
        row = stack.row
        for _ in range(frames):
            row = self.stacks.parent[row]
        return _Stack(row, stack.depth - frames)

    def _take_frame(self, region: Region) -> int:
        index = region.number()
        if index >= len(self.indices):
            raise FormatError("a frame that is not in the table", where=region.position)
        return self.indices[index]


def _find_decompressor(compression: int) -> Decompressor | None:
    if compression == 0:
        return None
    if compression != 1:
        raise FormatError(f"compressed in a way that is not known ({compression})", where="byte 56")
    return find_zstd(
        "byte 56", "record it with --compression none, run whet on Python 3.14 or newer, or install backports.zstd"
    )
