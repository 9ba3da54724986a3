"""Test several prefixes or suffixes in one call.

## What
`s.startswith("a") or s.startswith("b")`, and the same with `endswith` or with `not … and not …`, in a loop or a hot
function: `s.startswith(("a", "b"))`. On hot lines also `any(s.startswith(p) for p in PREFIXES)`, as advice.

## Why
Each call costs more than the comparison that it makes; the tuple is a constant.

## When not
Where the first one is nearly always true. On objects other than strings that have a method of that name, subclasses of
`str` among them. A constant of the module may be replaced by tests or callers with a tuple, which fits into no other:
that is an offer.

## Source
The documentation of `str.startswith`: "prefix can also be a tuple of prefixes to look for". The figures in `RULE` are
measured with `BENCH`: none of them matches.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import (
    Advise,
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
    read_target,
)

RULE = Rule(
    slug="startswith-tuple",
    title="Chained startswith()/endswith() calls",
    family="text",
    safety=Safety.SAFE,
    speed=Speed.FACTOR,
    triggers=Triggers(
        nodes=frozenset({ast.BoolOp, ast.comprehension, ast.For}), words=frozenset({"startswith", "endswith"})
    ),
    asks=frozenset({Ask.TYPES, Ask.SHARE}),
    figures={
        "3.11": {2: 1.6, 4: 2.9, 8: 4.6},
        "3.12": {2: 1.8, 4: 3.2, 8: 5.4},
        "3.13": {2: 1.5, 4: 2.4, 8: 3.7},
        "3.14": {2: 1.4, 4: 2.1, 8: 3.3},
    },
    ruff="PIE810",
    free=True,
)

_TEXTS = frozenset({"builtins.str", "builtins.bytes"})


def detect(context: Context) -> Iterator[Finding]:
    """Yield each condition that only tests one string for constant prefixes or suffixes, where it runs repeatedly."""
    if context.measured:
        yield from _advise(context)
    for condition in context.nodes(ast.BoolOp):
        if not context.loops(condition) and not context.measured:
            continue
        negated = isinstance(condition.op, ast.And)
        calls = [call for value in condition.values if (call := _read(value, negated=negated)) is not None]
        if len(calls) < len(condition.values):
            continue
        subject, method, _ = calls[0]
        texts = [text for one, name, text in calls if name == method and ast.unparse(one) == ast.unparse(subject)]
        same = {type(context.constant(text)) for text in texts}
        if len(texts) < len(calls) or len(same) != 1 or not same <= {str, bytes}:
            continue
        types = context.type_of(subject)
        if (types and not types <= _TEXTS) or not _is_plain(subject):
            continue
        rewrite = context.rewrite()
        inside = ", ".join(rewrite.text(text) for text in texts)
        asked = f"{rewrite.operand(subject)}.{method}(({inside}))"
        rewrite.replace(condition, f"not {asked}" if negated else asked)
        safety, questions = context.ask_exact(subject, types or _TEXTS)
        note = "" if safety is Safety.SAFE else f" A subclass must not override {method}."
        if not context.is_fixed(*texts):
            safety, note = Safety.OFFER, f"{note} Who patches a constant must not make it a tuple."
        yield context.finding(
            condition,
            f"{method} accepts a tuple: one call replaces {len(texts)}.{note}",
            safety=safety,
            questions=questions,
            rewrite=rewrite,
        )


def _advise(context: Context) -> Iterator[Finding]:
    """Yield each loop that only tests one string for all prefixes of a collection."""
    loops: list[ast.comprehension | ast.For] = [*context.nodes(ast.comprehension), *context.nodes(ast.For)]
    for loop in loops:
        tested = _tested(context, loop)
        if tested is None or not isinstance(loop.target, ast.Name) or read_target(context, loop.iter) is None:
            continue
        match tested:
            case ast.Call(
                func=ast.Attribute(value=subject, attr="startswith" | "endswith" as method),
                args=[ast.Name(id=name)],
                keywords=[],
            ) if name == loop.target.id and name not in context.names_in(subject):
                pass
            case _:
                continue
        types = context.type_of(subject)
        if types and not types <= _TEXTS:
            continue
        yield context.finding(
            tested,
            f"{method} accepts a tuple: make one of {ast.unparse(loop.iter)} where it is built, and test for all of "
            "them in one call.",
            safety=Safety.ADVICE,
            questions=(context.ask_cost(tested),),
        )


def _tested(context: Context, loop: ast.comprehension | ast.For) -> ast.expr | None:
    """Return the only thing that a loop asks of each element, and ends at the first that has it."""
    match loop:
        case ast.For(body=[ast.If(test=test, body=[ast.Return(value=ast.Constant()) | ast.Break()], orelse=[])]):
            return test
        case ast.comprehension(ifs=[]):
            whole = context.facts.parent(loop)
            outer = context.facts.parent(whole) if isinstance(whole, ast.GeneratorExp | ast.ListComp) else None
            if isinstance(outer, ast.Call) and isinstance(whole, ast.GeneratorExp | ast.ListComp):
                return whole.elt if context.resolve(outer.func) == "builtins.any" else None
            return None
        case _:
            return None


def _read(value: ast.expr, *, negated: bool) -> tuple[ast.expr, str, ast.expr] | None:
    """Return the string, the method and the argument of one call."""
    if negated:
        if not (isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.Not)):
            return None
        value = value.operand
    match value:
        case ast.Call(
            func=ast.Attribute(value=subject, attr="startswith" | "endswith" as method), args=[text], keywords=[]
        ):
            return subject, method, text
        case _:
            return None


def _is_plain(subject: ast.expr) -> bool:
    """Return whether evaluating it once or twice makes no difference."""
    while isinstance(subject, ast.Attribute):
        subject = subject.value
    return isinstance(subject, ast.Name)


CASES = (
    Case(
        name="comments in lines",
        before="""
