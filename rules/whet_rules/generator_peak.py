"""Do not build a list for a single pass.

## What
`max([len(line) for line in lines])`, `for x in [f(y) for y in ys]`: a generator expression instead of the list, or the
work moved from the comprehension into the loop, where memory matters.

## Why
The list holds all elements at the program's peak memory use, only to be dropped after one pass.

## When not
Where time matters: `sum`, `max` and `join` over a generator are slower than over a list by a tenth to a half, so this
saves memory, not time. A list consumes its source at once: with a generator, the consumer's code runs in between.

## Source
PEP 289, "Generator Expressions": they reduce memory use for aggregations over large data.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import (
    Ask,
    Bench,
    Case,
    Context,
    Finding,
    Frees,
    Question,
    Refuse,
    Rule,
    Safety,
    ScopeKind,
    Speed,
    Triggers,
)

RULE = Rule(
    slug="generator-peak",
    title="List built for a single pass",
    family="memory",
    safety=Safety.ADVICE,
    speed=Speed.CONSTANT,
    triggers=Triggers(nodes=frozenset({ast.ListComp})),
    asks=frozenset({Ask.LENGTH}),
    ruff="C419",
    figures={
        "3.11": {1000: 0.75, 100000: 1.5},
        "3.12": {1000: 0.75, 100000: 1.4},
        "3.13": {1000: 0.82, 100000: 1.4},
        "3.14": {1000: 0.77, 100000: 1.5},
    },
)

_ONCE = frozenset(f"builtins.{name}" for name in ("max", "min", "sum", "any", "all"))

_MANY = 10_000
"""Number of elements from which a list is reported: for shorter ones a generator is slower and saves little."""


def detect(context: Context) -> Iterator[Finding]:
    """Yield each comprehension of a hot function that a loop or a builtin iterates over once."""
    if not context.measured or context.function.kind is ScopeKind.CLASS:
        return
    for made in context.nodes(ast.ListComp):
        if any(generator.is_async for generator in made.generators) or _is_small(context, made):
            continue
        match context.facts.parent(made):
            case ast.For(iter=iterable, body=body) if iterable is made and not _guards(made, body):
                pass
            case ast.Call(func=function, args=[only], keywords=[]) if (
                only is made and context.resolve(function) in _ONCE
            ):
                pass
            case _:
                continue
        yield context.finding(
            made,
            "All elements are in memory at once for a single pass: where memory is short, a generator holds one at a"
            " time (over short lists it is slower).",
            questions=tuple(_ask_for_length(context, made)),
            frees=Frees(),
        )


def _ask_for_length(context: Context, made: ast.ListComp) -> Iterator[Question]:
    """Yield the question how long the list is, where its source has a name."""
    for generator in made.generators[:1]:
        place = context.place(generator.iter)
        if place is not None:
            yield context.ask(place, Ask.LENGTH, at_least=_MANY, needed=True)


def _guards(made: ast.ListComp, body: list[ast.stmt]) -> bool:
    """Return whether the loop uses the list's source: then the list is a copy that guards against changes."""
    sources = {n.id for g in made.generators for n in ast.walk(g.iter) if isinstance(n, ast.Name)}
    return any(isinstance(n, ast.Name) and n.id in sources for statement in body for n in ast.walk(statement))


def _is_small(context: Context, made: ast.ListComp) -> bool:
    """Return whether the source is a literal, or one of the short ones that `loops` leaves out."""
    return not context.loops(made.elt)


CASES = (
    Case(
        name="the longest of many, and a loop over a list made for it",
        before="""
def longest(lines):
    most = max([len(line) for line in lines])
    total = 0
    for size in [len(line) for line in lines]:
        total += size
    return most, total
""",
        after="""
def longest(lines):
    most = max(len(line) for line in lines)
    total = 0
    for line in lines:
        total += len(line)
    return most, total
""",
        call="longest",
        inputs=("(['a', 'bcd'],)", "([],)"),
        hot=True,
    ),
)

REFUSE = (
    Refuse("the list is kept", "def f(xs):\n    ys = [x + 1 for x in xs]\n    return ys\n"),
    Refuse("join makes a list of it anyway", "def f(xs):\n    return ''.join([str(x) for x in xs])\n"),
    Refuse("a generator already", "def f(xs):\n    return max(x + 1 for x in xs)\n"),
    Refuse("a copy guards against changes",
           "def f(d):\n    for k in [k for k in d if k]:\n        del d[k]\n"),
    Refuse("three elements", "def f():\n    return max([x * x for x in (1, 2, 3)])\n"),
    Refuse("another `max`", "from numpy import max\ndef f(xs):\n    return max([x + 1 for x in xs])\n"),
)  # fmt: skip

BENCH = Bench(
    setup="values = list(range(n))",
    before="sum([value + 1 for value in values])",
    after="sum(value + 1 for value in values)",
    sizes=(1000, 100_000),
    size_is="elements",
)
