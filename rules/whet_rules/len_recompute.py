"""Compute an object's length once, not in every iteration.

## What
`while i < len(bag)` where `bag` is of a class whose `__len__` computes, in a loop that only reads it: take the length
once, before the loop.

## Why
`len` of a list or dict is a stored number. For a user-defined class it calls `__len__`, which runs Python code and may
iterate over all elements: then the loop is quadratic.

## When not
On builtin types, where it gains nothing. Where the loop changes the length, even through another name: a loop that
passes the object to any function, calls one of its methods, or calls unknown code is left alone.

## Source
The Python data model: `len(x)` calls `type(x).__len__(x)`. The figures in `RULE` are measured with `BENCH`: a loop over
an object whose `__len__` delegates to a list.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from whet.engine.api import (
    Ask,
    Bench,
    Case,
    Context,
    Finding,
    PlaceKind,
    Question,
    Refuse,
    Rule,
    Safety,
    ScopeKind,
    Speed,
    Triggers,
    Use,
    remember,
)

RULE = Rule(
    slug="len-recompute",
    title="__len__ called on every iteration",
    family="hoisting",
    safety=Safety.OFFER,
    speed=Speed.CONSTANT,
    triggers=Triggers(nodes=frozenset({ast.While, ast.For, ast.Return}), words=frozenset({"len"})),
    asks=frozenset({Ask.TYPES, Ask.SHARE}),
    figures={
        "3.11": {10: 3.1, 1000: 4.9},
        "3.12": {10: 3.7, 1000: 6.1},
        "3.13": {10: 3.4, 1000: 4.5},
        "3.14": {10: 2.9, 1000: 4.0},
    },
)

_BUILTINS = ("list", "tuple", "dict", "set", "frozenset", "str", "bytes", "bytearray", "range", "memoryview")
_STORED = (*(f"builtins.{name}" for name in _BUILTINS), "collections.deque", "numpy.ndarray", "array.array")
"""Types whose length is a stored number."""
_WORTH = 0.01
"""Fraction of the run that a `__len__` must cost."""


def detect(context: Context) -> Iterator[Finding]:
    """Yield the first `len` of an object in the outermost loop that leaves the object as it is."""
    owner = context.function.parent
    if not context.measured:
        return  # only a run shows what a length costs
    if context.function.name != "__len__" or owner is None or owner.kind is not ScopeKind.CLASS:
        using = remember(context, ("len",), lambda: context.facts.using(("len",)))
        if using is not None and context.function not in using:
            return
        # What a `__len__` of this file costs is measured there, and loops that call it may themselves be cold.
        yield from _find(context, None)
    else:
        for function in context.facts.functions:
            yield from _find(replace(context, function=function), f".{owner.name}")


def _find(context: Context, owner: str | None) -> Iterator[Finding]:
    """Yield the calls in one function, on objects of the class `owner`; `None`: of no class of this file."""
    if context.is_dynamic or context.function.kind is not ScopeKind.FUNCTION or not context.has_builtin("len"):
        return
    done: set[str] = set()
    for call in context.nodes(ast.Call):
        match call:
            case ast.Call(func=ast.Name(id="len"), args=[ast.Name() | ast.Attribute() as subject], keywords=[]):
                pass
            case _:
                continue
        around = context.loops(call)
        loops = [loop for loop in around if isinstance(loop, ast.For | ast.While)]
        if not loops or len(loops) != len(around):
            continue
        text = ast.unparse(subject)
        if text in done:
            continue
        asked = _questions(context, subject, owner)
        outer = next((loop for loop in reversed(loops) if _leaves_alone(context, subject, loop)), None)
        if asked is None or outer is None:
            continue
        done.add(text)
        questions, more = asked
        lengths = [node for node in context.nodes(ast.Call)
                   if context.is_inside(node, outer) and ast.unparse(node) == f"len({text})"]  # fmt: skip
        repeated = [node for node in lengths if outer in context.loops(node)]
        rewrite = context.rewrite()
        name = rewrite.fresh("length")
        rewrite.insert_before(outer, f"{name} = len({text})")
        if none := context.find_possible_none(subject):
            rewrite.refuse(f"{none} may be None in a run that never asks for its length")
        for node in repeated:
            rewrite.replace(node, name)
        yield context.finding(
            repeated[0],
            f"len({text}) runs the class's own __len__ in every iteration, and the loop does not change {text}: call it"
            " once before the loop. It is then called even if the loop body never runs.",
            lines=tuple(sorted({node.lineno for node in repeated} | set(more))),
            questions=questions,
            rewrite=rewrite,
        )


def _questions(
    context: Context, subject: ast.expr, owner: str | None
) -> tuple[tuple[Question, ...], tuple[int, ...]] | None:
    """Return what to ask about the class, and the lines of its `__len__` if it is defined in this file."""
    place = context.place(subject)
    if place is None or place.kind is PlaceKind.GLOBAL:
        return None
    types = context.type_of(subject)
    if not types and owner is None:
        return (context.ask(place, Ask.TYPES, excludes=(*_STORED, "builtins.NoneType"), needed=True),), ()
    if owner is None or not all(name == owner for name in types):
        return None
    lines = [line for name in types or {owner} for line in _length_lines(context, name)]
    if not lines:
        return None
    seen = () if types else (context.ask(place, Ask.TYPES, expects=context.seen_as(owner[1:]), needed=True),)
    return (*seen, context.ask_lines(Ask.SHARE, lines, least=_WORTH, needed=True)), tuple(lines)


def _length_lines(context: Context, name: str) -> tuple[int, ...]:
    bindings = context.facts.module.bindings.get(name.removeprefix("."), ())
    for node in (binding.node for binding in bindings):
        for method in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(method, ast.FunctionDef) and method.name == "__len__":
                return tuple(range(method.body[0].lineno, (method.end_lineno or method.lineno) + 1))
    return ()


def _leaves_alone(context: Context, subject: ast.expr, loop: ast.AST) -> bool:
    """Return whether the loop only reads the object, and runs nothing that could change it through another name."""
    place = context.place(subject)
    if place is None or context.runs_unknown_code(loop) or ast.unparse(subject) in context.written_in(loop):
        return False
    inside = [reference for reference in place.references if context.is_inside(reference, loop)]
    return all(context.use(reference) in (Use.READ, Use.TEST) for reference in inside)


CASES = (
    Case(
        name="a class of the file",
        before="""
