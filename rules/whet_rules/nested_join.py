"""Look up matching elements in a dict instead of searching linearly each time.

## What
A nested loop that only selects the elements with the right key, `for b in others: if b.key == a.key: …`, as statements
or in a comprehension; and a hot function that searches the same list on each call to find one element. Build a
dict of the elements by their key once, and look each key up.

## Why
Comparing each element of one list with each of another costs the product of both lengths; with the dict it is their
sum. Order and duplicates are kept: the dict holds, for each key, the list of its elements in their order.

## When not
Where the lists stay short, or the match is usually among the first elements. The keys must be hashable, and equal keys
must have equal hashes: a NaN, or a class with its own `__eq__`, may give other matches. An element whose key changes
after the dict was built is found by its old key: elements whose key is assigned in the loop are left alone. Where the
list changes between two searches, or is an attribute of another object, it is advice without an edit, on hot lines. The
key of each element is read once even if no loop would have reached it.

## Source
Python wiki, TimeComplexity: looking a key up in a dict is O(1) on average. The figures in `RULE` are measured with
`BENCH`: two lists of n elements where each has one partner.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import (
    UNHASHABLE,
    Advise,
    Ask,
    Bench,
    BindingKind,
    Case,
    Context,
    Finding,
    PlaceKind,
    Question,
    Refuse,
    Rewrite,
    Rule,
    Safety,
    Scan,
    ScopeKind,
    Search,
    Speed,
    Triggers,
    Use,
    ask_target,
    find_scan,
    find_search,
    index_before,
    index_beside,
    is_closed,
)

RULE = Rule(
    slug="nested-join",
    title="Linear key search inside a loop",
    family="containers",
    safety=Safety.OFFER,
    speed=Speed.ASYMPTOTIC,
    triggers=Triggers(nodes=frozenset({ast.Eq, ast.NotEq}), names=frozenset({"__eq__"})),
    asks=frozenset({Ask.TYPES, Ask.LENGTH, Ask.SHARE}),
    figures={
        "3.11": {3: 0.76, 10: 1.5, 30: 3.5, 100: 10.0, 1000: 100.0},
        "3.12": {3: 0.68, 10: 1.3, 30: 3.3, 100: 9.7, 1000: 91.0},
        "3.13": {3: 0.71, 10: 1.4, 30: 3.7, 100: 10.0, 1000: 100.0},
        "3.14": {3: 0.76, 10: 1.6, 30: 4.6, 100: 13.0, 1000: 120.0},
    },
)

_SHORT = 16
"""Number of elements up to which a linear search costs no more than building and using a dict."""
_LIST, _TUPLE = "builtins.list", "builtins.tuple"
_READING = frozenset({Use.TEST, Use.ITERATE, Use.READ})


def detect(context: Context) -> Iterator[Finding]:
    """Yield each loop through the same elements that is itself repeated."""
    if context.is_dynamic or context.function.kind is ScopeKind.CLASS:
        return
    loops: list[ast.For | ast.comprehension] = [*context.nodes(ast.For), *context.nodes(ast.comprehension)]
    for loop in loops:
        search = find_search(context, loop)
        if search is not None and _keys_stay(context, search):
            outer = _outermost(context, search)
            if outer is not None:
                yield _describe(context, search, index_before(context, search, outer), search.place.name)
                continue
            if context.measured and not context.facts.loops(loop) and _lasts(context, search):
                yield _describe(context, search, index_beside(context, search), search.place.name)
                continue
        scan = find_scan(context, loop) if context.measured else None
        if scan is not None:
            yield _advise(context, scan)


def _advise(context: Context, scan: Scan) -> Finding:
    node = scan.loop if isinstance(scan.loop, ast.For) else context.facts.parent(scan.loop)
    if not isinstance(node, ast.expr | ast.stmt):
        node = scan.test
    lines = tuple(range(node.lineno, (scan.test.end_lineno or node.lineno) + 1))
    return context.finding(
        node,
        f"{scan.target.text} is searched from the start for every {ast.unparse(scan.probe)}: keep a dict of it by "
        f"{scan.key}, changed together with it, and look the key up. Keys must be hashable.",
        lines=lines,
        safety=Safety.ADVICE,
        questions=(
            *ask_target(context, scan.target, (_LIST, _TUPLE, "builtins.dict", "collections.deque"), _SHORT + 1),
            context.ask_lines(Ask.SHARE, lines, needed=True),
        ),
        measured_gain=False,
    )


def _keys_stay(context: Context, search: Search) -> bool:
    """Return whether neither the function nor the loop assigns the key of an element, or the key searched for."""
    around = context.function.node
    if not context.names_in(search.probe).isdisjoint(context.written_in(search.loop)):
        return False  # the loop itself goes on to another key
    for part in ast.walk(around):
        if not isinstance(getattr(part, "ctx", None), ast.Store | ast.Del):
            continue
        match search.key, part:
            case ast.Attribute(attr=key), ast.Attribute(attr=name) if key == name:
                return False
            case ast.Subscript(slice=ast.Constant(value=key)), ast.Subscript(slice=ast.Constant(value=name)):
                if key == name:
                    return False
            case _:
                pass
    return True


def _outermost(context: Context, search: Search) -> ast.stmt | None:
    """Return the statement before which a dict can be built: only loops that rebuild the elements are around it."""
    outer: ast.AST | None = None
    wanted = context.names_in(search.probe)
    for loop in context.loops(search.loop.iter):
        inside = [r for r in search.place.references if context.is_inside(r, loop)]
        if any(context.use(reference) not in _READING for reference in inside):
            break
        if any(context.is_inside(binding.node, loop) for binding in search.place.bindings):
            break
        if wanted and wanted.isdisjoint(context.written_in(loop)):
            break  # the same key is searched for in every iteration
        outer = loop
    statement = context.facts.statement(outer) if outer is not None else None
    if statement is None or any(b.node is statement for b in search.place.bindings):
        return None
    return statement


def _lasts(context: Context, search: Search) -> bool:
    """Return whether the elements are the same on each call: bound once, and nothing in the file changes them."""
    place = search.place
    made = [binding for binding in place.bindings if binding.kind is not BindingKind.DECLARED]
    if place.kind not in (PlaceKind.ATTRIBUTE, PlaceKind.GLOBAL) or len(made) != 1:
        return False
    start = made[0].node
    if not isinstance(start, ast.Assign | ast.AnnAssign) or context.facts.loops(start):
        return False
    home = context.facts.parent(start)
    if place.kind is PlaceKind.GLOBAL:
        if home is not context.tree or not context.type_of(start.value or search.probe) & {_LIST, _TUPLE}:
            return False
    elif not isinstance(home, ast.FunctionDef) or home.name != "__init__" or is_closed(place.owner.node):
        return False
    stored = [r for r in place.references if isinstance(getattr(r, "ctx", None), ast.Store)]
    read = [r for r in (*place.references, *place.strangers) if not any(r is s for s in stored)]
    if len(stored) != 1 or any(context.use(reference) not in _READING for reference in read):
        return False
    return _is_set_once(context, search)


def _is_set_once(context: Context, search: Search) -> bool:
    """Return whether the file assigns the key of an element in constructors only."""
    if not isinstance(search.key, ast.Attribute):
        return True
    for node, _ in context.facts.attributes(search.key.attr):
        if isinstance(node.ctx, ast.Store) and "__init__" not in context.scope_of(node).qualified_name:
            return False
    return True


def _describe(context: Context, search: Search, rewrite: Rewrite, name: str) -> Finding:
    what, later = "once before the loop", ""
    if not context.facts.loops(search.loop.iter):
        what = f"once, where {name} is built"
        later = f" Elements added to {name} later have to be added there too."
    node = search.loop if isinstance(search.loop, ast.For) else context.facts.parent(search.loop)
    if not isinstance(node, ast.expr | ast.stmt):
        node = search.test
    return context.finding(
        node,
        f"The whole of {name} is searched for every {ast.unparse(search.probe)}: build a dict of it by {search.field}"
        f" {what}, and look the key up. Keys must be hashable, and must not change meanwhile.{later}",
        lines=tuple(range(node.lineno, (search.test.end_lineno or node.lineno) + 1)),
        questions=_questions(context, search),
        rewrite=rewrite,
    )


def _questions(context: Context, search: Search) -> tuple[Question, ...]:
    questions = [
        context.ask(search.place, Ask.TYPES, expects=(_LIST, _TUPLE)),
        context.ask(search.place, Ask.LENGTH, at_least=_SHORT + 1),
    ]
    if isinstance(search.probe, ast.Name):
        questions.append(context.ask(search.probe.id, Ask.TYPES, excludes=UNHASHABLE))
    return tuple(questions)


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
ADVISE = (
    Advise("through an attribute, with enumerate, in a table of the class",
           "class T:\n    TABLE = (('a', 1), *make())\n    def f(self, name):\n"
           "        for i, (n, v) in enumerate(T.TABLE):\n            if n == name:\n                return i\n"),
    Advise("the first of a generator",
           "class A:\n    def f(self, k):\n        return next(x for x in self.xs if x.k == k)\n"),
    Advise("the elements grow in the loop", "def f(xs, ys):\n" + _SCAN + "                ys.append(b)\n"),
    Advise("the last element is asked for", "def f(xs, ys):\n    b = None\n" + _SCAN + "    return b\n"),
    Advise("the other condition comes first, and may guard the comparison",
           "def f(xs, ys):\n" + _SCAN.replace("b.k == a.k", "b.n and b.k == a.k")),
    Advise("once, not in a loop",
           "def f(ys, k):\n    for b in ys:\n        if b.k == k:\n            return b\n"),
    Advise("others are skipped",
           "class A:\n    def f(self, k):\n        for x in self.xs:\n            if x.k != k:\n"
           "                continue\n            y = x.load()\n            return y\n"),
    Advise("an equal element, by its method, in an item",
           "class A:\n    def f(self, one):\n        found = self.d[one.key]\n        for x in reversed(found):\n"
           "            if one.__eq__(x):\n                return x\n"),
    Advise("the elements change between the calls",
           "class A:\n    def __init__(self):\n        self.ys = []\n    def add(self, y):\n        self.ys.append(y)\n"
           "    def find(self, k):\n        for y in self.ys:\n            if y.k == k:\n                return y\n"),
)  # fmt: skip

REFUSE = (
    Refuse("by what another object holds for each",
           "class A:\n    def f(self, best, weights):\n        return [x for x in self.xs if weights[x] == best]\n"),
    Refuse("the key is set in the loop", "def f(xs, ys):\n" + _SCAN + "                b.k = 1\n"),
    Refuse("the elements depend on the outer loop",
           "def f(xs):\n    for a in xs:\n        for b in a.ys:\n            if b.k == a.k:\n"
           "                print(b)\n"),
    Refuse("the elements are made anew",
           "def f(xs):\n    for a in xs:\n        ys = a.load()\n        for b in ys:\n            if b.k == a.k:\n"
           "                print(b)\n"),
    Refuse("others get something done too",
           "def f(xs, ys):\n" + _SCAN + "            else:\n                print(1)\n"),
    Refuse("the loop goes on to another key",
           "def f(xs, ys):\n    for x in xs:\n        key = x.k\n        for y in ys:\n            if y.k == key:\n"
           "                print(y)\n                key = y.next\n"),
    Refuse("the equal one is skipped",
           "class A:\n    def f(self, k):\n        for x in self.xs:\n            if x.k == k:\n"
           "                continue\n            return x\n"),
    Refuse("not by equality", "def f(xs, ys):\n" + _SCAN.replace("==", "<=")),
    Refuse("the key depends on both", "def f(xs, ys):\n" + _SCAN.replace("b.k == a.k", "b.k == a.k + b.n")),
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
