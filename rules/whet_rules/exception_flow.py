"""Test first where the exception is the common case.

## What
A `try` of one or two statements whose handler runs in a large fraction of the attempts: `try: count = seen[key]` with
`except KeyError: count = 0`. Test first, or use a call that does not raise: `seen.get(key, 0)`, `getattr(o, name,
None)`, `next(it, None)`.

## Why
A `try` is free as long as nothing is raised. Raising creates an exception and a traceback, unwinds the stack, and
matches types: about the cost of ten simple statements.

## When not
Where it is rarely raised: then testing first costs more than the exceptions do. Where something can happen between the
test and the action (files, threads), the `try` is right. Exceptions are counted by line hits: without them
(`whet run --lines`) nothing is reported.

## Source
Python FAQ, "How fast are exceptions?": a try block is extremely efficient if no exceptions are raised; actually
catching an exception is expensive. The figures in `RULE` are measured with `BENCH`: a key that is never there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import Ask, Bench, Case, Context, Finding, Refuse, Rule, Safety, Speed, Triggers

RULE = Rule(
    slug="exception-flow",
    title="Exceptions used for control flow",
    family="loops",
    safety=Safety.ADVICE,
    speed=Speed.FACTOR,
    triggers=Triggers(nodes=frozenset({ast.Try})),
    asks=frozenset({Ask.RUNS}),
    figures={
        "3.11": {10: 4.9, 1000: 5.0},
        "3.12": {10: 5.6, 1000: 5.8},
        "3.13": {10: 5.3, 1000: 5.6},
        "3.14": {10: 3.0, 1000: 3.1},
    },
)

_INSTEAD = {
    "KeyError": "dict.get, `in`, or a defaultdict avoids it",
    "IndexError": "compare with the length first",
    "AttributeError": "getattr with a default avoids it",
    "StopIteration": "next with a default avoids it",
    "ZeroDivisionError": "compare with zero first",
    "ValueError": "validate the value first (str.isdecimal, a pattern), or filter out such values earlier",
    "TypeError": "check with isinstance first",
    "UnicodeDecodeError": "errors='replace' decodes without raising, or detect the encoding first",
}
_SHORT = 2
"""Statements in the `try`: in a longer one it is not clear what raises."""
_OFTEN = 0.2
"""Fraction of attempts in which the handler runs from which testing first is cheaper."""


def detect(context: Context) -> Iterator[Finding]:
    """Yield each short `try` that runs many times and whose handlers only cover a missing or unfit value."""
    for node in context.nodes(ast.Try) if context.measured else ():
        if len(node.body) > _SHORT or node.finalbody or not all(map(_is_simple, node.body)):
            continue
        if any(map(_passes_on, node.handlers)):
            continue
        names = [_name(context, handler) for handler in node.handlers]
        if not names or not all(name in _INSTEAD for name in names):
            continue
        caught = [line for handler in node.handlers for line in (handler.lineno, handler.body[0].lineno)]
        if len({*caught, node.body[0].lineno}) != len(caught) + 1:
            continue  # on one line, counts cannot separate the handler's runs from the other's
        raised = " or ".join(dict.fromkeys(names))
        yield context.finding(
            node,
            f"{raised} is raised in a large fraction of the attempts, each at the cost of about ten simple statements:"
            f" {_INSTEAD[names[0]]}.",
            lines=tuple(sorted({*(s.lineno for s in node.body), *caught})),
            questions=(
                context.ask_lines(
                    Ask.RUNS,
                    [handler.body[0].lineno for handler in node.handlers],
                    of=(node.body[0].lineno,),
                    least=_OFTEN,
                    needed=True,
                ),
            ),
        )


def _is_simple(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Expr | ast.Return | ast.Delete)


def _passes_on(handler: ast.ExceptHandler) -> bool:
    """Return whether the handler raises or reports: then the exception is an error, not control flow."""
    for node in ast.walk(handler):
        match node:
            case ast.Raise():
                return True
            case ast.Call(func=ast.Attribute(attr="exception" | "warning" | "error" | "warn" | "critical")):
                return True
    return False


def _name(context: Context, handler: ast.ExceptHandler) -> str:
    """Return the builtin exceptions that are caught, if each has an alternative of its own; empty for others."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = [(context.resolve(kind) or "").removeprefix("builtins.") for kind in kinds if kind is not None]
    return names[0] if names and all(name in _INSTEAD for name in names) else ""


CASES = (
    Case(
        name="a key that may be missing, in a loop",
        before="""
def count(words):
    seen = {}
    for word in words:
        try:
            seen[word] += 1
        except KeyError:
            seen[word] = 1
    return seen
""",
        after="""
def count(words):
    seen = {}
    for word in words:
        seen[word] = seen.get(word, 0) + 1
    return seen
""",
        call="count",
        inputs=("(['a', 'b', 'a'],)", "([],)"),
        hot=True,
    ),
    Case(
        name="a number or none, in a function that is called many times",
        before="""
def read(text):
    try:
        return int(text)
    except (ValueError, TypeError):
        return 0
""",
        after="""
def read(text):
    return int(text) if isinstance(text, str) and text.isdecimal() else 0
""",
        call="read",
        inputs=("('12',)", "('x',)", "(None,)"),
        hot=True,
    ),
)

REFUSE = (
    Refuse("the exception goes on to the caller",
           "def f(xs, d):\n    for x in xs:\n        try:\n            d[x]\n        except KeyError:\n"
           "            raise ValueError(x)\n"),
    Refuse("somebody is told",
           "def f(xs, d, log):\n    for x in xs:\n        try:\n            d[x]\n        except KeyError:\n"
           "            log.exception('gone')\n"),
    Refuse("what a system call says cannot be asked first",
           "import os\ndef f(names):\n    for name in names:\n        try:\n            os.remove(name)\n"
           "        except FileNotFoundError:\n            pass\n"),
    Refuse("a long body: anything may raise",
           "def f(xs, d):\n    for x in xs:\n        try:\n            a = d[x]\n            b = a + 1\n"
           "            d[x] = b\n        except KeyError:\n            pass\n"),
    Refuse("an exception of the program's own",
           "class KeyError(Exception):\n    pass\ndef f(xs, g):\n    for x in xs:\n        try:\n            g(x)\n"
           "        except KeyError:\n            pass\n"),
    Refuse("on one line nothing tells who ran",
           "def f(xs, d):\n    for x in xs:\n        try: d[x]\n        except KeyError: pass\n"),
    Refuse("everything is cleaned up",
           "def f(xs, d):\n    for x in xs:\n        try:\n            d[x]\n        except KeyError:\n"
           "            pass\n        finally:\n            d.clear()\n"),
)  # fmt: skip

BENCH = Bench(
    setup="seen = {i: i for i in range(n)}\ndef fail(d, key):\n    try:\n        return d[key]\n"
    "    except KeyError:\n        return 0\ndef ask(d, key):\n    return d.get(key, 0)",
    before="fail(seen, -1)",
    after="ask(seen, -1)",
    sizes=(10, 1000),
    size_is="keys",
)
