"""Remove a prefix or suffix with one call.

## What
`if s.startswith("x-"): s = s[len("x-"):]`, with a literal length or as a conditional expression, in a loop or a hot
function: `s = s.removeprefix("x-")`. The same for `endswith` and `removesuffix`.

## Why
One call instead of two, and no slice object.

## When not
On objects other than strings, subclasses of `str` among them: the type must be known. With an empty suffix `s[:-0]` is
empty, `removesuffix("")` is not; so a constant of the module, which tests and callers can replace, is an offer. An
attribute is now assigned in any case, which a property or `__setattr__` notices.

## Source
The documentation of `str.removeprefix`: "If the string starts with the prefix string, return string[len(prefix):].
Otherwise, return a copy of the original string". The figures in `RULE` are measured with `BENCH`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from whet.engine.api import Ask, Bench, Case, Context, Finding, Refuse, Rule, Safety, Speed, Triggers

RULE = Rule(
    slug="removeprefix",
    title="Manual prefix/suffix removal",
    family="text",
    safety=Safety.SAFE,
    speed=Speed.FACTOR,
    triggers=Triggers(nodes=frozenset({ast.If, ast.IfExp}), words=frozenset({"startswith", "endswith"})),
    asks=frozenset({Ask.TYPES}),
    figures={
        "3.11": {10: 2.7, 100: 2.5, 1000: 2.3},
        "3.12": {10: 3.0, 100: 3.0, 1000: 2.2},
        "3.13": {10: 2.0, 100: 2.1, 1000: 1.9},
        "3.14": {10: 1.5, 100: 1.5, 1000: 1.3},
    },
    ruff="FURB188",
    free=True,
)

_TEXTS = frozenset({"builtins.str", "builtins.bytes"})


@dataclass(frozen=True, slots=True)
class _Test:
    text: ast.expr
    mark: ast.expr
    at_end: bool


def detect(context: Context) -> Iterator[Finding]:
    """Yield each test and slice of one string, where it runs repeatedly."""
    for statement in context.nodes(ast.If):
        match statement:
            case ast.If(test=test, body=[ast.Assign(targets=[target], value=cut)], orelse=[]):
                asked = _read_test(test)
            case _:
                continue
        if asked is not None and ast.unparse(target) == ast.unparse(asked.text):
            yield from _examine(context, statement, asked, cut, assign=True)
    for choice in context.nodes(ast.IfExp):
        asked = _read_test(choice.test)
        if asked is not None and ast.unparse(choice.orelse) == ast.unparse(asked.text):
            yield from _examine(context, choice, asked, choice.body, assign=False)


def _read_test(test: ast.expr) -> _Test | None:
    match test:
        case ast.Call(
            func=ast.Attribute(value=text, attr="startswith" | "endswith" as method), args=[mark], keywords=[]
        ) if isinstance(text, ast.Name | ast.Attribute) and _is_plain(text):
            return _Test(text, mark, method == "endswith")
        case _:
            return None


def _is_plain(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


def _examine(
    context: Context, node: ast.If | ast.IfExp, asked: _Test, cut: ast.expr, *, assign: bool
) -> Iterator[Finding]:
    mark = context.constant(asked.mark)
    if not isinstance(mark, str | bytes) or not mark or not (context.loops(node) or context.measured):
        return
    match cut:
        case ast.Subscript(value=text, slice=ast.Slice(lower=lower, upper=upper, step=None)) if ast.unparse(
            text
        ) == ast.unparse(asked.text):
            border, other = (upper, lower) if asked.at_end else (lower, upper)
        case _:
            return
    types = context.type_of(asked.text)
    if other is not None or not _is_length(context, border, asked, len(mark)) or (types and not types <= _TEXTS):
        return
    rewrite = context.rewrite()
    asked_text = rewrite.text(asked.text)
    name = "removesuffix" if asked.at_end else "removeprefix"
    call = f"{asked_text}.{name}({rewrite.text(asked.mark)})"
    rewrite.replace(node, f"{asked_text} = {call}" if assign else call)
    safety, questions = context.ask_exact(asked.text, types or _TEXTS)
    note = "" if safety is Safety.SAFE else " A subclass must not override its methods."
    if not context.is_fixed(asked.mark):
        safety, note = Safety.OFFER, f"{note} Who patches the constant must keep its length."
    if assign and not isinstance(asked.text, ast.Name):
        safety, note = Safety.OFFER, f"{note} {asked_text} is then assigned in any case, which a property notices."
    yield context.finding(
        node,
        f"{name}() tests and removes in one call.{note}",
        safety=safety,
        questions=questions,
        rewrite=rewrite,
    )


def _is_length(context: Context, border: ast.expr | None, asked: _Test, length: int) -> bool:
    """Return whether a slice ends where the affix does: a number, or ``len`` of the affix."""
    if asked.at_end:
        if not isinstance(border, ast.UnaryOp) or not isinstance(border.op, ast.USub):
            return False
        border = border.operand
    match border:
        case ast.Constant(value=int() as value):
            return value == length and not isinstance(value, bool)
        case ast.Call(func=function, args=[measured], keywords=[]) if context.resolve(function) == "builtins.len":
            return ast.unparse(measured) == ast.unparse(asked.mark)
        case _:
            return False


CASES = (
    Case(
        name="options, in a loop",
        before="""
