"""A project's rules and its settings about them, shared by measuring and checking."""

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
        """The rules that the settings do not ignore: those run on hot code."""
        ignored = set(self.config.ignore)
        return tuple(m for m in self.rules if m.rule.slug not in ignored and m.rule.family not in ignored)


def load_rulebook(start: Path, file: Path | None = None, folders: Iterable[Path] = ()) -> Rulebook:
    """Return the rulebook of the folder ``start``; ``file`` and ``folders`` are settings and rules given explicitly.

    Raises :class:`whet.errors.UsageError` for invalid settings, :class:`whet.errors.PluginError` for a rule that does
    not load.
    """
    from whet.engine.loading import load_rules

    config = load_config(start, file)
    own = [config.root / folder for folder in config.rules]
    return Rulebook(config, load_rules(config.root, [*own, *folders]))


def check_rules(folder: Path, allow: Sequence[str] = ()) -> Config:
    """Load settings and rules, so that errors are found before the program runs; return the settings.

    ``allow`` are the rule names of that option. whet's own rules are known to load, so none is loaded unless rules
    are named or others provide some. Raises ``UsageError`` and ``PluginError``.
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
    """Return whether the project or another distribution may provide rules."""
    return bool(config.rules) or (config.root / RULES_FOLDER).is_dir() or may_be_brought(Group.RULES)
