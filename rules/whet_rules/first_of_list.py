"""Take the first element without building a list.

## What
`list(table)[0]`, `list(table.values())[0]` and similar, in a loop or a hot function: `next(iter(table))`.

## Why
The list copies every element in order to use one of them.

## When not
Where the iterable may be empty and `IndexError` is caught or suppressed: `next` raises `StopIteration`. On iterators,
which `list` exhausts and `next` advances by one.

## Source
The documentation of `next` and `iter`. The figures in `RULE` are measured with `BENCH`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import Ask, Bench, Case, Context, Finding, Refuse, Rule, Safety, Speed, Triggers

RULE = Rule(
    slug="first-of-list",
    title="List built for its first element",
    family="containers",
    safety=Safety.OFFER,
    speed=Speed.ASYMPTOTIC,
    triggers=Triggers(nodes=frozenset({ast.Subscript}), words=frozenset({"list", "tuple"})),
    asks=frozenset({Ask.TYPES, Ask.LENGTH}),
    figures={
        "3.11": {3: 2.0, 10: 2.6, 100: 11.0, 1000: 100.0, 10000: 990.0},
        "3.12": {3: 2.2, 10: 2.7, 100: 9.1, 1000: 80.0, 10000: 810.0},
        "3.13": {3: 1.4, 10: 1.9, 100: 8.5, 1000: 75.0, 10000: 750.0},
        "3.14": {3: 1.3, 10: 1.5, 100: 5.5, 1000: 47.0, 10000: 500.0},
    },
    ruff="RUF015",
)

_SHORT = 8
_SEEN = (
    *(f"builtins.{name}" for name in ("dict", "dict_items", "dict_keys", "dict_values", "frozenset", "set")),
    *("collections.OrderedDict", "collections.defaultdict", "collections.Counter"),
)


def detect(context: Context) -> Iterator[Finding]:
    """Yield each list that is repeatedly built for its first element only."""
    for subscript in context.nodes(ast.Subscript):
        match subscript:
            case ast.Subscript(
                value=ast.Call(func=function, args=[items], keywords=[]),
                slice=ast.Constant(value=int() as first),
                ctx=ast.Load(),
            ) if first == 0 and context.resolve(function) in ("builtins.list", "builtins.tuple"):
                pass
            case _:
                continue
        if not context.loops(subscript) and not context.measured:
            continue
        if isinstance(items, ast.Starred) or not _may_be_container(context, items):
            continue
        if not _catches(context, subscript):
            yield _describe(context, subscript, items)


def _may_be_container(context: Context, items: ast.expr) -> bool:
    types = context.type_of(items)
    if types:
        return types <= set(_SEEN)
    return context.place(items) is not None or _is_view(items)


def _is_view(items: ast.expr) -> bool:
    match items:
        case ast.Call(func=ast.Attribute(attr="keys" | "values" | "items"), args=[], keywords=[]):
            return True
        case _:
            return False


def _catches(context: Context, node: ast.expr) -> bool:
    """Return whether the function catches what an empty list raises, or converts `StopIteration`."""
    if any(True for kind in (ast.Yield, ast.YieldFrom) for _ in context.nodes(kind)):
        return True
    here: ast.AST | None = node
    while here is not None and here is not context.function.node:
        if isinstance(here, ast.GeneratorExp):
            return True
        here = context.facts.parent(here)
    return context.tells_apart(node, IndexError, StopIteration)


def _describe(context: Context, node: ast.Subscript, items: ast.expr) -> Finding:
    rewrite = context.rewrite()
    if not context.has_builtin("next", "iter"):
        rewrite.refuse("`next` or `iter` is shadowed in this file")
    rewrite.replace(node, f"next(iter({rewrite.text(items)}))")
    types, place = context.type_of(items), context.place(items)
    questions = (
        ()
        if place is None
        else (
            context.ask(place, Ask.TYPES, expects=_SEEN, needed=not types),
            context.ask(place, Ask.LENGTH, at_least=_SHORT),
        )
    )
    return context.finding(
        node,
        "A list of all elements is built to take the first: next(iter(…)) takes only that. If there is none, it raises "
        "StopIteration, not IndexError.",
        questions=questions,
        rewrite=rewrite,
    )


CASES = (
    Case(
        name="a dict that is used up",
        before="""
