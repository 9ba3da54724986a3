"""Which rules are run, and which of their findings are reported without a profile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from whet.config import Config
from whet.engine.loading import RuleModule
from whet.engine.suppress import UNUSED
from whet.errors import UsageError
from whet.model.finding import Ask, Finding, Question, Safety, Speed
from whet.pipeline.patterns import PathPatterns, read_pattern
from whet.records import dataclass

ALL = "ALL"


@dataclass(frozen=True, slots=True)
class Asked:
    """The rule options of the command line; they override the settings."""

    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """The rules that are run. Of those ``named``, by slug or family, every finding is shown.

    So are those of the rules of the project and of other distributions. With ``ALL``, ``named`` are all rules.
    """

    active: frozenset[str]
    named: frozenset[str]
    allowed: frozenset[str]
    everything: bool
    """``ALL`` was selected: each function is read as if it was called many times."""
    free: frozenset[str] = frozenset()
    """Rules whose safe rewrites never make code longer or slower."""
    per_file: tuple[tuple[PathPatterns, frozenset[str]], ...] = ()

    def ignored_in(self, path: str) -> frozenset[str]:
        """Return the rules that are not run on a file, given relative to the project with slashes."""
        return frozenset().union(*(slugs for patterns, slugs in self.per_file if patterns.match(path)))

    def is_shown(self, finding: Finding, *, measured: bool) -> bool:
        """Return whether a finding is reported.

        With a profile in which the place is hot, it is, unless only values seen at run time can decide it.
        Without one it must matter anywhere: its cost grows with the data, or fixing it is safe and free.
        """
        if finding.rule in self.named:
            return True
        if any(question.needed and not (measured and _is_answered(question)) for question in finding.questions):
            return False
        if finding.frees is not None and finding.frees.needed:
            return False  # no profile that is committed has memory
        is_free = finding.rule in self.free and finding.safety is Safety.SAFE and bool(finding.edits)
        return measured or finding.speed is Speed.ASYMPTOTIC or is_free

    def is_fixable(self, finding: Finding) -> bool:
        """Return whether the finding's edits may be applied."""
        if not finding.edits or finding.safety is Safety.ADVICE:
            return False
        return finding.safety is Safety.SAFE or finding.rule in self.allowed


def _is_answered(question: Question) -> bool:
    """Return whether a profile in which the place is hot answers the question: it is about the share of the run."""
    return question.ask is Ask.SHARE and not question.of


def choose_rules(
    rules: Sequence[RuleModule],
    config: Config,
    asked: Asked,
    *,
    profile: bool,
    absent: frozenset[str] = frozenset(),
) -> Selection:
    """Return the selection; ``absent`` are rules that settings may name and that are not there.

    Raises :class:`UsageError` for names of no rule or family.

    As in ruff: ``select`` replaces the default, and on the command line also the settings; an exact name takes
    precedence over a family, a family over ``ALL``; at the same level, ``ignore`` wins.
    """
    names = RuleNames(rules, absent)
    place = str(config.file)
    levels = []
    if asked.select is None:
        names.check([*(config.select or ()), *config.extend_select], f"{place}: select")
        names.check(config.ignore, f"{place}: ignore")
        levels.append((config.select or (), config.extend_select, config.ignore))
    names.check([*(asked.select or ()), *asked.extend_select], "--select")
    names.check(asked.ignore, "--ignore")
    levels.append((asked.select or (), asked.extend_select, asked.ignore))
    names.check(asked.allow, "--allow")
    names.check(config.allow, f"{place}: allow")

    chosen = asked.select if asked.select is not None else config.select
    active: set[str] = set()
    named: set[str] = set()
    if chosen is None:
        # Findings that ruff reports too are left to ruff, unless they are measured hot.
        active = {module.rule.slug for module in rules if profile or not module.rule.ruff} | {UNUSED}
        # Rules that the project or a distribution adds are always selected.
        named = {module.rule.slug for module in rules if module.origin != "whet"}
        active |= named
    for select, extend, ignore in levels:
        for specificity in (ALL, "family", "slug"):
            picked = names.expand((*select, *extend), specificity)
            active |= picked
            named |= picked
            dropped = names.expand(ignore, specificity)
            active -= dropped
            named -= dropped
    per_file = []
    for pattern, slugs in config.per_file_ignores.items():
        names.check(slugs, f"{place}: per-file-ignores")
        per_file.append((PathPatterns.of([read_pattern(pattern)]), names.expand_all(slugs)))
    return Selection(
        active=frozenset(active),
        named=frozenset(named),
        allowed=names.expand_all((*config.allow, *asked.allow)),
        free=frozenset(module.rule.slug for module in rules if module.rule.free),
        everything=ALL in {*(chosen or ()), *asked.extend_select, *config.extend_select},
        per_file=tuple(per_file),
    )


class RuleNames:
    """The names of rules: their slugs, their families, and ``ALL``; ``absent`` are known and denote no rule."""

    def __init__(self, rules: Iterable[RuleModule], absent: frozenset[str] = frozenset()) -> None:
        catalogue = {module.rule.slug: str(module.rule.family) for module in rules}
        self._slugs = frozenset({*catalogue, *absent, UNUSED})
        self._families: dict[str, set[str]] = {}
        for slug, family in catalogue.items():
            self._families.setdefault(family, set()).add(slug)

    def check(self, names: Sequence[str], where: str) -> None:
        """Raise :class:`UsageError` for the first unknown name."""
        for name in names:
            if name != ALL and name not in self._slugs and name not in self._families:
                import difflib

                near = difflib.get_close_matches(name, (*self._slugs, *self._families, ALL), n=1)
                hint = f"did you mean {near[0]}?" if near else "`whet rules` lists the rules and their families"
                raise UsageError(f"unknown rule or family {name!r} ({where})", hint)

    def expand(self, names: Iterable[str], specificity: str) -> set[str]:
        """Return the slugs denoted by those of ``names`` that are of one kind."""
        found: set[str] = set()
        for name in names:
            if name == ALL:
                found |= self._slugs if specificity == ALL else set()
            elif name in self._slugs:
                found |= {name} if specificity == "slug" else set()
            elif specificity == "family":
                found |= self._families[name]
        return found

    def expand_all(self, names: Iterable[str]) -> frozenset[str]:
        """Return all slugs that ``names`` denote."""
        wanted = tuple(names)
        return frozenset().union(*(self.expand(wanted, kind) for kind in (ALL, "family", "slug")))
