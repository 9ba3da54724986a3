"""What a rule declares: what it is, when it is asked, and the programs that it is held to."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from whet.engine.facts import Facts
from whet.engine.scopes import Scope
from whet.model.finding import Ask, Safety, Speed, Speedup

_SPECIFIER = re.compile(r"\s*(>=|<=|<|>|==)\s*(\d+)\.(\d+)\s*")


@dataclass(frozen=True, slots=True)
class Triggers:
    """When a rule can have something to say about a function; cheap to test, so that most functions are never visited.

    One of ``nodes`` stands in the function and, unless they are empty, the file imports one of ``imports`` (by full
    name: ``os.path``), and one of ``words`` stands in it as a name or behind a dot. The narrowest triggers are
    best: with them a hundred rules cost little more than one.
    """

    nodes: frozenset[type[ast.AST]]
    imports: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()

    def hold_in(self, facts: Facts) -> bool:
        """Tell whether any function of a file can matter."""
        if self.imports and self.imports.isdisjoint(facts.imports):
            return False
        return not self.words or not self.words.isdisjoint(facts.words)

    def hold(self, facts: Facts, function: Scope) -> bool:
        """Tell whether ``function`` can matter."""
        return not function.nodes.keys().isdisjoint(self.nodes) and self.hold_in(facts)


@dataclass(frozen=True, slots=True)
class Rule:
    """What a rule is. ``safety`` is the best that its findings reach; a finding may say less."""

    slug: str
    title: str
    family: str
    safety: Safety
    speed: Speed
    triggers: Triggers
    pythons: str = ">=3.11"
    asks: frozenset[Ask] = frozenset()
    figures: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    """Measured gains by Python version and size, made by :func:`whet.engine.bench.measure_bench`."""
    ruff: str = ""
    """The rule of ruff that finds the same, as in ``PERF401``: then ``whet check`` leaves it to ruff unless asked."""
    free: bool = False
    """Its safe rewrites are no longer and never slower: ``whet check`` names them in code that nobody measured."""

    def applies_to(self, version: tuple[int, int]) -> bool:
        """Tell whether the rule helps on Python ``version``, as ``(3, 13)``; ``ValueError`` for a bad ``pythons``."""
        return all(_satisfies(version, part) for part in self.pythons.split(","))

    @property
    def speedups(self) -> tuple[Speedup, ...]:
        """``figures`` as a finding carries them."""
        return tuple(
            Speedup(python, size, factor)
            for python, row in sorted(self.figures.items())
            for size, factor in sorted(row.items())
        )


def _satisfies(version: tuple[int, int], specifier: str) -> bool:
    match = _SPECIFIER.fullmatch(specifier)
    if match is None:
        raise ValueError(f"not a version range: {specifier!r}")
    bound = (int(match[2]), int(match[3]))
    match match[1]:
        case ">=":
            return version >= bound
        case "<=":
            return version <= bound
        case "<":
            return version < bound
        case ">":
            return version > bound
        case _:
            return version == bound


@dataclass(frozen=True, slots=True)
class Case:
    """The same program before and after. Both define ``call``; each input is the source of a tuple of arguments.

    The edits of what is found in ``before`` give ``after``, to the letter. Where they give another program of the same
    meaning, ``rewritten`` is that one; all of them are run. ``hot`` says that the finding needs a measurement: it is
    made as if every line was hot.
    """

    name: str
    before: str
    after: str
    call: str
    inputs: tuple[str, ...]
    hot: bool = False
    rewritten: str = ""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Code that looks like the rule's and must be left alone, hot or not."""

    reason: str
    code: str


@dataclass(frozen=True, slots=True)
class Bench:
    """What a rule's gain is measured on: ``setup`` runs once with ``n`` set to a size, then both sides are timed.

    ``size_is`` says what ``n`` means; where the rule asks for a length it is that length.
    """

    setup: str
    before: str
    after: str
    sizes: tuple[int, ...]
    size_is: str
