"""Which offers may be tried and written: named by the user, or by the project's settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from whet.model.run import Run
from whet.pipeline.rules.rulebook import Rulebook, load_rulebook, stands_in
from whet.pipeline.rules.selection import RuleNames


def expand_allowed(run: Run, names: Sequence[str], *, with_settings: bool) -> frozenset[str]:
    """Return the rules that ``names`` denote, and those that the settings allow.

    A name is a slug, a family or ``ALL``, or several of them, comma-separated.
    Raises ``UsageError`` for an unknown name.
    """
    if not names and not with_settings:
        return frozenset()
    project = Path(run.project or run.directory)
    book = load_rulebook(project, project_rules=stands_in(project))
    return expand_in(book, names, with_settings=with_settings)


def expand_in(book: Rulebook, names: Sequence[str], *, with_settings: bool) -> frozenset[str]:
    """Return what :func:`expand_allowed` does, by the rules and settings of ``book``."""
    known = RuleNames(book.rules, book.absent)
    wanted = [word.strip() for name in names for word in name.split(",") if word.strip()]
    known.check(wanted, "--allow")
    if with_settings:
        known.check(book.config.allow, f"{book.config.file}: allow")
        wanted += book.config.allow
    return known.expand_all(wanted)
