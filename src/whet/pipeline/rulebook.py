"""The rules that a project has, and what it has set about them: the same for measuring and for checking."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from whet.config import Config, load_config
from whet.engine.loading import RuleModule, load_rules


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
    config = load_config(start, file)
    own = [config.root / folder for folder in config.rules]
    return Rulebook(config, load_rules(config.root, [*own, *folders]))
