"""Has the program's interpreter, which has the right memray, turn memray's captures into records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from whet.collect.memray import RECORDS
from whet.formats.memray_capture import READER, run_reader
from whet.program.host import TargetHost

BATCH = 64
"""Captures that one process reads at most: to start one for each takes longer than to read a small capture."""
BATCH_BYTES = 256 * 1024 * 1024
"""Size of the captures that one process reads, unless it reads one alone."""


def convert_captures(captures: Sequence[Path], host: TargetHost) -> Iterator[tuple[Path, Path, str]]:
    """Yield each capture, the file of its records, and why it could not be read (empty: it could).

    A process that ends early has failed at the capture after the last that it has reported; another reads the rest.
    """
    folder = host.packages["memray"] if "memray" in host.borrowed else ""
    names = (f"{number}-{RECORDS}" if number else RECORDS for number in range(len(captures)))
    todo = [(capture, capture.with_name(name)) for capture, name in zip(captures, names, strict=True)]
    while todo:
        batch = todo[: _size_batch(todo)]
        paths = [str(path) for pair in batch for path in pair]
        reasons = run_reader([host.interpreter.path, str(READER), folder, *paths], len(batch))
        for (capture, records), why in zip(batch, reasons, strict=False):
            yield capture, records, why
        del todo[: len(reasons)]


def _size_batch(todo: Sequence[tuple[Path, Path]]) -> int:
    """Return how many of the captures one process is to read."""
    size = 0
    for number, (capture, _) in enumerate(todo[:BATCH]):
        size += capture.stat().st_size
        if size > BATCH_BYTES:
            return max(1, number)
    return min(BATCH, len(todo))
