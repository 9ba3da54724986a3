"""Compile a constant pattern once, at import.

## What
`re.match`, `re.search`, `re.sub` and the other functions of `re` with a pattern that never changes, and
`re.compile` of such a pattern, inside a function or a loop. Compile it once at module level, and call the method of
the compiled pattern.

On hot lines also a pattern that is built at run time, as in `re.search(f"^{word}:", text)`: a cache of its own,
`functools.lru_cache(maxsize=4096)(re.compile)`, is faster than `re`'s, and holds more. A pattern that an attribute, an
item or a loop over patterns holds is advice: compile it where it is kept.

## Why
`re` caches compiled patterns, so the pattern is not compiled again each time; but each call still looks it
up by type, pattern and flags, goes through two more Python functions, and shares a cache of 512 entries with the
rest of the program. On short strings this is most of the call.

## When not
Where the function runs a few times; where the string is long, so that matching dominates. A function that is itself
cached, or that fills a module-level name on first use, compiles once already. A cache of run-time patterns keeps up to
4096 of them alive, and gains nothing where each one is used once.

Compiling at import moves the cost to where the module is imported, and an invalid pattern would fail there: patterns
that do not compile are left alone. The module gets one more private name. A pattern that is a constant of the module is
read once: replacing the constant later, as tests and callers do, changes nothing any more, so this is an offer.

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
    FLAGS_AT,
    Advise,
    Ask,
    Bench,
    Case,
    Context,
    Finding,
    PlaceKind,
    Refuse,
    Rewrite,
    Rule,
    Safety,
    ScopeKind,
    Speed,
    Triggers,
    read_flags,
    read_target,
)

_FLAGS_AT = {**FLAGS_AT, "compile": 1}

RULE = Rule(
    slug="regex-compile",
    title="Constant regex not precompiled",
    family="hoisting",
    safety=Safety.SAFE,
    speed=Speed.FACTOR,
    triggers=Triggers(imports=frozenset({"re"}), names=frozenset(_FLAGS_AT)),
    asks=frozenset({Ask.SHARE}),
    figures={
        "3.11": {10: 2.4, 100: 1.2, 1000: 1.1},
        "3.12": {10: 2.3, 100: 1.2, 1000: 1.0},
        "3.13": {10: 2.4, 100: 1.3, 1000: 1.0},
        "3.14": {10: 2.1, 100: 1.2, 1000: 1.0},
    },
)


def detect(context: Context) -> Iterator[Finding]:
    """Yield each call of `re` whose pattern is compiled, or looked up, more often than once."""
    if _runs_once(context):
        return
    for call in context.nodes(ast.Call):
        name = _called(context, call)
        if name is None or (context.function.kind is ScopeKind.MODULE and not context.loops(call)):
            continue
        pattern = _pattern(context, call, _FLAGS_AT[name])
        if context.measured and pattern is None and _is_put_together(call):
            yield context.finding(
                call,
                "The pattern is built on each call, and re looks it up in a cache of 512 in Python code, or "
                "compiles it again: cache the compiled patterns with functools.lru_cache, up to 4096 of them.",
                title="Dynamic regex goes through re's cache",
                safety=Safety.OFFER,
                measured_gain=False,
                questions=(context.ask_cost(call),),
                rewrite=_keep_compiled(context, call, name),
            )
        if pattern is None and context.measured and name != "compile" and _is_held(context, call):
            source = ast.unparse(_value(_arguments(call, len(call.args))[0]))
            yield context.finding(
                call,
                f"{source} comes from elsewhere, and re looks it up in a cache of 512 in Python code on each call: "
                f"compile the patterns where they are kept, and call .{name}() of the compiled one.",
                title="Pattern looked up on every call",
                safety=Safety.ADVICE,
                measured_gain=False,
                questions=(context.ask_cost(call),),
            )
        if pattern is None or (name == "compile" and _is_kept(context, call)):
            continue
        advice = (
            "move this re.compile to module level"
            if name == "compile"
            else f"compile it once at module level and call .{name}() of the compiled pattern"
        )
        rewrite = _hoist(context, call, name, pattern)
        fixed = context.is_fixed(_value(_arguments(call, _FLAGS_AT[name])[0]))
        kept = "" if fixed else " Replacing the constant after import, as a test may do, then changes nothing."
        yield context.finding(
            call,
            f"The pattern {_shorten(pattern)} never changes: {advice}.{kept}",
            safety=Safety.SAFE if fixed else Safety.OFFER,
            rewrite=rewrite,
        )


def _hoist(context: Context, call: ast.Call, name: str, pattern: str | bytes) -> Rewrite:
    """Return the edits that compile the pattern at module level, and call the method of the compiled one."""
    rewrite = context.rewrite()
    pattern_argument, flags_argument = _arguments(call, _FLAGS_AT[name])
    if name == "compile" and _is_global(context, call):
        rewrite.replace(call, rewrite.add_global(_find_name(context, call, name, pattern), rewrite.text(call)))
        return rewrite
    module = rewrite.add_import("re")
    value = [_as_global(context, _value(pattern_argument), repr(pattern))]
    if flags_argument is not None:
        flags = read_flags(context, _value(flags_argument)) or re.RegexFlag(0)
        members = " | ".join(f"{module}.{flag.name}" for flag in re.RegexFlag if flag & flags and flag.name)
        value.append(_as_global(context, _value(flags_argument), members or "0"))
    compiled = rewrite.add_global(_find_name(context, call, name, pattern), f"{module}.compile({', '.join(value)})")
    if name == "compile":
        rewrite.replace(call, compiled)
        return rewrite
    rewrite.replace(call.func, f"{compiled}.{name}")
    for argument in (pattern_argument, flags_argument):
        if argument is not None:
            rewrite.delete_argument(call, argument)
    return rewrite


def _is_put_together(call: ast.Call) -> bool:
    """Return whether the pattern is built in the call, from other values."""
    if any(isinstance(argument, ast.Starred) for argument in call.args) or any(k.arg is None for k in call.keywords):
        return False
    pattern, _ = _arguments(call, len(call.args))
    if pattern is None:
        return False
    made = _value(pattern)
    if isinstance(made, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in made.values)
    match made:
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str()), attr="format")):
            return True
        case _:
            return isinstance(made, ast.BinOp) and isinstance(made.op, ast.Add | ast.Mod)


def _is_held(context: Context, call: ast.Call) -> bool:
    """Return whether the pattern is a value that lasts: an attribute, an item, what a loop takes from such a thing."""
    if any(isinstance(argument, ast.Starred) for argument in call.args) or any(k.arg is None for k in call.keywords):
        return False
    pattern, _ = _arguments(call, len(call.args))
    if pattern is None:
        return False
    held = _value(pattern)
    if "re.Pattern" in context.type_of(held):
        return False
    if isinstance(held, ast.Name):
        binding = context.facts.only_binding(held)
        looped = binding is not None and isinstance(context.facts.parent(binding.node), ast.For | ast.comprehension)
        return looped or context.facts.lookup(held) is context.facts.module
    return isinstance(held, ast.Attribute | ast.Subscript) and read_target(context, held) is not None


def _keep_compiled(context: Context, call: ast.Call, name: str) -> Rewrite:
    """Return the edits that compile through a module-level cache, and call the method of the cached pattern."""
    rewrite = context.rewrite()
    cache = f"{rewrite.add_import('functools')}.lru_cache(maxsize=4096)({rewrite.add_import('re')}.compile)"
    compiled = rewrite.add_global("_compile_pattern", cache)
    if name == "compile":
        rewrite.replace(call.func, compiled)
        return rewrite
    arguments = [argument for argument in _arguments(call, _FLAGS_AT[name]) if argument is not None]
    given = ", ".join(rewrite.text(_value(argument)) for argument in arguments)
    rewrite.replace(call.func, f"{compiled}({given}).{name}")
    for argument in arguments:
        rewrite.delete_argument(call, argument)
    return rewrite


def _value(argument: ast.expr | ast.keyword | None) -> ast.expr:
    if argument is None:
        raise TypeError("a call of re without a pattern")
    return argument.value if isinstance(argument, ast.keyword) else argument


def _as_global(context: Context, node: ast.expr, instead: str) -> str:
    """Return a constant expression for module level: unchanged, if its names are known there."""
    return context.rewrite().text(node) if _is_global(context, node) else instead


def _is_global(context: Context, node: ast.expr) -> bool:
    names = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
    return all(context.facts.lookup(name) is context.facts.module for name in names)


def _find_name(context: Context, call: ast.Call, name: str, pattern: str | bytes) -> str:
    """Return a name for the compiled pattern: from the local that held it, or from the words in it."""
    match context.facts.parent(call):
        case ast.Assign(targets=[ast.Name(id=local)]) if name == "compile":
            return f"_{local.strip('_').upper() or 'PATTERN'}"
    text = pattern if isinstance(pattern, str) else pattern.decode("latin-1")
    words = re.findall(r"[A-Za-z]{3,}", re.sub(r"\\.|\(\?\w+\)", " ", text), re.ASCII)
    return f"_{'_'.join(words[:2]).upper()}_PATTERN" if words else "_PATTERN"


def _called(context: Context, call: ast.Call) -> str | None:
    module, _, name = (context.resolve(call.func) or "").rpartition(".")
    return name if module == "re" and name in _FLAGS_AT else None


def _pattern(context: Context, call: ast.Call, flags_at: int) -> str | bytes | None:
    """Return the pattern of a call if it is constant, compiles, and its flags are constant too."""
    if any(isinstance(argument, ast.Starred) for argument in call.args):
        return None
    if any(keyword.arg is None for keyword in call.keywords):
        return None
    pattern_argument, flags_argument = _arguments(call, flags_at)
    pattern = context.constant(_value(pattern_argument)) if pattern_argument is not None else None
    flags = read_flags(context, _value(flags_argument)) if flags_argument is not None else re.RegexFlag(0)
    if not isinstance(pattern, str | bytes) or flags is None or flags & (re.DEBUG | re.LOCALE):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # at module level it would be issued, or raised, on import
            re.compile(pattern, flags)
    except (re.error, Warning, ValueError, OverflowError, RecursionError):
        return None
    return pattern


def _arguments(call: ast.Call, flags_at: int) -> tuple[ast.expr | ast.keyword | None, ast.expr | ast.keyword | None]:
    """Return the arguments that are the pattern and the flags, each by position or by name."""
    named = {keyword.arg: keyword for keyword in call.keywords}
    pattern = call.args[0] if call.args else named.get("pattern")
    return pattern, call.args[flags_at] if len(call.args) > flags_at else named.get("flags")


def _runs_once(context: Context) -> bool:
    """Return whether the function is a class body, or is cached and so compiles once for each argument."""
    node = context.function.node
    if isinstance(node, ast.ClassDef):
        return True
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    decorators = [d.func if isinstance(d, ast.Call) else d for d in node.decorator_list]
    return any((context.resolve(d) or "").startswith(("functools.cache", "functools.lru_cache")) for d in decorators)


def _is_kept(context: Context, call: ast.Call) -> bool:
    """Return whether the compiled pattern outlives the call: stored in a global, an attribute or a container."""
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

_PATTERN = re.compile(r"\\d+-\\d+")

def count(lines):
    found = 0
    for line in lines:
        if _PATTERN.search(line):
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
from re import sub as replace, IGNORECASE
import re

_COLOURS_PATTERN = re.compile("colour" "s?", IGNORECASE)

def clean(text):
    return _COLOURS_PATTERN.sub("color", text)
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
    word = _WORD
    return word.findall(text)
""",
        call="parse",
        inputs=("('a=1 b= c',)", "('',)"),
    ),
    Case(
        name="a pattern that is put together, on a hot line",
        before="""
import re

def count(words, text):
    found = 0
    for word in words:
        if re.search(rf"\\b{re.escape(word)}\\b", text, re.IGNORECASE) is not None:
            found += 1
    found += len(re.compile(".+" + str(len(words))).sub("-", text))
    return found, re.sub("%s+" % words[0], ".", text, count=1)
""",
        after="""
import re
import functools

_compile_pattern = functools.lru_cache(maxsize=4096)(re.compile)

def count(words, text):
    found = 0
    for word in words:
        if _compile_pattern(rf"\\b{re.escape(word)}\\b", re.IGNORECASE).search(text) is not None:
            found += 1
    found += len(_compile_pattern(".+" + str(len(words))).sub("-", text))
    return found, _compile_pattern("%s+" % words[0]).sub(".", text, count=1)
""",
        call="count",
        inputs=("(['a', 'be', 'a'], 'A be bee aa 3')", "([], '')", "(['(', 'b'], 'a(b')", "(['*'], 'a')"),
        hot=True,
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

KEY = r"^\\s*(\\w+)\\s*:"
_PATTERN = re.compile(KEY)

def keys(lines):
    return [_PATTERN.match(line) is not None for line in lines]
""",
        call="keys",
        inputs=("(['a: 1', 'b'],)", "([],)"),
    ),
    Case(
        name="re and its flags imported in the function, arguments by name, and twice the same",
        before="""
def split(text):
    import re
    parts = re.split(
        pattern=r"\\s*;\\s*",  string=text,
        flags=re.I | re.X,
    )
    rest = re.sub(r"a+", "-", text, count=1, flags=re.M)
    return parts, [re.sub(r"a+", "-", part, flags=re.M) for part in parts], rest
""",
        after="""
import re

_PATTERN = re.compile(r"\\s*;\\s*", re.IGNORECASE | re.VERBOSE)

_PATTERN_2 = re.compile(r"a+", re.MULTILINE)

def split(text):
    import re
    parts = _PATTERN.split(
        string=text
    )
    rest = _PATTERN_2.sub("-", text, count=1)
    return parts, [_PATTERN_2.sub("-", part) for part in parts], rest
""",
        call="split",
        inputs=("('aa ; b;c',)", "('',)", "(1,)"),
    ),
)

ADVISE = (
    Advise("patterns that a loop takes from a list on self",
           "import re\nclass A:\n    def f(self, s):\n        for p in self.patterns:\n"
           "            if re.search(p, s):\n                return True\n"),
    Advise("the constant is bound again", "import re\nP = 'a'\nP = 'b'\ndef f(s):\n    return re.match(P, s)\n"),
)  # fmt: skip

REFUSE = (
    Refuse("compiling it warns, and would on import", "import re\ndef f(x):\n    return re.search('[[a]', x)\n"),
    Refuse("compiled once, at import",
           "import re\nWORD = re.compile(r'\\w+')\ndef f(s):\n    return WORD.findall(s)\n"),
    Refuse("the pattern varies", "import re\ndef f(p, s):\n    return re.match(p, s)\n"),
    Refuse("the pattern is handed in", "import re\ndef f(p, s):\n    return re.match(p, s)\n"),
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
    Refuse("the pattern is unpacked from elsewhere", "import re\ndef f(*a):\n    return re.match(*a)\n"),
)  # fmt: skip

BENCH = Bench(
    setup="import re\nword = re.compile(r'(\\d+)-(\\d+)')\ntext = 'x' * (n - 5) + '12-34'",
    before="re.search(r'(\\d+)-(\\d+)', text)",
    after="word.search(text)",
    sizes=(10, 100, 1000),
    size_is="characters in the string",
)
