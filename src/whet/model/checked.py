"""What ``whet check`` says: findings in files, with their cost where a profile says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from whet.model.finding import Finding
from whet.model.source import Notice
from whet.records import dataclass


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """A rule, as far as findings are shown with it."""

    slug: str
    title: str
    family: str
    page: str
    ruff: str = ""
    """The rule of ruff that finds the same; empty for none."""


@dataclass(frozen=True, slots=True)
class CheckedFinding:
    """A finding and where people find it.

    ``shown`` is relative to the folder that whet was started in, ``path`` to the repository; both have slashes, and are
    absolute for what lies elsewhere. ``share`` is the part of a run (0 to 1) that the finding's lines cost at least;
    ``None`` without a profile. ``fixable`` says that ``--fix`` would apply its edits.
    """

    id: str
    finding: Finding
    shown: str
    path: str
    share: float | None = None
    fixable: bool = False


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Everything that a check found. ``findings`` are in the order of shown path, line, column and rule."""

    findings: tuple[CheckedFinding, ...] = ()
    notices: tuple[Notice, ...] = ()
    """What the reader should know, and what changes no exit status: places of a profile that are gone."""
    failures: tuple[Notice, ...] = ()
    """What could not be examined, and why."""
    files: int = 0
    rules: Mapping[str, RuleInfo] = field(default_factory=dict)
    """The rules that found something, by slug."""
    fixed: Mapping[str, int] = field(default_factory=dict)
    """Findings that were mended, by rule."""
    diff: str = ""
    """What ``--fix`` would change, as a unified diff."""
    mended_stdin: bytes | None = None
    """A source that came on stdin, mended; ``None`` where none was to be."""
