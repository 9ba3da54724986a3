"""Avoid the recursive copy of `dataclasses.asdict` where a shallow dict will do.

## What
`dataclasses.asdict(x)` in a loop or in a hot function. If the dict is only passed to `json.dumps`, let `json.dumps`
fetch the attributes itself: `json.dumps(x, default=vars)`. If the class is defined in the same file and all its fields
are plain values, write the dict out. Elsewhere, on hot lines, `vars(x).copy()`: a shallow dict of the attributes.

## Why
`asdict` iterates over the fields in Python code, copies lists and dicts recursively, and passes every other value to
`copy.deepcopy`.

## When not
Where the result is modified and the object must not change. `vars` returns what the object holds now: it includes
attributes that are not fields, and a class with `__slots__` has no `__dict__`. A dict that is written out has the
fields of the class that the source names: an object of a subclass has more. Then `asdict` stays if the file has a
subclass. A value that JSON cannot encode and that has attributes (an enum member) raises with `asdict` and may not with
`default=vars`.

## Source
The documentation of `dataclasses.asdict`, which names a shallow copy as the alternative. The figures in `RULE` are
measured with `BENCH`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import (
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
)

RULE = Rule(
    slug="asdict",
    title="dataclasses.asdict() copies recursively",
    family="hoisting",
    safety=Safety.OFFER,
    speed=Speed.FACTOR,
    triggers=Triggers(
        nodes=frozenset({ast.Call}),
        imports=frozenset({"dataclasses", "dataclasses.asdict"}),
        words=frozenset({"asdict"}),
    ),
    figures={
        "3.11": {1: 2.5, 10: 4.2, 100: 5.3},
        "3.12": {1: 1.7, 10: 2.6, 100: 3.2},
        "3.13": {1: 1.5, 10: 2.3, 100: 2.9},
        "3.14": {1: 1.5, 10: 2.3, 100: 3.1},
    },
)

_PLAIN = frozenset({"str", "bytes", "int", "float", "bool", "complex", "None"})


def detect(context: Context) -> Iterator[Finding]:
    """Yield each repeated call of `asdict`."""
    for call in context.nodes(ast.Call):
        match call:
            case ast.Call(args=[ast.expr() as given], keywords=[]) if not isinstance(given, ast.Starred):
                pass
            case _:
                continue
        if context.resolve(call.func) != "dataclasses.asdict" or not _is_repeated(context, call):
            continue
        dump = _find_dump(context, call)
        fields = _find_fields(context, given)
        if dump is not None and isinstance(given, ast.Name | ast.Attribute):
            source = context.source_of(given)
            yield context.finding(
                call,
                f"The dict of {source} is only passed to json.dumps: json.dumps({source}, default=vars) fetches the "
                "attributes of dataclasses itself. It also writes attributes that are not fields, needs classes "
                "without __slots__, and raises for other values than before.",
                lines=tuple(sorted({call.lineno, dump.lineno})),
                rewrite=_hand_over(context, call, given, dump),
            )
        elif fields and isinstance(given, ast.Name):
            rewrite = context.rewrite()
            rewrite.replace(call, "{" + ", ".join(f'"{name}": {given.id}.{name}' for name in fields) + "}")
            yield context.finding(
                call,
                "asdict deep-copies each field, and these are plain values: write the dict out. Fields that a "
                "subclass adds would be missing, and a value that contradicts its annotation would not be copied.",
                rewrite=rewrite,
                measured_gain=False,
            )
        elif context.measured:
            yield context.finding(
                call,
                "asdict walks the object in Python code and deep-copies its values; vars(…).copy() is shallow, "
                "which is equivalent for plain values. Nested dataclasses stay dataclasses, lists and dicts are "
                "shared, attributes that are not fields are included, and a class with __slots__ has no __dict__.",
                measured_gain=False,
                rewrite=_copy_flatly(context, call, given),
            )


def _is_repeated(context: Context, call: ast.Call) -> bool:
    return bool(context.loops(call)) or (context.measured and context.function.kind is ScopeKind.FUNCTION)


def _find_dump(context: Context, call: ast.Call) -> ast.Call | None:  # noqa: PLR0911 - one return a reason
    """Return the `json.dumps` that is the dict's only use: around it, or right after the statement that binds it."""
    reference: ast.expr = call
    match context.facts.parent(call):
        case ast.Assign(targets=[ast.Name() as target]) as statement:
            place = context.place(target)
            if place is None or place.kind is not PlaceKind.LOCAL or len(place.bindings) != 1:
                return None
            uses = [use for use in place.references if use is not target]
            if len(uses) != 1 or context.is_dynamic:
                return None
            user = context.facts.statement(uses[0])
            simple = isinstance(user, ast.Assign | ast.Expr | ast.Return | ast.AugAssign)
            if not simple or user is None or context.previous(user) is not statement:
                return None
            if any(loop not in context.facts.loops(statement) for loop in context.facts.loops(uses[0])):
                return None
            reference = uses[0]
            calls = [part for part in ast.walk(user) if isinstance(part, ast.Call)]
            if any((part.end_lineno, part.end_col_offset) < (reference.lineno, reference.col_offset) for part in calls):
                return None  # it may change the object before it is serialized
        case _:
            pass
    match context.facts.parent(reference):
        case ast.Call(args=[given], keywords=keywords) as dump if given is reference:
            names = {keyword.arg for keyword in keywords}
            if context.resolve(dump.func) == "json.dumps" and names.isdisjoint({None, "default", "cls", "skipkeys"}):
                return dump
    return None


