"""Look partners up in a dict, instead of going through all of them each time.

## What
A loop in a loop that only picks the elements with the right key, `for b in others: if b.key == a.key: …`, as statements
or in a comprehension; and a hot function that goes through the same list on each call to find one element. Make a
dict of the elements by their key once, and look each key up.

## Why
Comparing each element of one list with each of another costs the product of both lengths; with the dict it is their
sum. Order and duplicates are kept: the dict holds, for each key, the list of its elements in their order.

## When not
Where the lists stay short, or the element that is looked for is usually among the first. The keys must be hashable, and
unlike keys must have unlike hashes or be unequal: a NaN, or a class with its own `__eq__`, may be found otherwise. An
element whose key changes after the dict was made is found by its old key; a list that grows in the loop, or elements
whose key is set in it, are left alone. The key of each element is read once even where no loop would have reached it.

## Source
Python wiki, TimeComplexity: looking a key up in a dict is O(1) on average. The figures in `RULE` are measured with
`BENCH`: two lists of n elements where each has one partner.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from whet.engine.api import (
    UNHASHABLE,
    Ask,
    Bench,
    BindingKind,
    Case,
    Context,
    Finding,
    Place,
    PlaceKind,
    Question,
    Refuse,
    Rewrite,
    Rule,
    Safety,
    ScopeKind,
    Speed,
    Triggers,
    Use,
    is_closed,
)

RULE = Rule(
    slug="nested-join",
    title="All elements are gone through to find those with one key",
    family="containers",
    safety=Safety.OFFER,
    speed=Speed.ASYMPTOTIC,
    triggers=Triggers(nodes=frozenset({ast.Eq})),
    asks=frozenset({Ask.TYPES, Ask.LENGTH}),
    figures={
        "3.11": {3: 0.76, 10: 1.5, 30: 3.5, 100: 10.0, 1000: 100.0},
        "3.12": {3: 0.68, 10: 1.3, 30: 3.3, 100: 9.7, 1000: 91.0},
        "3.13": {3: 0.71, 10: 1.4, 30: 3.7, 100: 10.0, 1000: 100.0},
        "3.14": {3: 0.76, 10: 1.6, 30: 4.6, 100: 13.0, 1000: 120.0},
    },
)

_SHORT = 16
"""Elements up to which going through them costs no more than making and asking a dict."""
_READING = frozenset({Use.TEST, Use.ITERATE, Use.READ})
_Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp


@dataclass(frozen=True, slots=True)
class _Scan:
    """A loop through ``place`` that only does something for elements whose ``key`` equals ``probe``."""

    loop: ast.For | ast.comprehension
    place: Place
    element: str
    key: ast.expr
    probe: ast.expr
    test: ast.Compare
    rest: tuple[ast.expr, ...]
    """Further conditions, all of which must hold."""
    field: str
    """What of an element is its key, as it is written behind it."""


def detect(context: Context) -> Iterator[Finding]:
    """Yield each loop through the same elements that is itself repeated."""
    if context.is_dynamic or context.function.kind is ScopeKind.CLASS:
        return
    loops: list[ast.For | ast.comprehension] = [*context.nodes(ast.For), *context.nodes(ast.comprehension)]
    for loop in loops:
        scan = _read_scan(context, loop)
        if scan is None or not _keys_stay(context, scan):
            continue
        outer = _outermost(context, scan)
        if outer is not None:
            yield _describe(context, scan, _index_before(context, scan, outer), scan.place.name)
        elif context.measured and not context.facts.loops(loop) and _lasts(context, scan):
            yield _describe(context, scan, _index_beside(context, scan), scan.place.name)


def _read_scan(context: Context, loop: ast.For | ast.comprehension) -> _Scan | None:
    match loop:
        case ast.For(target=ast.Name(id=element), iter=iterable, body=[ast.If(test=test, orelse=[])], orelse=[]):
            if not context.keeps_its_variables(loop):
                return None
            conditions = [test]
        case ast.comprehension(target=ast.Name(id=element), iter=iterable, ifs=[_, *_] as conditions, is_async=0):
            pass
        case _:
            return None
    place = context.place(iterable)
    both = (
        test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test] for test in conditions
    )
    parts = [part for tests in both for part in tests]
    if place is None or not isinstance(parts[0], ast.Compare):
        return None
    match parts[0]:
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            pass
        case _:
            return None
    for key, probe in ((left, right), (right, left)):
        if _is_key(key, element) and element not in context.names_in(probe) and _may_be_probe(context, probe):
            written = context.source_of(key)
            field = (written if written.startswith(element) else ast.unparse(key))[len(element) :]
            return _Scan(loop, place, element, key, probe, parts[0], tuple(parts[1:]), field)
    return None


def _is_key(node: ast.expr, element: str) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id=name)):
            return name == element
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str() | int())):
            return name == element
        case _:
            return False


def _may_be_probe(context: Context, probe: ast.expr) -> bool:
    """Tell whether ``probe`` can be evaluated at another moment, and is perhaps hashable."""
    if isinstance(probe, ast.Constant) or context.type_of(probe) & {*UNHASHABLE, "builtins.float"}:
        return False
    plain = ast.Name | ast.Attribute | ast.Subscript | ast.Constant | ast.Tuple | ast.expr_context | ast.UnaryOp
    return all(isinstance(part, plain | ast.USub) for part in ast.walk(probe))


def _keys_stay(context: Context, scan: _Scan) -> bool:
    """Tell whether the function, and what follows in the loops, does not set the key of an element."""
    around = context.function.node
    for part in ast.walk(around):
        if not isinstance(getattr(part, "ctx", None), ast.Store | ast.Del):
            continue
        match scan.key, part:
            case ast.Attribute(attr=key), ast.Attribute(attr=name) if key == name:
                return False
            case ast.Subscript(slice=ast.Constant(value=key)), ast.Subscript(slice=ast.Constant(value=name)):
                if key == name:
                    return False
            case _:
                pass
    return True


def _outermost(context: Context, scan: _Scan) -> ast.stmt | None:
    """Return the statement before which a dict can be made: around it are only loops that make the elements anew."""
    outer: ast.AST | None = None
    wanted = context.names_in(scan.probe)
    for loop in context.loops(scan.loop.iter):
        inside = [r for r in scan.place.references if context.is_inside(r, loop)]
        if any(context.use(reference) not in _READING for reference in inside):
            break
        if any(context.is_inside(binding.node, loop) for binding in scan.place.bindings):
            break
        if wanted and wanted.isdisjoint(context.written_in(loop)):
            break  # the same key is looked for in each turn
        outer = loop
    statement = context.facts.statement(outer) if outer is not None else None
    if statement is None or any(b.node is statement for b in scan.place.bindings):
        return None
    return statement


def _lasts(context: Context, scan: _Scan) -> bool:
    """Tell whether the elements are the same on each call: bound once, and nothing in the file changes them."""
    place = scan.place
    made = [binding for binding in place.bindings if binding.kind is not BindingKind.DECLARED]
    if place.kind not in (PlaceKind.ATTRIBUTE, PlaceKind.GLOBAL) or len(made) != 1:
        return False
    start = made[0].node
    if not isinstance(start, ast.Assign | ast.AnnAssign) or context.facts.loops(start):
        return False
    home = context.facts.parent(start)
    if place.kind is PlaceKind.GLOBAL:
        if home is not context.tree or not context.type_of(start.value or scan.probe) & {_LIST, _TUPLE}:
            return False
    elif not isinstance(home, ast.FunctionDef) or home.name != "__init__" or is_closed(place.owner.node):
        return False
    stored = [r for r in place.references if isinstance(getattr(r, "ctx", None), ast.Store)]
    read = [r for r in (*place.references, *place.strangers) if not any(r is s for s in stored)]
    if len(stored) != 1 or any(context.use(reference) not in _READING for reference in read):
        return False
    return _is_set_once(context, scan)


_LIST, _TUPLE = "builtins.list", "builtins.tuple"


def _is_set_once(context: Context, scan: _Scan) -> bool:
    """Tell whether the file sets the key of an element in constructors only."""
    if not isinstance(scan.key, ast.Attribute):
        return True
    for node, _ in context.facts.attributes(scan.key.attr):
        if isinstance(node.ctx, ast.Store) and "__init__" not in context.scope_of(node).qualified_name:
            return False
    return True


def _describe(context: Context, scan: _Scan, rewrite: Rewrite, name: str) -> Finding:
    what = "once before the loop" if context.facts.loops(scan.loop.iter) else f"once, where {name} is made"
    node = scan.loop if isinstance(scan.loop, ast.For) else context.facts.parent(scan.loop)
    if not isinstance(node, ast.expr | ast.stmt):
        node = scan.test
    later = "" if context.facts.loops(scan.loop.iter) else f" What is added to {name} later has to be added there too."
    return context.finding(
        node,
        f"All of {name} is gone through for each {ast.unparse(scan.probe)}: make a dict of it by {scan.field} {what}, "
        f"and look up what is there. Keys must be hashable.{later}",
        lines=tuple(range(node.lineno, (scan.test.end_lineno or node.lineno) + 1)),
        questions=_questions(context, scan),
        rewrite=rewrite,
    )


def _questions(context: Context, scan: _Scan) -> tuple[Question, ...]:
    questions = [
        context.ask(scan.place, Ask.TYPES, expects=(_LIST, _TUPLE)),
        context.ask(scan.place, Ask.LENGTH, at_least=_SHORT + 1),
    ]
    if isinstance(scan.probe, ast.Name):
        questions.append(context.ask(scan.probe.id, Ask.TYPES, excludes=UNHASHABLE))
    return tuple(questions)


def _name_index(scan: _Scan, rewrite: Rewrite, *, lasting: bool) -> str:
    field = re.sub(r"\W+", "_", scan.field).strip("_")
    name = scan.place.name.rpartition(".")[2]
    wanted = f"{name}_BY_{field.upper()}" if name.isupper() else f"{name.strip('_')}_by_{field}"
    private = lasting and scan.place.kind in (PlaceKind.ATTRIBUTE, PlaceKind.GLOBAL)
    return rewrite.fresh(f"_{wanted.lstrip('_')}" if private else wanted)


def _index_before(context: Context, scan: _Scan, statement: ast.stmt) -> Rewrite:
    """Return the edits that make a dict of lists before ``statement``, and have the loop go through one of them."""
    rewrite = context.rewrite()
    statement = context.whole_if(statement)
    index = _name_index(scan, rewrite, lasting=False)
    place = rewrite.text(scan.loop.iter)
    element = scan.element if isinstance(scan.loop, ast.For) else rewrite.fresh(scan.element)
    rewrite.insert_before(statement, _fill(index, place, element, scan))
    found = f"{index}.get({rewrite.text(scan.probe)}, ())"
    if isinstance(scan.loop, ast.For):
        rewrite.replace(scan.loop.iter, found)
        _drop_condition(context, scan, rewrite)
    else:
        _change_comprehension(context, scan, found, rewrite)
    return rewrite


def _fill(index: str, place: str, element: str, scan: _Scan) -> str:
    key = f"{element}{scan.field}"
    return f"{index} = {{}}\nfor {element} in {place}:\n    {index}.setdefault({key}, []).append({element})"


def _drop_condition(context: Context, scan: _Scan, rewrite: Rewrite) -> None:
    condition = context.facts.statement(scan.test)
    if not isinstance(condition, ast.If):
        return
    if scan.rest:
        rewrite.replace(condition.test, " and ".join(rewrite.condition(part) for part in scan.rest))
        return
    rewrite.unwrap(condition)


def _change_comprehension(context: Context, scan: _Scan, found: str, rewrite: Rewrite) -> None:
    whole, joined = context.facts.parent(scan.loop), context.facts.parent(scan.test)
    if not isinstance(whole, _Comprehension) or not isinstance(scan.loop, ast.comprehension):
        return
    if isinstance(joined, ast.BoolOp):
        remaining = [part for part in scan.rest if context.is_inside(part, joined)]
        rewrite.replace(scan.loop.iter, found)
        rewrite.replace(joined, " and ".join(rewrite.condition(part) for part in remaining))
        return
    rewrite.replace(whole, rewrite.comprehension(whole, scan.loop, found, scan.rest))


def _index_beside(context: Context, scan: _Scan) -> Rewrite:
    """Return the edits that make a dict where the elements are made, and ask it on each call."""
    rewrite = context.rewrite()
    start = next(b.node for b in scan.place.bindings if b.kind is not BindingKind.DECLARED)
    if not isinstance(start, ast.Assign | ast.AnnAssign) or (isinstance(start, ast.Assign) and len(start.targets) > 1):
        rewrite.refuse(f"there is no single place where {scan.place.name} is made")
        return rewrite
    name = _name_index(scan, rewrite, lasting=True)
    target = start.target if isinstance(start, ast.AnnAssign) else start.targets[0]
    owner, dot, _ = rewrite.text(target).rpartition(".")
    made = f"{owner}{dot}{name}"
    owner, dot, _ = rewrite.text(scan.loop.iter).rpartition(".")
    index, probe = f"{owner}{dot}{name}", rewrite.text(scan.probe)
    match scan.loop:
        case ast.For(body=[ast.If(body=[ast.Return(value=ast.Name(id=element))])]) if (
            element == scan.element and not scan.rest and context.has_builtin("reversed")
        ):
            # Of several with one key the first is found: it is put in last.
            key = f"{element}{scan.field}"
            values = f"reversed({rewrite.text(target)})"
            rewrite.insert_after(start, f"{made} = {{{key}: {element} for {element} in {values}}}")
            rewrite.replace(scan.loop, f"if {probe} in {index}:\n    return {index}[{probe}]")
        case ast.For():
            rewrite.insert_after(start, _fill(made, rewrite.text(target), rewrite.fresh(scan.element), scan))
            rewrite.replace(scan.loop.iter, f"{index}.get({probe}, ())")
            _drop_condition(context, scan, rewrite)
        case _:
            rewrite.insert_after(start, _fill(made, rewrite.text(target), rewrite.fresh(scan.element), scan))
            _change_comprehension(context, scan, f"{index}.get({probe}, ())", rewrite)
    return rewrite


CASES = (
    Case(
        name="two loops",
        before="""
