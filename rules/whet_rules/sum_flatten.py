"""Flatten lists with `chain`, not by adding them up.

## What
`sum(lists, [])`, `sum(tuples, ())` and `functools.reduce(operator.add, lists, [])`: write
`list(chain.from_iterable(lists))` with `itertools.chain`.

## Why
Each addition creates a new list and copies everything added before, so n lists cost O(n²) copies.

## When not
For two or three lists. The elements must be lists (for `()`, tuples): for anything else `sum` raises, or calls the
element's own `__add__`, whereas `chain` iterates over it.

## Source
The documentation of `sum`: "To concatenate a series of iterables, consider using itertools.chain()". The figures in
`RULE` are measured with `BENCH`: lists of five elements.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import Ask, Bench, Case, Context, Finding, Refuse, Rule, Safety, Speed, Triggers

RULE = Rule(
    slug="sum-flatten",
    title="Quadratic flattening with sum() or +",
    family="containers",
    safety=Safety.OBSERVED,
    speed=Speed.ASYMPTOTIC,
    triggers=Triggers(nodes=frozenset({ast.Call}), words=frozenset({"sum", "reduce"})),
    asks=frozenset({Ask.LENGTH, Ask.ELEMENTS}),
    figures={
        "3.11": {3: 0.51, 10: 0.88, 100: 6.6, 1000: 56.0, 10000: 600.0},
        "3.12": {3: 0.52, 10: 0.85, 100: 5.4, 1000: 45.0, 10000: 460.0},
        "3.13": {3: 0.48, 10: 0.73, 100: 4.9, 1000: 42.0, 10000: 400.0},
        "3.14": {3: 0.55, 10: 0.93, 100: 6.5, 1000: 54.0, 10000: 610.0},
    },
    ruff="RUF017",
)

_FEW = 8
"""Number of lists up to which adding them up is as fast."""


def detect(context: Context) -> Iterator[Finding]:
    """Yield each sum of lists or tuples."""
    for call in context.nodes(ast.Call):
        parts = _parts(context, call)
        if parts is None:
            continue
        lists, kind = parts
        if isinstance(lists, ast.List | ast.Tuple) and not any(isinstance(item, ast.Starred) for item in lists.elts):
            continue  # as many as the literal has
        kinds = context.element_of(lists)
        if kinds and kinds != {f"builtins.{kind}"}:
            continue
        place = context.place(lists)
        questions = (
            ()
            if place is None
            else (
                context.ask(place, Ask.LENGTH, at_least=_FEW),
                context.ask(place, Ask.ELEMENTS, expects=(f"builtins.{kind}",)),
            )
        )
        rewrite = context.rewrite()
        if not context.has_builtin(kind):
            rewrite.refuse(f"`{kind}` is shadowed in this file")
        chain = rewrite.add_import("itertools", "chain")
        inside = rewrite.text(lists)
        inside = inside[1:-1] if isinstance(lists, ast.GeneratorExp) else inside
        rewrite.replace(call, f"{kind}({chain}.from_iterable({inside}))")
        note = "" if kinds else f"; it accepts any iterables, not only {kind}s"
        yield context.finding(
            call,
            f"Each addition copies the {kind} built so far: {kind}(chain.from_iterable(…)) copies each element once"
            f"{note}.",
            safety=Safety.OBSERVED if kinds else Safety.OFFER,
            questions=questions,
            rewrite=rewrite,
        )


def _parts(context: Context, call: ast.Call) -> tuple[ast.expr, str] | None:
    """Return what is added up and the type of the result, if ``call`` adds up lists or tuples."""
    name = context.resolve(call.func)
    match call:
        case ast.Call(args=[lists, start], keywords=[]) if name == "builtins.sum":
            pass
        case ast.Call(args=[lists], keywords=[ast.keyword(arg="start", value=start)]) if name == "builtins.sum":
            pass
        case ast.Call(args=[function, lists, start], keywords=[]) if name == "functools.reduce":
            if not _adds(context, function):
                return None
        case _:
            return None
    if isinstance(lists, ast.Starred):
        return None
    match start:
        case ast.List(elts=[]) | ast.Call(func=ast.Name(id="list"), args=[], keywords=[]):
            return (lists, "list") if isinstance(start, ast.List) or context.has_builtin("list") else None
        case ast.Tuple(elts=[]):
            return lists, "tuple"
        case _:
            return None


def _adds(context: Context, function: ast.expr) -> bool:
    match function:
        case ast.Lambda(
            args=ast.arguments(posonlyargs=[], args=[first, second], vararg=None, kwonlyargs=[], kwarg=None),
            body=ast.BinOp(left=ast.Name(id=left), op=ast.Add(), right=ast.Name(id=right)),
        ):
            return (left, right) == (first.arg, second.arg) and left != right
        case _:
            return context.resolve(function) in ("operator.add", "operator.concat", "operator.iadd")


CASES = (
    Case(
        name="a sum of lists",
        before="""
