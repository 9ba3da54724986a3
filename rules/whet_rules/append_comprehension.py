"""Build a list with a comprehension.

## What
`out = []` followed by a loop whose only statement is `out.append(…)`, optionally under one condition: write a list
comprehension.

## Why
A comprehension appends with a single bytecode instruction. The loop looks up the method and calls it in every
iteration.

## When not
Where the list is read while it is built, where an exception is caught and the partial list is used, or where the loop
variable is used after the loop. Where a method finds the function's variables by their names in a text, as pandas'
`query("size > @limit")` and NumExpr do: up to Python 3.11 a comprehension has variables of its own. If the loop body is
one long expression, the loop may be more readable; the gain is then small as well.

## Source
The Python tutorial, "List Comprehensions". The figures in `RULE` are measured with `BENCH`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import (
    Bench,
    Case,
    Context,
    EmptyStart,
    Filling,
    Finding,
    Refuse,
    Rewrite,
    Rule,
    Safety,
    Speed,
    Triggers,
    find_empty_list,
    list_fillings,
)

RULE = Rule(
    slug="append-comprehension",
    title="append() loop instead of a comprehension",
    family="loops",
    safety=Safety.SAFE,
    speed=Speed.CONSTANT,
    triggers=Triggers(nodes=frozenset({ast.For}), words=frozenset({"append"})),
    figures={
        "3.11": {10: 0.82, 1000: 1.1},
        "3.12": {10: 1.2, 1000: 1.2},
        "3.13": {10: 1.2, 1000: 1.2},
        "3.14": {10: 1.2, 1000: 1.2},
    },
    ruff="PERF401",
)

_CROSSING = (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr, ast.Lambda, ast.GeneratorExp)
"""Nodes that mean something else in a comprehension, or are evaluated when the loop is over."""
_BY_NAME = frozenset({"eval", "evaluate", "execute", "query", "re_evaluate", "sql"})
"""Functions that may look for their caller's variables: of pandas, NumExpr, DuckDB."""


def detect(context: Context) -> Iterator[Finding]:
    """Yield each loop that does nothing but append to a list that was empty just before."""
    for filling in list_fillings(context, "append"):
        loop, start = filling.loop, find_empty_list(context, filling)
        if start is None or filling.is_plain:
            continue
        if not _can_move(context, loop, start.name.id, [filling.element, *filling.conditions, loop.iter]):
            continue
        if not context.hides_half_made(start.name, loop):
            continue
        yield context.finding(
            loop,
            f"The loop only appends to {start.name.id}: a list comprehension does the same without a call per element.",
            rewrite=_comprehend(context, start, filling),
        )


def _comprehend(context: Context, start: EmptyStart, filling: Filling) -> Rewrite:
    rewrite, loop = context.rewrite(), filling.loop
    written = rewrite.text(start.name)
    if isinstance(start.statement, ast.AnnAssign):
        written += f": {rewrite.text(start.statement.annotation)}"
    parts = [
        rewrite.text(filling.element),
        f"for {rewrite.text(loop.target)} in {rewrite.clause(loop.iter)}",
        *(f"if {rewrite.clause(condition)}" for condition in filling.conditions),
    ]
    rewrite.replace([start.statement, loop], _lay_out(written, "[", parts, "]"))
    return rewrite


def _can_move(context: Context, loop: ast.For, made: str, parts: list[ast.expr]) -> bool:
    """Return whether ``parts`` of the loop mean the same in a comprehension, and do not read the list being built."""
    for part in (inner for outer in parts for inner in ast.walk(outer)):
        if isinstance(part, _CROSSING) or (isinstance(part, ast.Call) and _called(part) in _BY_NAME):
            return False
        if isinstance(part, ast.Name) and part.id in (made, "super", "__class__"):
            return False
    return context.keeps_its_variables(loop)


def _called(call: ast.Call) -> str:
    return getattr(call.func, "attr", "") or getattr(call.func, "id", "")


def _lay_out(target: str, opening: str, parts: list[str], closing: str) -> str:
    """Return an assignment of a comprehension, on one line if it is short."""
    line = f"{target} = {opening}{' '.join(parts)}{closing}"
    if len(line) <= 80 or "\n" in line:
        return line
    inside = "\n".join(f"    {part}" for part in parts)
    return f"{target} = {opening}\n{inside}\n{closing}"