class Bag:
    def __init__(self, parts):
        self.parts = [list(part) for part in parts]

    def __len__(self):
        return sum(len(part) for part in self.parts)

def count(parts):
    bag = Bag(parts)
    i = 0
    total = 0
    while i < len(bag):
        total += i * len(bag)
        i += 1
    return total
""",
        after="""
class Bag:
    def __init__(self, parts):
        self.parts = [list(part) for part in parts]

    def __len__(self):
        return sum(len(part) for part in self.parts)

def count(parts):
    bag = Bag(parts)
    i = 0
    total = 0
    length = len(bag)
    while i < length:
        total += i * length
        i += 1
    return total
""",
        call="count",
        inputs=("([[1, 2], [3]],)", "([],)"),
        hot=True,
    ),
    Case(
        name="a parameter, in the inner one of two loops",
        before="""
def pairs(store, rows):
    found = []
    for row in rows:
        i = 0
        while i < len(store):
            if store[i] == row:
                found.append(i)
            i += 1
    return found
""",
        after="""
def pairs(store, rows):
    found = []
    length = len(store)
    for row in rows:
        i = 0
        while i < length:
            if store[i] == row:
                found.append(i)
            i += 1
    return found
""",
        call="pairs",
        inputs=("([1, 2, 1], [1, 3])", "('abc', 'c')", "([], [])"),
        hot=True,
    ),
)

REFUSE = (
    Refuse("a list knows its length",
           "def f(xs):\n    ys = list(xs)\n    i = 0\n    while i < len(ys):\n        i += 1\n"),
    Refuse("the loop changes it",
           "def f(bag):\n    while len(bag) > 3:\n        bag.pop()\n"),
    Refuse("it is handed to somebody",
           "def f(bag, i):\n    while i < len(bag):\n        i = grow(bag)\n"),
    Refuse("something unknown runs that may change it by another name",
           "def f(bag, i, g):\n    while i < len(bag):\n        i = g()\n"),
    Refuse("bound anew in each turn",
           "def f(bags, i):\n    for bag in bags:\n        if i < len(bag):\n            i += 1\n"),
    Refuse("items are deleted",
           "def f(bag):\n    while len(bag) > 3:\n        del bag[0]\n"),
    Refuse("asked once, before the first turn",
           "def f(bag):\n    for i in range(len(bag)):\n        print(i)\n"),
    Refuse("another `len`",
           "def len(x):\n    return next(x)\ndef f(bag, i):\n    while i < len(bag):\n        i += 1\n"),
    Refuse("a class that builds on a list",
           "class A(list):\n    pass\ndef f(i):\n    a = A()\n    while i < len(a):\n        i += 1\n"),
)  # fmt: skip

BENCH = Bench(
    setup="""
class Bag:
    def __init__(self):
        self.items = list(range(n))

    def __len__(self):
        return len(self.items)

def ask(bag):
    i = 0
    while i < len(bag):
        i += 1
    return i

def keep(bag):
    i = 0
    length = len(bag)
    while i < length:
        i += 1
    return i

bag = Bag()
""",
    before="ask(bag)",
    after="keep(bag)",
    sizes=(10, 1000),
    size_is="elements",
)
