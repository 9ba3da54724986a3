"""Give classes with many small instances `__slots__`.

## What
A class without bases whose attributes are all assigned through `self`, and whose `__init__` is measured hot: add
`__slots__ = ("x", "y")`. A dataclass that the same file instantiates in a hot loop: `@dataclass(slots=True)`. A class
of another file of which a list was observed to hold many instances: advice only.

## Why
Without slots each instance reserves space for a `__dict__`, and has one of its own if its attributes are not all set in
the same order. With slots it holds only its values: an instance with three attributes takes 56 bytes instead of 96 (88
on 3.12). Creating it is also a little faster on most interpreters.

## When not
CPython 3.13 stores the values of plain objects inline: there slots save memory, but creating an instance takes
longer than without.

An instance with slots accepts no other attributes: code elsewhere that sets one, tests that patch a method of an
instance, `vars`, `cached_property`, weak references and unpickling of older pickles fail. A subclass without slots
gains nothing; a class with several slotted bases cannot be created: classes that call `super` or methods they do not
have are left alone.

## Source
The reference of the data model, `__slots__`: "the space saved over using __dict__ can be significant; attribute lookup
speed can be significantly improved as well". The figures in `RULE` are measured with `BENCH`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterator

from whet.engine.api import (
    Ask,
    Bench,
    Case,
    Context,
    Finding,
    Frees,
    Refuse,
    Rewrite,
    Rule,
    Safety,
    ScopeKind,
    Speed,
    Triggers,
)

RULE = Rule(
    slug="slots",
    title="Many small objects without __slots__",
    family="memory",
    safety=Safety.OFFER,
    speed=Speed.CONSTANT,
    triggers=Triggers(nodes=frozenset({ast.Attribute, ast.Call})),
    asks=frozenset({Ask.LENGTH, Ask.ELEMENTS, Ask.SHARE}),
    figures={
        "3.11": {1000: 1.1, 10000: 1.3},
        "3.12": {1000: 1.1, 10000: 1.1},
        "3.13": {1000: 0.73, 10000: 0.75},
        "3.14": {1000: 1.1, 10000: 1.1},
    },
)

_OPEN = frozenset(
    (
        *("__dict__", "vars", "setattr", "__setattr__", "delattr", "weakref", "WeakSet", "WeakKeyDictionary"),
        *("WeakValueDictionary", "cached_property", "__class__", "__getstate__", "__setstate__", "__reduce__"),
        *("__reduce_ex__", "__weakref__", "__slots__"),
        *("cloudpickle", "dill", "joblib", "pickle", "shelve"),
    )
)
"""Names in a file which show that its objects may be accessed other than by attribute, or come from older pickles."""

_HEAVY = (ast.For, ast.While, ast.With, ast.Try, ast.TryStar, ast.ListComp, ast.DictComp, ast.SetComp,
          ast.GeneratorExp, ast.Import)  # fmt: skip


def detect(context: Context) -> Iterator[Finding]:
    """Yield the class whose constructor is hot, and dataclasses that a hot function instantiates in a loop."""
    if not context.measured or context.facts.module.star_import:
        return
    if context.function.kind is ScopeKind.FUNCTION:
        yield from _examine_kept(context)
    if not _OPEN.isdisjoint(context.facts.words):
        return
    node = context.function.node
    if isinstance(node, ast.FunctionDef) and node.name == "__init__":
        yield from _examine_class(context, node)
    elif context.function.kind is ScopeKind.FUNCTION:
        made: dict[str, tuple[ast.ClassDef, ast.Call]] = {}
        for call in context.nodes(ast.Call):
            if isinstance(call.func, ast.Name):
                binding = context.facts.only_binding(call.func)
                if binding is not None and isinstance(binding.node, ast.ClassDef) and context.loops(call):
                    made.setdefault(binding.node.name, (binding.node, call))
        for record, call in made.values():
            yield from _examine_dataclass(context, record, call)


def _examine_class(context: Context, constructor: ast.FunctionDef) -> Iterator[Finding]:
    parent = context.function.parent
    record = parent.node if parent is not None else None
    if not isinstance(record, ast.ClassDef) or record.decorator_list or not _is_plain(context, record):
        return
    if not _is_light(context):
        return
    names = _find_attributes(context, record)
    bound = parent.bindings.keys() if parent is not None else ()
    if not names or any(name in bound or _is_special(name) for name in names):
        return
    if _is_set_elsewhere(context, record, names) or _is_mixin(context, record, {*names, *bound}):
        return
    first = constructor.body[0]
    lines = tuple(range(first.lineno, (constructor.end_lineno or first.lineno) + 1))
    yield context.finding(
        first,
        f"Instances of {record.name} hold {len(names)} values each, and many are created: "
        f"with __slots__ they need no __dict__. They then accept no other attributes, and {_WARNING}.",
        lines=lines,
        questions=(context.ask_lines(Ask.SHARE, lines, needed=True),),
        rewrite=_add_slots(context, record, names),
        frees=_free(context, record.name),
    )


def _free(context: Context, name: str) -> Frees:
    """Return what each instance needs less, as measured for up to six attributes; for more it is more."""
    return Frees(32 if context.python == (3, 12) else 40, name)


_WARNING = "no weak references, which nothing in this file sets or makes; existing pickles cannot be loaded"


def _examine_kept(context: Context) -> Iterator[Finding]:
    """Yield each class of another file of which a loop creates instances and keeps them all in a list."""
    seen: set[str] = set()
    for call in context.nodes(ast.Call):
        match context.facts.parent(call):
            case ast.Call(func=ast.Attribute(value=ast.Name() | ast.Attribute() as kept, attr="append"), args=[_]):
                pass
            case _:
                continue
        name = context.resolve(call.func) or ""
        module, _, last = name.rpartition(".")
        if not last[:1].isupper() or module.partition(".")[0] in sys.stdlib_module_names | {"builtins", ""}:
            continue
        place = context.place(kept)
        if place is None or name in seen or not context.loops(call):
            continue
        seen.add(name)
        yield context.finding(
            call,
            f"{place.name} keeps each {last} that is created here. If the class has no __slots__ yet, they save the "
            "space for a __dict__ in each: about 40 bytes, and the time to create it on most interpreters.",
            safety=Safety.ADVICE,
            questions=(
                context.ask(place, Ask.LENGTH, at_least=_MANY, needed=True),
                context.ask(place, Ask.ELEMENTS, expects=(name,), needed=True),
            ),
            frees=_free(context, last),
        )


_MANY = 10_000
"""Number of objects in a list from which the space for their dicts is worth reporting."""


def _examine_dataclass(context: Context, record: ast.ClassDef, call: ast.Call) -> Iterator[Finding]:
    match record.decorator_list:
        case [decorator]:
            pass
        case _:
            return
    maker = decorator.func if isinstance(decorator, ast.Call) else decorator
    if context.resolve(maker) != "dataclasses.dataclass" or not _is_plain(context, record):
        return
    if isinstance(decorator, ast.Call) and any(keyword.arg in ("slots", None) for keyword in decorator.keywords):
        return
    fields = [
        part.target.id for part in record.body if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
    ]
    extra = set(_find_attributes(context, record)) - set(fields)
    # A class with slots is created a second time: references to the first by an implicit super() would break.
    if not fields or extra or _is_set_elsewhere(context, record, fields) or _names_class(record):
        return
    rewrite = context.rewrite()
    if not isinstance(decorator, ast.Call):
        rewrite.replace(decorator, f"{rewrite.text(decorator)}(slots=True)")
    elif decorator.args or decorator.keywords:
        last = decorator.keywords[-1] if decorator.keywords else decorator.args[-1]
        rewrite.add_argument(decorator, last, "slots=True")
    else:
        rewrite.replace(decorator, f"{rewrite.text(decorator.func)}(slots=True)")
    yield context.finding(
        call,
        f"A {record.name} is created in every iteration: with slots=True its instances need no __dict__. "
        f"They then accept no other attributes, and {_WARNING}.",
        rewrite=rewrite,
        frees=_free(context, record.name),
    )


def _is_light(context: Context) -> bool:
    """Return whether a constructor does nothing that may be hot in itself: then it is hot because of its calls."""
    if sum(1 for _ in context.nodes(ast.Call)) > 2:
        return False
    return all(next(context.nodes(kind), None) is None for kind in _HEAVY)


def _is_plain(context: Context, record: ast.ClassDef) -> bool:
    """Return whether a class is defined in the module itself, without bases or metaclass, and has no subclass here."""
    object_only = all(context.resolve(base) == "builtins.object" for base in record.bases)
    if not object_only or record.keywords or getattr(record, "type_params", None):
        return False
    if context.facts.parent(record) is not context.tree:
        return False
    bindings = context.facts.module.bindings.get(record.name, [])
    if len(bindings) != 1:
        return False
    if any(isinstance(part, ast.FunctionDef) and part.name in _OPEN for part in record.body):
        return False
    names = context.facts.references(record.name, context.facts.module)
    return not any(isinstance(context.facts.parent(name), ast.ClassDef) for name in names)


def _find_attributes(context: Context, record: ast.ClassDef) -> tuple[str, ...]:
    """Return the attributes that the class's methods assign through `self`, in source order."""
    found: dict[str, None] = {}
    for part in ast.walk(record):
        if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store):
            owner = context.facts.class_of_self(part.value)
            if owner is not None and owner.node is record:
                found.setdefault(part.attr)
    return tuple(found)