def join(orders, customers):
    rows = []
    for order in orders:
        for customer in customers:
            if customer["id"] == order["customer"]:
                rows.append((order["number"], customer["name"]))
                if customer["name"] == "x":
                    rows.append("x")
    return rows
""",
        after="""
def join(orders, customers):
    rows = []
    customers_by_id = {}
    for customer in customers:
        customers_by_id.setdefault(customer["id"], []).append(customer)
    for order in orders:
        for customer in customers_by_id.get(order["customer"], ()):
            rows.append((order["number"], customer["name"]))
            if customer["name"] == "x":
                rows.append("x")
    return rows
""",
        call="join",
        inputs=(
            "([{'number': 1, 'customer': 7}, {'number': 2, 'customer': 8}], "
            "[{'id': 8, 'name': 'x'}, {'id': 7, 'name': 'a'}, {'id': 8, 'name': 'b'}])",
            "([], [])",
            "([{'number': 1, 'customer': 7}], [])",
        ),
    ),
    Case(
        name="a comprehension, with a further condition",
        before="""
class Pair:
    def __init__(self, key, value):
        self.key, self.value = key, value
def run(left, right):
    ones = [Pair(*row) for row in left]
    others = [Pair(*row) for row in right]
    return [(a.value, b.value) for a in ones for b in others if a.key == b.key and b.value > 1]
