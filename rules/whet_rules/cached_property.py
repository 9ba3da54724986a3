"""Cache a property whose inputs never change.

## What
A `@property`, or a method without arguments, that iterates over data of its object and is read many times per object,
while everything that it reads is set once, in `__init__`: `functools.cached_property` computes it on first access and
keeps the result.

## Why
A property looks like an attribute but is a function call. Every access pays for its body.

## When not
Where something that it reads may change later, in the object or in what it holds; where the class has `__slots__`
(`cached_property` needs the instance's `__dict__`); where memory is short. Every reader gets the same object: none of
them may modify it. Unlike a property, the attribute can then be set on the instance.

## Source
The documentation of `functools.cached_property`. The figures in `RULE` are measured with `BENCH`: a sum of as many
numbers.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import (
    Advise,
    Ask,
    Bench,
    BindingKind,
    Case,
    Context,
    Finding,
    Place,
    Refuse,
    Rule,
    Safety,
    ScopeKind,
    Speed,
    Triggers,
    Use,
)

RULE = Rule(
    slug="cached-property",
    title="Property recomputed on every access",
    family="hoisting",
    safety=Safety.ADVICE,
    speed=Speed.ASYMPTOTIC,
    saves_calls=True,
    triggers=Triggers(nodes=frozenset({ast.Return})),
    asks=frozenset({Ask.RUNS}),
    figures={
        "3.11": {10: 5.5, 100: 22.0, 1000: 160.0},
        "3.12": {10: 4.3, 100: 19.0, 1000: 230.0},
        "3.13": {10: 3.9, 100: 18.0, 1000: 230.0},
        "3.14": {10: 3.6, 100: 14.0, 1000: 150.0},
    },
)

_PURE = frozenset(
    f"builtins.{name}"
    for name in (
        *("abs", "all", "any", "dict", "divmod", "enumerate", "float", "frozenset", "int", "isinstance", "len", "list"),
        *("max", "min", "range", "reversed", "round", "set", "sorted", "str", "sum", "tuple", "zip"),
    )
)
_PURE_METHODS = frozenset(
    (
        *("count", "endswith", "get", "index", "items", "join", "keys", "lower", "replace", "split", "startswith"),
        *("strip", "upper", "values", "format", "encode", "decode", "union", "intersection", "difference"),
    )
)
_READING = frozenset({Use.BIND, Use.TEST, Use.ITERATE, Use.READ})
_READS = 5
"""Reads per object from which caching the result outweighs the dictionary entry."""


def detect(context: Context) -> Iterator[Finding]:
    """Yield the function if it is a hot property that iterates over data which is set once."""
    node, owner = context.function.node, context.function.parent
    if not context.measured or not isinstance(node, ast.FunctionDef) or owner is None:
        return
    if owner.kind is not ScopeKind.CLASS or not isinstance(owner.node, ast.ClassDef) or len(node.args.args) != 1:
        return
    decorators = [context.resolve(decorator) for decorator in node.decorator_list]
    is_method = not decorators and not node.name.startswith("__")
    if (decorators != ["builtins.property"] and not is_method) or node.args.kwonlyargs or node.args.kwarg:
        return
    if "__slots__" in owner.bindings or len(owner.bindings.get(node.name, ())) != 1:
        return
    maker = next((s for s in owner.node.body if isinstance(s, ast.FunctionDef) and s.name == "__init__"), None)
    if maker is None or not _goes_through_something(context) or not _is_settled(context, node, maker):
        return
    last = node.body[-1]
    when = (
        f"{node.name}() is computed again by every call" if is_method else f"{node.name} is recomputed on every access"
    )
    yield context.finding(
        last,
        f"{when}, and everything that it reads is set once in __init__: cache it with functools.cached_property"
        f"{', and read it as an attribute' if is_method else ''}. Nothing may modify what it read, or the object it"
        " returns.",
        lines=tuple(range(node.body[0].lineno, (last.end_lineno or last.lineno) + 1)),
        questions=(context.ask_lines(Ask.RUNS, (node.lineno,), of=(maker.lineno,), least=_READS, needed=True),),
    )


def _goes_through_something(context: Context) -> bool:
    kinds = (ast.For, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    through = {"builtins.sum", "builtins.sorted", "builtins.max", "builtins.min"}
    return any(kind in context.function.nodes for kind in kinds) or any(
        context.resolve(call.func) in through for call in context.nodes(ast.Call)
    )


def _is_settled(context: Context, node: ast.FunctionDef, maker: ast.FunctionDef) -> bool:
    """Return whether the body makes no unknown call and reads only its own locals and attributes set in `maker`."""
    for part in (part for statement in node.body for part in ast.walk(statement)):
        match part:
            case ast.Await() | ast.Yield() | ast.YieldFrom() | ast.Global() | ast.Nonlocal() | ast.Lambda():
                return False
            case ast.Call(func=function) if not _is_pure_call(context, function):
                return False
            case ast.Attribute(value=ast.Name() as base) if context.facts.class_of_self(base) is not None:
                place = context.place(part)
                called = isinstance(above := context.facts.parent(part), ast.Call) and above.func is part
                if called or place is None or not _is_set_once(context, place, maker):
                    return False
            case ast.Attribute(ctx=ast.Store()) | ast.Subscript(ctx=ast.Store()) | ast.Delete():
                return False
            case ast.Name(ctx=ast.Load()) if not _is_known(context, part):
                return False
    return True


def _is_pure_call(context: Context, function: ast.expr) -> bool:
    name = context.resolve(function) or ""
    if name in _PURE or name.startswith("math."):
        return True
    return not name and isinstance(function, ast.Attribute) and function.attr in _PURE_METHODS


def _is_known(context: Context, name: ast.Name) -> bool:
    """Return whether a name is a local, `self` before an attribute access, a builtin or a constant."""
    if context.facts.class_of_self(name) is not None:
        return isinstance(context.facts.parent(name), ast.Attribute)
    scope = context.facts.lookup(name)
    local = scope is not None and scope.owner is context.function
    return local or context.resolve(name) is not None or context.constant(name) is not None


def _is_set_once(context: Context, place: Place, maker: ast.FunctionDef) -> bool:
    """Return whether an attribute is bound once, in `maker`, and nothing in the file modifies the object it holds."""
    bound = [binding for binding in place.bindings if binding.kind is not BindingKind.DECLARED]
    if len(bound) != 1 or not context.is_inside(bound[0].node, maker):
        return False
    foreign = any(context.use(stranger) not in _READING - {Use.BIND} for stranger in place.strangers)
    return not foreign and all(
        context.use(reference) in _READING or isinstance(context.facts.parent(reference), ast.Return)
        for reference in place.references
    )


CASES = (
    Case(
        name="the total of an order, read for each comparison",
        before="""
