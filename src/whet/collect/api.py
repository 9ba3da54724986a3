"""The seam for profilers: one collector starts one profiler and names the format that it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from whet.model.metric import Metric
from whet.program.host import TargetHost
from whet.program.spec import TargetSpec


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a collector cannot run here, and the line that mends it."""

    why: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Launch:
    """How one profiler takes part in one execution.

    ``agent`` are settings for the code inside the target (see
    ``whet.inprocess.launch.runner``); ``attach`` are commands that are started beside
    the target once its pid is known, with ``{pid}`` standing for it. ``captures``
    maps a format's name to the file that will hold the capture. The program
    begins when each of the commands has printed ``says_ready`` in a line; with an empty one,
    when they have run for a moment without failing. One of ``slower``, by how many times lower its rate is, takes
    the place of the first of them, which takes ``rate`` samples a second, where that says that it cannot keep up or
    takes more than ``most_share`` of the program's time (0: it may take any); both leave captures. ``tool`` is who is
    named where one fails.
    """

    agent: dict[str, object] = field(default_factory=dict)
    attach: tuple[tuple[str, ...], ...] = ()
    captures: tuple[tuple[str, Path], ...] = ()
    slower: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    rate: int = 0
    most_share: float = 0.0
    says_ready: str = "Sampling process"
    tool: str = "py-spy"
    deepest: int = 4_096
    """Frames of the deepest stack that the attached profilers read, and"""
    deeper: str = ""
    """what to use for deeper ones, where anything is better."""


class Collector(Protocol):
    """One profiler."""

    name: str
    metrics: frozenset[Metric]

    def missing(self, host: TargetHost) -> Missing | None:
        """Return why this collector cannot run on ``host``; ``None`` when it can."""

    def launch(self, spec: TargetSpec, out: Path) -> Launch:
        """Say what to start for ``spec``, leaving captures under ``out``. Pure: starts nothing."""