""",
        after="""
class Pair:
    def __init__(self, key, value):
        self.key, self.value = key, value
def run(left, right):
    ones = [Pair(*row) for row in left]
    others = [Pair(*row) for row in right]
    others_by_key = {}
    for b_2 in others:
        others_by_key.setdefault(b_2.key, []).append(b_2)
    return [(a.value, b.value) for a in ones for b in others_by_key.get(a.key, ()) if b.value > 1]
""",
        call="run",
        inputs=("([(1, 2), (2, 3)], [(2, 1), (2, 5), (1, 4), (2, 2)])", "([], [(1, 1)])", "([1], [])"),
    ),
    Case(
        name="looked up in a hot method",
        before="""
class Catalogue:
    def __init__(self, products):
        self.products = products
    def find(self, sku):
        for product in self.products:
            if product.sku == sku:
                return product
        raise KeyError(sku)
class Product:
    def __init__(self, sku, price):
        self.sku = sku
        self.price = price
def run(rows, skus):
    catalogue = Catalogue([Product(*row) for row in rows])
    return [catalogue.find(sku).price for sku in skus]
""",
        after="""
class Catalogue:
    def __init__(self, products):
        self.products = products
        self._products_by_sku = {product.sku: product for product in reversed(self.products)}
    def find(self, sku):
        if sku in self._products_by_sku:
            return self._products_by_sku[sku]
        raise KeyError(sku)
