"""What one execution is to be, and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from pathlib import Path

from whet.collect.api import Launch
from whet.collect.collector_watch import CollectorWatch
from whet.collect.resident import TreePoller
from whet.collect.successor import Became
from whet.model.run import Notice
from whet.program.host import TargetHost
from whet.program.spec import TargetSpec
from whet.records import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """What one execution is to be.

    ``substitute`` is attached instead when the first profiler cannot, and
    ``fallback`` takes over inside the target when none can.
    ``owns_terminal``: this execution has the user's stdin, stdout and stderr;
    the others' output is kept in files under ``out``. ``duration`` ends the
    program after that many seconds, ``limit`` only the recording where the
    execution owns the terminal, else the program.
    """

    spec: TargetSpec
    host: TargetHost
    launches: tuple[Launch, ...]
    out: Path
    substitute: Launch | None = None
    fallback: Launch | None = None
    owns_terminal: bool = True
    duration: float | None = None
    limit: float | None = None
    progress: Callable[[float], None] | None = None
    outside: bool = False
    """Put nothing into the program's process: what ``launches`` ask for inside it is left out."""
    started: Callable[[], None] | None = None
    """Called once when the program's interpreter has been started."""


@dataclass(slots=True)
class Outcome:
    """What became of it. ``status`` is the shell's view of the exit status."""

    status: int = 0
    signal: int = 0
    wall_ns: int = 0
    cpu_ns: int = 0
    poller: TreePoller | None = None
    stopped: str = ""
    interrupted: bool = False
    received: int = 0
    """The last signal that was sent to whet meanwhile, to be passed on."""
    left_behind: tuple[int, ...] = ()
    """Processes of the program that were still running when it had ended."""
    became: list[Became] = field(default_factory=list)
    """What other programs its process became, one after the other."""
    collector: CollectorWatch | None = None
    fell_back: bool = False
    substituted: str = ""
    """Who sampled instead of the one that was to."""
    notices: list[Notice] = field(default_factory=list)
