"""Search for plain text with a string method, not with a regular expression.

## What
`re.search("plain", s)` in a condition, `re.match` or `re.sub` with a pattern that has no special characters, in a loop
or a hot function: `"plain" in s`, `s.startswith("plain")`, `s.replace("plain", new)`.

On hot lines also, as advice: such a pattern that is compiled; a class of a few characters that `sub` replaces, as in
`re.sub("[-_.]+", "-", s)`, where `str.replace` for each of them or `str.translate` does it; and a class that single
characters are matched with, where `in` a string or a set, or a method like `isdigit`, does it.

## Why
Each call goes through the pattern cache and the matching engine; the string methods are made for this.

## When not
With flags, and where the match object itself is used. The searched object must be a string: a bytearray, a subclass of
`str`, or an object with a method of the same name may behave differently. A pattern that is a constant of the module
may be replaced by tests or callers with one that has special characters: that is an offer.

## Source
The Python HOWTO on regular expressions, "Use String Methods": "if you're not using any re feature such as the
IGNORECASE flag, then the full power of regular expressions may not be required". The figures in `RULE` are measured
with `BENCH`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from whet.engine.api import (
    Advise,
    Ask,
    Bench,
    Case,
    Context,
    Finding,
    Matching,
    Refuse,
    Rule,
    Safety,
    Speed,
    Triggers,
    is_one_sign,
    read_class,
    read_matching,
    shown_types,
)

RULE = Rule(
    slug="re-to-str",
    title="Regular expression without special characters",
    family="text",
    safety=Safety.SAFE,
    speed=Speed.FACTOR,
    triggers=Triggers(
        imports=frozenset({"re", "re.compile"}), names=frozenset({"fullmatch", "match", "search", "sub"})
    ),
    asks=frozenset({Ask.SHARE, Ask.TYPES}),
    figures={
        "3.11": {10: 14.0, 100: 5.6, 1000: 1.3},
        "3.12": {10: 13.0, 100: 6.0, 1000: 1.4},
        "3.13": {10: 16.0, 100: 7.0, 1000: 2.1},
        "3.14": {10: 10.0, 100: 8.7, 1000: 6.8},
    },
    free=True,
)

_TEXTS = {str: "builtins.str", bytes: "builtins.bytes"}
_FEW = 8
"""Characters of a class up to which it is replaced without it as fast."""


def detect(context: Context) -> Iterator[Finding]:
    """Yield each call of re that matches plain text, where it runs repeatedly."""
    covered: set[int] = set()
    for call in context.nodes(ast.Call):
        name = context.resolve(call.func)
        if name not in ("re.search", "re.match", "re.sub") or not (context.loops(call) or context.measured):
            continue
        if call.keywords or any(isinstance(argument, ast.Starred) for argument in call.args):
            continue
        pattern = context.constant(call.args[0]) if call.args else None
        if not isinstance(pattern, str | bytes) or not pattern or not _is_plain(pattern):
            continue
        new = _write(context, call, name.removeprefix("re."), type(pattern))
        if new is None:
            continue
        text, written = new
        types = context.type_of(text)
        if types and types != {_TEXTS[type(pattern)]}:
            continue
        rewrite = context.rewrite()
        rewrite.replace(call, written)
        safety, questions = context.ask_exact(text, (_TEXTS[type(pattern)],))
        note = "" if safety is Safety.SAFE else " The text must be a string, of no subclass."
        if not context.is_fixed(*(argument for argument in call.args if argument is not text)):
            safety, note = Safety.OFFER, f"{note} Who patches the constant must not add special characters."
        covered.add(id(call))
        yield context.finding(
            call,
            f"{pattern!r} has no special characters: {ast.unparse(ast.parse(written, mode='eval'))} does the same "
            f"without re.{note}",
            safety=safety,
            questions=questions,
            rewrite=rewrite,
        )
    if context.measured:
        yield from _advise(context, covered)


def _advise(context: Context, covered: set[int]) -> Iterator[Finding]:
    """Yield each hot call that matches what string methods do, and is left without an edit."""
    for call in context.nodes(ast.Call):
        matching = read_matching(context, call) if id(call) not in covered else None
        instead = _find_method(context, call, matching) if matching is not None else ""
        if matching is not None and instead:
            yield context.finding(
                call,
                f"{matching.pattern!r} needs no regular expression: {instead}.",
                safety=Safety.ADVICE,
                questions=(context.ask_cost(call),),
                measured_gain=False,
            )


def _find_method(context: Context, call: ast.Call, matching: Matching) -> str:
    """Return which string methods do the same as a call; nothing if none does."""
    if matching.method == "sub":
        return _replace_signs(context, call, matching)
    if matching.method not in ("match", "search", "fullmatch") or call.keywords or matching.flags:
        return ""
    if is_one_sign(matching.pattern) and _is_sign(context, matching.text):
        return "`in` a string or a set of characters, or a method like isdigit() of the character, does it"
    plain = matching.pattern and _is_plain(matching.pattern) and _is_truth(context, call)
    how = {"search": "`in`", "match": "startswith()", "fullmatch": "=="}[matching.method]
    return f"{how} of the string does it" if plain else ""


def _replace_signs(context: Context, call: ast.Call, matching: Matching) -> str:
    by = context.constant(call.args[call.args.index(matching.text) - 1])
    if type(by) is not type(matching.pattern) or "\\" in repr(by) or len(call.args) > 3 or call.keywords:
        return ""
    if not matching.flags and matching.pattern and _is_plain(matching.pattern):
        return "replace() of the string does it"
    signs, in_runs = read_class(matching.pattern, matching.flags) or ("", False)
    if not 0 < len(signs) <= _FEW:
        return ""
    runs = ", and where several stand in a row, a test with `in` and another replace()" if in_runs else ""
    return f"replace() for each of the characters, or translate(), does it{runs}"


def _is_sign(context: Context, text: ast.expr) -> bool:
    """Return whether a text is one character: of a loop over a text, or by its position."""
    match text:
        case ast.Subscript(value=whole, slice=index) if not isinstance(index, ast.Slice):
            return shown_types(context, whole) == {"builtins.str"}
        case ast.Name():
            binding = context.facts.only_binding(text)
            loop = context.facts.parent(binding.node) if binding is not None else None
            if binding is None or not isinstance(loop, ast.For | ast.comprehension) or loop.target is not binding.node:
                return False
            return shown_types(context, loop.iter) == {"builtins.str"}
        case _:
            return False


def _is_plain(pattern: str | bytes) -> bool:
    """Return whether nothing in ``pattern`` is special; ``re.escape`` escapes some characters that are not."""
    text = pattern if isinstance(pattern, str) else pattern.decode("latin-1")
    return all(re.escape(sign) == sign or sign in " -#&~" for sign in text)


def _write(context: Context, call: ast.Call, name: str, kind: type) -> tuple[ast.expr, str] | None:
    """Return the string that is searched, and the equivalent expression; ``None`` if there is none."""
    rewrite = context.rewrite()
    match name, call.args:
        case "sub", [old, new, text]:
            by = context.constant(new)
            if type(by) is not kind or "\\" in repr(by):
                return None
            return text, f"{rewrite.operand(text)}.replace({rewrite.text(old)}, {rewrite.text(new)})"
        case "search" | "match", [old, text] if _is_truth(context, call):
            if name == "match":
                return text, f"{rewrite.operand(text)}.startswith({rewrite.text(old)})"
            return text, f"{rewrite.operand(old)} in {rewrite.operand(text)}"
        case _:
            return None


def _is_truth(context: Context, node: ast.expr) -> bool:
    """Return whether only the truth of a value is used."""
    above = context.facts.parent(node)
    match above:
        case ast.UnaryOp(op=ast.Not()):
            return True
        case ast.If() | ast.While() | ast.IfExp() | ast.Assert():
            return above.test is node
        case ast.comprehension():
            return any(condition is node for condition in above.ifs)
        case ast.BoolOp():
            return _is_truth(context, above)
        case ast.Call(func=function, args=[_], keywords=[]):
            return context.resolve(function) == "builtins.bool"
        case _:
            return False


CASES = (
    Case(
        name="conditions in a loop",
        before="""