def drain(pairs):
    table = dict(pairs)
    order = []
    while table:
        key = list(table)[0]
        order.append((key, table.pop(key)))
    return order
""",
        after="""
def drain(pairs):
    table = dict(pairs)
    order = []
    while table:
        key = next(iter(table))
        order.append((key, table.pop(key)))
    return order
""",
        call="drain",
        inputs=("([(1, 2), (3, 4)],)", "([],)"),
    ),
    Case(
        name="values and items, in a comprehension",
        before="def firsts(tables):\n    return [(list(t.values())[0], tuple(t.items())[0][1]) for t in tables]\n",
        after="def firsts(tables):\n    return [(next(iter(t.values())), next(iter(t.items()))[1]) for t in tables]\n",
        call="firsts",
        inputs=("([{1: 2}, {3: 4, 5: 6}],)", "([],)"),
    ),
    Case(
        name="on self, in a hot method",
        before="""
class Cache:
    def __init__(self):
        self._kept = {}
    def put(self, key, value):
        self._kept[key] = value
        if len(self._kept) > 3:
            del self._kept[list(self._kept.keys())[0]]
def run(keys):
    cache = Cache()
    for key in keys:
        cache.put(key, 1)
    return list(cache._kept)
""",
        after="""
class Cache:
    def __init__(self):
        self._kept = {}
    def put(self, key, value):
        self._kept[key] = value
        if len(self._kept) > 3:
            del self._kept[next(iter(self._kept.keys()))]
def run(keys):
    cache = Cache()
    for key in keys:
        cache.put(key, 1)
    return list(cache._kept)
""",
        call="run",
        inputs=("('abcdef',)", "('',)"),
        hot=True,
    ),
)

REFUSE = (
    Refuse("the second", "def f(ds):\n    return [list(d.values())[1] for d in ds]\n"),
    Refuse("the last", "def f(ds):\n    return [list(d.values())[-1] for d in ds]\n"),
    Refuse("an iterator is used up by list",
           "def f(xs):\n    return [list(map(str, x))[0] for x in xs]\n"),
    Refuse("any call may give an iterator", "def f(xs):\n    return [list(x.rows())[0] for x in xs]\n"),
    Refuse("a list is indexed as it is", "def f(xs):\n    y = [1]\n    return [list(y)[0] for x in xs]\n"),
    Refuse("nothing there is expected",
           "def f(ds):\n    for d in ds:\n        try:\n            print(list(d.keys())[0])\n"
           "        except IndexError:\n            pass\n"),
    Refuse("nothing there is expected, in groups",
           "def f(ds):\n    for d in ds:\n        try:\n            print(list(d.values())[0])\n"
           "        except* LookupError:\n            pass\n"),
    Refuse("nothing there is suppressed",
           "import contextlib\ndef f(ds):\n    for d in ds:\n        with contextlib.suppress(IndexError):\n"
           "            print(list(d.values())[0])\n"),
    Refuse("StopIteration in a generator is an error",
           "def f(ds):\n    for d in ds:\n        yield list(d.keys())[0]\n"),
    Refuse("in a generator expression too", "def f(ds):\n    return any(list(d.keys())[0] for d in ds)\n"),
    Refuse("another `list`", "from tools import list\ndef f(ds):\n    return [list(d.keys())[0] for d in ds]\n"),
)  # fmt: skip

BENCH = Bench(
    setup="d = dict.fromkeys(range(n))",
    before="list(d)[0]",
    after="next(iter(d))",
    sizes=(3, 10, 100, 1000, 10_000),
    size_is="keys",
)