CASES = (
    Case(
        name="an expression of each element",
        before="""
def square(numbers):
    out = []
    for number in numbers:
        out.append(number * number)
    return out
""",
        after="""
def square(numbers):
    out = [number * number for number in numbers]
    return out
""",
        call="square",
        inputs=("([1, 2],)", "([],)", "(['a'],)"),
    ),
    Case(
        name="a condition, two variables, an annotation and a long line",
        before="""
def choose(pairs, least):
    chosen: list[tuple[str, int]] = list()
    for name, value in pairs:
        if value >= least and (name or value):
            chosen.append((name.strip().casefold(), value if value < 1000 else 1000))
    for name in chosen:
        assert name
    return chosen
""",
        after="""
def choose(pairs, least):
    chosen: list[tuple[str, int]] = [
        (name.strip().casefold(), value if value < 1000 else 1000)
        for name, value in pairs
        if value >= least and (name or value)
    ]
    for name in chosen:
        assert name
    return chosen
""",
        call="choose",
        inputs=("([(' A', 1), ('b', 2000)], 1)", "([], 1)", "([(1,)], 1)"),
    ),
    Case(
        name="a choice as what is gone through, in a loop",
        before="""
def rows(tables, both):
    found = []
    for table in tables:
        names = []
        for name in table if both else table[:1]:
            names.append(name.upper())
        found.append(names)
    return found
""",
        after="""
def rows(tables, both):
    found = []
    for table in tables:
        names = [name.upper() for name in (table if both else table[:1])]
        found.append(names)
    return found
""",
        call="rows",
        inputs=("([['a', 'b'], []], True)", "([['a', 'b']], False)", "([[1]], True)"),
    ),
)

REFUSE = (
    Refuse("the list is read while it is made",
           "def f(xs):\n    out = []\n    for x in xs:\n        out.append(len(out) + x)\n    return out\n"),
    Refuse("the condition reads it",
           "def f(xs):\n    out = []\n    for x in xs:\n        if x not in out:\n            out.append(x + 1)\n"
           "    return out\n"),
    Refuse("the loop's variable is used later",
           "def f(xs):\n    out = []\n    for x in xs:\n        out.append(x + 1)\n    return out, x\n"),
    Refuse("what is gone through depends on the last turn of the time before",
           "def f(rows):\n    for row in rows:\n        out = []\n        for x in row or x[:1]:\n"
           "            out.append(x + 1)\n        print(out)\n"),
    Refuse("what there is so far is used when it raises",
           "def f(xs):\n    out = []\n    try:\n        out = []\n        for x in xs:\n            out.append(x + 1)\n"
           "    except TypeError:\n        pass\n    return out\n"),
    Refuse("the list is a global, seen by what is called",
           "out = []\ndef f(xs):\n    global out\n    out = []\n    for x in xs:\n        out.append(g(x))\n"),
    Refuse("a function within shares the list",
           "def f(xs):\n    out = []\n    for x in xs:\n        out.append(g(x))\n    def g(x):\n"
           "        return len(out)\n"),
    Refuse("a lambda would close over another variable",
           "def f(xs):\n    out = []\n    for x in xs:\n        out.append(lambda: x)\n    return out\n"),
    Refuse("await", "async def f(xs):\n    out = []\n    for x in xs:\n        out.append(await x)\n    return out\n"),
    Refuse("a value is yielded into it",
           "def f(xs):\n    out = []\n    for x in xs:\n        out.append((yield x))\n    return out\n"),
    Refuse("the list has other elements before",
           "def f(xs):\n    out = [1]\n    for x in xs:\n        out.append(x + 1)\n    return out\n"),
    Refuse("the loop has an else",
           "def f(xs):\n    out = []\n    for x in xs:\n        out.append(x + 1)\n    else:\n        print(x)\n"),
    Refuse("super() needs the method's own scope",
           "class A(B):\n    def f(self, xs):\n        out = []\n        for x in xs:\n"
           "            out.append(super().g(x))\n"
           "        return out\n"),
    Refuse("names are found in a text",
           "def f(frame, xs):\n    limit, out = 3, []\n    out = []\n    for x in xs:\n"
           "        out.append(frame.query('a < @limit and b == @x'))\n    return out\n"),
    Refuse("names are asked for",
           "def f(xs):\n    out = []\n    for x in xs:\n        out.append(x + 1)\n    return locals()\n"),
    Refuse("a copy is another rule",
           "def f(xs):\n    out = []\n    for x in xs:\n        out.append(x)\n    return out\n"),
)  # fmt: skip

BENCH = Bench(
    setup="numbers = list(range(n))\ndef fill(numbers):\n    out = []\n    for x in numbers:\n"
    "        out.append(x + 1)\n"
    "    return out\ndef make(numbers):\n    out = [x + 1 for x in numbers]\n    return out",
    before="fill(numbers)",
    after="make(numbers)",
    sizes=(10, 1000),
    size_is="elements of the list",
)
