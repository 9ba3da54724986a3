"""What the latest run says of a project's files, for the texts in an editor."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet.editors.align import Lines
from whet.errors import StoreError
from whet.model.frame import Owner
from whet.model.hotspot import LEAST_SAMPLES
from whet.model.source import split_lines
from whet.records import dataclass
from whet.store import find_run, load_run

if TYPE_CHECKING:
    from whet.model.run import Run

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FileCosts:
    """What a run says of one file: its source then, and rows of the report as JSON."""

    source: tuple[str, ...]
    """Its lines as they were measured."""
    lines: tuple[Row, ...]
    functions: tuple[Row, ...]
    advice: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """A run, as far as editors show it. ``files`` are by resolved path."""

    path: Path
    """The file that it is saved in."""
    stamp: int
    """When that was last written, in nanoseconds: proving writes it again."""
    command: str
    started: str
    python: str
    """Path of the interpreter that ran the program."""
    project: str
    files: Mapping[str, FileCosts]

    @property
    def name(self) -> str:
        """The name of the run's folder."""
        return self.path.parent.name


@dataclass(frozen=True, slots=True)
class Placed:
    """The rows of a file that are in the text now, with the line each is at: hottest first."""

    lines: tuple[tuple[int, Row], ...]
    functions: tuple[tuple[int, Row], ...]
    is_same: bool
    """Whether the text is as it was measured."""
    gone: int
    """How many measured lines with a figure are not in the text any more."""


def find_latest(root: Path) -> tuple[Path, int] | None:
    """Return the file of the project's latest run and when it was written; ``None`` without one."""
    try:
        path = find_run(None, root)
        return path, path.stat().st_mtime_ns
    except (OSError, StoreError):
        return None


def read_measured(path: Path, stamp: int, printed: bytes) -> Measured:
    """Return a run from its file and what ``whet report --format json`` printed of it.

    Raises ``StoreError``, ``FormatError`` and ``ValueError``.
    """
    from whet.report.places import Places

    report, run = json.loads(printed), load_run(path)
    places = Places(run)
    files = {}
    for file, source in run.sources.items():
        if source.text and source.owner is Owner.USER:
            files[os.path.realpath(file)] = _select(report, places.show(file), source.text)
    return Measured(
        path=path,
        stamp=stamp,
        command=" ".join(run.command),
        started=run.started,
        python=run.interpreter.path,
        project=_find_project(run),
        files=files,
    )


def place_costs(costs: FileCosts, lines: Lines, least: float) -> Placed:
    """Return which lines and functions of at least the share ``least`` are where in the text now."""
    found = [(lines.find(row["line"], row["function_line"]), row) for row in _list_hot(costs.lines, least)]
    starts = [(lines.find(row["line"], row["line"]), row) for row in _list_hot(costs.functions, least) if row["line"]]
    return Placed(
        lines=tuple((line, row) for line, row in found if line is not None),
        functions=tuple((line, row) for line, row in starts if line is not None),
        is_same=lines.is_same,
        gone=sum(line is None for line, _ in found),
    )


def _list_hot(rows: Sequence[Row], least: float) -> list[Row]:
    """Return the rows of at least the share ``least``, but for those with too few samples for a suggestion."""
    return [
        row
        for row in rows
        if row["spent_seconds"] and (row["spent_share"] or 0.0) >= least and not 0 < row["samples"] < LEAST_SAMPLES
    ]


def _select(report: Row, shown: str, text: str) -> FileCosts:
    lines, functions, advice = (
        tuple(row for row in report[kind] if row["file"] == shown) for kind in ("lines", "functions", "advice")
    )
    return FileCosts(tuple(split_lines(text.removeprefix("\ufeff"))), lines, functions, advice)


def _find_project(run: Run) -> str:
    return os.path.realpath(run.project or run.directory)