def _is_set_elsewhere(context: Context, record: ast.ClassDef, names: tuple[str, ...] | list[str]) -> bool:
    """Return whether the file sets an attribute outside ``names`` on an object that may be such an instance."""
    written = context.facts.written_attributes
    return any(not written.get(owner, set()).issubset(names) for owner in (None, record))


def _is_special(name: str) -> bool:
    """Return whether Python itself uses an attribute, such as `__doc__`, which each class has already."""
    return name.startswith("__") and name.endswith("__")


def _is_mixin(context: Context, record: ast.ClassDef, known: Collection[str]) -> bool:
    """Return whether a class without bases is for classes with several: it relies on attributes that it does not set.

    Two such bases with slots cannot be combined.
    """
    for part in ast.walk(record):
        if isinstance(part, ast.Name) and part.id == "super":
            return True
        if isinstance(part, ast.Attribute) and part.attr not in known and not hasattr(object, part.attr):
            owner = context.facts.class_of_self(part.value)
            if owner is not None and owner.node is record:
                return True
    return False


def _names_class(record: ast.ClassDef) -> bool:
    return any(isinstance(part, ast.Name) and part.id == "super" for part in ast.walk(record))


def _add_slots(context: Context, record: ast.ClassDef, names: tuple[str, ...]) -> Rewrite:
    rewrite = context.rewrite()
    line = f"__slots__ = ({', '.join(repr(name) for name in names)}{',' if len(names) == 1 else ''})".replace("'", '"')
    match record.body[0]:
        case ast.Expr(value=ast.Constant(value=str())) as docstring:
            rewrite.insert_after(docstring, f"\n{line}")
        case first:
            rewrite.insert_before(first, f"{line}\n")
    return rewrite


