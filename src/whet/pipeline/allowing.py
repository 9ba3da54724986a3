"""Which offers may be tried and written: named by the user, or by the project's settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from whet.errors import UsageError
from whet.model.run import Run
from whet.pipeline.rulebook import load_rulebook
from whet.pipeline.selection import ALL


def expand_allowed(run: Run, names: Sequence[str], *, with_settings: bool) -> frozenset[str]:
    """Return the rules that ``names`` mean, and those that the settings allow.

    A name is a slug, a family or ``ALL``, or several of them with commas between.
    Raises ``UsageError`` for a name of nothing.
    """
    if not names and not with_settings:
        return frozenset()
    book = load_rulebook(Path(run.project or run.directory))
    slugs = {module.rule.slug: str(module.rule.family) for module in book.rules}
    wanted = {word.strip() for name in names for word in name.split(",")} - {""}
    unknown = sorted(wanted - slugs.keys() - set(slugs.values()) - {ALL})
    if unknown:
        import difflib

        near = difflib.get_close_matches(unknown[0], slugs, n=1)
        hint = f"did you mean {near[0]}?" if near else "`whet rules` lists the rules"
        raise UsageError(f"there is no rule or family {unknown[0]!r} (--allow)", hint)
    if with_settings:
        wanted |= set(book.config.allow)
    return frozenset(slug for slug, family in slugs.items() if not wanted.isdisjoint({slug, family, ALL}))
