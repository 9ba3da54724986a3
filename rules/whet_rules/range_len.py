"""Iterate over the elements, not over their indices.

## What
`for i in range(len(prices))` where `i` is only used in `prices[i]`: `for price in prices`.

## Why
Each iteration creates an integer and looks the element up by it, once more for each further use. A loop over the
elements gets each of them directly.

## When not
Where the index itself is used: `enumerate` was measured to be no faster than an index. Where the loop, or code that it
calls, may change the list: a loop over the elements sees the added ones. On objects that are not sequences (dicts with
integer keys, NumPy arrays, frames, types of an extension that have indices and no iterator).

## Source
PEP 279, on loops over `range(len(…))`. The figures in `RULE` are measured with `BENCH`: a sum by index and by element.
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
    ScopeKind,
    Speed,
    Triggers,
    range_stop,
)

RULE = Rule(
    slug="range-len",
    title="Indexing with range(len(...))",
    family="loops",
    safety=Safety.OFFER,
    speed=Speed.CONSTANT,
    triggers=Triggers(nodes=frozenset({ast.For, ast.comprehension}), words=frozenset({"range"})),
    asks=frozenset({Ask.TYPES}),
    figures={
        "3.11": {10: 1.7, 1000: 1.5},
        "3.12": {10: 1.5, 1000: 1.6},
        "3.13": {10: 1.5, 1000: 1.7},
        "3.14": {10: 1.4, 1000: 1.5},
    },
)

_SEQUENCES = ("builtins.list", "builtins.tuple", "builtins.str", "builtins.bytes", "builtins.bytearray")


def detect(context: Context) -> Iterator[Finding]:
    """Yield each loop over the indices of a sequence that are used only to read its elements."""
    if context.is_dynamic or context.function.kind is ScopeKind.CLASS:
        return
    loops: list[ast.For | ast.comprehension] = [*context.nodes(ast.For), *context.nodes(ast.comprehension)]
    for loop in loops:
        sequence = _numbered(context, loop)
        whole = loop if isinstance(loop, ast.For) else context.facts.parent(loop)
        place = context.place(sequence) if sequence is not None else None
        if sequence is None or place is None or not isinstance(whole, ast.For | ast.expr):
            continue
        uses = _elements(context, loop, whole, sequence)
        types = context.type_of(sequence)
        if not uses or not types <= set(_SEQUENCES):
            continue
        if not all(_stays(context, sequence, types, part) for part in _repeated(loop, whole)):
            continue
        if isinstance(loop, ast.For) and not context.keeps_its_variables(loop):
            continue
        rewrite = context.rewrite()
        element = rewrite.fresh(_name_element(place.name))
        rewrite.replace(loop.target, element)
        rewrite.replace(loop.iter, rewrite.text(sequence))
        for use in uses:
            rewrite.replace(use, element)
        yield context.finding(
            whole,
            f"The indices of {place.name} are only used to read its elements: iterate over the elements themselves.",
            lines=context.lines_of(whole),
            questions=()
            if context.exactly.type_of(sequence)
            else (context.ask(place, Ask.TYPES, expects=_SEQUENCES, needed=not types),),
            rewrite=rewrite,
        )


def _numbered(context: Context, loop: ast.For | ast.comprehension) -> ast.Name | ast.Attribute | None:
    """Return the sequence whose indices a loop iterates over."""
    stop = range_stop(context, loop.iter)
    match stop:
        case ast.Call(func=function, args=[ast.Name() | ast.Attribute() as sequence], keywords=[]):
            known = context.resolve(function) == "builtins.len" and isinstance(loop.target, ast.Name)
            return sequence if known else None
        case _:
            return None


def _stays(context: Context, sequence: ast.Name | ast.Attribute, types: frozenset[str], part: ast.AST) -> bool:
    """Return whether the sequence keeps its elements during everything that runs in an iteration."""
    fixed = bool(types) and types <= {"builtins.tuple", "builtins.str", "builtins.bytes"}
    if fixed and not context.runs_unknown_code(part):
        return ast.unparse(sequence) not in context.written_in(part)
    return context.keeps_elements(sequence, part)


def _repeated(loop: ast.For | ast.comprehension, whole: ast.AST) -> list[ast.AST]:
    """Return everything that runs in an iteration."""
    if isinstance(loop, ast.For):
        return [*loop.body]
    parts = [part for part in ast.iter_child_nodes(whole) if part is not loop]
    return [*parts, *loop.ifs]


def _elements(
    context: Context, loop: ast.For | ast.comprehension, whole: ast.AST, sequence: ast.expr
) -> list[ast.expr]:
    """Return where the loop reads an element by the index; nothing when the index is used otherwise."""
    counter = loop.target.id if isinstance(loop.target, ast.Name) else ""
    text, found = ast.unparse(sequence), list[ast.expr]()
    for part in ast.walk(whole):
        if not isinstance(part, ast.Name) or part.id != counter or part is loop.target:
            continue
        above = context.facts.parent(part)
        if not isinstance(above, ast.Subscript) or above.slice is not part or ast.unparse(above.value) != text:
            return []
        if not isinstance(above.ctx, ast.Load) or context.scope_of(part) is not context.function:
            return []
        found.append(above)
    return found


def _name_element(name: str) -> str:
    """Return `price` for `self.prices`, else a generic name."""
    plain = name.rpartition(".")[2].strip("_").lower()
    return plain[:-1] if len(plain) > 3 and plain.endswith("s") and not plain.endswith("ss") else "element"


CASES = (
    Case(
        name="a list made here, taken out twice",
        before="""
