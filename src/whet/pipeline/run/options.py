"""The options of a measurement."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from whet.records import dataclass
from whet.report.api import DEFAULT_NAME

if TYPE_CHECKING:
    from pathlib import Path

    from whet.collect.api import Collector
    from whet.model.run import Purpose
    from whet.pipeline.run.cells import Cell

DEFAULT_REPORT = DEFAULT_NAME
DEFAULT_RATE = 100
"""Samples per second; fewer if sampling gets expensive."""


class Sampler(StrEnum):
    """Which profiler samples time."""

    PY_SPY = "py-spy"
    TACHYON = "tachyon"
    PYINSTRUMENT = "pyinstrument"


class Step(NamedTuple):
    """Progress of a measurement, for a progress line."""

    execution: int
    """Counted from 1."""
    of: int
    purpose: str
    seconds: float


@dataclass(frozen=True, slots=True)
class MeasureOptions:
    """How to measure. Times are seconds.

    ``max_time`` limits each execution's recording (``None``: the first has no
    limit, later ones the larger of 60 s and 20 times the first). ``duration``
    ends the program itself. ``repeat`` pools that many executions.
    """

    rate: int = DEFAULT_RATE
    keep_rate: bool = False
    """Whether to keep the rate, whatever sampling costs the program."""
    native: bool = False
    children: bool = True
    sampler: Sampler | Collector = Sampler.PY_SPY
    memory: bool = False
    lines: bool = False
    outside: bool = False
    """Put nothing into the program's process."""
    trace_python_allocators: bool = False
    repeat: int = 1
    duration: float | None = None
    max_time: float | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    keep_raw: bool = False
    keep_arguments: bool = False
    """Save the program's arguments as they are, secrets too."""
    routes: bool | None = None
    """Whether to time the requests that a server answers; ``None``: where the program is known to be one."""
    labels: tuple[tuple[str, str], ...] = ()
    """What tells this run from others of one job, as ``("rank", "3")``."""
    words: tuple[str, ...] = ()
    """All that was asked for on the command line besides the program, each in one word, as ``--rate=50``."""
    progress: Callable[[Step], None] | None = None
    """Called many times a second during an execution."""


@dataclass(frozen=True, slots=True)
class AttachOptions:
    """How to sample a running process. ``duration`` is seconds, ``rate`` samples per second."""

    duration: float = 30.0
    rate: int = DEFAULT_RATE
    keep_rate: bool = False
    """Whether to keep the rate, whatever sampling costs the process."""
    native: bool = False
    children: bool = True
    nonblocking: bool = False
    sampler: Sampler = Sampler.PY_SPY
    """py-spy or Tachyon: the samplers that work from outside."""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    keep_raw: bool = False
    hidden: tuple[str, ...] = ()
    """Files of whet's that the process runs, which are no part of it."""
    to_end: threading.Event = field(default_factory=threading.Event)
    """Ends the sampling early when it is set."""
    cells: dict[str, Cell] = field(default_factory=dict)
    """Cells of a notebook by the names of their code, known when the sampling ends."""
    captures: dict[Purpose, Path] = field(default_factory=dict)
    """What profilers recorded in the process meanwhile, known when the sampling ends."""
    words: tuple[str, ...] = ()
    """As in ``MeasureOptions``."""
    progress: Callable[[Step], None] | None = None
    """Called many times a second during an execution."""
