"""Search a growing buffer from where the last search ended, not from its start.

## What
`self.buffer.find(mark)`, `pattern.search(buffer)` or `mark in buffer` where the buffer grows by pieces, in a loop or
over the calls of a hot method: remember how far it was searched, and start there (`find(mark, start)`,
`pattern.search(buffer, start)`), less the length of the mark, which may be cut in two.

## Why
Each search goes through everything that was searched before: reading n bytes in small pieces costs O(n²).

## When not
Where the buffer stays short, or what was searched is removed from it each time. It is advice on hot lines only: where a
search has to start again depends on what is searched for.

## Source
The documentation of `bytes.find`: "The optional arguments start and end are interpreted as in slice notation".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import (
    TEXTS,
    Advise,
    Ask,
    BindingKind,
    Case,
    Context,
    Finding,
    Place,
    PlaceKind,
    Refuse,
    Rule,
    Safety,
    Speed,
    Target,
    Triggers,
    Use,
    ask_target,
    keeping_loops,
    outlives_call,
    read_target,
    remember,
    shown_types,
)

RULE = Rule(
    slug="repeated-search",
    title="Growing buffer searched from its start",
    family="text",
    safety=Safety.ADVICE,
    speed=Speed.ASYMPTOTIC,
    triggers=Triggers(
        nodes=frozenset({ast.In, ast.NotIn}),
        names=frozenset({"count", "find", "findall", "index", "rfind", "rindex", "search", "split"}),
    ),
    asks=frozenset({Ask.TYPES, Ask.LENGTH, Ask.SHARE}),
)

_SHORT = 1000
"""Bytes up to which a search costs no more than the call."""
_SEARCHED = TEXTS | {"builtins.bytearray"}
_METHODS = frozenset({"count", "find", "index", "rfind", "rindex", "split"})
_READING = frozenset({"read", "read1", "readline", "recv", "recvfrom"})
_GROWING = frozenset({Use.APPEND, Use.EXTEND})


def detect(context: Context) -> Iterator[Finding]:
    """Yield one finding for each search, from its start, of a buffer that grows between two searches."""
    if not context.measured:
        return
    candidates: list[ast.Call | ast.Compare] = [*context.nodes(ast.Call), *context.nodes(ast.Compare)]
    for node in candidates:
        searched = _searched(context, node)
        target = read_target(context, searched) if searched is not None else None
        if searched is None or target is None:
            continue
        types = shown_types(context, searched)
        if not types & _SEARCHED or not types <= _SEARCHED or not _grows_between(context, node, target):
            continue
        yield context.finding(
            node,
            f"{target.text} grows, and is searched from its start each time: remember how far it was searched, and "
            "start there, less the length of what is searched for.",
            questions=(*ask_target(context, target, tuple(sorted(_SEARCHED)), _SHORT), context.ask_cost(node)),
        )


def _searched(context: Context, node: ast.Call | ast.Compare) -> ast.expr | None:
    """Return what is searched from its start."""
    match node:
        case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[container]):
            return container
        case ast.Call(func=ast.Attribute(value=owner, attr=name), args=[_], keywords=[]) if name in _METHODS:
            return owner
        case ast.Call(func=ast.Attribute(attr="search" | "findall") as function, args=[*_, text], keywords=[]):
            module = (context.resolve(function) or "").startswith("re.")
            return text if len(node.args) == (2 if module else 1) else None
        case _:
            return None


def _grows_between(context: Context, node: ast.AST, target: Target) -> bool:
    """Return whether the buffer grows in the loop around a search, or by another call of a hot method."""
    place = target.place
    if place is not None and place.kind is PlaceKind.PARAMETER and _is_kept_for_more(context, place):
        return True
    key = target.node.attr if isinstance(target.node, ast.Attribute) else place and (place.name, place.owner)
    growing = remember(context, ("growing", key, target.text), lambda: [*_growing(context, target)])
    if any(context.is_inside(step, loop) for loop in keeping_loops(context, node, target) for step in growing):
        return True
    return outlives_call(context, target) and any(_takes_in(context, step) for step in growing)


def _is_kept_for_more(context: Context, place: Place) -> bool:
    """Return whether what is searched is stored for the next call, where what comes is put behind it."""
    for reference in place.references:
        match context.facts.parent(reference):
            case ast.Assign(targets=[ast.Attribute(attr=name)], value=value) if value is reference:
                if any(_comes_behind(context, one) for one, _ in context.facts.attributes(name)):
                    return True
    return False


def _comes_behind(context: Context, kept: ast.Attribute) -> bool:
    """Return whether a parameter of a function is added to what is kept."""
    match context.facts.parent(kept):
        case ast.BinOp(left=left, op=ast.Add(), right=ast.Name() as new) if left is kept:
            owner = context.facts.lookup(new)
            bindings = owner.bindings[new.id] if owner is not None else []
            return any(binding.kind is BindingKind.PARAMETER for binding in bindings)
        case _:
            return False


def _takes_in(context: Context, step: ast.AST) -> bool:
    """Return whether a function adds what it is given, or what it reads: a buffer that fills up piece by piece."""
    statement = context.facts.statement(step)
    for part in ast.walk(statement) if statement is not None else ():
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load):
            binding = context.facts.only_binding(part)
            looped = binding is not None and binding.kind is BindingKind.OTHER
            given = binding is not None and binding.kind is BindingKind.PARAMETER
            if looped or (given and context.facts.class_of_self(part) is None):
                return True
        if isinstance(part, ast.Attribute) and part.attr in _READING:
            return True
    return False


def _list_items(context: Context) -> dict[str, list[ast.expr]]:
    """Return the items that the file extends by ``+=``, by their source."""

    def find() -> dict[str, list[ast.expr]]:
        found: dict[str, list[ast.expr]] = {}
        for scope in context.facts.functions:
            for step in scope.nodes.get(ast.AugAssign, ()):
                if isinstance(step, ast.AugAssign) and isinstance(step.target, ast.Subscript):
                    found.setdefault(ast.unparse(step.target), []).append(step.target)
        return found

    return remember(context, ("items that grow",), find)


def _growing(context: Context, target: Target) -> Iterator[ast.AST]:
    if isinstance(target.node, ast.Attribute):
        references: list[ast.expr] = [one for one, _ in context.facts.attributes(target.node.attr)]
    elif isinstance(target.node, ast.Subscript):
        references = _list_items(context).get(target.text, [])
    else:
        references = [*target.place.references] if target.place is not None else []
    for reference in references:
        above = context.facts.parent(reference)
        adds = isinstance(above, ast.BinOp) and isinstance(above.op, ast.Add)
        statement = context.facts.statement(reference)
        if context.use(reference) in _GROWING or (
            adds and isinstance(statement, ast.Assign) and target.text in map(ast.unparse, statement.targets)
        ):
            yield reference


CASES = (
    Case(
        name="a buffer on self",
        before="""
