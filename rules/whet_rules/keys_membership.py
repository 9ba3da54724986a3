"""Test membership on the dict, not on a view of its keys.

## What
`key in table.keys()` where `table` is a dict: write `key in table`.

## Why
`table.keys()` creates a view object for each test, which only asks the dict.

## When not
On objects other than dicts, whose `keys()` may be something else: the type must be known from the source. An annotation
also allows subclasses that have their own `__contains__` or `keys`, and an attribute or a global may be set by other
code: then the rewrite is not called safe.

## Source
The documentation of `dict`: "key in d: Return True if d has a key key, else False". The figures in `RULE` are measured
with `BENCH`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import Ask, Bench, Case, Context, Finding, Refuse, Rule, Safety, Speed, Triggers

RULE = Rule(
    slug="keys-membership",
    title="Membership test on dict.keys()",
    family="containers",
    safety=Safety.SAFE,
    speed=Speed.CONSTANT,
    triggers=Triggers(nodes=frozenset({ast.In, ast.NotIn}), words=frozenset({"keys"})),
    asks=frozenset({Ask.TYPES}),
    figures={
        "3.11": {10: 2.3, 1000: 2.2},
        "3.12": {10: 2.8, 1000: 2.8},
        "3.13": {10: 2.8, 1000: 2.8},
        "3.14": {10: 2.2, 1000: 2.2},
    },
    ruff="SIM118",
    free=True,
)

_DICTS = frozenset({"builtins.dict", "collections.OrderedDict", "collections.defaultdict", "collections.Counter"})


def detect(context: Context) -> Iterator[Finding]:
    """Yield each test against the keys of a dict."""
    for test in context.nodes(ast.Compare):
        match test:
            case ast.Compare(
                ops=[ast.In() | ast.NotIn()],
                comparators=[ast.Call(func=ast.Attribute(value=table, attr="keys"), args=[], keywords=[]) as call],
            ):
                types = context.type_of(table)
            case _:
                continue
        if types and types <= _DICTS:
            rewrite = context.rewrite()
            rewrite.replace(call, rewrite.text(table))
            safety, questions = context.ask_exact(table, types)
            note = "" if safety is Safety.SAFE else " A subclass of dict must not override `in` or keys()."
            yield context.finding(
                test,
                f"Test membership on the dict itself: drop .keys().{note}",
                safety=safety,
                questions=questions,
                rewrite=rewrite,
            )


CASES = (
    Case(
        name="a dict of the module",
        before="COLOURS = {'red': 1}\ndef known(name):\n    return name in COLOURS.keys()\n",
        after="COLOURS = {'red': 1}\ndef known(name):\n    return name in COLOURS\n",
        call="known",
        inputs=("('red',)", "('blue',)", "([],)"),
    ),
    Case(
        name="a local, on self, and of a call",
        before="""
from collections import defaultdict
class Index:
    def __init__(self):
        self._at = defaultdict(list)
    def add(self, words):
        seen = {}
        for word in words:
            if word not in seen.keys() and word not in (self._at.keys()):
                self._at[word].append(len(seen))
            seen[word] = 1
        return "a" in dict(self._at).keys(), sorted(self._at)
def run(words):
    return Index().add(words)
""",
        after="""
from collections import defaultdict
class Index:
    def __init__(self):
        self._at = defaultdict(list)
    def add(self, words):
        seen = {}
        for word in words:
            if word not in seen and word not in (self._at):
                self._at[word].append(len(seen))
            seen[word] = 1
        return "a" in dict(self._at), sorted(self._at)
def run(words):
    return Index().add(words)
""",
        call="run",
        inputs=("(['a', 'b', 'a'],)", "([],)", "([[]],)"),
    ),
)

REFUSE = (
    Refuse("may be no dict", "def f(d, key):\n    return key in d.keys()\n"),
    Refuse("bound again", "d = {}\nd = open('x')\ndef f(key):\n    return key in d.keys()\n"),
    Refuse("the values", "def f(key):\n    d = {1: 2}\n    return key in d.values()\n"),
    Refuse("a subclass with its own ideas",
           "class D(dict):\n    def __contains__(self, key):\n        return True\ndef f(key):\n    d = D()\n"
           "    return key in d.keys()\n"),
    Refuse("a ChainMap", "from collections import ChainMap\ndef f(key, d):\n    return key in ChainMap(d).keys()\n"),
    Refuse("keys with an argument", "def f(key):\n    d = {}\n    return key in d.keys(1)\n"),
    Refuse("gone through, not tested", "def f():\n    d = {1: 2}\n    return [key for key in d.keys()]\n"),
)  # fmt: skip

BENCH = Bench(
    setup="d = dict.fromkeys(range(n))", before="0 in d.keys()", after="0 in d", sizes=(10, 1000), size_is="keys"
)
