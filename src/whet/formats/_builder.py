"""Builds a profile from what a foreign file holds, and refuses what no program can have."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import replace

from whet.errors import FormatError
from whet.formats._stacks import FrameBuilder, SampleBuilder, StackBuilder, ThreadBuilder
from whet.model.frame import NO_FRAME, Frame
from whet.model.metric import NANOSECONDS_PER_SECOND, Metric
from whet.model.profile import ROOT, LineCount, Profile, Thread

MOST_DEPTH = 20_000
"""Frames of one stack."""
MOST_ROWS = 4_000_000
"""Rows of the stack table: about 100 MB, and as much for the values of each thread that has some in all of them."""
MOST_FRAMES = 500_000
"""Different frames: about 150 MB."""
MOST_THREADS = 100_000
MOST_VALUE = 2**62
SCALES = {
    "nanoseconds": 1,
    "microseconds": 1_000,
    "milliseconds": 1_000_000,
    "seconds": NANOSECONDS_PER_SECOND,
}
"""Nanoseconds of the units of time that formats name."""


class ProfileBuilder:
    """Takes frames, stacks and values; ``where`` of each call says where in the file they stand."""

    def __init__(self) -> None:
        self.frames = FrameBuilder()
        self.stacks = StackBuilder()
        self.threads = ThreadBuilder()
        self.lines: list[LineCount] = []
        self._samples: dict[Metric, SampleBuilder] = {}

    def frame(self, frame: Frame) -> int:
        """Return the index of ``frame``. Raises ``FormatError`` beyond :data:`MOST_FRAMES`."""
        index = self.frames.add(frame)
        if index >= MOST_FRAMES:
            raise FormatError(f"more than {MOST_FRAMES:,} different frames", where=f"the frame {frame.name[:80]!a}")
        return index

    def stack(self, frames: Sequence[int], where: str) -> int:
        """Return the row of the stack of ``frames``, outermost first; without any, that of :data:`NO_FRAME`."""
        if len(frames) > MOST_DEPTH:
            raise FormatError(f"a stack of more than {MOST_DEPTH:,} frames", where=where)
        row = self.stacks.rows(frames) if frames else self.stacks.row(ROOT, self.frame(NO_FRAME))
        self.check_rows(where)
        return row

    def call(self, parent: int, frame: int, where: str) -> int:
        """Return the row of ``frame`` called from the row ``parent``; how deep that is the caller knows."""
        row = self.stacks.row(parent, frame)
        self.check_rows(where)
        return row

    def check_rows(self, where: str) -> None:
        """Raise ``FormatError`` where there are more stacks than a program can have."""
        if len(self.stacks.parent) > MOST_ROWS:
            raise FormatError(f"more than {MOST_ROWS:,} different stacks", where=where)

    def thread(self, pid: int = 0, tid: int = 0, name: str = "", process: str = "") -> int:
        """Return the index of a thread. Raises ``FormatError`` beyond :data:`MOST_THREADS`."""
        index = self.threads.add(Thread(pid, tid, name, process))
        if index >= MOST_THREADS:
            raise FormatError(f"more than {MOST_THREADS:,} threads", where=f"thread {tid} of process {pid}")
        return index

    def add(self, metric: Metric, thread: int, row: int, value: int, count: int = 1) -> None:
        """Add a value that was checked (:func:`check_value`) and the ``count`` samples behind it."""
        self._samples_of(metric).add(thread, row, value, count)

    def add_all(self, metric: Metric, thread: int, values: Iterable[tuple[int, int]], count: int) -> None:
        """Add rows with their values, each checked, and the ``count`` samples behind all of them."""
        self._samples_of(metric).add_all(thread, values, count)

    def _samples_of(self, metric: Metric) -> SampleBuilder:
        builder = self._samples.get(metric)
        if builder is None:
            builder = self._samples[metric] = SampleBuilder()
        return builder

    def build(
        self,
        collector: str,
        *,
        period_ns: int = 0,
        truncated: str = "",
        wall: bool = False,
        unjudged: bool = False,
        missing: Sequence[str] = (),
        peak_bytes: int = 0,
    ) -> Profile:
        """Return the profile; ``missing`` is what the file does not hold."""
        samples = tuple(each for metric, builder in self._samples.items() for each in builder.samples(metric))
        return Profile(
            collector=collector,
            frames=tuple(self.frames.frames),
            stacks=self.stacks.table(),
            threads=self.threads.threads(),
            samples=samples,
            lines=tuple(self.lines),
            period_ns=period_ns,
            ticks=max((builder.most() for builder in self._samples.values()), default=0) if period_ns else 0,
            peak_bytes=peak_bytes,
            truncated=truncated,
            wall=wall,
            unjudged=unjudged,
            missing=tuple(missing),
        )


def check_value(value: object, where: str, scale: float = 1) -> int:
    """Return a number of the file times ``scale`` as an integer. Raises ``FormatError`` for what none can be."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FormatError("a value that is not a number", where=where)
    if isinstance(value, float) and not math.isfinite(value):
        raise FormatError("a value that is not finite (NaN or infinity)", where=where)
    # Compared before it is multiplied: an integer of a thousand digits fits no float.
    if value < 0:
        raise FormatError("a value that is negative", where=where)
    if value > MOST_VALUE or value * scale > MOST_VALUE:
        raise FormatError("a value beyond 64 bits", where=where)
    return round(value * scale)


def check_line(value: object) -> int:
    """Return a line number of the file; 0 (unknown) for what is none."""
    if isinstance(value, float) and math.isfinite(value):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31 else 0


def reindex(profile: Profile, frames: Sequence[Frame]) -> Profile:
    """Return ``profile`` with its frames replaced by ``frames``, those that are equal, and equal stacks, as one."""
    if len(set(frames)) == len(frames):
        return replace(profile, frames=tuple(frames))
    builder = ProfileBuilder()
    index = [builder.frames.add(frame) for frame in frames]
    rows = array("i")
    for parent, frame in zip(profile.stacks.parent, profile.stacks.frame, strict=True):
        rows.append(builder.stacks.row(ROOT if parent == ROOT else rows[parent], index[frame]))
    for samples in profile.samples:
        values = ((rows[row], value) for row, value in zip(samples.stack, samples.value, strict=True))
        builder.add_all(samples.metric, samples.thread, values, samples.count)
    made = builder.build(profile.collector)
    return replace(profile, frames=made.frames, stacks=made.stacks, samples=made.samples)