DASHES = "--"
def clean(words):
    found = []
    for word in words:
        name = word.lower()
        word = str(word)
        if word.startswith(DASHES):
            word = word[len(DASHES):]
        if word.endswith(".py"):
            word = word[:-3]
        found.append(word[2:] if word.startswith("a-") else word)
    return found, name
""",
        after="""
DASHES = "--"
def clean(words):
    found = []
    for word in words:
        name = word.lower()
        word = str(word)
        word = word.removeprefix(DASHES)
        word = word.removesuffix(".py")
        found.append(word.removeprefix("a-"))
    return found, name
""",
        call="clean",
        inputs=("(['--x', 'a.py', '--a-b.py', '.py', '----'],)", "([],)", "([1],)"),
    ),
    Case(
        name="on self, in a hot method",
        before="""
class Name:
    def __init__(self, text):
        self.text = text
    def bare(self):
        if self.text.startswith("the "):
            self.text = self.text[4:]
        return self.text
def run(text):
    return Name(text).bare()
""",
        after="""
class Name:
    def __init__(self, text):
        self.text = text
    def bare(self):
        self.text = self.text.removeprefix("the ")
        return self.text
def run(text):
    return Name(text).bare()
""",
        call="run",
        inputs=("('the cat',)", "('a cat',)", "('',)"),
        hot=True,
    ),
    Case(
        name="what the function makes itself",
        before="""
def strip(words):
    found = []
    for word in words:
        line = f'xx{word}'
        if line.startswith('xx'):
            line = line[2:]
        other = f'{word}x'
        found.append((line, other[:-2] if other.endswith('xx') else other))
    return found
""",
        after="""
def strip(words):
    found = []
    for word in words:
        line = f'xx{word}'
        line = line.removeprefix('xx')
        other = f'{word}x'
        found.append((line, other.removesuffix('xx')))
    return found
""",
        call="strip",
        inputs=("(['a', 'x', 'xx', ''],)", "([],)", "([1, None],)"),
    ),
)

_IN = "def f(xs, p):\n    for s in xs:\n        if s.startswith('ab'):\n            s = s[2:]\n        print(s)\n"
REFUSE = (
    Refuse("another length", _IN.replace("2:", "3:")),
    Refuse("another end", _IN.replace("2:", ":-2")),
    Refuse("something else when it is not there",
           _IN.replace("        print", "        else:\n            s = ''\n        print")),
    Refuse("more is done", _IN.replace("s[2:]", "s[2:]\n            print(p)")),
    Refuse("another name", _IN.replace("s = s[2:]", "p = s[2:]")),
    Refuse("the mark may be a tuple", _IN.replace("'ab'", "p").replace("2:", "len(p):")),
    Refuse("several marks", _IN.replace("'ab'", "('ab', 'cd')")),
    Refuse("an empty mark", "def f(xs):\n    return [s[:-len('')] if s.endswith('') else s for s in xs]\n"),
    Refuse("from a position on", _IN.replace("'ab'", "'ab', 1")),
    Refuse("with steps", _IN.replace("2:", "2::2")),
)  # fmt: skip

BENCH = Bench(
    setup="s = 'x' * n\ndef a(s):\n    if s.startswith('xx'):\n        s = s[2:]\n    return s\n"
    "def b(s):\n    return s.removeprefix('xx')",
    before="a(s)",
    after="b(s)",
    sizes=(10, 100, 1000),
    size_is="characters",
)