def add(text):
    prices = [float(part) for part in text.split()]
    total = 0.0
    for i in range(len(prices)):
        if prices[i] > 1:
            total += prices[i]
    return total
""",
        after="""
def add(text):
    prices = [float(part) for part in text.split()]
    total = 0.0
    for price in prices:
        if price > 1:
            total += price
    return total
""",
        call="add",
        inputs=("('1 2 3.5',)", "('',)", "('x',)"),
    ),
    Case(
        name="a parameter, in a comprehension; values seen decide",
        before="""
def double(row):
    return [row[i] * 2 for i in range(len(row)) if row[i]]
""",
        after="""
def double(row):
    return [element * 2 for element in row if element]
""",
        call="double",
        inputs=("([1, 0, 3],)", "('ab',)", "((),)"),
    ),
    Case(
        name="an attribute, in a loop within a loop",
        before="""
class Shelf:
    def __init__(self, prices):
        self._prices = tuple(prices)

    def above(self, limits):
        many = 0
        for limit in limits:
            for number in range(len(self._prices)):
                many += self._prices[number] > limit
        return many

def above(prices, limits):
    return Shelf(prices).above(limits)
""",
        after="""
class Shelf:
    def __init__(self, prices):
        self._prices = tuple(prices)

    def above(self, limits):
        many = 0
        for limit in limits:
            for price in self._prices:
                many += price > limit
        return many

def above(prices, limits):
    return Shelf(prices).above(limits)
""",
        call="above",
        inputs=("([1, 2, 3], [0, 2])", "([], [1])"),
    ),
)

REFUSE = (
    Refuse("the number is used", "def f(xs):\n    for i in range(len(xs)):\n        print(i, xs[i])\n"),
    Refuse("the elements are set", "def f(n):\n    xs = [0] * n\n    for i in range(len(xs)):\n        xs[i] = 1\n"),
    Refuse("the list grows meanwhile",
           "def f(ys):\n    xs = list(ys)\n    for i in range(len(xs)):\n        xs.append(xs[i])\n"),
    Refuse("bound anew in the loop",
           "def f(ys):\n    xs = list(ys)\n    for i in range(len(xs)):\n        print(xs[i])\n        xs = ys\n"),
    Refuse("the number is used after the loop",
           "def f(xs):\n    for i in range(len(xs)):\n        if xs[i]:\n            break\n    return i\n"),
    Refuse("the numbers of another list",
           "def f(xs, ys):\n    s = 0\n    for i in range(len(xs)):\n        s += ys[i]\n    return s\n"),
    Refuse("not from the first on",
           "def f(xs):\n    s = 0\n    for i in range(1, len(xs)):\n        s += xs[i]\n    return s\n"),
    Refuse("the one after it is used too",
           "def f(xs):\n    s = 0\n    for i in range(len(xs)):\n        s += xs[i] + xs[i - 1]\n    return s\n"),
    Refuse("a dict with numbers as keys",
           "def f():\n    d = {0: 1, 1: 2}\n    s = 0\n    for i in range(len(d)):\n        s += d[i]\n    return s\n"),
    Refuse("what is called may change the list",
           "class A:\n    def __init__(self, xs):\n        self.xs = xs\n    def f(self, g):\n"
           "        for i in range(len(self.xs)):\n            g(self.xs[i])\n"),
    Refuse("a function made in the loop keeps the number",
           "def f(xs):\n    out = []\n    for i in range(len(xs)):\n        out.append(lambda: xs[i])\n"
           "    return out\n"),
)  # fmt: skip

BENCH = Bench(
    setup="""
prices = list(range(n))

def by_number(prices):
    total = 0
    for i in range(len(prices)):
        total += prices[i]
    return total

def by_element(prices):
    total = 0
    for price in prices:
        total += price
    return total
""",
    before="by_number(prices)",
    after="by_element(prices)",
    sizes=(10, 1000),
    size_is="elements",
)
