"""Ask only the elements that can match, not every element in turn.

## What
A hot loop over a list that grows as callers register things, `for route in self.routes`, which calls a method of each
element with the same arguments until one answers: keep a dict from what decides to the elements that it admits (the
fixed part of a path, a name, a type), and ask those. One that goes through a list for one object, `if child is wanted`:
keep its position, or a dict by `id()`.

## Why
Each search costs a call for every element before the one that answers, so it takes longer the more are registered.

## When not
Where few are registered, or where any element may match anything. The order in which elements are asked must be kept
among those that admit the same. It is advice, on hot lines only.

## Source
Python wiki, TimeComplexity: looking a key up in a dict is O(1) on average.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import (
    Advise,
    Ask,
    Case,
    Context,
    Finding,
    Refuse,
    Rule,
    Safety,
    Scan,
    Speed,
    Target,
    Triggers,
    ask_target,
    find_scan,
    outlives_call,
    read_target,
)

RULE = Rule(
    slug="first-match",
    title="Registered elements asked one by one",
    family="containers",
    safety=Safety.ADVICE,
    speed=Speed.ASYMPTOTIC,
    triggers=Triggers(nodes=frozenset({ast.For})),
    asks=frozenset({Ask.TYPES, Ask.LENGTH, Ask.SHARE}),
)

_FEW = 16
"""Elements up to which asking them all is not reported, if their number was seen."""
_GROWING = frozenset({"append", "extend", "insert"})


def detect(context: Context) -> Iterator[Finding]:
    """Yield each hot loop that asks the elements of a growing list until one answers."""
    if not context.measured:
        return
    for loop in context.nodes(ast.For):
        scan = find_scan(context, loop, by_identity=True)
        if scan is not None:
            yield _advise(context, scan)
            continue
        target = read_target(context, loop.iter) if isinstance(loop.iter, ast.Attribute) else None
        if target is None or not isinstance(loop.target, ast.Name) or not outlives_call(context, target):
            continue
        asked = _find_call(loop, loop.target.id)
        if asked is None or not _is_same_for_all(context, loop, asked) or not _is_registered(context, target):
            continue
        yield context.finding(
            loop,
            f"Every element of {target.text} is asked by {ast.unparse(asked.func)}() until one answers: keep a dict"
            " from what decides to the elements that it admits, and ask only those.",
            lines=tuple(range(loop.lineno, (asked.end_lineno or asked.lineno) + 1)),
            questions=(*ask_target(context, target, ("builtins.list",), _FEW + 1), context.ask_cost(loop)),
        )


def _advise(context: Context, scan: Scan) -> Finding:
    lines = tuple(range(scan.loop.iter.lineno, (scan.test.end_lineno or scan.test.lineno) + 1))
    return context.finding(
        scan.test,
        f"{scan.target.text} is searched from the start for {ast.unparse(scan.probe)} itself: keep a dict of it by id()"
        ", or the position or the neighbours of each element in the element, changed together with it.",
        lines=lines,
        questions=(
            *ask_target(context, scan.target, ("builtins.list", "builtins.tuple"), _FEW + 1),
            context.ask_lines(Ask.SHARE, lines, needed=True),
        ),
    )


def _find_call(loop: ast.For, element: str) -> ast.Call | None:
    """Return the call by which a loop asks an element, and returns if it answers."""
    match loop.body:
        case [ast.Assign(targets=[answer], value=value), ast.If(test=test, body=[*_, ast.Return()]), *_]:
            names = {part.id for part in ast.walk(answer) if isinstance(part, ast.Name)}
            if names.isdisjoint(part.id for part in ast.walk(test) if isinstance(part, ast.Name)):
                return None
        case [ast.If(test=value, body=[*_, ast.Return()], orelse=[])]:
            pass
        case _:
            return None
    match value.value if isinstance(value, ast.Await) else value:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name)), args=[_, *_]) as call if name == element:
            return call
        case _:
            return None


def _is_same_for_all(context: Context, loop: ast.For, call: ast.Call) -> bool:
    """Return whether the loop passes the same arguments to every element."""
    given = (*call.args, *(keyword.value for keyword in call.keywords))
    changed = context.written_in(loop) | context.names_in(loop.target)
    return all(changed.isdisjoint(context.names_in(one)) for one in given)


def _is_registered(context: Context, target: Target) -> bool:
    """Return whether the file adds to the list in a function that may be called any number of times."""
    if not isinstance(target.node, ast.Attribute):
        return False
    for one, _ in context.facts.attributes(target.node.attr):
        method = context.facts.parent(one)
        if isinstance(method, ast.Attribute) and method.attr in _GROWING:
            return not context.scope_of(one).qualified_name.endswith("__init__")
    return False


CASES = (
    Case(
        name="routes by their first part",
        before="""