CASES = (
    Case(
        name="a class whose objects are made again and again",
        before='''
class Move:
    """One unit."""

    def __init__(self, sku, minute):
        self.sku = sku
        self.minute = minute
        self.done = False

    def finish(self):
        self.done = True
        return self.sku, self.done

def plan(rows):
    return [Move(*row).finish() for row in rows]
''',
        after='''
class Move:
    """One unit."""

    __slots__ = ("sku", "minute", "done")

    def __init__(self, sku, minute):
        self.sku = sku
        self.minute = minute
        self.done = False

    def finish(self):
        self.done = True
        return self.sku, self.done

def plan(rows):
    return [Move(*row).finish() for row in rows]
''',
        call="plan",
        inputs=("([('a', 1), ('b', 2)],)", "([],)", "([('a',)],)"),
        hot=True,
    ),
    Case(
        name="one attribute, private, set from outside too",
        before="""
class Node(object):
    kind = "node"

    def __init__(self, value):
        self.__value = self.next = value

    def get(self):
        return self.__value, self.kind

def link(values):
    nodes = [Node(value) for value in values]
    for node, other in zip(nodes, nodes[1:]):
        node.next = other
    return [node.get() for node in nodes]
""",
        after="""
class Node(object):
    __slots__ = ("__value", "next")

    kind = "node"

    def __init__(self, value):
        self.__value = self.next = value

    def get(self):
        return self.__value, self.kind

def link(values):
    nodes = [Node(value) for value in values]
    for node, other in zip(nodes, nodes[1:]):
        node.next = other
    return [node.get() for node in nodes]
""",
        call="link",
        inputs=("([1, 2, 3],)", "([],)"),
        hot=True,
    ),
    Case(
        name="a dataclass made in a loop",
        before="""
import dataclasses

@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    y: int = 0

def read(rows):
    points = []
    for row in rows:
        points.append(Point(*row))
    return points
""",
        after="""
import dataclasses

@dataclasses.dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = 0

def read(rows):
    points = []
    for row in rows:
        points.append(Point(*row))
    return points
""",
        call="read",
        inputs=("([(1, 2), (3,)],)", "([],)", "([()],)"),
        hot=True,
    ),
    Case(
        name="a class of another file",
        before="""
import sys
sys.modules["shop"] = type(sys)("shop")
sys.modules["shop"].Move = tuple
from shop import Move

def plan(rows):
    moves = []
    for row in rows:
        moves.append(Move(row))
    return moves
""",
        after="""
def plan(rows):
    return [tuple(row) for row in rows]
""",
        call="plan",
        inputs=("([(1, 2)],)",),
        hot=True,
    ),
)

