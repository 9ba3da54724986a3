"""Advance an index through a string instead of slicing off its front.

## What
`text = text[n:]` in a loop, on a string, bytes or a list: keep the position in a variable and advance that; `find`,
`startswith`, `match` of a compiled pattern and `struct.unpack_from` accept a start position. For bytes,
`memoryview(data)[n:]` does not copy. On hot lines also `head, rest = rest.split(",", 1)`, `text = text[:-1]`, and
remainders in items and attributes, also those that a method cuts in each of its calls.

## Why
Each slice copies the remainder, so processing n characters copies about n²/2 of them.

## When not
Where the loop runs a few times, or the remainder is short: options on a command line, parts of a path.

## Source
Python wiki, TimeComplexity: getting a slice of k elements is O(k). The figures in `RULE` are measured with `BENCH`:
pieces of ten bytes.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import (
    Advise,
    Ask,
    Bench,
    Case,
    Context,
    Finding,
    PlaceKind,
    Refuse,
    Rule,
    Safety,
    Speed,
    Triggers,
    ask_target,
    keeping_loops,
    outlives_call,
    read_target,
    shown_types,
)

RULE = Rule(
    slug="slice-consume",
    title="Slicing off the front copies remainder",
    family="text",
    safety=Safety.ADVICE,
    speed=Speed.ASYMPTOTIC,
    triggers=Triggers(nodes=frozenset({ast.Slice}), names=frozenset({"partition", "split"})),
    asks=frozenset({Ask.TYPES, Ask.LENGTH, Ask.SHARE}),
    figures={
        "3.11": {100: 1.1, 1000: 1.1, 10000: 1.8, 100000: 11.0, 1000000: 120.0},
        "3.12": {100: 1.1, 1000: 0.96, 10000: 1.6, 100000: 7.9, 1000000: 78.0},
        "3.13": {100: 1.1, 1000: 1.0, 10000: 1.5, 100000: 7.6, 1000000: 80.0},
        "3.14": {100: 0.93, 1000: 0.91, 10000: 1.7, 100000: 11.0, 1000000: 120.0},
    },
)

_SHORT = 10_000
"""Length up to which copying the remainder is as fast as the rest of a step."""
_COPIED = ("builtins.str", "builtins.bytes", "builtins.list", "builtins.bytearray", "builtins.tuple")


def detect(context: Context) -> Iterator[Finding]:
    """Yield each slice of a string, bytes or list in a loop that does not reset it."""
    covered: set[int] = set()
    for statement in context.nodes(ast.Assign):
        match statement:
            case ast.Assign(
                targets=[ast.Name() | ast.Attribute() as target],
                value=ast.Subscript(value=cut, slice=ast.Slice(lower=ast.expr() as start, upper=None, step=None)),
            ) if ast.unparse(target) == ast.unparse(cut):
                place = context.place(target)
            case _:
                continue
        if place is None or _is_from_end(start):
            continue
        own = [b.node for b in place.bindings if b.node is not statement and not isinstance(b.node, ast.AugAssign)]
        others = [node for node in own if not (isinstance(node, ast.Assign) and _cuts(node))]
        making = [loop for node in others for loop in context.loops(node)]
        # A `for` takes a few pieces off in a few iterations; input that is consumed to its end is in a `while`.
        loops = [loop for loop in context.loops(statement) if loop not in making and isinstance(loop, ast.While)]
        types = context.type_of(cut)
        if any(isinstance(b.value, ast.Call) and _views(context, b.value) for b in place.bindings):
            continue
        if not loops or (types and not types & set(_COPIED)) or place.kind is PlaceKind.GLOBAL:
            continue
        covered.add(id(statement))
        yield context.finding(
            statement,
            f"Every slice copies the remainder of {place.name}: keep the position in a variable, and pass it to the "
            "code that finds the next piece; slicing a memoryview of bytes copies nothing.",
            questions=(
                context.ask(place, Ask.TYPES, expects=_COPIED, needed=not types),
                context.ask(place, Ask.LENGTH, at_least=_SHORT, needed=True),
            ),
        )
    if context.measured:
        yield from _advise(context, covered)


def _advise(context: Context, covered: set[int]) -> Iterator[Finding]:
    """Yield each hot statement that takes a piece off a text, bytes or list of any form, and copies the remainder."""
    statements: list[ast.Assign | ast.Delete] = [*context.nodes(ast.Assign), *context.nodes(ast.Delete)]
    for statement in statements:
        eaten = _eaten(statement) if id(statement) not in covered else None
        target = read_target(context, eaten) if eaten is not None else None
        if eaten is None or target is None:
            continue
        loops = keeping_loops(context, statement, target)
        simple = isinstance(eaten, ast.Name) and context.facts.lookup(eaten) is context.function
        looped = any(isinstance(loop, ast.While) or not simple for loop in loops)
        if not looped and (simple or not outlives_call(context, target)):
            continue
        types = shown_types(context, eaten)
        if (types and not types & set(_COPIED)) or "builtins.bytearray" in types:
            continue
        if isinstance(statement, ast.Delete) and "builtins.list" not in types:
            continue
        place = target.place
        asked = ask_target(context, target, _COPIED, needed=not types)
        if place is not None and asked:
            asked = (*asked, context.ask(place, Ask.LENGTH, at_least=_SHORT, needed=True))
        elif not types:
            continue
        yield context.finding(
            statement,
            f"Every step copies what is left of {target.text}: keep the position in a variable, and pass it to the "
            "code that finds the next piece; a bytearray gives up its front without a copy (del data[:n]).",
            questions=(*asked, context.ask_cost(statement)),
            measured_gain=False,
        )


def _eaten(statement: ast.Assign | ast.Delete) -> ast.expr | None:
    """Return what a statement takes a piece off: ``x = x[n:]``, ``x = x[:-n]``, ``a, x = x.split(s, 1)``."""
    match statement:
        case ast.Delete(targets=[ast.Subscript(value=cut, slice=ast.Slice(lower=None, upper=ast.expr(), step=None))]):
            return cut
        case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)) if len(targets) == len(values):
            pairs = [*zip(targets, values, strict=True)]
        case ast.Assign(
            targets=[ast.Tuple(elts=[*_, target])], value=ast.Call(func=ast.Attribute(value=cut, attr=name))
        ):
            taken = name == "partition" or (name == "split" and len(getattr(statement.value, "args", ())) == 2)
            return cut if taken and ast.unparse(cut) == ast.unparse(target) else None
        case ast.Assign(targets=[target], value=value):
            pairs = [(target, value)]
        case _:
            return None
    for target, value in pairs:
        remainder = _cut(value)
        if remainder is not None and ast.unparse(target) == ast.unparse(remainder):
            return remainder
    return None


def _cut(value: ast.expr) -> ast.expr | None:
    """Return what a value is all but one end of."""
    match value:
        case ast.Subscript(value=ast.Call(func=ast.Attribute(value=cut, attr="partition" | "split"))):
            return cut
        case ast.Subscript(value=cut, slice=ast.Slice(lower=ast.expr() as start, upper=None, step=None)):
            return None if _is_from_end(start) else cut
        case ast.Subscript(value=cut, slice=ast.Slice(lower=None, upper=ast.expr() as stop, step=None)):
            return cut if _is_from_end(stop) else None
        case _:
            return None


def _views(context: Context, call: ast.Call) -> bool:
    return context.resolve(call.func) == "builtins.memoryview"


def _is_from_end(start: ast.expr) -> bool:
    """Return whether only the end is kept, as in ``last[-10:]``."""
    return isinstance(start, ast.UnaryOp) and isinstance(start.op, ast.USub)


def _cuts(statement: ast.Assign) -> bool:
    value = statement.value
    return isinstance(value, ast.Subscript) and ast.unparse(value.value) == ast.unparse(statement.targets[0])


CASES = (
    Case(
        name="bytes in records",
        before="""
