"""What the agent inside a process reports when the process ends: the one contract between the agent and whet."""

from __future__ import annotations

from dataclasses import field

from whet.model.evidence import Evidence
from whet.records import dataclass


@dataclass(frozen=True, slots=True)
class AgentReport:
    """Everything that the agent of one process reported; times are of its whole life."""

    pid: int
    began: bool = True
    """Whether the program got as far as its first line; one that does not compile ends before."""
    threads: tuple[int, ...] = ()
    """The system's ids of the agent's own threads: time seen there is not the program's."""
    evidence: Evidence = field(default_factory=Evidence)
    peak_kilobytes: int = 0
    peak_stack: tuple[tuple[str, int, str], ...] = ()
    """What was on the stack when resident memory was seen to grow last, outermost first: file, line, function."""
    wall_ns: int = 0
    cpu_ns: int = 0