REFUSE = (
    Refuse("a class of the standard library",
           "from decimal import Decimal\ndef f(xs):\n    out = []\n    for x in xs:\n        out.append(Decimal(x))\n"),
    Refuse("objects that are not kept", "from shop import Move\ndef f(xs):\n    for x in xs:\n        Move(x).run()\n"),
    Refuse("a base may have a dict", "class A(B):\n    def __init__(self):\n        self.x = 1\n"),
    Refuse("an attribute that each class has",
           "class A:\n    def __init__(self, text):\n        self.__doc__ = text\n"),
    Refuse("a mixin: another base has what it calls",
           "class A:\n    def __init__(self):\n        self.depth = 0\n    def open(self, x):\n"
           "        self.depth += 1\n        self.push(x)\n"),
    Refuse("a mixin: another base is to be initialized",
           "class A:\n    def __init__(self):\n        self.depth = 0\n        super().__init__()\n"),
    Refuse("it has slots", "class A:\n    __slots__ = ('x',)\n    def __init__(self):\n        self.x = 1\n"),
    Refuse("a default of the class has the name of a slot",
           "class A:\n    x = 0\n    def __init__(self, x):\n        if x:\n            self.x = x\n"),
    Refuse("an attribute is set from outside",
           "class A:\n    def __init__(self):\n        self.x = 1\ndef f():\n    a = A()\n    a.y = 2\n    return a\n"),
    Refuse("its dict is asked for",
           "class A:\n    def __init__(self):\n        self.x = 1\ndef f(a):\n    return vars(a), a.__dict__\n"),
    Refuse("attributes are set by text",
           "class A:\n    def __init__(self, **kw):\n        self.x = 1\n        for k in kw:\n"
           "            setattr(self, k, kw[k])\n"),
    Refuse("a weak reference is made",
           "import weakref\nclass A:\n    def __init__(self):\n        self.x = 1\ndef f():\n    weakref.ref(A())\n"),
    Refuse("a cached property needs the dict",
           "from functools import cached_property\nclass A:\n    def __init__(self):\n        self.x = 1\n"
           "    @cached_property\n    def y(self):\n        return 1\n"),
    Refuse("a subclass in the file",
           "class A:\n    def __init__(self):\n        self.x = 1\nclass B(A):\n    pass\n"),
    Refuse("its constructor is hot for the work that it does",
           "class A:\n    def __init__(self, xs):\n        self.x = [x * x for x in xs]\n"),
    Refuse("a metaclass", "class A(metaclass=M):\n    def __init__(self):\n        self.x = 1\n"),
    Refuse("a decorator makes something else of it",
           "@register\nclass A:\n    def __init__(self):\n        self.x = 1\n"),
    Refuse("a property with a setter of the same name",
           "class A:\n    def __init__(self):\n        self.x = 1\n    @property\n    def x(self):\n        return 1\n"
           "    @x.setter\n    def x(self, value):\n        pass\n"),
    Refuse("the file loads pickles, which may be older",
           "import pickle\nclass A:\n    def __init__(self):\n        self.x = 1\ndef load(path):\n"
           "    return pickle.load(path.open('rb'))\n"),
    Refuse("its pickles are made by hand",
           "class A:\n    def __init__(self):\n        self.x = 1\n    def __getstate__(self):\n        return {}\n"),
    Refuse("a dataclass with slots",
           "from dataclasses import dataclass\n@dataclass(slots=True)\nclass A:\n    x: int\n"
           "def f(xs):\n    return [A(x) for x in xs]\n"),
    Refuse("a dataclass that is made a second time would lose its super",
           "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\n    def __repr__(self):\n"
           "        return super().__repr__()\ndef f(xs):\n    return [A(x) for x in xs]\n"),
)  # fmt: skip

BENCH = Bench(
    setup="body = '\\n    def __init__(self, a, b, c):\\n        self.a, self.b, self.c = a, b, c\\n'\nnames = {}\n"
    'exec(\'class Plain:\' + body, names)\nexec(\'class Slotted:\\n    __slots__ = ("a", "b", "c")\' + body, names)\n'
    "Plain, Slotted = names['Plain'], names['Slotted']",
    before="len([Plain(i, i, i) for i in range(n)])",
    after="len([Slotted(i, i, i) for i in range(n)])",
    sizes=(1000, 10_000),
    size_is="live objects",
)