import re
def count(lines):
    found = []
    for line in lines:
        line = f"{line}"
        if re.search("error: ", line) and not re.match(r"debug", line):
            found.append(re.sub("error", "fault", line))
    return found
""",
        after="""
import re
def count(lines):
    found = []
    for line in lines:
        line = f"{line}"
        if ("error: " in line) and not line.startswith(r"debug"):
            found.append(line.replace("error", "fault"))
    return found
""",
        call="count",
        inputs=("(['an error: x', 'debug error: y', 'error', 'error: error: 1'],)", "([],)"),
    ),
    Case(
        name="a function by its own name, hot, any type, with a constant of the module",
        before="""
from re import search, sub
MARK = b"x-y"
def run(data):
    return bool(search(MARK, data)), [sub("a", "", part) for part in "a,ba,c".split(",") if not search("c", part)]
""",
        after="""
from re import search, sub
MARK = b"x-y"
def run(data):
    return bool(MARK in data), [part.replace("a", "") for part in "a,ba,c".split(",") if not "c" in part]
""",
        rewritten="""
from re import search, sub
MARK = b"x-y"
def run(data):
    return bool(MARK in data), [part.replace("a", "") for part in "a,ba,c".split(",") if not ("c" in part)]
""",
        call="run",
        inputs=("(b'ax-yb',)", "(b'',)"),
        hot=True,
    ),
    Case(
        name="what the function makes itself",
        before="""
