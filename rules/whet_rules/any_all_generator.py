"""Let `any` and `all` stop as soon as the result is known.

## What
`if any([len(row) > limit for row in rows])`: use a generator expression instead of the list, where the result is
usually known early and each test makes a call.

## Why
The list evaluates the test for every element before `any` sees the first result. A generator stops at the first
element that decides.

## When not
Where all elements are usually tested anyway: a full pass over a generator is slower than over a list, by a tenth to a
half, and so is a pass over a few elements. The rule therefore reports only where branch counts show that most passes
end early. Elements after the deciding one are no longer tested: exceptions that their tests would have raised are not
raised. A `StopIteration` that a test raises reaches the caller from a list, and becomes a `RuntimeError` in a
generator.

## Source
The documentation of `any` and `all`, which gives them as loops with a `return` inside. The figures in `RULE` are
measured with `BENCH`: a hit in the middle.
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
    Question,
    Refuse,
    Rule,
    Safety,
    ScopeKind,
    Speed,
    Triggers,
)

RULE = Rule(
    slug="any-all-generator",
    title="List comprehension inside any() or all()",
    family="loops",
    safety=Safety.OFFER,
    speed=Speed.CONSTANT,
    triggers=Triggers(nodes=frozenset({ast.ListComp}), words=frozenset({"any", "all"})),
    asks=frozenset({Ask.RUNS, Ask.LENGTH}),
    ruff="C419",
    figures={
        "3.11": {10: 0.77, 100: 1.3, 1000: 1.5},
        "3.12": {10: 0.54, 100: 1.0, 1000: 1.2},
        "3.13": {10: 0.93, 100: 1.3, 1000: 1.4},
        "3.14": {10: 1.1, 100: 1.4, 1000: 1.6},
    },
)

_SHORT = 10
"""Number of elements up to which starting a generator costs what it saves."""
_USUALLY = 0.5
"""Fraction of passes that must end early for the generator to win, with hits at any position."""


def detect(context: Context) -> Iterator[Finding]:
    """Yield each list inside `any` or `all` that decides an `if`, where counts can show how often it ends early."""
    if not context.measured or context.function.kind is ScopeKind.CLASS:
        return
    for made in context.nodes(ast.ListComp):
        call = context.facts.parent(made)
        if not isinstance(call, ast.Call) or call.args != [made] or call.keywords:
            continue
        name = context.resolve(call.func)
        if name not in ("builtins.any", "builtins.all") or not _may_stop(context, made):
            continue
        runs = _runs_when_short(context, call, ends_on=name == "builtins.any")
        if runs is None:
            continue
        rewrite = context.rewrite()
        rewrite.replace(call, f"{name.removeprefix('builtins.')}({rewrite.text(made)[1:-1].strip()})")
        line, of = runs
        yield context.finding(
            made,
            "Every element is tested although the result is usually known early: without the brackets, testing stops"
            " there. Later elements are then not tested at all.",
            questions=(
                context.ask_lines(Ask.RUNS, (line,), of=(of,), least=_USUALLY, needed=True),
                *_ask_length(context, made.generators[0].iter),
            ),
            rewrite=rewrite,
        )


def _ask_length(context: Context, source: ast.expr) -> tuple[Question, ...]:
    place = context.place(source)
    return () if place is None else (context.ask(place, Ask.LENGTH, at_least=_SHORT),)


def _may_stop(context: Context, made: ast.ListComp) -> bool:
    """Return whether skipping tests skips nothing but time, and there are many of them."""
    if not any(isinstance(part, ast.Call) for part in ast.walk(made.elt)):
        return False  # a bare comparison is so cheap that finishing the list is cheap, too
    many = made.generators[-1] in context.loops(made.elt) and not any(one.is_async for one in made.generators)
    parts = [made.elt, *(test for generator in made.generators for test in generator.ifs)]
    return many and all(_has_no_effect(context, part) for part in parts)


def _has_no_effect(context: Context, tested: ast.expr) -> bool:
    """Return whether a test is pure, or calls only builtins that operators would call too, such as `len`."""
    if any(isinstance(part, ast.NamedExpr) for part in ast.walk(tested)):
        return False
    methods = (n for n in ast.walk(tested) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute))
    quiet = not context.runs_unknown_code(tested) and all(map(context.is_pure, methods))
    return context.is_pure(tested) or quiet


def _runs_when_short(context: Context, call: ast.Call, *, ends_on: bool) -> tuple[int, int] | None:
    """Return a line that runs when the result was known early, and one that runs as often as the test."""
    test: ast.expr = call
    above = context.facts.parent(call)
    if isinstance(above, ast.UnaryOp) and isinstance(above.op, ast.Not):
        test, ends_on, above = above, not ends_on, context.facts.parent(above)
    if not isinstance(above, ast.If) or above.test is not test:
        return None
    branch = above.body if ends_on else above.orelse
    of = _runs_as_often(context, above)
    first, last = above.lineno, above.test.end_lineno or above.lineno
    if not branch or of is None or first <= branch[0].lineno <= last or first <= of <= last:
        return None
    return branch[0].lineno, of


def _runs_as_often(context: Context, node: ast.If) -> int | None:
    """Return the line of a plain statement before `node` in its block, or of the header of its loop."""
    before = context.previous(node)
    if before is not None:
        plain = isinstance(before, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Expr)
        alone = plain and before.lineno == before.end_lineno
        quick = not any(isinstance(part, ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp)
                        for part in ast.walk(before))  # fmt: skip
        return before.lineno if alone and quick else None
    match context.facts.parent(node):
        case ast.For(body=body, target=target) if body[0] is node:
            return target.lineno
        case _:
            return None


CASES = (
    Case(
        name="rows with a large number, in a loop",
        before="""