END = ";"
def code(text):
    found = []
    for line in text.splitlines():
        line = str(line)
        if line.startswith("#") or line.startswith("//") or line.startswith(END):
            continue
        if not line.endswith("a") and not line.endswith("b"):
            found.append(line)
    return found
""",
        after="""
END = ";"
def code(text):
    found = []
    for line in text.splitlines():
        line = str(line)
        if line.startswith(("#", "//", END)):
            continue
        if not line.endswith(("a", "b")):
            found.append(line)
    return found
""",
        call="code",
        inputs=("('# x\\nxa\\n;y\\nz\\n//',)", "('',)"),
    ),
    Case(
        name="an attribute, in a comprehension, of any type",
        before="""
class Row:
    def __init__(self, key):
        self.key = key
def run(keys):
    rows = [Row(key) for key in keys]
    return [row.key for row in rows if (row.key.startswith(b"x")
                                        or row.key.startswith(b"y"))]
""",
        after="""
class Row:
    def __init__(self, key):
        self.key = key
def run(keys):
    rows = [Row(key) for key in keys]
    return [row.key for row in rows if (row.key.startswith((b"x", b"y")))]
""",
        call="run",
        inputs=("([b'x1', b'z', b'y'],)", "([],)"),
    ),
    Case(
        name="what the function makes itself",
        before="""
def choose(words):
    found = []
    for word in words:
        line = f'{word}!'
        if line.startswith('a') or line.startswith('b'):
            found.append(not line.endswith('a!') and not line.endswith('b!'))
    return found
""",
        after="""
def choose(words):
    found = []
    for word in words:
        line = f'{word}!'
        if line.startswith(('a', 'b')):
            found.append(not line.endswith(('a!', 'b!')))
    return found
""",
        call="choose",
        inputs=("(['a', 'b', 'ac', ''],)", "([],)", "([1, None],)"),
    ),
)

ADVISE = (
    Advise("prefixes of the module",
           "ENDS = ['a', 'b']\ndef f(xs):\n    return [x for x in xs if any(x.endswith(e) for e in ENDS)]\n"),
    Advise("a loop that ends at the first",
           "class A:\n    def f(self, s: str):\n        for p in self.skipped:\n            if s.startswith(p):\n"
           "                return True\n        return False\n"),
)  # fmt: skip

REFUSE = (
    Refuse("the prefix is used, too",
           "def f(s, ps):\n    for p in ps:\n        if s.startswith(p):\n            return p\n"),
    Refuse("two texts", "def f(xs, t):\n    return [s for s in xs if s.startswith('a') or t.startswith('b')]\n"),
    Refuse("two methods", "def f(xs):\n    return [s for s in xs if s.startswith('a') or s.endswith('b')]\n"),
    Refuse("both must hold", "def f(xs):\n    return [s for s in xs if s.startswith('a') and s.startswith('ab')]\n"),
    Refuse("not known to be texts, not tuples",
           "def f(xs, a, b):\n    return [s for s in xs if s.startswith(a) or s.startswith(b)]\n"),
    Refuse("from a position on",
           "def f(xs):\n    return [s for s in xs if s.startswith('a', 1) or s.startswith('b', 1)]\n"),
    Refuse("something else in between",
           "def f(xs):\n    return [s for s in xs if s.startswith('a') or not s or s.startswith('b')]\n"),
    Refuse("a call each time",
           "def f(xs):\n    return [s for s in xs if s.pop().startswith('a') or s.pop().startswith('b')]\n"),
    Refuse("text and bytes",
           "def f(xs):\n    return [s for s in xs if s.startswith('a') or s.startswith(b'a')]\n"),
)  # fmt: skip

BENCH = Bench(
    setup="s = 'some text'\nspace = {}\nmarks = [chr(65 + k) for k in range(n)]\n"
    "one_by_one = ' or '.join(f's.startswith({m!r})' for m in marks)\n"
    "exec(f'def a(s):\\n    return {one_by_one}\\ndef b(s):\\n    return s.startswith({tuple(marks)!r})', space)\n"
    "a, b = space['a'], space['b']",
    before="a(s)",
    after="b(s)",
    sizes=(2, 4, 8),
    size_is="prefixes",
)