import re
def mark(words):
    found = []
    for word in words:
        line = f'{word} - b'
        if re.search('a -', line) and not re.match('b', line):
            found.append(re.sub('-', '+', line))
    return found
""",
        after="""
import re
def mark(words):
    found = []
    for word in words:
        line = f'{word} - b'
        if ('a -' in line) and not line.startswith('b'):
            found.append(line.replace('-', '+'))
    return found
""",
        call="mark",
        inputs=("(['a', 'ba', 'a - a'],)", "([],)", "([1, None],)"),
    ),
)

ADVISE = (
    Advise("a compiled class of characters",
           "import re\nP = re.compile(r'[-_.]+')\ndef f(name):\n    return P.sub('-', name).lower()\n"),
    Advise("a compiled text", "import re\nP = re.compile('a b')\ndef f(s):\n    return P.sub('c', s)\n"),
    Advise("each character",
           "import re\ndef f(text: str):\n    return [c for c in text if re.match('[a-z0-9]', c)]\n"),
    Advise("by position",
           "import re\ndef f(text: str, i):\n    return bool(re.match(r'\\d', text[i]))\n"),
)  # fmt: skip

REFUSE = (
    Refuse("a pattern", "import re\ndef f(xs):\n    return [x for x in xs if re.search('a.c', x)]\n"),
    Refuse("an end of line", "import re\ndef f(xs):\n    return [x for x in xs if re.search('a$', x)]\n"),
    Refuse("the match is used", "import re\ndef f(xs):\n    return [re.search('a', x) for x in xs]\n"),
    Refuse("flags", "import re\ndef f(xs):\n    return [x for x in xs if re.search('a', x, re.I)]\n"),
    Refuse("so many times", "import re\ndef f(xs):\n    return [re.sub('a', 'b', x, 1) for x in xs]\n"),
    Refuse("a replacement with groups", "import re\ndef f(xs):\n    return [re.sub('a', r'\\g<0>b', x) for x in xs]\n"),
    Refuse("a function replaces", "import re\ndef f(xs, g):\n    return [re.sub('a', g, x) for x in xs]\n"),
    Refuse("an empty pattern", "import re\ndef f(xs):\n    return [re.sub('', '-', x) for x in xs]\n"),
    Refuse("the pattern varies", "import re\ndef f(xs, p):\n    return [x for x in xs if re.search(p, x)]\n"),
    Refuse("many characters, in a range",
           "import re\nP = re.compile('[^a-z]+')\ndef f(s):\n    return P.sub('-', s)\n"),
    Refuse("a class, in either case", "import re\ndef f(s):\n    return re.sub('[ab]', '-', s, flags=re.I)\n"),
    Refuse("a class, and a function replaces", "import re\ndef f(s, g):\n    return re.sub('[ab]', g, s)\n"),
    Refuse("the first of a text", "import re\ndef f(s: str):\n    return re.match('[a-z]', s)\n"),
    Refuse("words of a list", "import re\ndef f(xs: list[str]):\n    return [x for x in xs if re.match('[a-z]', x)]\n"),
    Refuse("`re` is a parameter", "import re\ndef f(xs, re):\n    return [x for x in xs if re.search('a', x)]\n"),
)  # fmt: skip

BENCH = Bench(
    setup="import re\ns = 'x' * (n - 5) + 'plain'\n",
    before="re.search('plain', s) is not None",
    after="'plain' in s",
    sizes=(10, 100, 1000),
    size_is="characters in the string",
)
