"""Turns memray captures into compact JSON lines: ``PYTHON memray_reader.py FOLDER CAPTURE OUT [CAPTURE OUT ...]``.

Runs in an interpreter that can import memray (``FOLDER`` is appended to ``sys.path`` unless it is empty): the
standard library and memray only, 3.11 and newer. After each capture it prints a line, a JSON string that says why
this one could not be read; empty: it could. What it makes of each has one JSON value a line:

=============================================== =====================================================
``{"whet-memray": 1, "pid": …, …}``             first: the format's version and what holds for all
``["f", name, file, line]``                     the next frame, counted from 0
``["s", parent, frame]``                        the next stack row, counted from 0; parent -1 is none
``["t", tid, name]``                            the next thread, counted from 0; memray's own numbers
``["v", thread, row, bytes, n, live, live n]``  what this stack allocated, and what lived at the peak
``["a", thread, row, brief, live, grown]``      what became of it with time, in bytes: see ``_follow``
``["end", lines]``                              last: how many lines came before
=============================================== =====================================================

Bytes are those that memray counts: each reallocation counts its new size in full. With Python's
allocators traced memray hides the arenas behind the objects, so nothing is there twice.
Captures of processes that were killed are read as far as they go.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import sys
from pathlib import Path
from typing import Any, TextIO

FREES = frozenset(("PYMALLOC_FREE", "FREE", "MUNMAP"))
MOST_FOLLOWED = 4_000_000
"""Stacks times moments up to which memory is followed over time: each pair may be an object while it is read."""
LEAST_MOMENTS = 20
"""How often memray must have looked (every 10 ms) for a quarter of the recording to mean anything."""
RISING = (0.3, 0.5, 0.7, 0.9)
"""Where in the recording memory must have risen to be called growing: its end is left out, where much is freed."""
BRIEF = 0.25
"""Part of the recording for less than which memory that counts as brief was live."""


def convert(capture: str, out: TextIO) -> None:
    """Read the capture at the path ``capture`` and write lines to ``out``, a text file."""
    from memray import AllocatorType, FileReader

    frees = frozenset(int(kind) for kind in AllocatorType if kind.name in FREES)
    with FileReader(capture) as reader:
        metadata = reader.metadata
        lines = _Lines(out, metadata.main_thread_id, metadata.has_native_traces)
        lines.put(_describe(reader, metadata))
        try:
            totals = _sum_allocations(reader, lines, frees)
        except NotImplementedError:  # a capture that memray aggregated as it wrote it holds the peak only
            totals = {}
        # The last column is what lived at the peak. Rows are interned by names, not by memray's
        # ids: this pass has a stack tree of its own.
        for record in reader.get_high_watermark_allocation_records(merge_threads=False):
            key = (lines.thread(record), lines.row(record))
            total = totals.setdefault(key, [0, 0, 0, 0])
            total[2] += record.size
            total[3] += record.n_allocations
        moments = sum(1 for _ in reader.get_memory_snapshots())
        followed: dict[tuple[int, int], tuple[int, int, int]] = {}
        if moments >= LEAST_MOMENTS and moments * len(totals) <= MOST_FOLLOWED:
            # An aggregated capture has no times.
            with contextlib.suppress(NotImplementedError):
                followed = _follow(reader, lines, moments, totals)
        lines.end_threads()
        for (thread, row), total in sorted(totals.items()):
            lines.put(["v", thread, row, *total])
        for (thread, row), figures in sorted(followed.items()):
            lines.put(["a", thread, row, *figures])
        lines.put(["end", lines.count])


def _describe(reader: Any, metadata: Any) -> dict[str, Any]:
    """Return the first line. The end of a killed process is unknown to memray: then the last snapshot's time is it."""
    start = round(metadata.start_time.timestamp() * 1000)
    end = round(metadata.end_time.timestamp() * 1000)
    for snapshot in reader.get_memory_snapshots():
        end = max(end, snapshot.time)
    from memray._version import __version__

    return {
        "whet-memray": 1,
        "memray": __version__,
        "pid": metadata.pid,
        "peak_bytes": metadata.peak_memory,
        "duration_ns": max(0, end - start) * 1_000_000,
        "main_thread": metadata.main_thread_id,
        "python_allocators": bool(metadata.trace_python_allocators),
        "native": bool(metadata.has_native_traces),
    }