class Order:
    def __init__(self, prices):
        self.prices = tuple(prices)

    @property
    def total(self):
        return sum(price for price in self.prices if price > 0)

def highest(rows):
    orders = [Order(row) for row in rows]
    best = orders[0]
    for order in orders:
        if order.total > best.total:
            best = order
    return len(best.prices), best.total
""",
        after="""
from functools import cached_property

class Order:
    def __init__(self, prices):
        self.prices = tuple(prices)

    @cached_property
    def total(self):
        return sum(price for price in self.prices if price > 0)

def highest(rows):
    orders = [Order(row) for row in rows]
    best = orders[0]
    for order in orders:
        if order.total > best.total:
            best = order
    return len(best.prices), best.total
""",
        call="highest",
        inputs=("([[1, 2], [5, -9], []],)", "([[]],)", "([],)"),
        hot=True,
    ),
)

_CLASS = "class A:\n    def __init__(self, xs):\n        self.xs = list(xs)\n"
ADVISE = (
    Advise("a method without arguments",
           f"{_CLASS}    def total(self):\n        return sum(self.xs)\ndef f(a, ys):\n"
           "    return [y / a.total() for y in ys]\n"),
)  # fmt: skip

REFUSE = (
    Refuse("a method with an argument", f"{_CLASS}    def total(self, n=1):\n        return sum(self.xs) * n\n"),
    Refuse("a method that Python calls", f"{_CLASS}    def __bool__(self):\n        return any(x for x in self.xs)\n"),
    Refuse("what it reads grows later",
           f"{_CLASS}    def add(self, x):\n        self.xs.append(x)\n    @property\n    def total(self):\n"
           "        return sum(self.xs)\n"),
    Refuse("what it reads is set again",
           f"{_CLASS}    def clear(self):\n        self.xs = []\n    @property\n    def total(self):\n"
           "        return sum(self.xs)\n"),
    Refuse("another object changes it",
           f"{_CLASS}    @property\n    def total(self):\n        return sum(self.xs)\ndef grow(a):\n"
           "    a.xs.append(1)\n"),
    Refuse("it only hands over what is there",
           f"{_CLASS}    @property\n    def items(self):\n        return self.xs\n"),
    Refuse("slots have no place to keep it",
           "class A:\n    __slots__ = ('xs',)\n    def __init__(self, xs):\n        self.xs = list(xs)\n"
           "    @property\n    def total(self):\n        return sum(self.xs)\n"),
    Refuse("it can be set",
           f"{_CLASS}    @property\n    def total(self):\n        return sum(self.xs)\n    @total.setter\n"
           "    def total(self, value):\n        pass\n"),
    Refuse("it calls what is not known",
           f"{_CLASS}    @property\n    def total(self):\n        return sum(rate(x) for x in self.xs)\n"),
    Refuse("kept already",
           "from functools import cached_property\n"
           f"{_CLASS}    @cached_property\n    def total(self):\n        return sum(self.xs)\n"),
    Refuse("it reads a global that may change",
           f"RATES = {{}}\n{_CLASS}    @property\n    def total(self):\n"
           "        return sum(RATES[x] for x in self.xs)\n"),
    Refuse("a generator is used up by its first reader",
           f"{_CLASS}    @property\n    def each(self):\n        for x in self.xs:\n            yield x\n"
           "        return\n"),
)  # fmt: skip

BENCH = Bench(
    setup="""
from functools import cached_property

class Plain:
    def __init__(self):
        self.xs = list(range(n))

    @property
    def total(self):
        return sum(self.xs)

class Keeping(Plain):
    @cached_property
    def total(self):
        return sum(self.xs)

plain, keeping = Plain(), Keeping()
""",
    before="plain.total",
    after="keeping.total",
    sizes=(10, 100, 1000),
    size_is="numbers to sum",
)
