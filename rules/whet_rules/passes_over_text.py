"""Replace everything in one pass over a text, not one pass for each item.

## What
`text = text.replace(word, other)`, `text = re.sub(pattern, other, text)` or `text = pattern.sub(other, text)` in a
`for` loop over many words or matches: one `re.sub` with a pattern of all alternatives and a function that looks the
replacement up in a dict; `str.translate` for single characters.

## Why
Each step goes through the whole text and copies it: with n items in a text of length m the loop costs O(n·m).

## When not
For a few items, or where one replacement must see the result of another: the order of the steps then matters, and one
pass gives another text. So it is advice, on hot lines only. Alternatives must be sorted by length, longest first, where
one is the start of another.

## Source
The documentation of `re.sub`: "If repl is a function, it is called for every non-overlapping occurrence of pattern".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import (
    TEXTS,
    Ask,
    Case,
    Context,
    Finding,
    Refuse,
    Rule,
    Safety,
    Speed,
    Triggers,
    ask_target,
    is_same_value,
    keeping_loops,
    read_target,
    shown_types,
)

RULE = Rule(
    slug="passes-over-text",
    title="Whole text replaced once per item",
    family="text",
    safety=Safety.ADVICE,
    speed=Speed.ASYMPTOTIC,
    triggers=Triggers(nodes=frozenset({ast.For}), words=frozenset({"replace", "sub", "subn"})),
    asks=frozenset({Ask.TYPES, Ask.LENGTH, Ask.SHARE}),
)

_SHORT = 1000
"""Characters up to which a pass over the text costs no more than the call."""


def detect(context: Context) -> Iterator[Finding]:
    """Yield each statement by which a loop goes through all of a text, and copies it, for each item."""
    if not context.measured:
        return
    for statement in context.nodes(ast.Assign):
        match statement:
            case ast.Assign(targets=[changed], value=ast.Call() as call) if _replaces(context, call, changed):
                target = read_target(context, changed)
            case _:
                continue
        if target is None:
            continue
        loops = keeping_loops(context, statement, target)
        types = shown_types(context, changed)
        if not any(isinstance(loop, ast.For) for loop in loops) or (types and not types & TEXTS):
            continue
        yield context.finding(
            statement,
            f"Every item goes through all of {target.text} and copies it: one re.sub with all alternatives, and a "
            "function that looks the replacement up, does it in one pass, where no replacement is to see another's "
            "result; str.translate for single characters.",
            questions=(*ask_target(context, target, tuple(sorted(TEXTS)), _SHORT), context.ask_cost(statement)),
        )


def _replaces(context: Context, call: ast.Call, changed: ast.expr) -> bool:
    """Return whether a call goes through all of ``changed``: ``replace``, also a chain of them, or ``sub``."""
    match call:
        case ast.Call(func=ast.Attribute(value=owner, attr="replace"), args=[_, _], keywords=[]):
            return is_same_value(owner, changed) or (isinstance(owner, ast.Call) and _replaces(context, owner, changed))
        case ast.Call(func=ast.Attribute(attr="sub" | "subn") as function, args=[*_, last]):
            at = 2 if (context.resolve(function) or "").startswith("re.") else 1
            text = call.args[at] if len(call.args) > at else last
            return is_same_value(text, changed)
        case _:
            return False


CASES = (
    Case(
        name="words of a dict",
        before="""
def spell(text, words):
    for word, other in words.items():
        text = text.replace(word, other)
    return text
""",
        after="""
import re
def spell(text, words):
    if not words:
        return text
    pattern = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    return re.sub(pattern, lambda match: words[match[0]], text)
""",
        call="spell",
        inputs=("('a b c', {'a': 'x', 'c': 'z'})", "('abc', {})"),
        hot=True,
    ),
    Case(
        name="what was found, in an attribute",
        before="""
import re
class Page:
    def __init__(self, text):
        self.text = text
    def upper(self):
        for code in re.findall("%..", self.text):
            self.text = self.text.replace(code, code.upper())
def run(text):
    page = Page(text)
    page.upper()
    return page.text
""",
        after="""
import re
class Page:
    def __init__(self, text):
        self.text = text
    def upper(self):
        self.text = re.sub("%..", lambda match: match[0].upper(), self.text)
def run(text):
    page = Page(text)
    page.upper()
    return page.text
""",
        call="run",
        inputs=("('a%c3%bcb',)", "('',)"),
        hot=True,
    ),
)

REFUSE = (
    Refuse("each item's own text", "def f(xs):\n    for s in xs:\n        s = s.replace('a', 'b')\n        print(s)\n"),
    Refuse("once", "def f(s):\n    s = s.replace('a', 'b')\n    return s\n"),
    Refuse("a few characters in sight",
           "def f(s):\n    for c in 'ab', 'cd':\n        s = s.replace(c, '')\n    return s\n"),
    Refuse("fields of a date", "def f(d, xs):\n    for x in xs:\n        d = d.replace(day=x)\n    return d\n"),
    Refuse("a new text each time",
           "def f(rows):\n    for row in rows:\n        s = row.text\n        s = s.replace('a', 'b')\n"
           "        print(s)\n"),
)  # fmt: skip

BENCH = None
