"""What the agent inside a process reports when the process ends: the one contract between the agent and whet."""

from __future__ import annotations

from dataclasses import field

from whet.model.evidence import Evidence
from whet.records import dataclass


@dataclass(frozen=True, slots=True)
class TaskWait:
    """Where tasks of asyncio waited while their loop polled.

    ``stack`` are places (file, line, function, its first line), outermost first: the coroutines of the task, below
    those of the tasks that wait for it. ``thread`` is the system's id of the loop's thread, 0 where it is not known.
    ``ns`` is the part of the time that counts for this stack, ``together`` the same times the tasks that waited then.
    """

    stack: tuple[tuple[str, int, str, int], ...]
    thread: int
    ns: int
    together: int


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
    waits: tuple[TaskWait, ...] = ()
    wall_ns: int = 0
    cpu_ns: int = 0