class Lines:
    def __init__(self):
        self.buffer = b""
        self.lines = []
    def feed(self, data):
        self.buffer += data
        end = self.buffer.find(b"\\n")
        if end >= 0:
            self.lines.append(self.buffer)
            self.buffer = b""
def run(chunks):
    lines = Lines()
    for chunk in chunks:
        lines.feed(chunk)
    return lines.lines
""",
        after="""
class Lines:
    def __init__(self):
        self.buffer = b""
        self.searched = 0
        self.lines = []
    def feed(self, data):
        self.buffer += data
        end = self.buffer.find(b"\\n", self.searched)
        self.searched = len(self.buffer)
        if end >= 0:
            self.lines.append(self.buffer)
            self.buffer = b""
            self.searched = 0
def run(chunks):
    lines = Lines()
    for chunk in chunks:
        lines.feed(chunk)
    return lines.lines
""",
        call="run",
        inputs=("([b'a', b'b\\n', b'\\n'],)", "([],)"),
        hot=True,
    ),
    Case(
        name="in the loop that reads",
        before="""
import io
def head(data):
    file, text = io.StringIO(data), ""
    text = str(text)
    while "--" not in text:
        more = file.read(1)
        if not more:
            break
        text += more
    return text
""",
        after="""
import io
def head(data):
    file, text = io.StringIO(data), ""
    text = str(text)
    at = 0
    while text.find("--", at) < 0:
        at = max(len(text) - 1, 0)
        more = file.read(1)
        if not more:
            break
        text += more
    return text
""",
        call="head",
        inputs=("('a-b--c',)", "('',)", "('a',)"),
        hot=True,
    ),
)

ADVISE = (
    Advise("a rest that is kept for what comes",
           "class A:\n    def __init__(self):\n        self.rest = b''\n    def feed(self, data):\n"
           "        data = self.rest + data\n        self.read(data)\n    def read(self, data):\n"
           "        if b';' in data:\n            print(data.split(b';', 1))\n        else:\n"
           "            self.rest = data\n"),
)  # fmt: skip

REFUSE = (
    Refuse("kept, and not put before what comes",
           "class A:\n    def read(self, data):\n        if b';' in data:\n            print(data.split(b';', 1))\n"
           "        else:\n            self.rest = data\n"),
    Refuse("from where it was searched",
           "class A:\n    def __init__(self):\n        self.b = b''\n        self.at = 0\n    def f(self, x):\n"
           "        self.b += x\n        return self.b.find(b'x', self.at)\n"),
    Refuse("it does not grow",
           "class A:\n    def __init__(self):\n        self.b = b'abc'\n    def f(self, x):\n"
           "        return self.b.find(x)\n"),
    Refuse("another one each time",
           "def f(xs):\n    for x in xs:\n        s = ''\n        s += x\n        print(s.find('a'))\n"),
    Refuse("searched once, after it has grown",
           "def f(xs):\n    s = ''\n    for x in xs:\n        s += x\n    return s.find('a')\n"),
    Refuse("a dict", "class A:\n    def __init__(self):\n        self.d = {}\n    def f(self, x):\n"
           "        self.d |= x\n        return 1 in self.d\n"),
)  # fmt: skip

BENCH = None
