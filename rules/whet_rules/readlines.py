"""Iterate over a file, not over a list of its lines.

## What
`for line in file.readlines()`: write `for line in file`. Likewise in comprehensions, and in `enumerate`, `list` and
other builtins that iterate over their argument.

## Why
`readlines` builds a list of all lines before the first one is processed: the whole file is in memory at once, as
separate strings. A file yields its lines one at a time.

## When not
Where the loop uses the file itself (`seek`, `read`, `write`), opens files of its own, or gives up control with `yield`
or `await`: the file may change while it is read. A decoding error is then raised at the bad line, not before the
first.

## Source
Python tutorial, "Methods of file objects": looping over the file object is memory efficient and fast. The figures in
`RULE` are measured with `BENCH`; what it saves above all is memory.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import Bench, Binding, Case, Context, Finding, PlaceKind, Refuse, Rule, Safety, Speed, Triggers

RULE = Rule(
    slug="readlines",
    title="readlines() loads the whole file",
    family="io",
    safety=Safety.SAFE,
    speed=Speed.CONSTANT,
    triggers=Triggers(nodes=frozenset({ast.Call}), words=frozenset({"readlines"})),
    ruff="FURB129",
    free=True,
    figures={
        "3.11": {100: 1.1, 10000: 1.2, 100000: 1.8},
        "3.12": {100: 1.1, 10000: 1.1, 100000: 1.6},
        "3.13": {100: 1.1, 10000: 1.0, 100000: 1.7},
        "3.14": {100: 1.1, 10000: 1.0, 100000: 1.6},
    },
)

_OPENING = frozenset({"builtins.open", "io.open", "gzip.open", "bz2.open", "lzma.open"})
_WRITING = frozenset(
    {"open", "write", "write_text", "write_bytes", "unlink", "remove", "replace", "rename", "truncate"}
)


def detect(context: Context) -> Iterator[Finding]:
    """Yield each `readlines()` of a file opened here that is iterated over directly."""
    if context.is_dynamic:
        return
    for call in context.nodes(ast.Call):
        match call:
            case ast.Call(func=ast.Attribute(value=file, attr="readlines"), args=[], keywords=[]):
                body = _body(context, call)
                if body is not None and _is_own(context, file, body) and not any(map(_may_write, body)):
                    rewrite = context.rewrite()
                    rewrite.replace(call, rewrite.text(file))
                    yield context.finding(
                        call,
                        "readlines() builds a list of all lines: the file itself yields them one at a time.",
                        rewrite=rewrite,
                    )
            case _:
                pass


def _body(context: Context, call: ast.Call) -> list[ast.AST] | None:
    """Return what runs during the iteration; ``None`` where the list is used in another way."""
    node: ast.AST = call
    parent = context.facts.parent(node)
    if (
        isinstance(parent, ast.Call)
        and context.resolve(parent.func) == "builtins.enumerate"
        and parent.args[:1] == [node]
    ):
        node, parent = parent, context.facts.parent(parent)
    match parent:
        case ast.For(iter=iterable) if iterable is node:
            return [*parent.body, *parent.orelse]
        case ast.comprehension(iter=iterable) if iterable is node:
            whole = context.facts.parent(parent)
            # A generator may run after the file is closed.
            return None if whole is None or isinstance(whole, ast.GeneratorExp) else [whole]
        case _:
            return None


def _is_own(context: Context, file: ast.expr, body: list[ast.AST]) -> bool:
    """Return whether the file is a local that only this function opened, and that is not used during the loop."""
    if isinstance(file, ast.Call):
        return context.resolve(file.func) in _OPENING and not _is_named(file, body)
    place = context.place(file)
    if place is None or place.kind is not PlaceKind.LOCAL or len(place.bindings) != 1:
        return False
    inside = [r for r in place.references if r is not file and any(context.is_inside(r, node) for node in body)]
    opened = _opened(context, place.bindings[0])
    if opened is None or context.resolve(opened.func) not in _OPENING or _is_named(opened, body):
        return False
    return not inside and not context.escapes(place)


def _is_named(opened: ast.Call, body: list[ast.AST]) -> bool:
    """Return whether the path, or a part of it, is used during the loop: the file may be overwritten through it."""
    names = {node.id for each in opened.args for node in ast.walk(each) if isinstance(node, ast.Name)}
    inside = (node for part in body for node in ast.walk(part))
    return any(isinstance(node, ast.Name) and node.id in names and not _is_within(node, opened) for node in inside)


def _is_within(node: ast.AST, whole: ast.AST) -> bool:
    return any(part is node for part in ast.walk(whole))


def _opened(context: Context, binding: Binding) -> ast.Call | None:
    """Return the call whose result the name is bound to, by assignment or ``with``."""
    if isinstance(binding.value, ast.Call):
        return binding.value
    match context.facts.parent(binding.node):
        case ast.withitem(context_expr=ast.Call() as call, optional_vars=name) if name is binding.node:
            return call
        case _:
            return None


def _may_write(node: ast.AST) -> bool:
    """Return whether a file may change, or other code gets control, during the loop."""
    for part in ast.walk(node):
        match part:
            case ast.Yield() | ast.YieldFrom() | ast.Await() | ast.AsyncFor():
                return True
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in _WRITING:
                return True
            case _:
                pass
    return False


CASES = (
    Case(
        name="a loop in a with statement, and a comprehension",
        before="""
