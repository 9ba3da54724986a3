"""One source to check, and what comes of it: what the cache keeps and what worker processes exchange."""

from __future__ import annotations

from collections.abc import Collection

from whet.model.finding import Finding
from whet.model.source import Notice
from whet.records import dataclass


@dataclass(frozen=True, slots=True)
class Task:
    """One source to check; ``lines`` are its hot ones, if there is a profile; ``python`` is what the code is for."""

    file: str
    shown: str
    data: bytes
    lines: Collection[int] | None = None
    python: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result for a source: findings by place, rules that failed, or why it could not be or was not checked."""

    findings: tuple[Finding, ...] = ()
    notices: tuple[Notice, ...] = ()
    unreadable: str = ""
    remedy: str = "fix it"
    """What to do about an unreadable source."""
    too_large: str = ""