def flatten(rows):
    return sum(rows, [])
""",
        after="""
from itertools import chain

def flatten(rows):
    return list(chain.from_iterable(rows))
""",
        call="flatten",
        inputs=("([[1, 2], [], [3]],)", "([],)"),
    ),
    Case(
        name="words of lines, in a comprehension, with a module that is there",
        before="""
import itertools
class Text:
    def __init__(self, lines):
        self.lines = lines
    def words(self):
        return len(sum([line.split() for line in self.lines], start=[]))
def run(lines):
    return Text(lines).words()
""",
        after="""
import itertools
class Text:
    def __init__(self, lines):
        self.lines = lines
    def words(self):
        return len(list(itertools.chain.from_iterable([line.split() for line in self.lines])))
def run(lines):
    return Text(lines).words()
""",
        call="run",
        inputs=("(['a b', 'c'],)", "([],)", "([1],)"),
    ),
    Case(
        name="tuples, and a generator",
        before="""
ROWS = [(n, n + 1) for n in range(3)]
def pairs(n):
    return sum(((a, b, n) for a, b in ROWS), ()), sum(ROWS, ())
""",
        after="""
from itertools import chain

ROWS = [(n, n + 1) for n in range(3)]
def pairs(n):
    return tuple(chain.from_iterable((a, b, n) for a, b in ROWS)), tuple(chain.from_iterable(ROWS))
""",
        call="pairs",
        inputs=("(1,)", "(None,)"),
    ),
    Case(
        name="by reduce",
        before="""
import operator
from functools import reduce
def flatten(rows):
    return reduce(operator.add, rows, []) + reduce(lambda a, b: a + b, [[row] for row in rows], list())
""",
        after="""
import operator
from functools import reduce
from itertools import chain
def flatten(rows):
    return list(chain.from_iterable(rows)) + list(chain.from_iterable([[row] for row in rows]))
""",
        call="flatten",
        inputs=("([[1, 2], [], [3]],)", "([],)"),
    ),
)

REFUSE = (
    Refuse("numbers", "def f(x):\n    return sum(x), sum(x, 0)\n"),
    Refuse("a start that is not empty", "def f(x):\n    return sum(x, [1])\n"),
    Refuse("a start that is the caller's", "def f(x, start):\n    return sum(x, start)\n"),
    Refuse("another `sum`", "from numpy import sum\ndef f(x):\n    return sum(x, [])\n"),
    Refuse("`sum` may come from a star import", "from numpy import *\ndef f(x):\n    return sum(x, [])\n"),
    Refuse("two of them", "def f(a, b):\n    return sum([a, b], [])\n"),
    Refuse("the elements are sets", "def f(x):\n    return sum([set(n) for n in x], [])\n"),
    Refuse("adding the other way round",
           "from functools import reduce\ndef f(x):\n    return reduce(lambda a, b: b + a, x, [])\n"),
    Refuse("something else is reduced", "from functools import reduce\ndef f(x, g):\n    return reduce(g, x, [])\n"),
)  # fmt: skip

BENCH = Bench(
    setup="from itertools import chain\nlists = [[1, 2, 3, 4, 5]] * n",
    before="sum(lists, [])",
    after="list(chain.from_iterable(lists))",
    sizes=(3, 10, 100, 1000, 10_000),
    size_is="lists",
)