def _copy_flatly(context: Context, call: ast.Call, given: ast.expr) -> Rewrite:
    rewrite = context.rewrite()
    if not context.has_builtin("vars"):
        rewrite.refuse("`vars` is shadowed in this file")
    rewrite.replace(call, f"vars({rewrite.text(given)}).copy()")
    return rewrite


def _hand_over(context: Context, call: ast.Call, given: ast.expr, dump: ast.Call) -> Rewrite:
    rewrite = context.rewrite()
    if not context.has_builtin("vars"):
        rewrite.refuse("`vars` is shadowed in this file")
    written, statement = dump.args[0], context.facts.statement(call)
    rewrite.replace(written, rewrite.text(given))
    rewrite.add_argument(dump, written, "default=vars")
    if written is not call and statement is not None:
        rewrite.delete(statement)
    return rewrite


def _find_fields(context: Context, given: ast.expr) -> tuple[str, ...]:
    """Return the fields of the object's class if it is a dataclass of this file with plain fields only."""
    name = _find_class(context, given) if isinstance(given, ast.Name) else None
    binding = context.facts.only_binding(name) if name is not None else None
    node = binding.node if binding is not None else None
    if not isinstance(node, ast.ClassDef) or node.bases or node.keywords or len(node.decorator_list) != 1:
        return ()
    if _has_subclass(context, node.name):
        return ()
    decorator = node.decorator_list[0]
    decorator = decorator.func if isinstance(decorator, ast.Call) else decorator
    if context.resolve(decorator) != "dataclasses.dataclass" or not context.has_builtin(*(_PLAIN - {"None"})):
        return ()
    fields: list[str] = []
    for statement in node.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=field), annotation=annotation):
                if not _is_plain(annotation):
                    return ()
                fields.append(field)
            case _:
                pass
    return tuple(fields)


def _has_subclass(context: Context, name: str) -> bool:
    """Return whether the file derives another class from it, which may have more fields."""
    derived = (n for scope in context.facts.functions for n in scope.nodes.get(ast.ClassDef, ()))
    return any(
        isinstance(base, ast.Name) and base.id == name
        for node in derived
        if isinstance(node, ast.ClassDef)
        for base in node.bases
    )


def _find_class(context: Context, name: ast.Name) -> ast.Name | None:
    """Return the class that the source shows for a name: its annotation, its constructor call, or its loop's source."""
    binding = context.facts.only_binding(name)
    match binding.node if binding is not None else None:
        case ast.arg(annotation=ast.Name() as annotation) | ast.AnnAssign(annotation=ast.Name() as annotation):
            return annotation
        case ast.Assign(value=ast.Call(func=ast.Name() as called)):
            return called
        case ast.Name() as target:
            above = context.facts.parent(target)
        case _:
            return None
    match above:
        case ast.For(iter=ast.Name() as source) | ast.comprehension(iter=ast.Name() as source):
            held = context.facts.only_binding(source)
        case _:
            return None
    match held.annotation if held is not None else None:
        case ast.Subscript(value=ast.Name(id="list" | "Iterable" | "Sequence" | "List"), slice=ast.Name() as element):
            return element
        case _:
            return None


def _is_plain(annotation: ast.expr) -> bool:
    match annotation:
        case ast.Name(id=name):
            return name in _PLAIN
        case ast.Constant(value=None):
            return True
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _is_plain(left) and _is_plain(right)
        case _:
            return False


