"""Iterate over a file, not over a list of its lines.

## What
`for line in file.readlines()`: write `for line in file`. Likewise in comprehensions, and in `enumerate`, `list` and
other builtins that iterate over their argument.

## Why
`readlines` builds a list of all lines before the first one is processed: the whole file is in memory at once, as
separate strings. A file yields its lines one at a time.

## When not
Where the loop or the code after it uses the file itself (`seek`, `read`, `tell`), or where the loop opens files of its
own, or gives up control with `yield` or `await`: the file may change while it is read.

A decoding error is then raised at the bad line, not before the first, and what the loop calls finds the file half read:
a function that writes the file cuts it short. The rewrite is safe only if the loop calls nothing of the program's own,
but for operators, and an exception leaves nothing of its results; else it is an offer.

## Source
Python tutorial, "Methods of file objects": looping over the file object is memory efficient and fast. The figures in
`RULE` are measured with `BENCH`; what it saves above all is memory.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import (
    Bench,
    Binding,
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
    slug="readlines",
    title="readlines() loads the whole file",
    family="io",
    safety=Safety.SAFE,
    speed=Speed.CONSTANT,
    triggers=Triggers(names=frozenset({"readlines"})),
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
_TALKING = frozenset({"builtins.input", "builtins.print", "builtins.setattr", "builtins.delattr"})
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
                if body is None or not _is_own(context, file, body, call) or any(map(_may_write, body)):
                    continue
                rewrite = context.rewrite()
                rewrite.replace(call, rewrite.text(file))
                unseen = _is_unseen(context, call, body)
                note = "" if unseen else (
                    " The loop then runs before the whole file is read: it must not write the file, and a line that"
                    " cannot be decoded stops it halfway."
                )  # fmt: skip
                yield context.finding(
                    call,
                    f"readlines() builds a list of all lines: the file itself yields them one at a time.{note}",
                    safety=Safety.SAFE if unseen else Safety.OFFER,
                    rewrite=rewrite,
                )
            case _:
                pass


def _is_unseen(context: Context, call: ast.Call, body: list[ast.AST]) -> bool:
    """Return whether nothing but the result of the whole iteration can be noticed: not when, or how far, it runs."""
    exactly = context.exactly
    if context.function.kind is not ScopeKind.FUNCTION or context.is_guarded(call):
        return False
    if any(exactly.may_raise_stop(part) for part in body):
        return False  # calls code of the program's own
    return not any(_leaves_trace(context, part) for outer in body for part in ast.walk(outer))


def _leaves_trace(context: Context, part: ast.AST) -> bool:
    """Return whether an iteration does more than bind locals and fill containers of the function's own."""
    exactly = context.exactly
    match part:
        case ast.Attribute() | ast.Subscript():
            return not isinstance(part.ctx, ast.Load)
        case ast.Name(ctx=ast.Store() | ast.Del()):
            place = context.place(part)
            return place is not None and place.kind is not PlaceKind.LOCAL  # none: a comprehension's variable
        case ast.Call(func=ast.Attribute(value=owner)) if not exactly.is_pure(part):
            place = exactly.place(owner)
            return place is None or not exactly.is_only_name(place)
        case ast.Call(func=function):
            return context.resolve(function) in _TALKING
        case ast.For(iter=iterable) | ast.comprehension(iter=iterable):
            return not exactly.type_of(iterable)
        case _:
            return isinstance(part, ast.Import | ast.ImportFrom | ast.Raise)


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
            if whole is None or isinstance(whole, ast.GeneratorExp):
                return None
            return [*(part for part in ast.iter_child_nodes(whole) if part is not parent), parent.target, *parent.ifs]
        case _:
            return None


def _is_own(context: Context, file: ast.expr, body: list[ast.AST], call: ast.Call) -> bool:
    """Return whether the file is a local that only this function opened, and that is not used from the loop on."""
    if isinstance(file, ast.Call):
        return context.resolve(file.func) in _OPENING and not _is_named(file, body)
    place = context.place(file)
    if place is None or place.kind is not PlaceKind.LOCAL or len(place.bindings) != 1:
        return False
    repeated = context.facts.loops(call)
    for reference in place.references:
        if reference is file or isinstance(getattr(reference, "ctx", None), ast.Store):
            continue
        again = any(context.is_inside(reference, loop) for loop in repeated)
        after = (reference.lineno, reference.col_offset) > (file.lineno, file.col_offset)
        if (again or after) and not _is_closed(context, reference):
            return False
    opened = _opened(context, place.bindings[0])
    if opened is None or context.resolve(opened.func) not in _OPENING or _is_named(opened, body):
        return False
    inside = [r for r in place.references if r is not file and any(context.is_inside(r, node) for node in body)]
    return not inside and not context.escapes(place)


def _is_closed(context: Context, reference: ast.expr) -> bool:
    """Return whether a reference does nothing but close the file."""
    match context.facts.parent(reference):
        case ast.Attribute(attr="close") as method:
            call = context.facts.parent(method)
            return isinstance(call, ast.Call) and isinstance(context.facts.parent(call), ast.Expr)
        case _:
            return False


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
    Refuse("the rest is read after the loop",
           "def f(p):\n    with open(p) as f:\n        for line in f.readlines():\n            if not line.strip():\n"
           "                break\n        return f.read()\n"),
    Refuse("the position is asked for after the loop",
           "def f(p):\n    with open(p) as f:\n        size = [len(line) for line in f.readlines()]\n"
           "        return size, f.tell()\n"),
    Refuse("it is read again in each turn",
           "def f(p, n):\n    f = open(p)\n    for _ in range(n):\n        f.seek(0)\n"
           "        for line in f.readlines():\n            n += len(line)\n            if n > 9:\n"
           "                break\n    return n\n"),
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