def count(rows):
    many = 0
    for row in rows:
        if any([abs(x) > 5 for x in row]):
            many += 1
    return many
""",
        after="""
def count(rows):
    many = 0
    for row in rows:
        if any(abs(x) > 5 for x in row):
            many += 1
    return many
""",
        call="count",
        inputs=("([[1, 9, 2], [1], []],)", "([],)"),
        hot=True,
    ),
    Case(
        name="not all, after another statement, with a condition",
        before="""
def check(rows, least):
    bad = []
    for row in rows:
        low = least + 1
        if not all([len(word) > low for word in row if word]):
            bad.append(row)
    return bad
""",
        after="""
def check(rows, least):
    bad = []
    for row in rows:
        low = least + 1
        if not all(len(word) > low for word in row if word):
            bad.append(row)
    return bad
""",
        call="check",
        inputs=("([['abc', 'a'], ['abcd'], ['', 'abc']], 1)", "([[], ['']], 0)"),
        hot=True,
    ),
)

REFUSE = (
    Refuse("nothing tells whether it ends early",
           "def f(xs):\n    return any([abs(x) > 5 for x in xs])\n"),
    Refuse("the tests are cheaper than a generator",
           "def f(rows):\n    for row in rows:\n        if any([x > 5 for x in row]):\n            print(row)\n"),
    Refuse("the tests do something",
           "def f(rows):\n    for row in rows:\n        if any([row.pop() for x in row]):\n            print(row)\n"),
    Refuse("another `any`",
           "from numpy import any\ndef f(rows):\n    for row in rows:\n        if any([abs(x) > 5 for x in row]):\n"
           "            print(row)\n"),
    Refuse("a generator already",
           "def f(rows):\n    for row in rows:\n        if any(abs(x) > 5 for x in row):\n            print(row)\n"),
    Refuse("three elements",
           "def f(rows):\n    for row in rows:\n        if any([abs(x) > row for x in (1, 2, 3)]):\n"
           "            print(row)\n"),
    Refuse("awaited one by one",
           "async def f(rows):\n    for row in rows:\n        if any([await x for x in row]):\n"
           "            print(row)\n"),
    Refuse("walrus: what the last element gave is used",
           "def f(rows):\n    for row in rows:\n        if any([abs(last := x) > 5 for x in row]):\n"
           "            print(last)\n"),
)  # fmt: skip

BENCH = Bench(
    setup="values = [0] * n\nvalues[n // 2] = 9",
    before="any([abs(value) > 5 for value in values])",
    after="any(abs(value) > 5 for value in values)",
    sizes=(10, 100, 1000),
    size_is="elements",
)
