"""All profiles of a run as one, which is what formats of others hold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from whet.merge.select import memory_profiles, time_profiles
from whet.model.frame import Frame
from whet.model.metric import Metric
from whet.model.profile import LineCount, Profile, Samples, StackTable, Thread
from whet.model.run import Run

_SHIFT = 32
_PARENT = (1 << _SHIFT) - 1


def combine_profiles(run: Run) -> Profile:
    """Return one profile with the time and memory that a report of ``run`` shows, and exact hits.

    Frames, stacks and threads that are equal are one; values of the same stack are added up.
    """
    timed, measured = time_profiles(run), memory_profiles(run)
    tables = ProfileTables()
    for profile in timed:
        tables.add(profile, frozenset({Metric.CPU, Metric.WAITING, Metric.IDLE, Metric.GIL}))
    for profile in measured:
        tables.add(profile, frozenset({Metric.ALLOCATED, Metric.ALLOCATIONS, Metric.PEAK}))
    used = [*timed, *(profile for profile in measured if profile not in timed)]
    return replace(
        tables.profile(),
        collector=", ".join(dict.fromkeys(profile.collector for profile in used)) or "whet",
        lines=tuple(LineCount(*key, hits) for key, hits in sum_lines(run.profiles).items()),
        period_ns=next((profile.period_ns for profile in timed if profile.period_ns), 0),
        ticks=sum(profile.ticks for profile in timed),
        peak_bytes=max((profile.peak_bytes for profile in measured), default=0),
        wall=any(profile.wall for profile in timed),
    )


def sum_lines(profiles: Iterable[Profile]) -> dict[tuple[str, int, int], int]:
    """Return the hits of all lines that were counted, by file, line and the function's first line."""
    hits: dict[tuple[str, int, int], int] = {}
    for profile in profiles:
        for each in profile.lines:
            key = each.file, each.line, each.function_line
            hits[key] = hits.get(key, 0) + each.hits
    return hits


class _Rows(dict[int, int]):
    """The rows of a stack table by what they are made of, counted from 1; one that is not there yet is made.

    A key is the frame and the parent, 0 for none, in one number: that is quicker to look up than a pair, above all
    with the parent in the lower bits, by which a dict places its keys: parents differ more than frames do.
    """

    def __init__(self) -> None:
        self.parent: list[int] = []
        self.frame: list[int] = []

    def __missing__(self, key: int) -> int:
        self.parent.append((key & _PARENT) - 1)
        self.frame.append(key >> _SHIFT)
        self[key] = row = len(self.parent)
        return row


class ProfileTables:
    """The tables of one profile that several are added to. ``entries`` counts the pairs of a stack and a value."""

    def __init__(self) -> None:
        self.frames: dict[Frame, int] = {}
        self.threads: dict[Thread, int] = {}
        self._rows = _Rows()
        self._values: dict[tuple[Metric, int], dict[int, int]] = {}
        self._counts: dict[tuple[Metric, int], int] = {}
        self.entries = 0

    def add(self, profile: Profile, metrics: Collection[Metric]) -> None:
        """Add the samples of ``metrics``."""
        frames = [self.frames.setdefault(frame, len(self.frames)) << _SHIFT for frame in profile.frames]
        # Row 0 stands for ``ROOT``, so that it needs no case of its own among millions.
        rows, known = [0], self._rows
        for parent, frame in zip(profile.stacks.parent, map(frames.__getitem__, profile.stacks.frame), strict=True):
            rows.append(known[frame | rows[parent + 1]])
        for samples in profile.samples:
            if samples.metric not in metrics:
                continue
            thread = self.threads.setdefault(profile.threads[samples.thread], len(self.threads))
            values = self._values.setdefault((samples.metric, thread), {})
            self.entries -= len(values)
            get = values.get
            for row, value in zip(samples.stack, samples.value, strict=True):
                at = rows[row + 1] - 1
                values[at] = get(at, 0) + value
            self.entries += len(values)
            self._counts[samples.metric, thread] = self._counts.get((samples.metric, thread), 0) + samples.count

    def join_threads(self, place: Callable[[Thread], Thread]) -> None:
        """Make the samples of all threads that ``place`` returns the same thread for one thread's."""
        old, values, counts = list(self.threads), self._values, self._counts
        self.threads, self._values, self._counts, self.entries = {}, {}, {}, 0
        for (metric, thread), added in values.items():
            key = metric, self.threads.setdefault(place(old[thread]), len(self.threads))
            kept = self._values.setdefault(key, {})
            for row, value in added.items():
                kept[row] = kept.get(row, 0) + value
            self._counts[key] = self._counts.get(key, 0) + counts[metric, thread]
        self.entries = sum(map(len, self._values.values()))

    def profile(self) -> Profile:
        """Return what was added as one profile, without anything else that a profile says."""
        return Profile(
            collector="",
            frames=tuple(self.frames),
            stacks=StackTable(self._rows.parent, self._rows.frame),
            threads=tuple(self.threads),
            samples=self.samples(),
        )

    def samples(self) -> tuple[Samples, ...]:
        """Return one entry for each metric and thread."""
        return tuple(
            Samples(metric, thread, list(values), list(values.values()), self._counts[metric, thread])
            for (metric, thread), values in self._values.items()
        )
