"""The declarations of a rule: its metadata, its triggers, and its test cases."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from whet.model.finding import Ask, Safety, Speed, Speedup
from whet.records import dataclass

if TYPE_CHECKING:
    import ast

    from whet.engine.facts import Facts

_SPECIFIER = re.compile(r"\s*(>=|<=|<|>|==)\s*(\d+)\.(\d+)\s*")


@dataclass(frozen=True, slots=True)
class Triggers:
    """When a rule can have a finding in a function; cheap to test, so that most functions are never visited.

    The function contains one of ``nodes``, or uses one of ``names`` as a name or attribute, and, unless they are
    empty, the file imports one of ``imports`` (by full name: ``os.path``) and contains one of ``words`` as a name or
    attribute. A function that uses one of ``names`` under another (``from re import compile as make``) counts;
    ``*Validator`` stands for all names that end so. The narrower the triggers the better: with them a hundred rules
    cost little more than one.
    """

    nodes: frozenset[type[ast.AST]] = frozenset()
    imports: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    def hold_in(self, facts: Facts) -> bool:
        """Return whether any function of a file can matter."""
        if self.imports and self.imports.isdisjoint(facts.imports):
            return False
        return not self.words or not self.words.isdisjoint(facts.words)


@dataclass(frozen=True, slots=True)
class Rule:
    """Metadata of a rule. ``safety`` is the best level of its findings; a finding may have a lower one."""

    slug: str
    title: str
    family: str
    safety: Safety
    speed: Speed
    triggers: Triggers
    pythons: str = ">=3.11"
    asks: frozenset[Ask] = frozenset()
    figures: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    """Measured gains by Python version and size, from :func:`whet.engine.bench.measure_bench`."""
    ruff: str = ""
    """The ruff rule that finds the same, such as ``PERF401``: ``whet check`` then leaves it to ruff by default."""
    free: bool = False
    """Its safe rewrites are not longer and never slower: ``whet check`` reports them without a measurement."""
    saves_calls: bool = False
    """It saves whole calls of a function, and with them all that these call."""
    speedups: tuple[Speedup, ...] = field(init=False)
    """``figures`` in the form of a finding."""

    def __post_init__(self) -> None:
        rows = sorted((python, sorted(row.items())) for python, row in self.figures.items())
        speedups = tuple(Speedup(python, size, factor) for python, row in rows for size, factor in row)
        object.__setattr__(self, "speedups", speedups)

    def applies_to(self, version: tuple[int, int]) -> bool:
        """Return whether the rule helps on Python ``version``, as ``(3, 13)``; ``ValueError`` for a bad ``pythons``."""
        return all(_satisfies(version, part) for part in self.pythons.split(","))


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

    The edits of the findings in ``before`` give exactly ``after``. If they give another program of the same
    meaning, ``rewritten`` is that one; all of them are run. ``hot``: the finding needs a measurement; it is
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
class Advise:
    """Code whose cost is named where it is hot, but for which no edit is made."""

    name: str
    code: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """Similar code that must be left alone, hot or not."""

    reason: str
    code: str


@dataclass(frozen=True, slots=True)
class Bench:
    """The benchmark of a rule's gain: ``setup`` runs once with ``n`` set to a size, then both sides are timed.

    ``size_is`` says what ``n`` means; if the rule asks for a length it is that length.
    """

    setup: str
    before: str
    after: str
    sizes: tuple[int, ...]
    size_is: str