import os
import tempfile

def count(text):
    path = os.path.join(tempfile.mkdtemp(), "a.txt")
    with open(path, "w") as out:
        out.write(text)
    found = []
    with open(path) as lines:
        for number, line in enumerate(lines.readlines(), start=1):
            found.append((number, line.strip()))
    stream = open(path)
    short = [line for line in stream.readlines() if len(line) < 4]
    stream.close()
    return found, short
""",
        after="""
import os
import tempfile

def count(text):
    path = os.path.join(tempfile.mkdtemp(), "a.txt")
    with open(path, "w") as out:
        out.write(text)
    found = []
    with open(path) as lines:
        for number, line in enumerate(lines, start=1):
            found.append((number, line.strip()))
    stream = open(path)
    short = [line for line in stream if len(line) < 4]
    stream.close()
    return found, short
""",
        call="count",
        inputs=("('a\\nlonger\\n\\nb',)", "('',)"),
    ),
)

REFUSE = (
    Refuse("somebody gets the path meanwhile",
           "def f(path, note):\n    with open(path) as file:\n        for line in file.readlines():\n"
           "            note(path, line)\n"),
    Refuse("the path, in a comprehension",
           "def f(path, note):\n    return [note(path, line) for line in open(path).readlines()]\n"),
    Refuse("the loop reads on by itself",
           "def f(p):\n    with open(p) as f:\n        for line in f.readlines():\n            g(line, f.read())\n"),
    Refuse("the loop writes the file",
           "def f(p):\n    with open(p) as f:\n        for line in f.readlines():\n            h = open(p, 'w')\n"),
    Refuse("somebody else has control meanwhile",
           "def f(p):\n    with open(p) as f:\n        for line in f.readlines():\n            yield line\n"),
    Refuse("the list is kept", "def f(p):\n    with open(p) as f:\n        return f.readlines()\n"),
    Refuse("may be no file", "def f(f):\n    for line in f.readlines():\n        print(line)\n"),
    Refuse("a generator outlives the file",
           "def f(p):\n    with open(p) as f:\n        return (x for x in f.readlines())\n"),
    Refuse("only so many characters",
           "def f(p):\n    with open(p) as f:\n        for line in f.readlines(100):\n            print(line)\n"),
    Refuse("another `open`",
           "from tools import open\ndef f(p):\n    with open(p) as f:\n        for line in f.readlines():\n"
           "            print(line)\n"),
)  # fmt: skip

BENCH = Bench(
    setup="import io\ntext = ('x' * 40 + chr(10)) * n",
    before="count = 0\nfor line in io.StringIO(text).readlines():\n    count += len(line)",
    after="count = 0\nfor line in io.StringIO(text):\n    count += len(line)",
    sizes=(100, 10_000, 100_000),
    size_is="lines",
)
