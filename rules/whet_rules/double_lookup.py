"""Count with one dict lookup and one store.

## What
`if key in counts: counts[key] += 1` with `else: counts[key] = 1`, and the same as two statements after
`if key not in counts: counts[key] = 0`, where `counts` is a dict: `counts[key] = counts.get(key, 0) + 1`.

## Why
The key is hashed and looked up three times per increment; with `get` twice.

## When not
On mappings other than dicts, whose `get` may mean something else. `counts[key] += 1` changes a value in place if its
type can do that (an array), `counts[key] = counts.get(key, 0) + 1` makes a new one: the rewrite is safe where the dict
starts empty in the function and only whole numbers are put into it, and an offer elsewhere. A key's own `__hash__` and
`__eq__` are called less often; they are expected to only compare. Where a `collections.Counter` or `defaultdict` can be
used from the start, that is more readable still.

## Source
The documentation of `dict.get`. The figures in `RULE` are measured with `BENCH`, a text of 97 different words.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import (
    Bench,
    Case,
    Context,
    Finding,
    PlaceKind,
    Refuse,
    Rule,
    Safety,
    Speed,
    Triggers,
    Use,
)

RULE = Rule(
    slug="double-lookup",
    title="Three dict lookups per increment",
    family="loops",
    safety=Safety.SAFE,
    speed=Speed.CONSTANT,
    triggers=Triggers(nodes=frozenset({ast.In, ast.NotIn})),
    figures={
        "3.11": {1000: 1.2, 10000: 1.3},
        "3.12": {1000: 1.3, 10000: 1.3},
        "3.13": {1000: 1.3, 10000: 1.3},
        "3.14": {1000: 1.2, 10000: 1.3},
    },
    free=True,
)


def detect(context: Context) -> Iterator[Finding]:
    """Yield each dict entry that is incremented by a constant if present, and set to one otherwise."""
    for statement in context.nodes(ast.If):
        match statement:
            case ast.If(
                test=ast.Compare(left=key, ops=[operator], comparators=[ast.Name() | ast.Attribute() as counts]),
                body=[first],
                orelse=[second],
            ):
                pass
            case _:
                continue
        there, absent = (first, second) if isinstance(operator, ast.In) else (second, first)
        if not isinstance(operator, ast.In | ast.NotIn) or not isinstance(key, ast.Name | ast.Constant):
            continue
        match there, absent:
            case (
                ast.AugAssign(target=ast.Subscript() as raised, op=ast.Add(), value=ast.Constant(value=int() as step)),
                ast.Assign(targets=[ast.Subscript() as made], value=ast.Constant(value=int() as start)),
            ):
                pass
            case _:
                continue
        entry = f"{ast.unparse(counts)}[{ast.unparse(key)}]"
        if ast.unparse(raised) != entry or ast.unparse(made) != entry or type(step) is bool or type(start) is bool:
            continue
        if context.type_of(counts) != {"builtins.dict"}:
            continue
        rewrite = context.rewrite()
        held, name = rewrite.text(counts), rewrite.text(key)
        rewrite.replace(statement, f"{held}[{name}] = {held}.get({name}, {start - step}) + {step}")
        yield context.finding(
            statement,
            f"{entry} is looked up three times: use get with a default.",
            safety=Safety.SAFE if _holds_counts(context, counts, statement) else Safety.OFFER,
            rewrite=rewrite,
        )


def _holds_counts(context: Context, counts: ast.expr, statement: ast.If) -> bool:
    """Return whether the dict starts empty in the function, and only whole numbers are put into it until the end."""
    place = context.place(counts)
    if place is None or place.kind is not PlaceKind.LOCAL or len(place.bindings) != 1 or context.is_dynamic:
        return False
    match place.bindings[0].value:
        case ast.Dict(keys=[]):
            pass
        case ast.Call(func=maker, args=[], keywords=[]) if context.resolve(maker) == "builtins.dict":
            pass
        case _:
            return False
    if next(context.nodes(ast.Yield), None) is not None:  # the caller may have it meanwhile
        return False
    return all(_keeps_counts(context, reference, statement) for reference in place.references)


def _keeps_counts(context: Context, reference: ast.expr, statement: ast.If) -> bool:
    """Return whether a use of the dict puts only whole numbers into it, or hands it over when all is counted."""
    parent = context.facts.parent(reference)
    match parent:
        case ast.Subscript(ctx=ast.Store()) if parent.value is reference:
            match context.facts.parent(parent):
                case ast.Assign(targets=[_], value=ast.Constant(value=int())):
                    return True
                case ast.AugAssign(op=ast.Add() | ast.Sub() | ast.Mult(), value=ast.Constant(value=int())):
                    return True
            return False
        case ast.Attribute(attr="clear" | "get" | "items" | "keys" | "pop" | "popitem" | "values"):
            return isinstance(context.facts.parent(parent), ast.Call)
    use = context.use(reference)
    if use is Use.ESCAPE:  # handed over once all is counted
        loops = context.facts.loops(statement)
        after = (reference.lineno, reference.col_offset) > (statement.end_lineno or 0, 0)
        return after and not any(context.is_inside(reference, loop) for loop in loops)
    return use in (Use.BIND, Use.TEST, Use.ITERATE, Use.READ, Use.RETURN)


CASES = (
    Case(
        name="words of a text",
        before="""
