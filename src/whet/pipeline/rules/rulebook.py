"""A project's rules and its settings about them, shared by measuring and checking."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from whet.config import RULES_FOLDER, Config, find_root, load_config
from whet.plugins import Group, may_be_brought
from whet.reading import is_folder
from whet.records import dataclass
from whet.trust import HINT, is_trusted

if TYPE_CHECKING:
    from whet.engine.loading import RuleModule


@dataclass(frozen=True, slots=True)
class Rulebook:
    """A project's settings and all rules: whet's, those of other distributions, the project's own."""

    config: Config
    rules: tuple[RuleModule, ...]
    absent: frozenset[str] = frozenset()
    """Rules of the project that were not loaded: their names may stand in settings and comments."""

    @property
    def wanted(self) -> tuple[RuleModule, ...]:
        """The rules that the settings do not ignore: those run on hot code."""
        ignored = set(self.config.ignore)
        return tuple(m for m in self.rules if m.rule.slug not in ignored and m.rule.family not in ignored)


def load_rulebook(
    start: Path,
    file: Path | None = None,
    folders: Iterable[Path] = (),
    *,
    project_rules: bool = True,
    cache: Path | None = None,
) -> Rulebook:
    """Return the rulebook of the folder ``start``; ``file`` and ``folders`` are settings and rules given explicitly.

    The project's own rules, which are code, are loaded with ``project_rules`` and if they are trusted. With ``cache``,
    whet's own come from the catalogue in that folder, if it has them: without their cases.
    Raises :class:`whet.errors.UsageError` for invalid settings, :class:`whet.errors.PluginError` for a rule that does
    not load.
    """
    from whet.engine.loading import load_rules

    config = load_config(start, file)
    built_in = None
    if cache is not None:
        from whet.engine.catalogue import load_catalogue

        built_in = load_catalogue(cache)
    own = [config.root / folder for folder in config.rules]
    if project_rules and not find_untrusted(config):
        return Rulebook(config, load_rules(config.root, [*own, *folders], built_in))
    absent = frozenset(path.stem.replace("_", "-") for path in list_project_rules(config))
    return Rulebook(config, load_rules(None, folders, built_in), absent)


def stands_in(project: Path) -> bool:
    """Whether whet was started in ``project``: a saved run may name any folder, whose rules are not to be run then."""
    try:
        return find_root(Path.cwd()).resolve() == project.resolve()
    except (OSError, RuntimeError, ValueError):
        return False


def list_project_rules(config: Config) -> tuple[Path, ...]:
    """Return the files of the project's own rules, none of them loaded."""
    folders = [config.root / RULES_FOLDER, *(config.root / folder for folder in config.rules)]
    return tuple(path for folder in folders for path in sorted(folder.glob("*.py") if is_folder(folder) else ()))


def find_untrusted(config: Config) -> Path | None:
    """Return a file of the project's own rules, or its folder, that is another user's and not trusted."""
    files = list_project_rules(config)
    paths = dict.fromkeys(each for path in files for each in (path.parent, path))
    return next((path for path in paths if not is_trusted(path)), None)


def describe_untrusted(start: Path, file: Path | None = None) -> list[str]:
    """Return a line for what of the project at ``start`` is neither heeded nor run, because it is another user's."""
    import shlex

    config = load_config(start, file)
    lines = []
    if config.passed_over is not None:
        hint = HINT.format(shlex.quote(str(config.passed_over.parent)))
        lines.append(f"the settings in {config.passed_over} belong to another user and are not used; {hint}")
    untrusted = find_untrusted(config)
    if untrusted is not None:
        hint = HINT.format(shlex.quote(str(config.root)))
        lines.append(f"the project's rules are not run: {untrusted} belongs to another user; {hint}")
    return lines


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
    RuleNames(book.rules, book.absent).check(config.ignore, f"{config.file}: ignore")
    expand_in(book, allow, with_settings=True)
    return config


def _has_others(config: Config) -> bool:
    """Return whether the project or another distribution may provide rules."""
    return bool(config.rules) or (config.root / RULES_FOLDER).is_dir() or may_be_brought(Group.RULES)