class Route:
    def __init__(self, path):
        self.path = path
    def resolve(self, path):
        return self if path.startswith(self.path) else None
class Router:
    def __init__(self):
        self._routes = []
    def add(self, path):
        self._routes.append(Route(path))
    def find(self, path):
        for route in self._routes:
            found = route.resolve(path)
            if found is not None:
                return found.path
        return None
def run(paths, wanted):
    router = Router()
    for path in paths:
        router.add(path)
    return [router.find(path) for path in wanted]
""",
        after="""
class Route:
    def __init__(self, path):
        self.path = path
    def resolve(self, path):
        return self if path.startswith(self.path) else None
class Router:
    def __init__(self):
        self._routes = {}
    def add(self, path):
        self._routes.setdefault(path.split("/")[1], []).append(Route(path))
    def find(self, path):
        for route in self._routes.get(path.split("/")[1], ()):
            found = route.resolve(path)
            if found is not None:
                return found.path
        return None
def run(paths, wanted):
    router = Router()
    for path in paths:
        router.add(path)
    return [router.find(path) for path in wanted]
""",
        call="run",
        inputs=("(['/a/', '/b/', '/a/c/'], ['/b/x', '/a/c/d', '/d/'])", "([], ['/a'])"),
        hot=True,
    ),
)

_CLASS = "class A:\n    def __init__(self):\n        self.xs = []\n    def add(self, x):\n        self.xs.append(x)\n"
ADVISE = (
    Advise("one object sought, with its position",
           f"{_CLASS}    def index(self, wanted):\n        for at, x in enumerate(self.xs):\n"
           "            if x is wanted:\n                return at\n        raise ValueError\n"),
)  # fmt: skip

REFUSE = (
    Refuse("one without a value sought",
           f"{_CLASS}    def free(self):\n        for at, x in enumerate(self.xs):\n            if x is None:\n"
           "                return at\n"),
    Refuse("a mark of the module sought",
           f"UNSET = object()\n{_CLASS}    def free(self):\n        for at, x in enumerate(self.xs):\n"
           "            if x is UNSET:\n                return at\n"),
    Refuse("all are asked", f"{_CLASS}    def f(self, k):\n        for x in self.xs:\n            x.notify(k)\n"),
    Refuse("nothing is passed",
           f"{_CLASS}    def f(self):\n        for x in self.xs:\n            if x.ready():\n"
           "                return x\n"),
    Refuse("another thing is passed to each",
           f"{_CLASS}    def f(self, k):\n        for x in self.xs:\n            if x.fits(x.n + k):\n"
           "                return x\n"),
    Refuse("a fixed list",
           "class A:\n    def __init__(self):\n        self.xs = [1, 2]\n        self.ys = []\n"
           "        self.ys.append(1)\n    def f(self, k):\n        for x in self.xs:\n            if x.fits(k):\n"
           "                return x\n"),
    Refuse("a local list",
           "def f(ks):\n    xs = []\n    xs.append(ks)\n    for x in xs:\n        if x.fits(ks):\n"
           "            return x\n"),
)  # fmt: skip

BENCH = None
