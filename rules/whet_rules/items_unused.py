"""Iterate over a dict's keys or values where only those are used.

## What
`for key, _ in known.items()` and `for _, value in known.items()` where `known` is a dict: `for key in known` and
`for value in known.values()`.

## Why
`items()` builds a tuple for each entry, which the loop unpacks, binding a variable that nothing reads.

## When not
On objects other than dicts. Where the unused variable is read after the loop. An annotation also allows subclasses of
dict, which may iterate in their own way, and an attribute or a global may be set by other code: then the rewrite is not
called safe.

## Source
The documentation of `dict`; ruff's PERF102 reports the same. The figures in `RULE` are measured with `BENCH`.
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
    Rewrite,
    Rule,
    Safety,
    ScopeKind,
    Speed,
    Triggers,
)

RULE = Rule(
    slug="items-unused",
    title="dict.items() with unused keys or values",
    family="loops",
    safety=Safety.SAFE,
    speed=Speed.CONSTANT,
    triggers=Triggers(
        nodes=frozenset({ast.For, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp}),
        words=frozenset({"items"}),
    ),
    asks=frozenset({Ask.TYPES}),
    figures={
        "3.11": {10: 1.4, 1000: 1.6},
        "3.12": {10: 1.5, 1000: 1.5},
        "3.13": {10: 1.5, 1000: 1.5},
        "3.14": {10: 1.5, 1000: 1.4},
    },
    ruff="PERF102",
    free=True,
)

_DICT = frozenset({"builtins.dict"})


def detect(context: Context) -> Iterator[Finding]:
    """Yield each loop over the items of a dict that uses only the keys, or only the values."""
    if context.is_dynamic or context.function.kind is not ScopeKind.FUNCTION:
        return
    loops: list[ast.For | ast.comprehension] = [*context.nodes(ast.For)]
    for kind in (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp):
        loops.extend(part for node in context.nodes(kind) for part in _generators(node))
    for loop in loops:
        match loop.target, loop.iter:
            case (
                ast.Tuple(elts=[first, second]),
                ast.Call(func=ast.Attribute(value=known, attr="items") as method, args=[], keywords=[]) as call,
            ):
                pass
            case _:
                continue
        if context.type_of(known) != _DICT:
            continue
        rewrite = context.rewrite()
        if _is_unread(context, second):
            rewrite.replace(loop.target, _take(rewrite, first))
            rewrite.replace(call, rewrite.text(known))
            half = "keys"
        elif _is_unread(context, first):
            rewrite.replace(loop.target, _take(rewrite, second))
            rewrite.rename_attribute(method, "values")
            half = "values"
        else:
            continue
        safety, questions = context.ask_exact(known, _DICT)
        note = "" if safety is Safety.SAFE else " A subclass of dict must not override iteration, items() or values()."
        yield context.finding(
            call,
            f"Only the {half} are used: iterate over those alone.{note}",
            safety=safety,
            questions=questions,
            rewrite=rewrite,
        )


def _take(rewrite: Rewrite, node: ast.expr) -> str:
    """Return the source of one half of the target; a tuple gets parentheses where its new place needs them."""
    text = rewrite.text(node)
    return text[1:-1] if isinstance(node, ast.Tuple) and text.startswith("(") and text.endswith(")") else text


def _generators(node: ast.AST) -> list[ast.comprehension]:
    found = getattr(node, "generators", [])
    return [part for part in found if isinstance(part, ast.comprehension)]


def _is_unread(context: Context, node: ast.expr) -> bool:
    """Return whether a variable is bound here and never read."""
    if not isinstance(node, ast.Name):
        return False
    owner = context.facts.lookup(node)
    if owner is None or owner.kind not in (ScopeKind.FUNCTION, ScopeKind.COMPREHENSION):
        return False
    if node.id in context.function.global_names | context.facts.nonlocal_names:
        return False
    return all(
        isinstance(reference.ctx, ast.Store) and not isinstance(context.facts.parent(reference), ast.AugAssign)
        for reference in context.facts.references(node.id, owner)
    )


CASES = (
    Case(
        name="keys in a loop, values in a comprehension",
        before="""
def work(words: list[str]):
    known = {word: len(word) for word in words}
    names = ""
    for name, _ in known.items():
        names += name
    return names, [size + 1 for _, size in known.items()]
""",
        after="""
def work(words: list[str]):
    known = {word: len(word) for word in words}
    names = ""
    for name in known:
        names += name
    return names, [size + 1 for size in known.values()]
""",
        call="work",
        inputs=("(['a', 'bc'],)", "([],)", "([1],)"),
    ),
    Case(
        name="an attribute, and pairs as values",
        before="""
class Stock:
    def __init__(self):
        self.parts = {}

    def total(self, rows):
        for row in rows:
            self.parts[row[0]] = row
        total = 0
        for name, (kind, count) in self.parts.items():
            total += count
        return total

def total(rows):
    return Stock().total(rows)
""",
        after="""
class Stock:
    def __init__(self):
        self.parts = {}

    def total(self, rows):
        for row in rows:
            self.parts[row[0]] = row
        total = 0
        for (kind, count) in self.parts.values():
            total += count
        return total

def total(rows):
    return Stock().total(rows)
""",
        call="total",
        inputs=("([('a', 1), ('b', 2)],)", "([],)", "([('a',)],)"),
    ),
)

REFUSE = (
    Refuse("not known to be a dict", "def f(d):\n    for k, _ in d.items():\n        print(k)\n"),
    Refuse("both are used", "def f():\n    d = {1: 2}\n    for k, v in d.items():\n        print(k, v)\n"),
    Refuse("the other is read to be changed in place",
           "def f():\n    d = {1: [2]}\n    for k, v in d.items():\n        print(k)\n        v += [3]\n"
           "    return d\n"),
    Refuse("the other is read after the loop",
           "def f():\n    d = {1: 2}\n    for k, v in d.items():\n        print(k)\n    return v\n"),
    Refuse("names are asked for",
           "def f():\n    d = {1: 2}\n    for k, v in d.items():\n        print(k, locals())\n"),
    Refuse("a function within reads it",
           "def f():\n    d = {1: 2}\n    for k, v in d.items():\n        print(k, g())\n    def g():\n"
           "        return v\n"),
    Refuse("it is a global",
           "v = 0\ndef f():\n    global v\n    d = {1: 2}\n    for k, v in d.items():\n        print(k)\n"),
    Refuse("a module's variables can be read from elsewhere", "d = {1: 2}\nfor k, v in d.items():\n    print(k)\n"),
)  # fmt: skip

BENCH = Bench(
    setup="known = dict.fromkeys(range(n))",
    before="[key for key, _ in known.items()]",
    after="[key for key in known]",
    sizes=(10, 1000),
    size_is="entries of the dict",
)
