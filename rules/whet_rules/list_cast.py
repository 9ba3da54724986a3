"""Iterate over the list itself, not over a copy of it.

## What
`for x in list(xs)` and `for x in tuple(xs)` where `xs` is a list, tuple, set, dict or string that nothing in the loop
changes: `for x in xs`.

## Why
The copy is made only to be iterated over once.

## When not
Where the loop changes the container, even through another name or a function that it calls: then the copy is a
safeguard. Generators and other iterators are left alone, because the copy consumes all of their elements before the
first iteration.

The rewrite is safe only for a container that the function itself creates and gives to nobody. One that is a parameter,
or came from an attribute, a global or another container, has other names: operators and properties in the loop may
reach it, and a subclass may iterate in its own way. That is an offer, and not made at all if the loop calls other code.

## Source
ruff's PERF101 reports the same. The figures in `RULE` are measured with `BENCH`.
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
    Place,
    PlaceKind,
    Refuse,
    Rule,
    Safety,
    Speed,
    Triggers,
)

RULE = Rule(
    slug="list-cast",
    title="Unneeded list() copy around an iterable",
    family="loops",
    safety=Safety.SAFE,
    speed=Speed.CONSTANT,
    triggers=Triggers(nodes=frozenset({ast.For}), words=frozenset({"list", "tuple"})),
    asks=frozenset({Ask.TYPES}),
    figures={
        "3.11": {10: 1.4, 1000: 1.2},
        "3.12": {10: 1.6, 1000: 1.2},
        "3.13": {10: 1.5, 1000: 1.2},
        "3.14": {10: 1.7, 1000: 1.2},
    },
    ruff="PERF101",
    free=True,
)

_CONTAINERS = frozenset(f"builtins.{name}" for name in ("list", "tuple", "set", "frozenset", "dict", "str", "bytes"))
_FIXED = frozenset(f"builtins.{name}" for name in ("tuple", "frozenset", "str", "bytes"))


def detect(context: Context) -> Iterator[Finding]:
    """Yield each loop over a copy of a container that it does not change."""
    if context.is_dynamic:
        return
    for loop in context.nodes(ast.For):
        match loop.iter:
            case ast.Call(func=ast.Name() as function, args=[ast.Name() as source], keywords=[]) as call:
                name = context.resolve(function)
            case _:
                continue
        types = context.type_of(source)
        if name not in ("builtins.list", "builtins.tuple") or not types or not types <= _CONTAINERS:
            continue
        place = context.place(source)
        if place is None or place.kind not in (PlaceKind.LOCAL, PlaceKind.PARAMETER):
            continue
        if not context.keeps_elements(source, loop):
            continue
        rewrite = context.rewrite()
        rewrite.replace(call, rewrite.text(source))
        alone = _is_alone(context.exactly, source, place)
        note = "" if alone else " Operators and properties must not change it by another name, nor a subclass iterate"
        yield context.finding(
            call,
            f"The loop does not change {source.id}: iterate over it without the copy."
            f"{note and f'{note} in its own way.'}",
            lines=(loop.lineno,),
            safety=Safety.SAFE if alone else Safety.OFFER,
            questions=() if alone else (context.ask(place, Ask.TYPES, expects=tuple(sorted(types))),),
            rewrite=rewrite,
        )


def _is_alone(exactly: Context, source: ast.Name, place: Place) -> bool:
    """Return whether nothing but the loop itself can change the container, or it cannot change."""
    types = exactly.type_of(source)
    if not types or not types <= _CONTAINERS:
        return False
    return types <= _FIXED or exactly.is_only_name(place)


CASES = (
    Case(
        name="a list of its own",
        before="""
def total(text: str):
    sizes = [len(word) for word in text.split()]
    result = 0
    for size in list(sizes):
        result = result * 2 + size
    return result
""",
        after="""
def total(text: str):
    sizes = [len(word) for word in text.split()]
    result = 0
    for size in sizes:
        result = result * 2 + size
    return result
""",
        call="total",
        inputs=("('a bcd',)", "('',)", "(None,)"),
    ),
    Case(
        name="a dict, a tuple of it, and other containers that grow",
        before="""
def turn(words: list[str]):
    known = {word: len(word) for word in words}
    names = []
    for name in tuple(known):
        names.append(name.upper())
    return names
""",
        after="""
def turn(words: list[str]):
    known = {word: len(word) for word in words}
    names = []
    for name in known:
        names.append(name.upper())
    return names
""",
        call="turn",
        inputs=("(['a', 'bc'],)", "([],)", "([1],)"),
    ),
)

REFUSE = (
    Refuse("the loop changes the dict",
           "def f():\n    d = {1: 2, 3: 4}\n    for k in list(d):\n        if k > 1:\n            del d[k]\n"
           "    return d\n"),
    Refuse("the loop changes the list",
           "def f():\n    xs = [1, 2]\n    for x in list(xs):\n        xs.remove(x)\n    return xs\n"),
    Refuse("the loop changes it by another name",
           "def f():\n    xs = [1, 2]\n    ys = xs\n    for x in list(xs):\n        ys.append(x)\n    return xs\n"),
    Refuse("the list is an attribute's too, where a called handler may leave it",
           "class Bus:\n    def __init__(self):\n        self.handlers = []\n    def fire(self, event):\n"
           "        handlers = self.handlers\n        for handler in list(handlers):\n            handler(event)\n"),
    Refuse("the list is an attribute's too, and the loop changes that",
           "class Bus:\n    def __init__(self):\n        self.names = []\n    def empty(self):\n"
           "        names = self.names\n        for name in list(names):\n            self.names.remove(name)\n"),
    Refuse("the list may be a global's",
           "WAITING = []\ndef f(done):\n    waiting = WAITING or []\n    for job in list(waiting):\n"
           "        done(job)\n"),
    Refuse("the list is an element of another one",
           "def f():\n    rows = [[1, 2], [3]]\n    for row in rows:\n        for x in list(row):\n"
           "            rows[0].remove(x)\n    return rows\n"),
    Refuse("the dict is a value of another one",
           "def f():\n    known = {1: {2: 3}}\n    for of in [known[1]]:\n        for x in list(of):\n"
           "            del known[1][x]\n"),
    Refuse("one assignment gives it two names",
           "def f():\n    a = b = [1, 2]\n    for x in list(a):\n        b.append(x)\n    return b\n"),
    Refuse("a walrus gives it two names",
           "def f(g):\n    b = (a := [1, 2])\n    for x in list(a):\n        b.append(x)\n    return b\n"),
    Refuse("an unknown function may change it",
           "def f(g):\n    xs = [1, 2]\n    g.keep(xs)\n    for x in list(xs):\n        g(x)\n"),
    Refuse("it may be a generator", "def f(xs):\n    for x in list(xs):\n        print(x)\n"),
    Refuse("whoever is yielded to may change it",
           "def f(keep):\n    xs = [1, 2]\n    keep.append(xs)\n    for x in list(xs):\n        yield x\n"),
    Refuse("`list` is the program's own",
           "from lazy import list\ndef f():\n    xs = [1, 2]\n    for x in list(xs):\n        print(x)\n"),
)  # fmt: skip

BENCH = Bench(
    setup="numbers = list(range(n))\ndef copied(numbers):\n    for x in list(numbers):\n        y = x\n    return y\n"
    "def plain(numbers):\n    for x in numbers:\n        y = x\n    return y",
    before="copied(numbers)",
    after="plain(numbers)",
    sizes=(10, 1000),
    size_is="elements",
)
