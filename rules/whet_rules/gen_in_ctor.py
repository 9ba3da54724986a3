"""Write a comprehension instead of passing a generator to a constructor.

## What
`list(f(x) for x in xs)`, `set(…)` and `dict((k, v) for …)`: `[f(x) for x in xs]`, `{…}`, `{k: v for …}`.

## Why
The constructor resumes the generator for each element. A comprehension appends, adds or stores with one bytecode
instruction in a loop of its own.

## When not
A generator turns a `StopIteration` that its expression raises into a `RuntimeError`, a comprehension lets it through:
expressions with `next(…)` are left alone. Any function or property may call `next`: where the expression uses such, the
rewrite is an offer. Operators are trusted not to raise it.

## Source
PEP 709 and the documentation of displays. The figures in `RULE` are measured with `BENCH`.
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
    Rule,
    Safety,
    Speed,
    Triggers,
)

RULE = Rule(
    slug="gen-in-ctor",
    title="Generator passed to a container constructor",
    family="loops",
    safety=Safety.SAFE,
    speed=Speed.CONSTANT,
    triggers=Triggers(nodes=frozenset({ast.GeneratorExp})),
    figures={
        "3.11": {10: 1.5, 1000: 1.5},
        "3.12": {10: 2.4, 1000: 1.6},
        "3.13": {10: 2.5, 1000: 1.6},
        "3.14": {10: 2.2, 1000: 1.5},
    },
    ruff="C400",
    free=True,
)

_CROSSING = (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)


def detect(context: Context) -> Iterator[Finding]:
    """Yield each generator expression that a constructor of a list, set or dict consumes."""
    for generator in context.nodes(ast.GeneratorExp):
        call = context.facts.parent(generator)
        match call:
            case ast.Call(func=ast.Name() as function, args=[only], keywords=[]) if only is generator:
                name = context.resolve(function)
            case _:
                continue
        if name not in _BRACKETS or not _means_the_same(generator) or context.is_misused(call):
            continue
        rewrite = context.rewrite()
        opening, closing = _BRACKETS[name]
        inside = rewrite.text(generator)
        inside = inside[1:-1] if inside.startswith("(") and inside.endswith(")") else inside
        if name == "builtins.dict":
            match generator.elt:
                case ast.Tuple(elts=[ast.expr() as key, ast.expr() as value]):
                    pass
                case _:
                    continue
            if isinstance(key, ast.Starred) or isinstance(value, ast.Starred):
                continue
            item = f"{rewrite.clause(key)}: {rewrite.clause(value)}"
            rest = inside[_end_of_element(context, generator) :]
            inside = f"{item}{rest}" if rest[:1].isspace() else f"{item} {rest}"
        rewrite.replace(call, f"{opening}{inside.strip()}{closing}")
        quiet = not any(map(context.exactly.may_raise_stop, _repeated(generator)))
        note = "" if quiet else " A StopIteration raised in it reaches the caller as such, not as a RuntimeError."
        yield context.finding(
            call,
            f"{name.rpartition('.')[2]}() resumes a generator for each element: a comprehension builds it directly."
            f"{note}",
            safety=Safety.SAFE if quiet else Safety.OFFER,
            rewrite=rewrite,
        )


_BRACKETS = {"builtins.list": ("[", "]"), "builtins.set": ("{", "}"), "builtins.dict": ("{", "}")}


def _repeated(generator: ast.GeneratorExp) -> list[ast.expr]:
    """Return everything that the generator itself evaluates: all but the iterable of its first loop."""
    inner = [part.iter for part in generator.generators[1:]]
    return [generator.elt, *inner, *(test for part in generator.generators for test in part.ifs)]


def _end_of_element(context: Context, generator: ast.GeneratorExp) -> int:
    """Return how many characters of the source inside the brackets are the pair that each iteration yields."""
    source, pair = context.source_of(generator)[1:-1], context.source_of(generator.elt)
    return source.index(pair) + len(pair)


def _means_the_same(generator: ast.GeneratorExp) -> bool:
    """Return whether nothing in the generator is asynchronous, binds a name outside, or may end it early."""
    for part in ast.walk(generator):
        if isinstance(part, _CROSSING) or (isinstance(part, ast.comprehension) and part.is_async):
            return False
        if isinstance(part, ast.Name) and part.id in ("next", "StopIteration", "super", "__class__", "locals"):
            return False
        if isinstance(part, ast.Attribute) and part.attr in ("__next__", "send", "throw"):
            return False
    return True


CASES = (
    Case(
        name="a list, a set and a dict",
        before="""
def sizes(words):
    longest = list(len(word) for word in words if word)
    kinds = set(type(word) for word in words)
    known = dict((word, len(word)) for word in words)
    return longest, len(kinds), known
""",
        after="""
def sizes(words):
    longest = [len(word) for word in words if word]
    kinds = {type(word) for word in words}
    known = {word: len(word) for word in words}
    return longest, len(kinds), known
""",
        call="sizes",
        inputs=("(['a', 'bc'],)", "([],)", "([1],)"),
    ),
    Case(
        name="over lines, in brackets of its own, at the module's level",
        before="""
NAMES = list(
    name.upper()
    for name in ("a", "b")
)
PLACES = set((name + "x" for name in NAMES))

def get():
    return NAMES, sorted(PLACES)
""",
        after="""
NAMES = [name.upper()
    for name in ("a", "b")]
PLACES = {name + "x" for name in NAMES}

def get():
    return NAMES, sorted(PLACES)
""",
        call="get",
        inputs=("()",),
    ),
)

REFUSE = (
    Refuse("a set is subscripted, of which the compiler warns", "def f(xs):\n    return set(x + 1 for x in xs)[0]\n"),
    Refuse("a tuple has no comprehension", "def f(xs):\n    return tuple(x + 1 for x in xs)\n"),
    Refuse("the generator ends early", "def f(xs):\n    return list(next(x) for x in xs)\n"),
    Refuse("`list` is the program's own",
           "def list(xs):\n    return xs\ndef f(xs):\n    return list(x + 1 for x in xs)\n"),
    Refuse("a keyword more", "def f(xs):\n    return dict(((x, 1) for x in xs), a=2)\n"),
    Refuse("pairs that are not written out", "def f(xs):\n    return dict(x for x in xs)\n"),
    Refuse("await", "async def f(xs):\n    return list([await x async for x in xs])\n"),
    Refuse("a name is bound outside", "def f(xs):\n    return list((y := x) for x in xs), y\n"),
)  # fmt: skip

BENCH = Bench(
    setup="numbers = list(range(n))",
    before="list(x + 1 for x in numbers)",
    after="[x + 1 for x in numbers]",
    sizes=(10, 1000),
    size_is="elements",
)
