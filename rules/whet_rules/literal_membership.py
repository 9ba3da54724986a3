"""Test membership on a set of constants, not on a list of them.

## What
`x in ["a", "b", "c", "d"]`, or a tuple, of literal constants, in a loop or a hot function: write
`x in {"a", "b", "c", "d"}`. CPython builds such a set once, when it compiles the code.

## Why
A list is compared element by element; a set finds an element in constant time on average.

## When not
With a few elements, or where a match is usually among the first. The tested value must be hashable (`[] in {1}`
raises, `[] in [1]` is false), and an object of a user-defined class may be equal to a constant without having its hash.

## Source
CPython's peephole optimizer: a set of constants to the right of `in` becomes a frozenset constant. The figures in
`RULE` are measured with `BENCH`: an absent probe.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import (
    UNHASHABLE,
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
    may_be_hashable,
)

RULE = Rule(
    slug="literal-membership",
    title="Membership test on a constant list",
    family="containers",
    safety=Safety.OBSERVED,
    speed=Speed.CONSTANT,
    triggers=Triggers(nodes=frozenset({ast.In, ast.NotIn})),
    asks=frozenset({Ask.TYPES}),
    figures={
        "3.11": {5: 2.4, 10: 3.9, 30: 8.5, 100: 24.0},
        "3.12": {5: 2.5, 10: 4.3, 30: 9.8, 100: 32.0},
        "3.13": {5: 3.0, 10: 5.0, 30: 11.0, 100: 33.0},
        "3.14": {5: 1.8, 10: 2.6, 30: 5.0, 100: 13.0},
    },
    ruff="PLR6201",
)

_FEW = 5
"""Number of elements from which a set gains wherever the match is."""
_SURE = frozenset(f"builtins.{name}" for name in ("str", "bytes", "int", "bool", "NoneType"))


def detect(context: Context) -> Iterator[Finding]:
    """Yield each test against enough constants, where it runs repeatedly."""
    for test in context.nodes(ast.Compare):
        match test:
            case ast.Compare(
                left=probe, ops=[ast.In() | ast.NotIn()], comparators=[ast.List() | ast.Tuple() as constants]
            ):
                pass
            case _:
                continue
        items = constants.elts
        if len(items) < _FEW or not all(_is_constant(item) for item in items):
            continue
        if not context.loops(test) and not context.measured:
            continue
        types = context.type_of(probe)
        if isinstance(probe, ast.Tuple) or not may_be_hashable(context, probe):
            continue
        if context.falls_back(test, TypeError):
            continue  # values that are not hashable are met
        rewrite = context.rewrite()
        if isinstance(constants, ast.List) or context.source_of(constants).startswith("("):
            rewrite.rebracket(constants, "{", "}")
        else:
            rewrite.refuse("the tuple has no parentheses")
        sure, shown = bool(types) and types <= _SURE, bool(context.exactly.type_of(probe))
        place, expects = context.place(probe), tuple(sorted(types)) if sure else ()
        asked = () if place is None or (sure and shown) else (
            context.ask(place, Ask.TYPES, expects=expects, excludes=UNHASHABLE),
        )  # fmt: skip
        yield context.finding(
            test,
            f"A set of these {len(items)} constants is built once, when the code is compiled, and needs no linear "
            f"search{'' if sure else '; the tested value must be hashable'}.",
            safety=Safety.OBSERVED if sure else Safety.OFFER,
            questions=asked,
            rewrite=rewrite,
        )


def _is_constant(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return isinstance(node.operand, ast.Constant) and isinstance(node.operand.value, int)
    return isinstance(node, ast.Constant) and isinstance(node.value, str | bytes | int | None)


CASES = (
    Case(
        name="words in a loop",
        before="""
def count(words):
    found = 0
    for word in words:
        if word.lower() in ["a", "an", "the", "of", "in", "on"]:
            found += 1
    return found
""",
        after="""
def count(words):
    found = 0
    for word in words:
        if word.lower() in {"a", "an", "the", "of", "in", "on"}:
            found += 1
    return found
""",
        call="count",
        inputs=("(['A', 'cat', 'on'],)", "([],)", "([1],)"),
    ),
    Case(
        name="a tuple of numbers in a comprehension",
        before="def known(codes):\n    return [c for c in codes if c not in (200, 201, -1, None, 404, True)]\n",
        after="def known(codes):\n    return [c for c in codes if c not in {200, 201, -1, None, 404, True}]\n",
        call="known",
        inputs=("([200, 1, 1.0, '200', None, 500],)", "([],)"),
    ),
    Case(
        name="in a hot method",
        before="""
class Parser:
    def is_space(self, sign):
        return sign in [" ", "\\t", "\\n", "\\r", "\\f"]
def run(text):
    return [Parser().is_space(sign) for sign in text]
""",
        after="""
class Parser:
    def is_space(self, sign):
        return sign in {" ", "\\t", "\\n", "\\r", "\\f"}
def run(text):
    return [Parser().is_space(sign) for sign in text]
""",
        call="run",
        inputs=("('a b\\t',)", "('',)"),
        hot=True,
    ),
)

_FIVE = "['a', 'b', 'c', 'd', 'e']"
REFUSE = (
    Refuse("two of them", "def f(xs):\n    return [x in ['a', 'b'] for x in xs]\n"),
    Refuse("a set already", "def f(xs):\n    return [x in {1, 2, 3, 4, 5} for x in xs]\n"),
    Refuse("one is no constant", "def f(xs, y):\n    return [x in ['a', 'b', 'c', 'd', y] for x in xs]\n"),
    Refuse("a list, which is not hashable", f"def f(xs):\n    return [[x] in {_FIVE} for x in xs]\n"),
    Refuse("a list by its type", f"def f(xs):\n    return [x.split() in {_FIVE} for x in xs if list(x) in {_FIVE}]\n"
           .replace("x.split()", "list(x)")),
    Refuse("a list that a variable holds",
           f"def f(xs):\n    for x in xs:\n        y = x.split()\n        if y in {_FIVE}:\n            print(y)\n"),
    Refuse("what is not hashable is expected",
           f"def f(xs):\n    for x in xs:\n        try:\n            print(x in {_FIVE})\n"
           "        except TypeError:\n            pass\n"),
    Refuse("numbers that may be NaN", "def f(xs):\n    return [x in [.1, .2, .3, .4, .5] for x in xs]\n"),
    Refuse("a part of a text", "def f(xs):\n    return [x in 'abcde' for x in xs]\n"),
    Refuse("gone through, not tested", f"def f(xs):\n    return [y for x in xs for y in {_FIVE}]\n"),
)  # fmt: skip

BENCH = Bench(
    setup="items = [str(k) for k in range(n)]\nspace = {}\n"
    "exec(f'def a(x):\\n    return x in {items!r}\\ndef b(x):\\n    return x in {set(items)!r}', space)\n"
    "a, b = space['a'], space['b']",
    before="a('x')",
    after="b('x')",
    sizes=(5, 10, 30, 100),
    size_is="constants",
)
