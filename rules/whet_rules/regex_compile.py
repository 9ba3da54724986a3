"""Compile a constant pattern once, at import.

## What
`re.match`, `re.search`, `re.sub` and the other functions of `re` with a pattern that never changes, and
`re.compile` of such a pattern, inside a function or a loop. Compile it once at module level, and call the method of
the compiled pattern.

## Why
`re` keeps compiled patterns in a cache, so the pattern is not compiled again each time; but each call still looks it
up by type, pattern and flags, goes through two Python functions more, and shares a cache of 512 entries with the
rest of the program. On short strings this is most of the call.

## When not
Where the function runs a few times; where the text is long, so that matching dominates; where the pattern is
put together at run time. A function that is itself cached, or that fills a module-level name on first use, compiles
once already.

Compiling at import moves the cost to where the module is imported, and an invalid pattern would fail there: patterns
that do not compile are left alone.

## Source
The documentation of `re.compile`: "using re.compile() and saving the resulting regular expression object for reuse is
more efficient when the expression will be used several times in a single program". The figures in `RULE` are measured
with `BENCH`.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator

from whet.engine.api import (
    Bench,
    Case,
    Context,
    Finding,
    PlaceKind,
    Refuse,
    Rule,
    Safety,
    ScopeKind,
    Speed,
    Triggers,
)

RULE = Rule(
    slug="regex-compile",
    title="A constant pattern goes through re's cache on each call",
    family="hoisting",
    safety=Safety.SAFE,
    speed=Speed.FACTOR,
    triggers=Triggers(nodes=frozenset({ast.Call}), imports=frozenset({"re"})),
    figures={
        "3.11": {10: 2.4, 100: 1.2, 1000: 1.1},
        "3.12": {10: 2.3, 100: 1.2, 1000: 1.0},
        "3.13": {10: 2.4, 100: 1.3, 1000: 1.0},
        "3.14": {10: 2.1, 100: 1.2, 1000: 1.0},
    },
)

_FLAGS_AT = {"match": 2, "search": 2, "fullmatch": 2, "findall": 2, "finditer": 2, "split": 3, "sub": 4, "subn": 4,
             "compile": 1}  # fmt: skip
"""Position of the flags among the arguments."""


def detect(context: Context) -> Iterator[Finding]:
    """Yield each call of `re` whose pattern is compiled, or looked up, more often than once."""
    if _runs_once(context):
        return
    for call in context.nodes(ast.Call):
        name = _called(context, call)
        if name is None or (context.function.kind is ScopeKind.MODULE and not context.loops(call)):
            continue
        pattern = _pattern(context, call, _FLAGS_AT[name])
        if pattern is None or (name == "compile" and _is_kept(context, call)):
            continue
        advice = (
            "move this re.compile to module level"
            if name == "compile"
            else f"compile it once at module level and call .{name}() of the compiled pattern"
        )
        yield context.finding(call, f"The pattern {_shorten(pattern)} never changes: {advice}.")


def _called(context: Context, call: ast.Call) -> str | None:
    module, _, name = (context.resolve(call.func) or "").rpartition(".")
    return name if module == "re" and name in _FLAGS_AT else None


def _pattern(context: Context, call: ast.Call, flags_at: int) -> str | bytes | None:
    """Return the pattern of a call if it is constant, compiles, and its flags are constant too."""
    if any(isinstance(argument, ast.Starred) for argument in call.args):
        return None
    if any(keyword.arg is None for keyword in call.keywords):
        return None
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    pattern_node = call.args[0] if call.args else named.get("pattern")
    flags_node = call.args[flags_at] if len(call.args) > flags_at else named.get("flags")
    pattern = context.constant(pattern_node) if pattern_node is not None else None
    flags = _flags(context, flags_node) if flags_node is not None else re.RegexFlag(0)
    if not isinstance(pattern, str | bytes) or flags is None or flags & (re.DEBUG | re.LOCALE):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern, flags)
    except (re.error, ValueError, OverflowError, RecursionError):
        return None
    return pattern


def _flags(context: Context, node: ast.expr) -> re.RegexFlag | None:
    match node:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            first, second = _flags(context, left), _flags(context, right)
            return None if first is None or second is None else first | second
        case ast.Constant(value=int() as value):
            return re.RegexFlag(value)
        case _:
            module, _, name = (context.resolve(node) or "").rpartition(".")
            flag = getattr(re, name, None) if module in ("re", "re.RegexFlag") else None
            return flag if isinstance(flag, re.RegexFlag) else None


def _runs_once(context: Context) -> bool:
    """Tell whether the function is a class body, or is cached and so compiles once for each argument."""
    node = context.function.node
    if isinstance(node, ast.ClassDef):
        return True
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    decorators = [d.func if isinstance(d, ast.Call) else d for d in node.decorator_list]
    return any((context.resolve(d) or "").startswith(("functools.cache", "functools.lru_cache")) for d in decorators)


def _is_kept(context: Context, call: ast.Call) -> bool:
    """Tell whether the compiled pattern outlives the call: stored in a global, an attribute or a container."""
    parent = context.facts.parent(call)
    targets: list[ast.expr] = []
    match parent:
        case ast.Assign():
            targets = parent.targets
        case ast.AnnAssign() | ast.NamedExpr():
            targets = [parent.target]
        case _:
            return False
    for target in targets:
        if not isinstance(target, ast.Name):
            return True
        place = context.place(target)
        outlives = place is None or place.kind in (PlaceKind.GLOBAL, PlaceKind.ENCLOSING)
        if outlives and context.function.kind is not ScopeKind.MODULE:
            return True
    return False


def _shorten(pattern: str | bytes) -> str:
    text = repr(pattern)
    return text if len(text) <= 60 else f"{text[:57]}..."


CASES = (
    Case(
        name="a search in a loop",
        before="""
