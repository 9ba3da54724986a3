"""Split no further than needed.

## What
`line.split(",")[0]` in a loop or a hot function: `line.split(",", 1)[0]`; and `line.split(",")[-1]`:
`line.rsplit(",", 1)[-1]`.

## Why
Without a limit the whole string is split, and each piece becomes an object, to use one of them.

## When not
With two or three pieces at most it makes no difference. From the end only with a separator of one character: splitting
`"aaa"` by `"aa"` from the end gives other pieces, and a constant of the module may be replaced by tests or callers
(that is an offer). The type must be known: other objects than strings have a `split`
method too.

## Source
The documentation of `str.split`: "If maxsplit is given, at most maxsplit splits are done". The figures in `RULE` are
measured with `BENCH`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from whet.engine.api import Ask, Bench, Case, Context, Finding, Refuse, Rule, Safety, Speed, Triggers

RULE = Rule(
    slug="maxsplit",
    title="str.split() without maxsplit",
    family="text",
    safety=Safety.SAFE,
    speed=Speed.FACTOR,
    triggers=Triggers(nodes=frozenset({ast.Subscript}), words=frozenset({"split"})),
    asks=frozenset({Ask.TYPES}),
    figures={
        "3.11": {2: 1.0, 5: 1.8, 20: 5.5, 100: 25.0},
        "3.12": {2: 0.96, 5: 1.6, 20: 5.4, 100: 25.0},
        "3.13": {2: 1.3, 5: 2.0, 20: 6.3, 100: 28.0},
        "3.14": {2: 0.97, 5: 1.4, 20: 4.4, 100: 24.0},
    },
    ruff="PLC0207",
)

_TEXTS = frozenset({"builtins.str", "builtins.bytes"})
_MOST = 3
"""Index up to which there is usually much left after it."""


def detect(context: Context) -> Iterator[Finding]:
    """Yield each repeated split of which one piece is used."""
    for subscript in context.nodes(ast.Subscript):
        match subscript:
            case ast.Subscript(
                value=ast.Call(
                    func=ast.Attribute(value=text, attr="split") as method, args=[] | [_], keywords=[]
                ) as call,
                ctx=ast.Load(),
            ):
                index = _index(subscript.slice)
            case _:
                continue
        if any(isinstance(argument, ast.Starred) for argument in call.args):  # none, or the limit too
            continue
        if index is None or not (context.loops(subscript) or context.measured):
            continue
        separator = context.constant(call.args[0]) if call.args else None
        types = context.type_of(text)
        place = context.place(text)
        if types:
            if not types <= _TEXTS:
                continue
        elif place is None or not isinstance(separator, str | bytes):
            continue
        if index < 0 and not _cuts_alike(call, separator):
            continue
        rewrite = context.rewrite()
        if index < 0 and call.args:
            rewrite.rename_attribute(method, "rsplit")
        limit = 1 if index < 0 else index + 1
        if call.args:
            rewrite.add_argument(call, call.args[0], str(limit))
        else:
            rewrite.replace(call, f"{rewrite.operand(text)}.{'rsplit' if index < 0 else 'split'}(None, {limit})")
        safety, questions = context.ask_exact(text, types or _TEXTS)
        fixed = index >= 0 or context.is_fixed(*call.args)
        yield context.finding(
            subscript,
            f"The whole string is split to use one piece: {limit} split{'s are' if limit > 1 else ' is'} enough.",
            safety=safety if fixed else Safety.OFFER,
            questions=questions if types else tuple(replace(question, needed=True) for question in questions),
            rewrite=rewrite,
        )


def _index(node: ast.expr) -> int | None:
    match node:
        case ast.Constant(value=int() as value) if not isinstance(value, bool) and value <= _MOST:
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1)):
            return -1
        case _:
            return None


def _cuts_alike(call: ast.Call, separator: str | bytes | int | None) -> bool:
    """Return whether the last piece is the same when splitting from either end."""
    if not call.args or (isinstance(call.args[0], ast.Constant) and call.args[0].value is None):
        return True
    return isinstance(separator, str | bytes) and len(separator) == 1


CASES = (
    Case(
        name="fields of lines",
        before="""
def fields(lines):
    found = []
    for line in lines:
        line = str(line)
        found.append((line.split(",")[0], line.split(",")[2], line.split(",")[-1]))
    return found
""",
        after="""
def fields(lines):
    found = []
    for line in lines:
        line = str(line)
        found.append((line.split(",", 1)[0], line.split(",", 3)[2], line.rsplit(",", 1)[-1]))
    return found
""",
        call="fields",
        inputs=("(['a,b,c,d', ',,'],)", "([],)", "(['a'],)"),
    ),
    Case(
        name="by spaces, by what is handed over, and of any type",
        before="""
def words(lines, mark):
    return [(line.split("=")[0], str(line).split()[-1], f"{line}".split(mark)[0]) for line in lines]
""",
        after="""
def words(lines, mark):
    return [(line.split("=")[0], str(line).rsplit(None, 1)[-1], f"{line}".split(mark, 1)[0]) for line in lines]
""",
        call="words",
        inputs=("([' a = b c '], '=')", "([], 1)", "([' x'], 1)", "([' '], 'a')"),
    ),
    Case(
        name="a hot function; values seen decide",
        before='def host(address):\n    return address.split(":")[0]\n',
        after='def host(address):\n    return address.split(":", 1)[0]\n',
        call="host",
        inputs=("('a:1:2',)", "('',)", "(1,)", "(b'a:1',)"),
        hot=True,
    ),
    Case(
        name="what the function makes itself",
        before="""
def cut(words):
    found = []
    for word in words:
        line = f'{word}, b,'
        found.append((line.split(',')[0], line.split()[-1], line.split(',')[-1]))
    return found
""",
        after="""
def cut(words):
    found = []
    for word in words:
        line = f'{word}, b,'
        found.append((line.split(',', 1)[0], line.rsplit(None, 1)[-1], line.rsplit(',', 1)[-1]))
    return found
""",
        call="cut",
        inputs=("(['a', 'b,c', ''],)", "([],)", "([1, None],)"),
    ),
)

REFUSE = (
    Refuse("the fifth, behind which little is left", "def f(xs):\n    return [str(x).split(',')[4] for x in xs]\n"),
    Refuse("all are used", "def f(xs):\n    return [str(x).split(',')[i] for x in xs for i in (0, 1)]\n"),
    Refuse("the last but one", "def f(xs):\n    return [str(x).split(',')[-2] for x in xs]\n"),
    Refuse("limited already", "def f(xs):\n    return [str(x).split(',', 1)[0] for x in xs]\n"),
    Refuse("pieces that may overlap", "def f(xs):\n    return [str(x).split('aa')[-1] for x in xs]\n"),
    Refuse("a separator that may be longer", "def f(xs, s):\n    return [str(x).split(s)[-1] for x in xs]\n"),
    Refuse("a compiled pattern",
           "import re\nP = re.compile(',')\ndef f(xs):\n    return [P.split(x)[0] for x in xs]\n"),
    Refuse("what is handed over may be a pattern", "def f(xs, p):\n    return [p.split(x)[0] for x in xs]\n"),
    Refuse("any number of arguments", "def f(xs, how):\n    return [str(x).split(*how)[0] for x in xs]\n"),
    Refuse("several pieces", "def f(xs):\n    return [str(x).split(',')[:1] for x in xs]\n"),
)  # fmt: skip

BENCH = Bench(
    setup="line = ','.join(['word'] * n)",
    before="line.split(',')[0]",
    after="line.split(',', 1)[0]",
    sizes=(2, 5, 20, 100),
    size_is="pieces",
)