CASES = (
    Case(
        name="a dict that only goes into JSON",
        before="""
import json
from dataclasses import asdict, dataclass, field

@dataclass
class Item:
    sku: str
    count: int

@dataclass
class Order:
    number: int
    items: list[Item] = field(default_factory=list)

def write(rows):
    lines = []
    for number, items in rows:
        order = Order(number, [Item(*item) for item in items])
        record = asdict(order)
        lines.append(json.dumps(record, indent=1))
    return lines
""",
        after="""
import json
from dataclasses import asdict, dataclass, field

@dataclass
class Item:
    sku: str
    count: int

@dataclass
class Order:
    number: int
    items: list[Item] = field(default_factory=list)

def write(rows):
    lines = []
    for number, items in rows:
        order = Order(number, [Item(*item) for item in items])
        lines.append(json.dumps(order, default=vars, indent=1))
    return lines
""",
        call="write",
        inputs=("([(1, [('a', 2), ('b', 3)]), (2, [])],)", "([],)", "([(1, None)],)"),
    ),
    Case(
        name="in the call itself, the object an attribute, in a function that is hot",
        before="""
import dataclasses as dc
import json

@dc.dataclass
class Point:
    x: float

class Sender:
    def __init__(self, x):
        self.last = Point(x)

    def send(self):
        return json.dumps(dc.asdict(self.last)).encode()

def send(x):
    return Sender(x).send()
""",
        after="""
import dataclasses as dc
import json

@dc.dataclass
class Point:
    x: float

class Sender:
    def __init__(self, x):
        self.last = Point(x)

    def send(self):
        return json.dumps(self.last, default=vars).encode()

def send(x):
    return Sender(x).send()
""",
        call="send",
        inputs=("(1.5,)", "('a',)", "(None,)"),
        hot=True,
    ),
    Case(
        name="plain fields, the class in the same file",
        before="""
import dataclasses

@dataclasses.dataclass(frozen=True)
class Item:
    sku: str
    price: int
    note: str | None = None

def describe(items: list[Item]):
    return [dataclasses.asdict(item) for item in items]

def list_items(rows):
    return describe([Item(*row) for row in rows])
""",
        after="""
import dataclasses

@dataclasses.dataclass(frozen=True)
class Item:
    sku: str
    price: int
    note: str | None = None

def describe(items: list[Item]):
    return [{"sku": item.sku, "price": item.price, "note": item.note} for item in items]

def list_items(rows):
    return describe([Item(*row) for row in rows])
""",
        call="list_items",
        inputs=("([('a', 1), ('b', 2, 'c')],)", "([],)", "([(1,)],)"),
    ),
    Case(
        name="an object that is not known, in a generator on a hot line",
        before="""
from dataclasses import asdict, dataclass

@dataclass
class Item:
    sku: str
    note: object = None

def extend(slip, rows):
    items = [Item(*row) for row in rows]
    slip["items"].extend(asdict(item) for item in items)
    return slip
""",
        after="""
from dataclasses import asdict, dataclass

@dataclass
class Item:
    sku: str
    note: object = None

def extend(slip, rows):
    items = [Item(*row) for row in rows]
    slip["items"].extend(vars(item).copy() for item in items)
    return slip
""",
        call="extend",
        inputs=("({'items': []}, [])", "({'items': [1]}, [('a',), ('b', 2)])", "({'items': []}, [()])"),
        hot=True,
    ),
)

REFUSE = (
    Refuse("another `asdict`",
           "import attr\nfrom dataclasses import dataclass\ndef f(xs):\n    return [attr.asdict(x) for x in xs]\n"),
    Refuse("runs once", "from dataclasses import asdict\nfrom settings import S\nD = asdict(S)\n"),
    Refuse("a dict factory of its own",
           "from dataclasses import asdict\ndef f(xs):\n    return [asdict(x, dict_factory=dict) for x in xs]\n"),
    Refuse("`asdict` is a parameter",
           "import dataclasses\ndef f(xs, asdict):\n    return [asdict(x) for x in xs]\n"),
)  # fmt: skip

BENCH = Bench(
    setup="import json\nfrom dataclasses import asdict, dataclass\n@dataclass\nclass Item:\n    sku: str\n"
    "    count: int\n"
    "@dataclass\nclass Order:\n    number: str\n    items: list\n"
    "order = Order('a', [Item('b', i) for i in range(n)])",
    before="json.dumps(asdict(order))",
    after="json.dumps(order, default=vars)",
    sizes=(1, 10, 100),
    size_is="dataclasses in the object",
)
