"""The seam for profilers: one collector starts one profiler and names the format that it leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Protocol

from whet.model.metric import Metric
from whet.model.profile import Profile
from whet.program.host import TargetHost
from whet.program.spec import TargetSpec
from whet.records import dataclass


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a collector cannot run here, and the line that mends it."""

    why: str
    remedy: str = ""


def slow_down(rate: int, times: int) -> int:
    """Return the rate of a sampler that is so many ``times`` slower than one of ``rate``, in samples a second."""
    return max(1, rate // times)


class Reader(Protocol):
    """Reads a capture together with what its profiler leaves beside it, where the format alone cannot."""

    def read(self, capture: Path, pid: int) -> Iterator[Profile]:
        """Yield the profiles of ``capture`` and of all that belongs to it; ``pid`` is the program's process.

        Raises ``OSError`` (``FileNotFoundError`` where there is no capture) and ``FormatError``.
        """


@dataclass(frozen=True, slots=True)
class Restarts:
    """How a sampler is started again while the program runs, for which its commands name a file after ``--output``.

    The first command takes ``rate`` samples a second. Where it says that it cannot keep up, or takes more than
    ``most_share`` of the program's time (0: it may take any), one of ``slower`` takes its place, by how many times
    lower its rate is. Where the process becomes another program, all commands are started again; their captures have
    the names of the first ones behind a prefix (see ``whet.collect.successor``). The launch's reader joins them all.
    """

    rate: int
    slower: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    most_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Launch:
    """How one profiler takes part in one execution.

    ``agent`` are settings for the code inside the target (see
    ``whet.inprocess.launch.runner``); ``attach`` are commands that are started beside
    the target once its pid is known, with ``{pid}`` standing for it. The program
    begins when each of the commands has printed ``says_ready`` in a line; with an empty one,
    when they have run for a moment without failing.

    ``captures`` are pairs of a format's name and the file that will hold the capture. ``reader`` reads them where the
    format alone cannot. ``wall`` is the one among them, if any, that has all threads whether they compute or not: time
    that the first capture does not explain as computing is waiting.
    """

    agent: dict[str, object] = field(default_factory=dict)
    attach: tuple[tuple[str, ...], ...] = ()
    captures: tuple[tuple[str, Path], ...] = ()
    reader: Reader | None = None
    wall: Path | None = None
    says_ready: str = ""
    restarts: Restarts | None = None
    deepest: int = 0
    """Frames of the deepest stack that the attached profilers read (0: not known), and"""
    deeper: str = ""
    """what to use for deeper ones, where anything is better."""
    tool: str = ""
    """Who is named where one fails. Not for the collector to set: it is that one's name."""


class Collector(Protocol):
    """One profiler."""

    name: str
    metrics: frozenset[Metric]

    def missing(self, host: TargetHost) -> Missing | None:
        """Return why this collector cannot run on ``host``; ``None`` when it can."""

    def launch(self, spec: TargetSpec, out: Path) -> Launch:
        """Say what to start for ``spec``, leaving captures under ``out``. Pure: starts nothing."""
