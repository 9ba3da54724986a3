"""Update a set with a whole iterable instead of adding element by element.

## What
`for x in source: target.add(x)` where `target` is a set: `target.update(source)`.

## Why
`update` iterates over the source in C. The loop binds a variable, looks up a method and calls it in every iteration.

## When not
Where the loop variable is used after the loop, or where adding to the target changes the source. The target must be
known to be a set: other classes may do more in `add`. An
annotation, an attribute or a global leaves subclasses: then the rewrite is not called safe.

## Source
The documentation of `set.update`. The figures in `RULE` are measured with `BENCH`.
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
    hand_over_all,
    list_fillings,
    rest_on_source,
)

RULE = Rule(
    slug="set-update",
    title="set.add() loop instead of update()",
    family="loops",
    safety=Safety.SAFE,
    speed=Speed.CONSTANT,
    triggers=Triggers(nodes=frozenset({ast.For}), words=frozenset({"add"})),
    asks=frozenset({Ask.TYPES}),
    figures={
        "3.11": {10: 1.2, 1000: 1.8},
        "3.12": {10: 1.5, 1000: 1.8},
        "3.13": {10: 1.3, 1000: 1.9},
        "3.14": {10: 1.3, 1000: 2.7},
    },
    ruff="FURB142",
    free=True,
)


def detect(context: Context) -> Iterator[Finding]:
    """Yield each loop that passes each of its elements to `add`, and does nothing else."""
    for filling in list_fillings(context, "add"):
        rewrite = hand_over_all(context, filling, "builtins.set", "update")
        if rewrite is not None:
            safety, questions, remark = rest_on_source(context, filling, "builtins.set")
            yield context.finding(
                filling.loop,
                f"The loop only passes each element to {context.source_of(filling.target)}.add: update adds all of them"
                f" in one call.{remark}",
                safety=safety,
                questions=questions,
                rewrite=rewrite,
            )


CASES = (
    Case(
        name="words of a text",
        before="""
def collect(text: str):
    found = set()
    found.add("first")
    for word in text.split():
        found.add(word)
    return sorted(found)
""",
        after="""
def collect(text: str):
    found = set()
    found.add("first")
    found.update(text.split())
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
        self.names = set()

    def read(self, rows: list[tuple[str, ...]]):
        for number in range(len(rows)):
            part = tuple(rows[number])
            for name in part:
                self.names.add(name)
            for name in 1, 2, 3:
                self.names.add(name)
        return len(self.names)

def read(rows):
    return Index().read(rows)
""",
        after="""
class Index:
    def __init__(self):
        self.names = set()

    def read(self, rows: list[tuple[str, ...]]):
        for number in range(len(rows)):
            part = tuple(rows[number])
            self.names.update(part)
            self.names.update((1, 2, 3))
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
    found = {-1}
    for number in range(limit):
        found.add(number)
    return sorted(found)
""",
        after="""
def count(limit):
    found = {-1}
    found.update(range(limit))
    return sorted(found)
""",
        call="count",
        inputs=("(3,)", "(0,)", "(None,)"),
    ),
)

REFUSE = (
    Refuse("the target is not known", "def f(out, xs: list):\n    for x in xs:\n        out.add(x)\n"),
    Refuse("the loop's variable is used later",
           "def f(xs: list):\n    out = set()\n    for x in xs:\n        out.add(x)\n    return out, x\n"),
    Refuse("the source may be a generator that looks at the target",
           "def f(g):\n    out = set()\n    for x in g(out):\n        out.add(x)\n    return out\n"),
    Refuse("it goes through the target itself",
           "def f(xs: list):\n    out = set()\n    out.update(xs)\n    for x in out:\n        out.add(x)\n"),
    Refuse("not each element",
           "def f(xs: list):\n    out = set()\n    for x in xs:\n        if x:\n            out.add(x)\n"
           "    return out\n"),
    Refuse("the loop has an else",
           "def f(xs: list):\n    out = set()\n    for x in xs:\n        out.add(x)\n    else:\n        return out\n"),
    Refuse("the target may be unbound, which an empty source does not notice",
           "def f(wanted):\n    if wanted:\n        out = set()\n        out.add(0)\n    for x in range(wanted):\n"
           "        out.add(x)\n"),
    Refuse("an async loop",
           "async def f(xs: list):\n    out = set()\n    async for x in xs:\n        out.add(x)\n    return out\n"),
)  # fmt: skip

BENCH = Bench(
    setup="numbers = list(range(n))\ndef fill(numbers):\n    out = set()\n    for x in numbers:\n        out.add(x)\n"
    "    return out\ndef make(numbers):\n    out = set()\n    out.update(numbers)\n    return out",
    before="fill(numbers)",
    after="make(numbers)",
    sizes=(10, 1000),
    size_is="elements of the source",
)
