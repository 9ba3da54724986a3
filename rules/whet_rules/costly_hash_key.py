"""Cache a hash that is recomputed on every lookup.

## What
A class whose instances are dict keys or set elements and whose own `__hash__` computes: compute the hash once, when the
object is created, or use a cheaper key (an integer, an interned string, an existing tuple).

## Why
Every lookup, insertion and membership test calls `__hash__`. One written in Python costs as much as several lookups,
and one that hashes a tuple of fields builds that tuple again each time. A string caches its hash; other objects do not.

## When not
Where each object is looked up once. Where a field that takes part in equality can change: such an object is not a valid
key to begin with.

## Source
The Python data model, `object.__hash__`. The figures in `RULE` are measured with `BENCH`: a lookup by an object with
as many fields.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import (
    Ask,
    Bench,
    BindingKind,
    Case,
    Context,
    Finding,
    Refuse,
    Rule,
    Safety,
    ScopeKind,
    Speed,
    Triggers,
)

RULE = Rule(
    slug="costly-hash-key",
    title="Expensive __hash__ recomputed on every lookup",
    family="memory",
    safety=Safety.ADVICE,
    speed=Speed.FACTOR,
    triggers=Triggers(nodes=frozenset({ast.Return}), words=frozenset({"hash"})),
    asks=frozenset({Ask.RUNS}),
    figures={
        "3.11": {2: 2.0, 10: 2.8, 100: 11.0},
        "3.12": {2: 2.0, 10: 2.5, 100: 9.3},
        "3.13": {2: 1.9, 10: 2.3, 100: 8.5},
        "3.14": {2: 2.0, 10: 2.5, 100: 9.7},
    },
)

_OFTEN = 3
"""Lookups per object from which caching the hash pays off."""


def detect(context: Context) -> Iterator[Finding]:
    """Yield the `return` of a hot `__hash__` that computes from fields which are set once."""
    node, owner = context.function.node, context.function.parent
    if not context.measured or not isinstance(node, ast.FunctionDef) or node.name != "__hash__" or owner is None:
        return
    if owner.kind is not ScopeKind.CLASS or not isinstance(owner.node, ast.ClassDef):
        return
    maker = next((s for s in owner.node.body if isinstance(s, ast.FunctionDef) and s.name == "__init__"), None)
    returned = node.body[-1]
    if maker is None or not isinstance(returned, ast.Return) or not _computes(context):
        return
    if not all(_is_set_once(context, part, maker) for part in context.nodes(ast.Attribute)):
        return
    yield context.finding(
        returned,
        f"Every lookup of a {owner.name} computes its hash from fields that __init__ sets once: compute it there and"
        " return the stored value.",
        lines=context.lines_of(*node.body),
        questions=(context.ask_lines(Ask.RUNS, (node.lineno,), of=(maker.lineno,), least=_OFTEN, needed=True),),
    )


def _computes(context: Context) -> bool:
    """Return whether the hash is of an object built for it, or combines several."""
    made = (ast.Tuple, ast.BinOp, ast.JoinedStr, ast.GeneratorExp, ast.ListComp)
    return any(kind in context.function.nodes for kind in made) or sum(1 for _ in context.nodes(ast.Call)) > 1


def _is_set_once(context: Context, node: ast.Attribute, maker: ast.FunctionDef) -> bool:
    """Return whether an attribute of `self` is bound in the constructor, and nowhere else in the file."""
    above = context.facts.parent(node)
    if isinstance(above, ast.Call) and above.func is node and context.facts.class_of_self(node.value) is None:
        return True  # a method of the object that is read
    place = context.place(node)
    if place is None or any(isinstance(stranger.ctx, ast.Store | ast.Del) for stranger in place.strangers):
        return False
    bound = [binding for binding in place.bindings if binding.kind is not BindingKind.DECLARED]
    return len(bound) == 1 and context.is_inside(bound[0].node, maker)


CASES = (
    Case(
        name="a tuple of fields for each look-up",
        before="""
class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def __eq__(self, other):
        return (self.x, self.y) == (other.x, other.y)

    def __hash__(self):
        return hash((self.x, self.y))

def count(pairs):
    points = [Point(x, y) for x, y in pairs]
    seen = {}
    for point in points:
        seen[point] = seen.get(point, 0) + 1
    return sorted(seen.values())
""",
        after="""
class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y
        self._hash = hash((x, y))

    def __eq__(self, other):
        return (self.x, self.y) == (other.x, other.y)

    def __hash__(self):
        return self._hash

def count(pairs):
    points = [Point(x, y) for x, y in pairs]
    seen = {}
    for point in points:
        seen[point] = seen.get(point, 0) + 1
    return sorted(seen.values())
""",
        call="count",
        inputs=("([(1, 2), (1, 2), (3, 4)],)", "([],)"),
        hot=True,
    ),
)

_INIT = "class A:\n    def __init__(self, x, y):\n        self.x = x\n        self.y = y\n"
REFUSE = (
    Refuse("a field changes later",
           f"{_INIT}    def move(self):\n        self.x += 1\n    def __hash__(self):\n"
           "        return hash((self.x, self.y))\n"),
    Refuse("a field is set from outside",
           f"{_INIT}    def __hash__(self):\n        return hash((self.x, self.y))\ndef f(a):\n    a.x = 3\n"),
    Refuse("kept already", f"{_INIT}    def __hash__(self):\n        return self.x\n"),
    Refuse("the hash of one field: that may be kept by the field itself",
           f"{_INIT}    def __hash__(self):\n        return hash(self.x)\n"),
    Refuse("a function that is only called so",
           "def __hash__(self):\n    return hash((self.x, self.y))\n"),
    Refuse("nothing says when the fields are set",
           "class A:\n    def __hash__(self):\n        return hash((self.x, self.y))\n"),
)  # fmt: skip

BENCH = Bench(
    setup="""
class Plain:
    def __init__(self, fields):
        self.fields = fields

    def __hash__(self):
        return hash(tuple(self.fields))

class Keeping(Plain):
    def __init__(self, fields):
        self.fields = fields
        self.kept = hash(tuple(fields))

    def __hash__(self):
        return self.kept

plain, keeping = Plain(list(range(n))), Keeping(list(range(n)))
by_plain, by_keeping = {plain: 1}, {keeping: 1}
""",
    before="by_plain[plain]",
    after="by_keeping[keeping]",
    sizes=(2, 10, 100),
    size_is="fields",
)
