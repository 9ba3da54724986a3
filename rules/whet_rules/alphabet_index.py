"""Look the position of a character up in a dict, not in the alphabet.

## What
`ALPHABET.index(sign)` or `ALPHABET.find(sign)` for each character of a text, where `ALPHABET` is a constant of
distinct characters: build `{sign: at for at, sign in enumerate(ALPHABET)}` once, and look each character up. Where only
single characters are replaced, `str.translate` or `bytes.translate` converts the whole text at once.

## Why
Each call searches the alphabet from its start, after the method was looked up. A look-up in a dict takes the same time
wherever the character stands.

## When not
For a handful of characters. A character that is missing raises `KeyError`, where `index` raises `ValueError` and `find`
returns -1: `get(sign, -1)` does that. It is advice, on hot lines only.

## Source
Python wiki, TimeComplexity: looking a key up in a dict is O(1) on average.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import (
    Ask,
    BindingKind,
    Case,
    Context,
    Finding,
    Refuse,
    Rule,
    Safety,
    Speed,
    Triggers,
    list_class_bindings,
)

RULE = Rule(
    slug="alphabet-index",
    title="index() in a constant alphabet",
    family="text",
    safety=Safety.ADVICE,
    speed=Speed.FACTOR,
    triggers=Triggers(names=frozenset({"find", "index"})),
    asks=frozenset({Ask.SHARE}),
)

_FEWEST = 10
"""Characters of an alphabet from which on a dict is faster."""


def detect(context: Context) -> Iterator[Finding]:
    """Yield each hot search for a character of a loop in a constant of distinct characters."""
    if not context.measured:
        return
    for call in context.nodes(ast.Call):
        match call:
            case ast.Call(func=ast.Attribute(value=searched, attr="index" | "find"), args=[one], keywords=[]):
                alphabet = _find_constant(context, searched)
            case _:
                continue
        if alphabet is None or len(alphabet) < _FEWEST or len({*alphabet}) < len(alphabet):
            continue
        if isinstance(one, ast.Constant | ast.Starred) or not context.loops(call):
            continue
        yield context.finding(
            call,
            f"Every character is searched for in {ast.unparse(searched)}: build a dict from character to position once,"
            " or translate() the whole text.",
            questions=(context.ask_cost(call),),
        )


def _find_constant(context: Context, node: ast.expr) -> str | bytes | None:
    """Return the text that a node is, or that a parameter of this name is by default."""
    values: list[ast.expr | None] = [node]
    if isinstance(node, ast.Name):
        binding = context.facts.only_binding(node)
        if binding is not None and binding.kind is BindingKind.PARAMETER:
            values = [context.facts.default_of(binding.node)]
    elif isinstance(node, ast.Attribute) and context.facts.class_of_self(node.value) is not None:
        values = [binding.value for binding in list_class_bindings(context, node.attr)]
    found = [context.constant(value) if value is not None else None for value in values]
    only = found[0] if len(found) == 1 else None
    return only if isinstance(only, str | bytes) else None


CASES = (
    Case(
        name="an alphabet that is a parameter",
        before="""
DIGITS = b"0123456789abcdef"
def read(data, alphabet: bytes = DIGITS):
    number = 0
    for sign in data:
        number = number * 16 + alphabet.index(sign)
    return number
""",
        after="""
DIGITS = b"0123456789abcdef"
_POSITIONS = {sign: at for at, sign in enumerate(DIGITS)}
def read(data, positions=_POSITIONS):
    number = 0
    for sign in data:
        number = number * 16 + positions[sign]
    return number
""",
        call="read",
        inputs=("(b'1f',)", "(b'',)"),
        hot=True,
    ),
    Case(
        name="an alphabet of a class, in a comprehension",
        before="""
class Shift:
    letters = "abcdefghijklmnopqrstuvwxyz"
    def shift(self, text):
        return "".join(self.letters[(self.letters.find(sign) + 1) % 26] for sign in text)
def run(text):
    return Shift().shift(text)
""",
        after="""
class Shift:
    letters = "abcdefghijklmnopqrstuvwxyz"
    table = {ord(sign): letter for sign, letter in zip(letters, letters[1:] + letters[:1])}
    def shift(self, text):
        return text.translate(self.table)
def run(text):
    return Shift().shift(text)
""",
        call="run",
        inputs=("('azb',)", "('',)"),
        hot=True,
    ),
)

REFUSE = (
    Refuse("once", "A = '0123456789abcdef'\ndef f(x):\n    return A.index(x)\n"),
    Refuse("a few characters", "def f(s):\n    return ['abc'.index(x) for x in s]\n"),
    Refuse("a text, not an alphabet",
           "A = 'the quick brown fox'\ndef f(words):\n    return [A.find(word) for word in words]\n"),
    Refuse("another text each time", "def f(texts, x):\n    return [text.index(x) for text in texts]\n"),
    Refuse("from a position on",
           "A = '0123456789abcdef'\ndef f(s):\n    return [A.find(x, 3) for x in s]\n"),
)  # fmt: skip

BENCH = None
