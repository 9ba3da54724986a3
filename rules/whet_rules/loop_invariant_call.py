"""Move a loop-invariant call out of the loop.

## What
A call of `set`, `frozenset`, `sorted`, `list`, `tuple`, `dict`, `sum`, `min`, `max`, or of string methods such as
`split` and `lower`, inside a loop that changes nothing it depends on: `if name in set(known)` in a loop over names.

## Why
The call iterates over its whole argument in every iteration: the loop costs the product of both lengths.

## When not
Where the argument changes in the loop, even through another name or a function that the loop calls. Calls of unknown
functions are left alone, and so are calls guarded by a condition: before the loop they could raise, or cost time that
they would not have cost. If the loop body never runs, the call is now still made once. Annotations are trusted, and so
are operators, properties and iterators that the loop evaluates: they must not change the argument, nor a subclass
iterate in its own way.

## Source
Python wiki, PythonSpeed/PerformanceTips, on moving work out of loops. The figures in `RULE` are measured with `BENCH`:
one test in a set that is built each time, against one that was built before.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import (
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
    slug="loop-invariant-call",
    title="Loop-invariant call",
    family="hoisting",
    safety=Safety.OFFER,
    speed=Speed.ASYMPTOTIC,
    triggers=Triggers(
        nodes=frozenset({ast.For, ast.While}),
        words=frozenset({"set", "frozenset", "sorted", "list", "tuple", "dict", "sum", "min", "max", "split", "join"}),
    ),
    figures={
        "3.11": {10: 12.0, 100: 100.0, 1000: 770.0},
        "3.12": {10: 15.0, 100: 120.0, 1000: 870.0},
        "3.13": {10: 12.0, 100: 91.0, 1000: 720.0},
        "3.14": {10: 12.0, 100: 100.0, 1000: 560.0},
    },
)

_BUILDING = frozenset(f"builtins.{name}" for name in ("set", "frozenset", "sorted", "list", "tuple", "dict"))
_COUNTING = frozenset(f"builtins.{name}" for name in ("sum", "min", "max"))
_TEXT_METHODS = frozenset({"split", "join"})
_READING = frozenset({"index", "count", "get", "keys", "values", "items", "isdisjoint", "issubset", "issuperset"})
_GUARDING = (ast.Try, ast.TryStar, ast.ExceptHandler, ast.With, ast.AsyncWith, ast.Match, ast.Lambda, ast.Assert)
_WRITTEN_OUT = (ast.Constant, ast.Tuple, ast.List, ast.Set, ast.Starred)


def detect(context: Context) -> Iterator[Finding]:
    """Yield each call that a loop repeats in every iteration, with the same result."""
    if context.is_dynamic or context.function.kind is not ScopeKind.FUNCTION:
        return
    for call in context.nodes(ast.Call):
        if not _is_costly(context, call) or not _is_only_read(context, call):
            continue
        loop = _find_loop(context, call)
        if loop is None:
            continue
        text = context.source_of(call)
        yield context.finding(
            call,
            f"{text if len(text) <= 60 else text[:57] + '...'} returns the same in every iteration: call it once "
            "before the loop. It is then called, and can raise, even if the loop body never runs.",
            rewrite=_hoist(context, call, loop),
        )


def _is_costly(context: Context, call: ast.Call) -> bool:
    """Return whether a call iterates over its whole argument, and that is not a literal in the source."""
    name = context.resolve(call.func)
    if name in _BUILDING | _COUNTING:
        return len(call.args) == 1 and not isinstance(call.args[0], _WRITTEN_OUT)
    match call.func:
        case ast.Attribute(value=owner, attr=method) if method in _TEXT_METHODS:
            constant = isinstance(owner, ast.Constant) and method == "split"
            return not constant and context.type_of(owner) == {"builtins.str"}
        case _:
            return False


def _is_only_read(context: Context, call: ast.Call) -> bool:  # noqa: PLR0911 - one return a use
    """Return whether the result is only used in place: if it is kept or modified, each iteration needs its own."""
    if context.type_of(call) and context.type_of(call) <= {"builtins.str", "builtins.int", "builtins.float"}:
        return True
    if context.resolve(call.func) in _COUNTING:
        return True
    match context.facts.parent(call):
        case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[right]):
            return right is call
        case ast.For(iter=iterable) | ast.comprehension(iter=iterable):
            return iterable is call
        case ast.Subscript(value=value, ctx=ast.Load()):
            return value is call
        case ast.Attribute(attr=method, value=value):
            return value is call and method in _READING
        case ast.Call(func=function):
            return context.resolve(function) == "builtins.len"
        case _:
            return False


def _find_loop(context: Context, call: ast.Call) -> ast.For | ast.While | None:
    """Return the outermost loop around the call in which every iteration makes it and nothing changes its result."""
    found: ast.For | ast.While | None = None
    child: ast.AST = call
    for loop in context.loops(call):
        if not _is_reached(context, child, loop) or not context.is_invariant(call, loop):
            break
        if isinstance(loop, ast.For | ast.While):
            found = loop
        child = loop
    return found


def _is_reached(context: Context, node: ast.AST, loop: ast.AST) -> bool:
    """Return whether each iteration of ``loop`` evaluates ``node`` before anything else can end the iteration."""
    here, above = node, context.facts.parent(node)
    while above is not None and above is not loop:
        match above:
            case ast.If(test=test) | ast.IfExp(test=test):
                if test is not here:
                    return False
            case ast.While() | ast.For() if isinstance(here, ast.stmt):
                return False
            case _ if isinstance(above, _GUARDING):
                return False
            case ast.BoolOp(values=[first, *_]) if first is not here:
                return False
            case ast.comprehension(iter=iterable) if iterable is not here and isinstance(node, ast.Call):
                pass
            case _:
                pass
        here, above = above, context.facts.parent(above)
    return not isinstance(loop, ast.For | ast.While) or not _may_end_before(loop, here)


def _may_end_before(loop: ast.For | ast.While, statement: ast.AST) -> bool:
    """Return whether an iteration can end before ``statement``, one of the loop's own."""
    for other in loop.body:
        if other is statement:
            return False
        if any(isinstance(part, ast.Continue | ast.Break | ast.Return | ast.Raise) for part in ast.walk(other)):
            return True
    return False


