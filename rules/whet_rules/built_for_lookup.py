"""Keep a dict, set or list that a property or method builds again for each look-up.

## What
A property or a method without arguments that builds a container from all elements of an attribute,
`return {file.path: file for file in self.files}`, while its users take one thing out of it: `self.by_path[path]`,
`path in self.by_path`, `self.by_path.get(path)`. Build it once, keep it, and drop it where the elements change.

## Why
Each look-up costs as much as going through all elements.

## When not
Where the elements, or what they are keyed by, change outside of the object's methods: what is kept is then not current.
It is advice, on hot lines only. Readers that modify what they get would now modify what is kept.

## Source
The documentation of `functools.cached_property`: "Transform a method of a class into a property whose value is computed
once and then cached as a normal attribute for the life of the instance".
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
    ScopeKind,
    Speed,
    Triggers,
    remember,
)

_BUILDING = frozenset(f"builtins.{name}" for name in ("dict", "frozenset", "list", "set", "sorted", "tuple"))
_LOOKUPS = frozenset({"count", "get", "index"})

RULE = Rule(
    slug="built-for-lookup",
    title="Container built again for each look-up",
    family="hoisting",
    safety=Safety.ADVICE,
    speed=Speed.ASYMPTOTIC,
    saves_calls=True,
    triggers=Triggers(
        nodes=frozenset({ast.Call, ast.DictComp, ast.For, ast.ListComp, ast.SetComp}),
        names=frozenset(name.rpartition(".")[2] for name in _BUILDING),
    ),
    asks=frozenset({Ask.SHARE}),
)


def detect(context: Context) -> Iterator[Finding]:
    """Yield the function if it builds a container of an attribute's elements, which the file uses for look-ups."""
    node, owner = context.function.node, context.function.parent
    if not context.measured or not isinstance(node, ast.FunctionDef) or owner is None:
        return
    spec = node.args
    if owner.kind is not ScopeKind.CLASS or len(spec.args) != 1 or spec.vararg or spec.kwarg or spec.kwonlyargs:
        return
    decorators = [context.resolve(decorator) for decorator in node.decorator_list]
    if decorators not in ([], ["builtins.property"]):
        return
    returns = [statement for statement in context.nodes(ast.Return) if statement.value is not None]
    if len(returns) != 1 or not _is_built(context, returns[0].value):
        return
    called = not decorators
    reads = context.facts.attributes(node.name)
    key = ("looked up", node.name, called)
    if not remember(context, key, lambda: any(_is_lookup(context, one, called=called) for one, _ in reads)):
        return
    last = returns[0]
    yield context.finding(
        last,
        f"{node.name} builds a container of all elements, and what reads it takes one thing out: build it once, keep "
        "it on the object, and drop it where the elements change.",
        lines=tuple(range(node.body[0].lineno, (last.end_lineno or last.lineno) + 1)),
        questions=(context.ask_cost(last),),
    )


def _is_built(context: Context, value: ast.expr | None) -> bool:
    """Return whether a value is a container, built from the elements of an attribute of ``self``."""
    match value:
        case ast.ListComp(generators=[first, *_]) | ast.SetComp(generators=[first, *_]):
            over = first.iter
        case ast.DictComp(generators=[first, *_]):
            over = first.iter
        case ast.Call(func=function, args=[ast.GeneratorExp(generators=[first, *_])]):
            if context.resolve(function) not in _BUILDING:
                return False
            over = first.iter
        case ast.Call(func=ast.Attribute(value=ast.Name() as base, attr=method), args=[_, *_] as given) if (
            context.facts.class_of_self(base) is not None
        ):
            return _makes_container(context, base, method) and all(_is_own(context, each) for each in given)
        case ast.Call(func=function, args=[inner], keywords=_):
            return context.resolve(function) in _BUILDING and _is_own(context, inner)
        case ast.Name():
            binding = context.facts.only_binding(value)
            filled = binding is not None and isinstance(binding.value, ast.Dict | ast.List | ast.Call)
            return filled and any(_is_own(context, loop.iter) for loop in context.nodes(ast.For))
        case _:
            return False
    return _is_own(context, over)


def _makes_container(context: Context, base: ast.Name, method: str) -> bool:
    """Return whether a method of the same class returns a container that it makes from its arguments."""
    owner = context.facts.class_of_self(base)
    bodies = [part for part in getattr(owner and owner.node, "body", ()) if isinstance(part, ast.FunctionDef)]
    returned = [
        part.value
        for function in bodies
        if function.name == method
        for part in ast.walk(function)
        if isinstance(part, ast.Return)
    ]
    return bool(returned) and all(value is not None and _is_new(context, value) for value in returned)