class Product:
    def __init__(self, sku, price):
        self.sku = sku
        self.price = price
def run(rows, skus):
    catalogue = Catalogue([Product(*row) for row in rows])
    return [catalogue.find(sku).price for sku in skus]
""",
        call="run",
        inputs=("([('a', 1), ('b', 2), ('a', 3)], ['a', 'b', 'a'])", "([], [])", "([('a', 1)], ['x'])"),
        hot=True,
    ),
    Case(
        name="a table of the module, in a hot function",
        before="""
RATES = [("de", 19), ("fr", 20), ("at", 20)]
def rates_of(country):
    found = []
    for rate in RATES:
        if country == rate[0] and rate[1] > 1:
            found.append(rate)
    return found
""",
        after="""
RATES = [("de", 19), ("fr", 20), ("at", 20)]
_RATES_BY_0 = {}
for rate_2 in RATES:
    _RATES_BY_0.setdefault(rate_2[0], []).append(rate_2)
def rates_of(country):
    found = []
    for rate in _RATES_BY_0.get(country, ()):
        if rate[1] > 1:
            found.append(rate)
    return found
""",
        call="rates_of",
        inputs=("('de',)", "('xx',)", "(None,)"),
        hot=True,
    ),
)

_SCAN = "    for a in xs:\n        for b in ys:\n            if b.k == a.k:\n                print(a, b)\n"
REFUSE = (
    Refuse("the elements grow in the loop", "def f(xs, ys):\n" + _SCAN + "                ys.append(b)\n"),
    Refuse("the key is set in the loop", "def f(xs, ys):\n" + _SCAN + "                b.k = 1\n"),
    Refuse("the elements depend on the outer loop",
           "def f(xs):\n    for a in xs:\n        for b in a.ys:\n            if b.k == a.k:\n"
           "                print(b)\n"),
    Refuse("the elements are made anew",
           "def f(xs):\n    for a in xs:\n        ys = a.load()\n        for b in ys:\n            if b.k == a.k:\n"
           "                print(b)\n"),
    Refuse("others get something done too",
           "def f(xs, ys):\n" + _SCAN + "            else:\n                print(1)\n"),
    Refuse("the last element is asked for", "def f(xs, ys):\n    b = None\n" + _SCAN + "    return b\n"),
    Refuse("not by equality", "def f(xs, ys):\n" + _SCAN.replace("==", "<=")),
    Refuse("the key depends on both", "def f(xs, ys):\n" + _SCAN.replace("b.k == a.k", "b.k == a.k + b.n")),
    Refuse("the other condition comes first, and may guard the comparison",
           "def f(xs, ys):\n" + _SCAN.replace("b.k == a.k", "b.n and b.k == a.k")),
    Refuse("once, not in a loop",
           "def f(ys, k):\n    for b in ys:\n        if b.k == k:\n            return b\n"),
    Refuse("the elements change between the calls",
           "class A:\n    def __init__(self):\n        self.ys = []\n    def add(self, y):\n        self.ys.append(y)\n"
           "    def find(self, k):\n        for y in self.ys:\n            if y.k == k:\n                return y\n"),
    Refuse("a call may do anything", "def f(xs, ys):\n" + _SCAN.replace("== a.k", "== a.next()")),
    Refuse("the same key each time", "def f(xs, ys, k):\n" + _SCAN.replace("== a.k", "== k")),
    Refuse("floating-point keys", "def f(xs, ys):\n" + _SCAN.replace("== a.k", "== -1.5")),
    Refuse("the loop has an else", "def f(xs, ys):\n" + _SCAN + "        else:\n            print(0)\n"),
    Refuse("reached by locals()", "def f(xs, ys):\n" + _SCAN + "    return locals()\n"),
)  # fmt: skip

BENCH = Bench(
    setup="xs = [(k, 0) for k in range(n)]\nys = [(k, 1) for k in range(n)]\n"
    "def scan():\n    return [(x[1], y[1]) for x in xs for y in ys if y[0] == x[0]]\n"
    "def look_up():\n    index = {}\n    for y in ys:\n        index.setdefault(y[0], []).append(y)\n"
    "    return [(x[1], y[1]) for x in xs for y in index.get(x[0], ())]",
    before="scan()",
    after="look_up()",
    sizes=(3, 10, 30, 100, 1000),
    size_is="elements on each side",
)
