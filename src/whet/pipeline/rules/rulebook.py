"""The rules that a project has, and what it has set about them: the same for measuring and for checking."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from whet.config import RULES_FOLDER, Config, load_config
from whet.plugins import Group, may_be_brought

if TYPE_CHECKING:
    from whet.engine.loading import RuleModule


@dataclass(frozen=True, slots=True)
class Rulebook:
    """A project's settings and all rules: whet's, those of other distributions, the project's own."""

    config: Config
    rules: tuple[RuleModule, ...]

    @property
    def wanted(self) -> tuple[RuleModule, ...]:
        """The rules that the settings do not ignore: what is asked about hot code."""
        ignored = set(self.config.ignore)
        return tuple(m for m in self.rules if m.rule.slug not in ignored and m.rule.family not in ignored)


def load_rulebook(start: Path, file: Path | None = None, folders: Iterable[Path] = ()) -> Rulebook:
    """Return what holds in the folder ``start``; ``file`` and ``folders`` are settings and rules named by hand.

    Raises :class:`whet.errors.UsageError` for settings that mean nothing, :class:`whet.errors.PluginError` for a rule
    that does not load.
    """
    from whet.engine.loading import load_rules

    config = load_config(start, file)
    own = [config.root / folder for folder in config.rules]
    return Rulebook(config, load_rules(config.root, [*own, *folders]))


def check_rules(folder: Path, allow: Sequence[str] = ()) -> Config:
    """Load settings and rules, so that what is broken is known before the program runs; return the settings.

    ``allow`` are names of rules that the user gave with that option. whet's own rules load, so where nobody else
    brings any and none is named, none is loaded. Raises ``UsageError`` and ``PluginError``.
    """
    config = load_config(folder)
    if not (allow or config.ignore or config.allow or _has_others(config)):
        return config
    from whet.pipeline.rules.allow import expand_in
    from whet.pipeline.rules.selection import RuleNames

    book = load_rulebook(folder)
    RuleNames(book.rules).check(config.ignore, f"{config.file}: ignore")
    expand_in(book, allow, with_settings=True)
    return config


def _has_others(config: Config) -> bool:
    """Tell whether the project or another distribution may bring rules."""
    return bool(config.rules) or (config.root / RULES_FOLDER).is_dir() or may_be_brought(Group.RULES)