def count(words):
    counts = {}
    for word in words:
        if word in counts:
            counts[word] += 1
        else:
            counts[word] = 1
    return counts
""",
        after="""
def count(words):
    counts = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return counts
""",
        call="count",
        inputs=("(['a', 'b', 'a'],)", "([],)", "([[]],)"),
    ),
    Case(
        name="an attribute, the other way round, from another start",
        before="""
class Votes:
    def __init__(self):
        self.votes: dict[str, int] = {}

    def add(self, names):
        for name in names:
            if name not in self.votes:
                self.votes[name] = 10
            else:
                self.votes[name] += 2
        return self.votes

def add(names):
    return Votes().add(names)
""",
        after="""
class Votes:
    def __init__(self):
        self.votes: dict[str, int] = {}

    def add(self, names):
        for name in names:
            self.votes[name] = self.votes.get(name, 8) + 2
        return self.votes

def add(names):
    return Votes().add(names)
""",
        call="add",
        inputs=("(['a', 'b', 'a'],)", "([],)", "([{}],)"),
    ),
)

REFUSE = (
    Refuse("not known to be a dict",
           "def f(d, xs):\n    for x in xs:\n        if x in d:\n            d[x] += 1\n        else:\n"
           "            d[x] = 1\n"),
    Refuse("a default dict",
           "from collections import defaultdict\ndef f(xs):\n    d = defaultdict(int)\n    for x in xs:\n"
           "        if x in d:\n"
           "            d[x] += 1\n        else:\n            d[x] = 1\n    return d\n"),
    Refuse("another key",
           "def f(xs, y):\n    d = {}\n    for x in xs:\n        if x in d:\n            d[y] += 1\n        else:\n"
           "            d[x] = 1\n    return d\n"),
    Refuse("a list is appended to",
           "def f(xs):\n    d = {}\n    for x in xs:\n        if x in d:\n            d[x].append(1)\n        else:\n"
           "            d[x] = [1]\n    return d\n"),
    Refuse("the key is the result of a call",
           "def f(xs, g):\n    d = {}\n    for x in xs:\n        if g(x) in d:\n            d[g(x)] += 1\n"
           "        else:\n"
           "            d[g(x)] = 1\n    return d\n"),
    Refuse("more is done",
           "def f(xs):\n    d = {}\n    for x in xs:\n        if x in d:\n            d[x] += 1\n        else:\n"
           "            d[x] = 1\n            print(x)\n    return d\n"),
)  # fmt: skip

BENCH = Bench(
    setup="words = [str(i % 97) for i in range(n)]\ndef thrice(words):\n    counts = {}\n    for word in words:\n"
    "        if word in counts:\n            counts[word] += 1\n        else:\n            counts[word] = 1\n"
    "    return counts\n"
    "def twice(words):\n    counts = {}\n    for word in words:\n        counts[word] = counts.get(word, 0) + 1\n"
    "    return counts",
    before="thrice(words)",
    after="twice(words)",
    sizes=(1000, 10_000),
    size_is="words",
)