import re

def count(lines):
    found = 0
    for line in lines:
        if re.search(r"\\d+-\\d+", line):
            found += 1
    return found
""",
        after="""
import re

_RANGE = re.compile(r"\\d+-\\d+")

def count(lines):
    found = 0
    for line in lines:
        if _RANGE.search(line):
            found += 1
    return found
""",
        call="count",
        inputs=("([],)", "(['a', '1-2', '33-4 5-6'],)", "([None],)"),
    ),
    Case(
        name="an alias, flags and a replacement, in a function without a loop",
        before="""
from re import sub as replace, IGNORECASE

def clean(text):
    return replace("colour" "s?", "color", text, flags=IGNORECASE)
""",
        after="""
from re import compile, IGNORECASE

_COLOURS = compile("colour" "s?", IGNORECASE)

def clean(text):
    return _COLOURS.sub("color", text)
""",
        call="clean",
        inputs=("('Colour and COLOURS',)", "('',)", "(b'colour',)"),
    ),
    Case(
        name="compiled on each call",
        before="""
import re as regex

def parse(text):
    word = regex.compile(r"(\\w+)=(\\w*)")
    return word.findall(text)
""",
        after="""
import re as regex

_WORD = regex.compile(r"(\\w+)=(\\w*)")

def parse(text):
    return _WORD.findall(text)
""",
        call="parse",
        inputs=("('a=1 b= c',)", "('',)"),
    ),
    Case(
        name="the pattern is a constant of the module",
        before="""
import re

KEY = r"^\\s*(\\w+)\\s*:"

def keys(lines):
    return [re.match(KEY, line) is not None for line in lines]
""",
        after="""
import re

KEY = re.compile(r"^\\s*(\\w+)\\s*:")

def keys(lines):
    return [KEY.match(line) is not None for line in lines]
""",
        call="keys",
        inputs=("(['a: 1', 'b'],)", "([],)"),
    ),
)

REFUSE = (
    Refuse("compiled once, at import",
           "import re\nWORD = re.compile(r'\\w+')\ndef f(s):\n    return WORD.findall(s)\n"),
    Refuse("the pattern varies", "import re\ndef f(p, s):\n    return re.match(p, s)\n"),
    Refuse("the pattern is put together", "import re\ndef f(p, s):\n    return re.match(f'{p}+', s)\n"),
    Refuse("the flags vary", "import re\ndef f(s, flags):\n    return re.match('a', s, flags)\n"),
    Refuse("`re` is a parameter", "import re\ndef f(re, s):\n    return re.match('a', s)\n"),
    Refuse("`re` is one of two modules",
           "try:\n    import re2 as re\nexcept ImportError:\n    import re\ndef f(s):\n"
           "    return re.match('a', s)\n"),
    Refuse("`re` may come from a star import",
           "import re\nfrom tools import *\ndef f(s):\n    return re.match('a', s)\n"),
    Refuse("another module's `compile`",
           "import re\nfrom jinja2 import compile\ndef f():\n    return compile('a')\n"),
    Refuse("the pattern does not compile, and the program may rely on the error being raised here",
           "import re\ndef f(s):\n    try:\n        return re.match('(', s)\n    except re.error:\n"
           "        return None\n"),
    Refuse("DEBUG prints on each compilation",
           "import re\ndef f(s):\n    return re.compile('a', re.DEBUG).match(s)\n"),
    Refuse("a cached function compiles once",
           "import re\nfrom functools import lru_cache\n@lru_cache(maxsize=None)\ndef word():\n"
           "    return re.compile('a')\n"),
    Refuse("filled on first use",
           "import re\n_WORD = None\ndef word():\n    global _WORD\n    if _WORD is None:\n"
           "        _WORD = re.compile('a')\n    return _WORD\n"),
    Refuse("a default value is evaluated once",
           "import re\ndef f(s, word=re.compile('a')):\n    return word.match(s)\n"),
    Refuse("a class body runs once", "import re\nclass A:\n    WORD = re.compile('a')\n"),
    Refuse("the constant is bound again", "import re\nP = 'a'\nP = 'b'\ndef f(s):\n    return re.match(P, s)\n"),
    Refuse("the pattern is unpacked from elsewhere", "import re\ndef f(*a):\n    return re.match(*a)\n"),
)  # fmt: skip

BENCH = Bench(
    setup="import re\nword = re.compile(r'(\\d+)-(\\d+)')\ntext = 'x' * (n - 5) + '12-34'",
    before="re.search(r'(\\d+)-(\\d+)', text)",
    after="word.search(text)",
    sizes=(10, 100, 1000),
    size_is="characters in the text",
)