def _is_new(context: Context, value: ast.expr) -> bool:
    match value:
        case ast.ListComp() | ast.SetComp() | ast.DictComp():
            return True
        case ast.Call(func=function, args=[_, *_]):
            return context.resolve(function) in _BUILDING
        case ast.BinOp(left=left, op=ast.Add() | ast.BitOr(), right=right):
            return _is_new(context, left) or _is_new(context, right)
        case _:
            return False


def _is_own(context: Context, node: ast.expr) -> bool:
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
        node = node.func.value
    return (isinstance(node, ast.Attribute) and context.facts.class_of_self(node.value) is not None) or (
        isinstance(node, ast.Name) and context.facts.class_of_self(node) is not None
    )


def _is_lookup(context: Context, read: ast.Attribute, *, called: bool) -> bool:
    """Return whether one thing is taken out of what is read, or a loop reads it in each iteration."""
    node: ast.expr = read
    above = context.facts.parent(node)
    if called:
        if not isinstance(above, ast.Call) or above.func is not node:
            return False
        node, above = above, context.facts.parent(above)
    if isinstance(above, ast.Assign) and called:
        return _is_kept_for_lookup(context, above)
    return _takes_one(context, node, above)


def _is_kept_for_lookup(context: Context, statement: ast.Assign) -> bool:
    """Return whether a local holds what was built, for look-ups that no loop repeats."""
    match statement.targets:
        case [ast.Name() as name]:
            owner = context.facts.lookup(name)
        case _:
            return False
    if owner is None or owner.kind is not ScopeKind.FUNCTION:
        return False
    reads = [one for one in context.facts.references(name.id, owner) if isinstance(one.ctx, ast.Load)]
    return bool(reads) and all(
        _takes_one(context, one, context.facts.parent(one)) and not context.facts.loops(one) for one in reads
    )


def _takes_one(context: Context, node: ast.expr, above: ast.AST | None) -> bool:
    match above:
        case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[container]):
            return container is node
        case ast.Subscript(value=value, ctx=ast.Load(), slice=index):
            return value is node and not isinstance(index, ast.Slice)
        case ast.Attribute(attr=name):
            return name in _LOOKUPS and isinstance(context.facts.parent(above), ast.Call)
        case _:
            return False


CASES = (
    Case(
        name="files by their path",
        before="""
class Files:
    def __init__(self, names):
        self.names = list(names)
    @property
    def by_stem(self):
        return {name.partition(".")[0]: name for name in self.names}
    def find(self, stem):
        return self.by_stem.get(stem)
def run(names, stems):
    files = Files(names)
    return [files.find(stem) for stem in stems]
""",
        after="""
class Files:
    def __init__(self, names):
        self.names = list(names)
        self._by_stem = None
    @property
    def by_stem(self):
        if self._by_stem is None:
            self._by_stem = {name.partition(".")[0]: name for name in self.names}
        return self._by_stem
    def find(self, stem):
        return self.by_stem.get(stem)
def run(names, stems):
    files = Files(names)
    return [files.find(stem) for stem in stems]
""",
        call="run",
        inputs=("(['a.py', 'b.py'], ['b', 'c'])", "([], [])"),
        hot=True,
    ),
)

_CLASS = "class A:\n    def __init__(self, xs):\n        self.xs = list(xs)\n"
ADVISE = (
    Advise("built by another method, kept in a local",
           "class A:\n    def __init__(self, file):\n        self.file = file\n    @classmethod\n"
           "    def add(cls, names):\n        return names + list(map(str.upper, names))\n    def names(self):\n"
           "        return self.add(self.file.namelist())\n    def f(self, name):\n        names = self.names()\n"
           "        return name if name in names else name + '/' in names\n"),
)  # fmt: skip

REFUSE = (
    Refuse("built once, for a loop of look-ups",
           f"{_CLASS}    def names(self):\n        return {{x.name for x in self.xs}}\n    def f(self, rows):\n"
           "        names = self.names()\n        return [row for row in rows if row in names]\n"),
    Refuse("another method gives what it keeps",
           f"{_CLASS}    def kept(self, xs):\n        return xs\n    def names(self):\n"
           "        return self.kept(self.xs)\n    def f(self, n):\n        return n in self.names()\n"),
    Refuse("all of it is used",
           f"{_CLASS}    def names(self):\n        return [x.name for x in self.xs]\n    def show(self):\n"
           "        for name in self.names():\n            print(name)\n"),
    Refuse("it depends on an argument",
           f"{_CLASS}    def names(self, end):\n        return [x.name + end for x in self.xs]\n    def f(self, n):\n"
           "        return n in self.names('x')\n"),
    Refuse("kept already",
           "from functools import cached_property\n"
           f"{_CLASS}    @cached_property\n    def names(self):\n        return [x.name for x in self.xs]\n"
           "    def f(self, n):\n        return n in self.names\n"),
    Refuse("nothing is built", f"{_CLASS}    @property\n    def names(self):\n        return self.xs\n"
           "    def f(self, n):\n        return n in self.names\n"),
)  # fmt: skip

BENCH = None
