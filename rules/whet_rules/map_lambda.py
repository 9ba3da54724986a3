"""Write a comprehension instead of `map` or `filter` with a lambda.

## What
`list(map(lambda x: …, xs))`, `list(filter(lambda x: …, xs))`, and `set(…)` of the same: a comprehension.

## Why
`map` calls the lambda for each element. In a comprehension the expression is evaluated in the loop itself. `map` is as
fast only with a function written in C.

## When not
`map` and `filter` by themselves are lazy iterators: those are left alone, as are lambdas with defaults or several
parameters.

A `StopIteration` raised by the lambda ends `map` and `filter` in silence, and leaves a comprehension as an exception.
Any function or property that calls `next` may raise one: where the lambda uses such, the rewrite is an offer. Operators
are trusted not to.

## Source
The documentation of `map`; ruff's C417 reports the same for style. The figures in `RULE` are measured with `BENCH`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import (
    Bench,
    Case,
    Context,
    Finding,
    Refuse,
    Rule,
    Safety,
    Speed,
    Triggers,
)

RULE = Rule(
    slug="map-lambda",
    title="map() or filter() with a lambda",
    family="loops",
    safety=Safety.SAFE,
    speed=Speed.CONSTANT,
    triggers=Triggers(nodes=frozenset({ast.Lambda}), words=frozenset({"map", "filter"})),
    figures={
        "3.11": {10: 1.7, 1000: 2.0},
        "3.12": {10: 3.0, 1000: 2.1},
        "3.13": {10: 2.9, 1000: 2.1},
        "3.14": {10: 2.5, 1000: 1.9},
    },
    ruff="C417",
    free=True,
)

_CROSSING = (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr, ast.Lambda, ast.GeneratorExp)


def detect(context: Context) -> Iterator[Finding]:
    """Yield each `map` or `filter` with a one-parameter lambda that a list or set consumes."""
    for call in context.nodes(ast.Call):
        match call:
            case ast.Call(
                func=ast.Name() as function,
                args=[
                    ast.Call(
                        func=ast.Name() as inner,
                        args=[
                            ast.Lambda(
                                args=ast.arguments(
                                    posonlyargs=[], args=[turn], vararg=None, kwonlyargs=[], kwarg=None, defaults=[]
                                ),
                                body=body,
                            ),
                            source,
                        ],
                        keywords=[],
                    )
                ],
                keywords=[],
            ):
                pass
            case _:
                continue
        made, way = context.resolve(function), context.resolve(inner)
        if made not in _BRACKETS or way not in ("builtins.map", "builtins.filter"):
            continue
        if context.is_misused(call) or isinstance(source, ast.Starred) or not _means_the_same(body, turn.arg, source):
            continue
        rewrite = context.rewrite()
        opening, closing = _BRACKETS[made]
        part = rewrite.clause(body)
        over = f"for {turn.arg} in {rewrite.clause(source)}"
        inside = f"{part} {over}" if way == "builtins.map" else f"{turn.arg} {over} if {part}"
        rewrite.replace(call, f"{opening}{inside}{closing}")
        name = way.rpartition(".")[2]
        quiet = not context.exactly.may_raise_stop(body)
        note = "" if quiet else f" A StopIteration raised in the lambda no longer ends {name}() in silence."
        yield context.finding(
            call,
            f"{name}() calls the lambda for each element: a comprehension needs no call.{note}",
            safety=Safety.SAFE if quiet else Safety.OFFER,
            rewrite=rewrite,
        )


_BRACKETS = {"builtins.list": ("[", "]"), "builtins.set": ("{", "}")}


def _means_the_same(body: ast.expr, turn: str, source: ast.expr) -> bool:
    """Return whether nothing in the lambda closes over its variable, ends early, or needs a scope of its own."""
    for part in (*ast.walk(body), *ast.walk(source)):
        if isinstance(part, _CROSSING):
            return False
        if isinstance(part, ast.Name) and part.id in ("next", "super", "__class__", "locals"):
            return False
    return not any(isinstance(part, ast.Name) and part.id == turn for part in ast.walk(source))


CASES = (
    Case(
        name="map and filter into lists and a set",
        before="""
def work(numbers):
    more = list(map(lambda n: n * 2, numbers))
    odd = list(filter(lambda n: n & 1, numbers))
    signs = set(map(lambda n: 1 if n > 0 else -1, numbers))
    return more, odd, sorted(signs)
""",
        after="""
def work(numbers):
    more = [n * 2 for n in numbers]
    odd = [n for n in numbers if n & 1]
    signs = {(1 if n > 0 else -1) for n in numbers}
    return more, odd, sorted(signs)
""",
        call="work",
        inputs=("([1, 2, -3],)", "([],)", "(['a'],)", "(None,)"),
    ),
    Case(
        name="a method, pairs, and a class body",
        before="""
class Table:
    rows = list(map(lambda row: (row, len(row)), ["a", "bc"]))

    def names(self, least):
        return list(filter(lambda row: row[1] >= least, self.rows))

def names(least):
    return Table().names(least)
""",
        after="""
class Table:
    rows = [(row, len(row)) for row in ["a", "bc"]]

    def names(self, least):
        return [row for row in self.rows if row[1] >= least]

def names(least):
    return Table().names(least)
""",
        call="names",
        inputs=("(2,)", "(0,)", "('a',)"),
    ),
)

REFUSE = (
    Refuse(
        "a set is subscripted, of which the compiler warns",
        "def f(xs):\n    return set(map(lambda x: x + 1, xs))[0]\n",
    ),
    Refuse("an iterator is made as it is used", "def f(xs):\n    return map(lambda x: x + 1, xs)\n"),
    Refuse("a C function", "def f(xs):\n    return list(map(str, xs))\n"),
    Refuse("two sources", "def f(xs, ys):\n    return list(map(lambda x, y: x + y, xs, ys))\n"),
    Refuse("a default", "def f(xs):\n    return list(map(lambda x, y=1: x + y, xs))\n"),
    Refuse("a lambda within closes over the variable", "def f(xs):\n    return list(map(lambda x: lambda: x, xs))\n"),
    Refuse("the end of another iterator ends it", "def f(xs):\n    return list(map(lambda x: next(x), xs))\n"),
    Refuse("`map` is the program's own",
           "from tools import map\ndef f(xs):\n    return list(map(lambda x: x + 1, xs))\n"),
    Refuse("the source has the variable's name", "def f(x):\n    return list(map(lambda x: x + 1, x))\n"),
)  # fmt: skip

BENCH = Bench(
    setup="numbers = list(range(n))",
    before="list(map(lambda x: x + 1, numbers))",
    after="[x + 1 for x in numbers]",
    sizes=(10, 1000),
    size_is="elements",
)