def split(data, size):
    records = []
    while data:
        records.append(data[:size])
        data = data[size:]
    return records
""",
        after="""
def split(data, size):
    records = []
    at = 0
    while at < len(data):
        records.append(data[at:at + size])
        at += size
    return records
""",
        call="split",
        inputs=("(b'abcdefg', 3)", "('', 2)", "([1, 2, 3], 2)"),
    ),
    Case(
        name="a buffer on self",
        before="""
class Reader:
    def __init__(self, text):
        self.rest = text
    def words(self):
        found = []
        while self.rest:
            end = self.rest.find(" ")
            end = len(self.rest) if end < 0 else end
            found.append(self.rest[:end])
            self.rest = self.rest[end + 1:]
        return found
def run(text):
    return Reader(text).words()
""",
        after="""
class Reader:
    def __init__(self, text):
        self.text = text
        self.at = 0
    def words(self):
        found = []
        while self.at < len(self.text):
            end = self.text.find(" ", self.at)
            end = len(self.text) if end < 0 else end
            found.append(self.text[self.at:end])
            self.at = end + 1
        return found
def run(text):
    return Reader(text).words()
""",
        call="run",
        inputs=("('a bc  d',)", "('',)"),
    ),
)

ADVISE = (
    Advise("the first field cut off, on self, over the calls of a method",
           "class A:\n    def __init__(self, s: str):\n        self.s = s\n    def f(self):\n"
           "        head, self.s = self.s.split(',', 1)\n        return head\n"),
    Advise("from the end", "def f(s: str):\n    while s.endswith('x'):\n        s = s[:-1]\n    return s\n"),
    Advise("an attribute of a parameter",
           "def f(state, n):\n    state.text.strip()\n    while n:\n        state.text = state.text[n:]\n"),
)  # fmt: skip

REFUSE = (
    Refuse("not in a loop", "def f(s):\n    s = s[1:]\n    return s\n"),
    Refuse("the end is kept", "def f(s, x):\n    while x():\n        s = s + [1]\n        s = s[-10:]\n    return s\n"),
    Refuse("made anew in each turn",
           "def f(x):\n    while x:\n        s = x.pop()\n        s = s[1:]\n        print(s)\n"),
    Refuse("of each element", "def f(x):\n    for s in x:\n        s = s[1:]\n        print(s)\n"),
    Refuse("another name", "def f(s, x):\n    while x():\n        t = s[1:]\n        print(t)\n"),
    Refuse("an element, not a slice", "def f(s):\n    while s:\n        s = s[1]\n"),
    Refuse("both ends", "def f(s, n):\n    while n:\n        s = s[1:n]\n"),
    Refuse("a view is cut without a copy", "def f(s):\n    s = memoryview(s)\n    while s:\n        s = s[1:]\n"),
)  # fmt: skip

BENCH = Bench(
    setup="data = bytes(n)\n"
    "def cut():\n    rest, n = data, 0\n    while rest:\n        n += len(rest[:10])\n        rest = rest[10:]\n"
    "    return n\n"
    "def walk():\n    at, n = 0, 0\n    while at < len(data):\n        n += len(data[at:at + 10])\n        at += 10\n"
    "    return n",
    before="cut()",
    after="walk()",
    sizes=(100, 1000, 10_000, 100_000, 1_000_000),
    size_is="bytes",
)
