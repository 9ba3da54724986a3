"""Take a few smallest elements from a heap, without a full sort.

## What
`sorted(items)[:k]` with a small constant `k`, on many items: `heapq.nsmallest(k, items)`; with `reverse=True`
`heapq.nlargest`. The same `key` is used, and of equal elements the same ones come first.

## Why
Sorting orders all elements; the heap holds `k` at a time, and rejects most elements with one comparison.

## When not
Below some thousand elements `sorted` is faster, because `heapq` is partly written in Python. The same is true if `k` is
more than about a hundredth of the length, or the elements are nearly sorted already. NaN has no order: with one among
the elements, both give something, but not the same. Exceptions of comparisons come at other elements.

## Source
The documentation of `heapq.nsmallest`: "Equivalent to: sorted(iterable, key=key)[:n]". The figures in `RULE` are
measured with `BENCH`: the three smallest of random numbers.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import Ask, Bench, Case, Context, Finding, Refuse, Rule, Safety, Speed, Triggers

RULE = Rule(
    slug="sorted-topk",
    title="Full sort for a few items",
    family="containers",
    safety=Safety.OBSERVED,
    speed=Speed.FACTOR,
    triggers=Triggers(nodes=frozenset({ast.Slice}), words=frozenset({"sorted"})),
    asks=frozenset({Ask.LENGTH}),
    figures={
        "3.11": {100: 0.54, 1000: 1.8, 10000: 7.4, 100000: 11.0},
        "3.12": {100: 0.6, 1000: 1.8, 10000: 7.5, 100000: 11.0},
        "3.13": {100: 0.57, 1000: 1.8, 10000: 6.9, 100000: 10.0},
        "3.14": {100: 0.89, 1000: 2.6, 10000: 9.2, 100000: 13.0},
    },
)

_MOST, _MANY = 10, 5000


def detect(context: Context) -> Iterator[Finding]:
    """Yield each sort of something long of which only the first few are used."""
    for subscript in context.nodes(ast.Subscript):
        match subscript:
            case ast.Subscript(
                value=ast.Call(func=function, args=[ast.Name() | ast.Attribute() as items]) as call,
                slice=ast.Slice(lower=None, upper=ast.Constant(value=int() as count), step=None),
                ctx=ast.Load(),
            ) if context.resolve(function) == "builtins.sorted" and 0 < count <= _MOST:
                place = context.place(items)
            case _:
                continue
        options = {keyword.arg: keyword.value for keyword in call.keywords}
        downwards = options.get("reverse", ast.Constant(False))
        if place is None or not options.keys() <= {"key", "reverse"}:
            continue
        if not isinstance(downwards, ast.Constant) or not isinstance(downwards.value, bool):
            continue
        name = "nlargest" if downwards.value else "nsmallest"
        rewrite = context.rewrite()
        inside = [str(count), rewrite.text(items)]
        inside.extend(f"key={rewrite.text(value)}" for option, value in options.items() if option == "key")
        rewrite.replace(subscript, f"{rewrite.add_import('heapq', name)}({', '.join(inside)})")
        yield context.finding(
            subscript,
            f"All of {place.name} is sorted to take {count}: heapq.{name} finds these in one pass. With NaN among the "
            "elements, the result may differ.",
            questions=(context.ask(place, Ask.LENGTH, at_least=_MANY, needed=True),),
            rewrite=rewrite,
        )


CASES = (
    Case(
        name="the best three, by a key",
        before="""
def best(scores):
    return sorted(scores, key=lambda row: row[1], reverse=True)[:3]
""",
        after="""
from heapq import nlargest

def best(scores):
    return nlargest(3, scores, key=lambda row: row[1])
""",
        call="best",
        inputs=("([('a', 1), ('b', 3), ('c', 3), ('d', 2), ('e', 3), ('f', 3)],)", "([],)", "([('a', 1)],)"),
    ),
    Case(
        name="the smallest, on self",
        before="""
import heapq
class Sample:
    def __init__(self, numbers):
        self.numbers = numbers
    def low(self):
        return [n * 2 for n in sorted(self.numbers)[:2]]
def run(numbers):
    return Sample(numbers).low()
""",
        after="""
import heapq
class Sample:
    def __init__(self, numbers):
        self.numbers = numbers
    def low(self):
        return [n * 2 for n in heapq.nsmallest(2, self.numbers)]
def run(numbers):
    return Sample(numbers).low()
""",
        call="run",
        inputs=("([3, 1, 2],)", "('cba',)", "([],)", "(1,)"),
    ),
)

REFUSE = (
    Refuse("as many as are asked for, which may be most", "def f(xs, k):\n    return sorted(xs)[:k]\n"),
    Refuse("all but the last", "def f(xs):\n    return sorted(xs)[:-1]\n"),
    Refuse("more than a few", "def f(xs):\n    return sorted(xs)[:500]\n"),
    Refuse("without the first", "def f(xs):\n    return sorted(xs)[1:3]\n"),
    Refuse("every other", "def f(xs):\n    return sorted(xs)[:4:2]\n"),
    Refuse("another `sorted`", "from tools import sorted\ndef f(xs):\n    return sorted(xs)[:3]\n"),
    Refuse("the direction is known only later", "def f(xs, down):\n    return sorted(xs, reverse=down)[:3]\n"),
    Refuse("nothing is taken", "def f(xs):\n    return sorted(xs)[:0]\n"),
)  # fmt: skip

BENCH = Bench(
    setup="import heapq, random\ndraw = random.Random(1).random\nitems = [draw() for _ in range(n)]",
    before="sorted(items)[:3]",
    after="heapq.nsmallest(3, items)",
    sizes=(100, 1000, 10_000, 100_000),
    size_is="elements in random order",
)
