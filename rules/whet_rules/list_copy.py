"""Copy a list with `list()`, not element by element.

## What
`out = []` followed by a loop whose only statement is `out.append(x)` of the loop variable: `out = list(source)`.

## Why
`list` iterates over the source in C, and allocates once where the length is known.

## When not
Where an exception is caught and the partial list is used, or where the loop variable is used after the loop.

`list` asks its source for its length first, which a loop does not: an object of the program's own may count its
elements in a database for that, or raise. The rewrite is safe only if the source is shown to be of a builtin type.

## Source
The documentation of `list`; ruff's PERF402 reports the same. The figures in `RULE` are measured with `BENCH`.
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
    Refuse,
    Rule,
    Safety,
    Speed,
    Triggers,
    find_empty_list,
    list_fillings,
    write_source,
)

RULE = Rule(
    slug="list-copy",
    title="List copied element by element",
    family="loops",
    safety=Safety.SAFE,
    speed=Speed.CONSTANT,
    triggers=Triggers(nodes=frozenset({ast.For}), words=frozenset({"append"})),
    asks=frozenset({Ask.TYPES}),
    figures={
        "3.11": {10: 2.8, 1000: 9.5},
        "3.12": {10: 2.6, 1000: 10.0},
        "3.13": {10: 2.5, 1000: 9.5},
        "3.14": {10: 2.9, 1000: 9.0},
    },
    ruff="PERF402",
    free=True,
)

_SOURCES = frozenset(
    (
        *(f"builtins.{name}" for name in ("bytearray", "bytes", "dict", "frozenset", "list", "range", "set", "str")),
        *(f"builtins.{name}" for name in ("dict_items", "dict_keys", "dict_values", "enumerate", "filter", "map")),
        *("builtins.generator", "builtins.tuple", "builtins.zip", "io.BufferedReader", "io.TextIOWrapper"),
        *(f"collections.{name}" for name in ("Counter", "OrderedDict", "defaultdict", "deque")),
    )
)
"""Types whose length, if they have one, is known without running code of the program."""


def detect(context: Context) -> Iterator[Finding]:
    """Yield each loop that only appends its elements to a list that was empty just before."""
    for filling in list_fillings(context, "append"):
        loop = filling.loop
        start = find_empty_list(context, filling) if filling.is_plain else None
        if start is None or not context.keeps_its_variables(loop) or not context.hides_half_made(start.name, loop):
            continue
        made = start.name.id
        if any(_crosses(part, made) for part in (*ast.walk(loop.target), *ast.walk(loop.iter))):
            continue
        rewrite = context.rewrite()
        if not context.has_builtin("list"):
            rewrite.refuse("`list` is shadowed in this file")
        source = write_source(rewrite, loop)
        source = f"({source})" if isinstance(loop.iter, ast.GeneratorExp) else source
        rewrite.replace(start.value, f"list({source})")
        rewrite.delete(loop)
        safety, questions = context.ask_exact(loop.iter, _SOURCES)
        note = "" if safety is Safety.SAFE else " list() first asks the source for its length, which may run code."
        yield context.finding(
            loop,
            f"The loop copies its source into {made}: list() does that in one call.{note}",
            lines=tuple(range(start.statement.lineno, (loop.end_lineno or loop.lineno) + 1)),
            safety=safety,
            questions=questions,
            rewrite=rewrite,
        )


def _crosses(part: ast.AST, made: str) -> bool:
    """Return whether the source would differ if the list did not exist yet, or may end in a special way."""
    if isinstance(part, ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr):
        return True
    return isinstance(part, ast.Name) and part.id == made


CASES = (
    Case(
        name="a parameter",
        before="""
def copy(source):
    out = []
    for element in source:
        out.append(element)
    out.append(None)
    return out
""",
        after="""
def copy(source):
    out = list(source)
    out.append(None)
    return out
""",
        call="copy",
        inputs=("([1, 2],)", "('ab',)", "([],)", "(None,)"),
    ),
    Case(
        name="in a loop, annotated, from a call",
        before="""
def sort_out(rows):
    found = []
    for row in rows:
        part: list[str] = []
        for word in reversed(row):
            part.append(word)
        found.append(part)
    return found
""",
        after="""
def sort_out(rows):
    found = []
    for row in rows:
        part: list[str] = list(reversed(row))
        found.append(part)
    return found
""",
        call="sort_out",
        inputs=("(['ab', 'c'],)", "([],)", "([1],)"),
    ),
    Case(
        name="what the function makes itself",
        before="""
def count(limit):
    found = []
    for number in range(limit):
        found.append(number)
    return found
""",
        after="""
def count(limit):
    found = list(range(limit))
    return found
""",
        call="count",
        inputs=("(3,)", "(0,)", "(None,)"),
    ),
)

REFUSE = (
    Refuse("not all of them",
           "def f(xs):\n    out = []\n    for x in xs:\n        if x:\n            out.append(x)\n    return out\n"),
    Refuse("the list is not empty",
           "def f(xs):\n    out = [1]\n    for x in xs:\n        out.append(x)\n    return out\n"),
    Refuse("the variable is used later",
           "def f(xs):\n    out = []\n    for x in xs:\n        out.append(x)\n    return x, out\n"),
    Refuse("what there is so far is used when it raises",
           "def f(xs):\n    try:\n        out = []\n        for x in xs:\n            out.append(x)\n"
           "    except ValueError:\n"
           "        pass\n    return out\n"),
    Refuse("the source looks at the list",
           "def f(g):\n    out = []\n    for x in g(out):\n        out.append(x)\n    return out\n"),
    Refuse("the list is shared with a function within",
           "def f(g):\n    out = []\n    for x in g(lambda: len(out)):\n        out.append(x)\n    return out\n"),
    Refuse("an async loop",
           "async def f(xs):\n    out = []\n    async for x in xs:\n        out.append(x)\n    return out\n"),
)  # fmt: skip

BENCH = Bench(
    setup="numbers = list(range(n))\ndef fill(numbers):\n    out = []\n    for x in numbers:\n        out.append(x)\n"
    "    return out\ndef make(numbers):\n    out = list(numbers)\n    return out",
    before="fill(numbers)",
    after="make(numbers)",
    sizes=(10, 1000),
    size_is="elements of the list",
)