def _sum_allocations(reader: Any, lines: _Lines, frees: frozenset[int]) -> dict[tuple[int, int], list[int]]:
    """Return ``{(thread, row): [bytes, allocations, 0, 0]}`` over all allocations.

    The loop runs once an allocation, millions of times: it only sums by memray's ids, and asks for
    names once a stack.
    """
    sums: dict[tuple[int, ...], list[int]] = {}
    native = lines.native
    key: tuple[int, ...]
    for record in reader.get_allocation_records():
        if record.allocator in frees:
            continue
        if native:
            key = (record.tid, record.stack_id, record.native_stack_id, record.native_segment_generation)
        else:
            key = (record.tid, record.stack_id)
        known = sums.get(key)
        if known is None:
            known = sums[key] = [0, 0, lines.thread(record), lines.row(record)]
        known[0] += record.size
        known[1] += record.n_allocations
    totals: dict[tuple[int, int], list[int]] = {}
    for size, count, thread, row in sums.values():
        total = totals.setdefault((thread, row), [0, 0, 0, 0])
        total[0] += size
        total[1] += count
    return totals


def _follow(
    reader: Any, lines: _Lines, moments: int, totals: dict[tuple[int, int], list[int]]
) -> dict[tuple[int, int], tuple[int, int, int]]:
    """Return how the live bytes of each stack changed with time, where that says something.

    Bytes of the peak that were live for a short time only, bytes live at the end, and by how much more were live near
    the end than in the middle, where they rose from each moment of ``RISING`` to the next. ``totals`` has the peak.
    """
    changes: dict[tuple[int, int], dict[int, int]] = {}
    for record in reader.get_temporal_allocation_records(merge_threads=False):
        known = changes.setdefault((lines.thread(record), lines.row(record)), {})
        for interval in record.intervals:
            start, end = interval.allocated_before_snapshot, interval.deallocated_before_snapshot
            known[start] = known.get(start, 0) + interval.n_bytes
            if end is not None:
                known[end] = known.get(end, 0) - interval.n_bytes
    return {
        key: figures
        for key, known in changes.items()
        if any(figures := _judge(known, moments, totals.get(key, (0, 0, 0, 0))[2]))
    }


def _judge(changes: dict[int, int], moments: int, peak: int) -> tuple[int, int, int]:
    """Return what :func:`_follow` does for one stack, from the changes of its live bytes by moment."""
    live, curve = 0, []
    for moment in range(moments + 1):
        live += changes.get(moment, 0)
        curve.append(live)
    high = sum(2 * value >= peak for value in curve)
    marks = [curve[round(part * moments)] for part in RISING]
    rises = all(before < after for before, after in itertools.pairwise(marks))
    return (
        peak if peak and high < BRIEF * len(curve) else 0,
        max(live, 0),
        marks[3] - marks[1] if rises else 0,
    )


class _Lines:
    """Writes frames, rows and threads when they are first seen."""

    def __init__(self, out: TextIO, main_thread: int, native: bool) -> None:
        self.out = out
        self.native = native
        self.count = 0
        self.main_thread = main_thread
        self._frames: dict[Any, int] = {}
        self._rows: dict[Any, int] = {}
        self._threads: dict[int, int] = {}
        self._records: list[Any] = []

    def put(self, value: Any) -> None:
        self.out.write(json.dumps(value, separators=(",", ":")))
        self.out.write("\n")
        self.count += 1

    def _intern(self, table: dict[Any, int], key: Any, value: list[Any]) -> int:
        index = table.get(key)
        if index is None:
            index = table[key] = len(table)
            self.put(value)
        return index

    def row(self, record: Any) -> int:
        """Return the row of the record's stack; -1 for an allocation outside of any Python code."""
        try:
            # A number of frames, or memray leaves out as many outer ones as there were when the recording began. Those
            # were whet's, and are gone: the program would lose its own.
            stack = record.hybrid_stack_trace() if self.native else record.stack_trace(max_stacks=sys.maxsize)
        except NotImplementedError:  # a thread that Python does not know
            stack = []
        row = -1
        for name, file, line in reversed(stack):
            frame = self._intern(self._frames, (name, file, line), ["f", name, file, line])
            row = self._intern(self._rows, (row, frame), ["s", row, frame])
        return row

    def thread(self, record: Any) -> int:
        """Return the index of the record's thread. Its line waits for :meth:`end_threads`."""
        index = self._threads.get(record.tid)
        if index is None:
            index = self._threads[record.tid] = len(self._threads)
            self._records.append(record)
        return index

    def end_threads(self) -> None:
        """Write the threads. A thread is named after its first allocations, and memray knows the name from then on."""
        for record in self._records:
            name = record.thread_name.strip() or ("MainThread" if record.tid == self.main_thread else "")
            self.put(["t", record.tid, name])


def main(folder: str, *paths: str) -> None:
    """Convert each capture of ``paths``, which come in pairs of a capture and where its lines go."""
    sys.path += [folder] if folder else []
    for capture, out in zip(paths[::2], paths[1::2], strict=True):
        why = ""
        try:
            with Path(out).open("w", encoding="utf-8", errors="backslashreplace") as lines:
                convert(capture, lines)
        except Exception as error:  # what one capture holds must not lose the others
            why = f"{type(error).__name__}: {error}"
        sys.stdout.write(json.dumps(why) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
