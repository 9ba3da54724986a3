"""The JSON lines that ``whet.inprocess.profilers.memray_reader`` makes of a memray capture; that file documents them.

Bytes and counts are memray's. ``Profile.peak_bytes`` is the highest use of the whole process;
the values of ``Metric.PEAK`` say which stacks it belonged to, and sum up to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import BinaryIO

from whet.errors import FormatError
from whet.formats._stacks import SampleBuilder, StackBuilder
from whet.model.frame import NO_FRAME, Frame
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile, Thread

VERSION = 1
MAX_LINE = 16 * 1024 * 1024
_MAX_VALUE = 2**62
_AGGREGATED = "allocated bytes: an aggregated capture has the peak only"


class MemrayRecords:
    """Reads memray's figures: allocated bytes, allocations, and what lived at the peak."""

    name = "memray"

    def recognizes(self, head: bytes) -> bool:
        """Return ``False``: whet makes these from captures of memray, and nobody keeps them."""
        return False

    def read(self, file: BinaryIO) -> Iterator[Profile]:
        """Yield the one profile in ``file``; raises ``FormatError`` with the line that is wrong.

        Lines that break off (the reader was killed) leave what came before; ``Profile.truncated`` says so.
        """
        lines = _Lines()
        while line := file.readline(MAX_LINE + 1):
            if len(line) > MAX_LINE:
                raise FormatError(f"more than {MAX_LINE:,} bytes", where=f"line {lines.number + 1}")
            if not line.endswith(b"\n"):
                break
            lines.take(line)
        yield lines.profile()

    def write(self, profile: Profile, sink: BinaryIO) -> None:
        """Refuse: whet reads this format and never writes it."""
        raise FormatError("memray records are read, not written", hint="save the run as json or html")


class _Lines:
    """Takes line after line; every index is checked against what came before it."""

    def __init__(self) -> None:
        self.number = 0
        self.header: dict[str, object] = {}
        self.frames: list[Frame] = []
        self.stacks = StackBuilder()
        self.threads: list[Thread] = []
        self.allocated = SampleBuilder()
        self.allocations = SampleBuilder()
        self.peak = SampleBuilder()
        self.followed = {metric: SampleBuilder() for metric in (Metric.BRIEF, Metric.LIVE, Metric.GROWN)}
        self.ended = False
        self._bare = -1

    def take(self, line: bytes) -> None:
        self.number += 1
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise self._wrong("not JSON") from error
        if self.number == 1:
            self.header = self._check_header(value)
            return
        match value:
            case ["f", str(name), "<unknown>", 0] if self.header.get("native"):
                # A C function without debug information; a module may be called so, but has no line 0.
                self.frames.append(Frame("[unknown]", name))
            case ["f", str(name), str(file), int(number)]:
                self.frames.append(Frame(file, name, self._count(number)))
            case ["s", int(parent), int(frame)]:
                rows = len(self.stacks.parent)
                if not (ROOT <= parent < rows and 0 <= frame < len(self.frames)):
                    raise self._wrong("a stack of unknown frames")
                if self.stacks.row(parent, frame) != rows:
                    raise self._wrong("a stack for the second time")
            case ["t", int(tid), str(name)]:
                # memray numbers threads itself; only the main thread's kernel id is known: the process's.
                main = tid == self.header.get("main_thread")
                pid = self._header_count("pid")
                self.threads.append(Thread(pid, pid if main else 0, name.strip()))
            case ["v", int(thread), int(row), int(size), int(count), int(live), int(live_count)]:
                self._take_values(thread, row, (size, count), (live, live_count))
            case ["a", int(thread), int(row), int(brief), int(live), int(grown)]:
                self._take_followed(thread, row, (brief, live, grown))
            case ["end", int(lines)] if lines == self.number - 1:
                self.ended = True
            case _:
                raise self._wrong("not a record of memray's figures")

    def _take_values(self, thread: int, row: int, total: tuple[int, int], peak: tuple[int, int]) -> None:
        size, count, live, live_count = (self._count(value) for value in (*total, *peak))
        row = self._check_row(thread, row)
        if size or count:
            self.allocated.add(thread, row, size, count)
            self.allocations.add(thread, row, count, count)
        if live or live_count:
            self.peak.add(thread, row, live, live_count)

    def _take_followed(self, thread: int, row: int, values: tuple[int, int, int]) -> None:
        row = self._check_row(thread, row)
        for builder, value in zip(self.followed.values(), values, strict=True):
            if self._count(value):
                builder.add(thread, row, value, 1)

    def _check_row(self, thread: int, row: int) -> int:
        if not (0 <= thread < len(self.threads) and ROOT <= row < len(self.stacks.parent)):
            raise self._wrong("values of an unknown thread or stack")
        return self._find_bare_row() if row == ROOT else row

    def _find_bare_row(self) -> int:
        if self._bare < 0:
            self.frames.append(NO_FRAME)
            self._bare = self.stacks.row(ROOT, len(self.frames) - 1)
        return self._bare

    def _check_header(self, value: object) -> dict[str, object]:
        if not isinstance(value, dict) or "whet-memray" not in value:
            raise self._wrong("no figures of memray")
        if value["whet-memray"] != VERSION:
            raise FormatError(
                f"version {str(value['whet-memray'])[:20]} of memray's figures; this whet reads {VERSION}",
                where="line 1",
                hint="measure again with this version of whet",
            )
        return value

    def _header_count(self, key: str) -> int:
        value = self.header.get(key, 0)
        if not isinstance(value, int):
            raise FormatError(f"{key} is no number", where="line 1")
        return self._count(value)

    def _count(self, value: int) -> int:
        if not 0 <= value <= _MAX_VALUE:
            raise self._wrong("a number out of range")
        return value

    def _wrong(self, why: str) -> FormatError:
        return FormatError(why, where=f"line {self.number}")

    def profile(self) -> Profile:
        if not self.header:
            raise FormatError("no figures of memray", where="line 1")
        return Profile(
            collector=f"memray {str(self.header.get('memray', ''))[:40]}".strip(),
            frames=tuple(self.frames),
            stacks=self.stacks.table(),
            threads=tuple(self.threads),
            samples=(
                *self.allocated.samples(Metric.ALLOCATED),
                *self.allocations.samples(Metric.ALLOCATIONS),
                *self.peak.samples(Metric.PEAK),
                *(each for metric, builder in self.followed.items() for each in builder.samples(metric)),
            ),
            peak_bytes=self._header_count("peak_bytes"),
            missing=() if self.allocated.most() or not self.peak.most() else (_AGGREGATED,),
            truncated="" if self.ended else "memray's figures break off",
        )
