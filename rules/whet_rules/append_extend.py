"""Extend a list with a whole iterable instead of appending element by element.

## What
`for x in source: target.append(x)` where `target` is a list: `target.extend(source)`.

## Why
`extend` iterates over the source in C. The loop binds a variable, looks up a method and calls it in every iteration.

## When not
Where the loop variable is used after the loop, or where appending to the target changes the source. The target must be
known to be a list: other classes may do more in `append`. An
annotation, an attribute or a global leaves subclasses: then the rewrite is not called safe.

## Source
The documentation of `list.extend`. The figures in `RULE` are measured with `BENCH`.
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
    hand_over_all,
    list_fillings,
    rest_on_source,
)

RULE = Rule(
    slug="append-extend",
    title="append() loop instead of extend()",
    family="loops",
    safety=Safety.SAFE,
    speed=Speed.CONSTANT,
    triggers=Triggers(nodes=frozenset({ast.For}), words=frozenset({"append"})),
    asks=frozenset({Ask.TYPES}),
    figures={
        "3.11": {10: 2.8, 1000: 9.8},
        "3.12": {10: 3.2, 1000: 10.0},
        "3.13": {10: 3.0, 1000: 9.3},
        "3.14": {10: 3.1, 1000: 8.1},
    },
    ruff="PERF402",
    free=True,
)


def detect(context: Context) -> Iterator[Finding]:
    """Yield each loop that passes each of its elements to `append`, and does nothing else."""
    for filling in list_fillings(context, "append"):
        if find_empty_list(context, filling) is not None:
            continue  # filling an empty list is a copy, which is another rule
        rewrite = hand_over_all(context, filling, "builtins.list", "extend")
        if rewrite is not None:
            safety, questions, remark = rest_on_source(context, filling, "builtins.list")
            yield context.finding(
                filling.loop,
                f"The loop only passes each element to {context.source_of(filling.target)}.append: extend adds all of"
                f" them in one call.{remark}",
                safety=safety,
                questions=questions,
                rewrite=rewrite,
            )


CASES = (
    Case(
        name="words of a text",
        before="""
def collect(text: str):
    found = []
    found.append("first")
    for word in text.split():
        found.append(word)
    return sorted(found)
""",
        after="""
def collect(text: str):
    found = []
    found.append("first")
    found.extend(text.split())
    return sorted(found)
""",
        call="collect",
        inputs=("('a b a',)", "('',)", "(None,)"),
    ),
    Case(
        name="an attribute, in a loop, from a tuple",
        before="""
class Index:
    def __init__(self):
        self.names = []

    def read(self, rows: list[tuple[str, ...]]):
        for number in range(len(rows)):
            part = tuple(rows[number])
            for name in part:
                self.names.append(name)
            for name in 1, 2, 3:
                self.names.append(name)
        return len(self.names)

def read(rows):
    return Index().read(rows)
""",
        after="""
class Index:
    def __init__(self):
        self.names = []

    def read(self, rows: list[tuple[str, ...]]):
        for number in range(len(rows)):
            part = tuple(rows[number])
            self.names.extend(part)
            self.names.extend((1, 2, 3))
        return len(self.names)

def read(rows):
    return Index().read(rows)
""",
        call="read",
        inputs=("([('a', 'b'), ('a',)],)", "([],)", "([1],)"),
    ),
    Case(
        name="what the function makes itself",
        before="""
def count(limit):
    found = ['start']
    found.append(limit)
    for number in range(limit):
        found.append(number)
    return found
""",
        after="""
def count(limit):
    found = ['start']
    found.append(limit)
    found.extend(range(limit))
    return found
""",
        call="count",
        inputs=("(3,)", "(0,)", "(None,)"),
    ),
)

REFUSE = (
    Refuse("the target is not known", "def f(out, xs: list):\n    for x in xs:\n        out.append(x)\n"),
    Refuse("the loop's variable is used later",
           "def f(xs: list):\n    out = []\n    for x in xs:\n        out.append(x)\n    return out, x\n"),
    Refuse("the source may be a generator that looks at the target",
           "def f(g):\n    out = []\n    for x in g(out):\n        out.append(x)\n    return out\n"),
    Refuse("it goes through the target itself",
           "def f(xs: list):\n    out = []\n    out.extend(xs)\n    for x in out:\n        out.append(x)\n"),
    Refuse("not each element",
           "def f(xs: list):\n    out = []\n    for x in xs:\n        if x:\n            out.append(x)\n"
           "    return out\n"),
    Refuse("the loop has an else",
           "def f(xs: list):\n    out = []\n    for x in xs:\n        out.append(x)\n    else:\n        return out\n"),
    Refuse("the target may be unbound, which an empty source does not notice",
           "def f(wanted):\n    if wanted:\n        out = []\n        out.append(0)\n    for x in range(wanted):\n"
           "        out.append(x)\n"),
    Refuse("an async loop",
           "async def f(xs: list):\n    out = []\n    async for x in xs:\n        out.append(x)\n    return out\n"),
)  # fmt: skip

BENCH = Bench(
    setup="numbers = list(range(n))\ndef fill(numbers):\n    out = []\n    for x in numbers:\n        out.append(x)\n"
    "    return out\ndef make(numbers):\n    out = []\n    out.extend(numbers)\n    return out",
    before="fill(numbers)",
    after="make(numbers)",
    sizes=(10, 1000),
    size_is="elements of the source",
)