def _hoist(context: Context, call: ast.Call, loop: ast.For | ast.While) -> Rewrite:
    rewrite = context.rewrite()
    text = rewrite.text(call)
    match call:
        case ast.Call(func=ast.Name(id=called), args=[ast.Name(id=given)]):
            wanted = f"{given}_{called}"
        case ast.Call(func=ast.Name(id=called)):
            wanted = f"{called}_before"
        case _:
            wanted = "known"
    name = rewrite.fresh(wanted.lower(), f"{RULE.slug} {loop.lineno} {text}")
    rewrite.insert_before(loop, f"{name} = {text}")
    rewrite.replace(call, name)
    if none := context.find_possible_none(call):
        rewrite.refuse(f"{none} may be None in a run whose loop never makes this call")
    return rewrite


CASES = (
    Case(
        name="a set made for each test",
        before="""
def count(names, known: list[str]):
    found = 0
    for name in names:
        if name in set(known):
            found += 1
    return found
""",
        after="""
def count(names, known: list[str]):
    found = 0
    known_set = set(known)
    for name in names:
        if name in known_set:
            found += 1
    return found
""",
        call="count",
        inputs=("(['a', 'b'], ['b', 'c'])", "([], ['a'])", "([[]], [])", "(['a'], None)"),
    ),
    Case(
        name="the greatest of a list of its own, in an inner loop",
        before="""
def scale(rows, text: str):
    limits = [len(word) for word in text.split()]
    out = []
    for row in rows:
        total = 0
        for value in row:
            share = value / max(limits)
            total += share
        out.append(total)
    return out
""",
        after="""
def scale(rows, text: str):
    limits = [len(word) for word in text.split()]
    out = []
    limits_max = max(limits)
    for row in rows:
        total = 0
        for value in row:
            share = value / limits_max
            total += share
        out.append(total)
    return out
""",
        call="scale",
        inputs=("([[1, 2], [3]], 'a bcd')", "([], 'a')", "([['x']], 'a')"),
    ),
    Case(
        name="what an inner loop goes through",
        before="""
def pair(turns: int, weights: dict[str, int]):
    total = 0
    while turns > 0:
        turns -= 1
        for name in sorted(weights):
            total = total * 2 + weights[name]
    return total
""",
        after="""
def pair(turns: int, weights: dict[str, int]):
    total = 0
    weights_sorted = sorted(weights)
    while turns > 0:
        turns -= 1
        for name in weights_sorted:
            total = total * 2 + weights[name]
    return total
""",
        call="pair",
        inputs=("(2, {'b': 1, 'a': 2})", "(0, {})"),
    ),
)

REFUSE = (
    Refuse("it grows in the loop",
           "def f(xs):\n    seen = []\n    for x in xs:\n        if x in set(seen):\n            return x\n"
           "        seen.append(x)\n"),
    Refuse("what it is made of may be an iterator, used up by the first call",
           "def f(xs, known):\n    for x in xs:\n        print(x in set(known))\n"),
    Refuse("its elements change by another name",
           "def f(xs):\n    rows = [[2], [1]]\n    first = rows[0]\n    total = 0\n    for x in xs:\n"
           "        total += len(sorted(rows))\n        first.append(x)\n    return total\n"),
    Refuse("it came from an attribute, and that changes",
           "class A:\n    def __init__(self):\n        self.known = []\n    def f(self, xs):\n"
           "        known = self.known\n        for x in xs:\n            if x in set(known):\n"
           "                print(x)\n            self.known.append(x)\n"),
    Refuse("exceptions of a group guard it",
           "def f(xs, known: list[int]):\n    for x in xs:\n        try:\n            x in set(known)\n"
           "        except* TypeError:\n            pass\n"),
    Refuse("another function may change it",
           "def f(xs, known: list, g):\n    for x in xs:\n        g(known)\n        print(x in set(known))\n"),
    Refuse("each turn gets a list of its own",
           "def f(xs, known: list):\n    for x in xs:\n        yield list(known)\n"),
    Refuse("a condition guards it",
           "def f(xs, known: list[int]):\n    for x in xs:\n        if x:\n            print(x in set(known))\n"),
    Refuse("it depends on the turn", "def f(xs: list[str]):\n    for x in xs:\n        print('a' in set(x))\n"),
    Refuse("`set` is the program's own",
           "def set(x):\n    return x\ndef f(xs, known: list[int]):\n    for x in xs:\n        if x in set(known):\n"
           "            return x\n"),
    Refuse("a turn may end before it",
           "def f(xs, known: list[int]):\n    for x in xs:\n        if not known:\n            continue\n"
           "        print(x / max(known))\n"),
    Refuse("the list is bound again in the loop",
           "def f(xs, known: list[int]):\n    for x in xs:\n        if x in set(known):\n            known = [x]\n"),
)  # fmt: skip

BENCH = Bench(
    setup="known = [str(i) for i in range(n)]\nknown_set = set(known)",
    before="'absent' in set(known)",
    after="'absent' in known_set",
    sizes=(10, 100, 1000),
    size_is="elements of the iterable",
)
