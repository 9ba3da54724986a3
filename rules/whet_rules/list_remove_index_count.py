"""Use a dict, a Counter or a set where a list has to be searched.

## What
In a loop that does not change the list: `items.count(x)` and `items.index(x)`. Count once with `collections.Counter`,
or build a dict of the positions once, before the loop. And `items.remove(x)` in a loop, on a list that is otherwise
only tested and added to: make it a set. Lists in other forms (attributes of other objects, items, those that change
meanwhile), lists built for one search (`list(d).index(key)`), and a constant that is sought in each iteration
(`row[header.index("name")]`) get advice on hot lines.

## Why
Each of these searches the list from the start, so a loop of them costs the product of both lengths. A dict or a set
finds an element in constant time on average.

## When not
On short lists. Elements must be hashable, and elements with different hashes must not be equal. For a missing key a
dict raises `KeyError`, `index` raises `ValueError`: where the latter is caught the list is left alone. A set holds each
element once, so only lists without duplicates may become one. Strings have methods of the same names, which search for
substrings.

## Source
Python wiki, TimeComplexity: finding and deleting an element is O(n) in a list, O(1) on average in a dict or set. The
figures in `RULE` are measured with `BENCH`: the position of each element of a list.
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
    ask_target,
    holds_hashable,
    may_be_hashable,
    meets_again,
    read_target,
    shown_types,
    turn_into_set,
)

RULE = Rule(
    slug="list-remove-index-count",
    title="list.index()/count()/remove() in a loop",
    family="containers",
    safety=Safety.OFFER,
    speed=Speed.ASYMPTOTIC,
    triggers=Triggers(names=frozenset({"count", "index", "remove"})),
    asks=frozenset({Ask.TYPES, Ask.LENGTH, Ask.ELEMENTS, Ask.SHARE}),
    figures={
        "3.11": {3: 0.36, 10: 0.66, 100: 5.6, 1000: 59.0, 10000: 370.0},
        "3.12": {3: 0.31, 10: 0.68, 100: 6.6, 1000: 58.0, 10000: 310.0},
        "3.13": {3: 0.29, 10: 0.66, 100: 6.7, 1000: 60.0, 10000: 380.0},
        "3.14": {3: 0.41, 10: 0.84, 100: 5.7, 1000: 52.0, 10000: 330.0},
    },
)

_SHORT = 16
"""Number of elements up to which a linear search is as fast."""
_WRITTEN = 8
"""Elements of a literal in the source up to which it is not reported."""
_LIST, _TUPLE = "builtins.list", "builtins.tuple"
_READING = frozenset({Use.TEST, Use.ITERATE, Use.READ})


def detect(context: Context) -> Iterator[Finding]:
    """Yield one finding for each list and method, where a loop calls it."""
    if context.is_dynamic:
        return
    found: dict[tuple[str, str, ast.stmt | None], tuple[Place, list[ast.Call]]] = {}
    for call in context.nodes(ast.Call):
        match call:
            case ast.Call(func=ast.Attribute(value=searched, attr="count" | "index" | "remove" as name), args=[one]):
                place = context.place(searched)
            case _:
                continue
        if place is None or isinstance(one, ast.Starred) or call.keywords or not context.loops(call):
            continue
        if _is_short(place) or context.falls_back(call, TypeError):
            continue
        if not may_be_hashable(context, one) or not holds_hashable(context, place):
            continue
        loop = _still_loop(context, place, call) if name != "remove" else None
        if name == "remove":
            if _may_be_set(context, place, call):
                found.setdefault((place.name, name, None), (place, []))[1].append(call)
        elif loop is not None and _is_sequence(context, searched) and not _is_expected(context, call, name):
            found.setdefault((place.name, name, loop), (place, []))[1].append(call)
    covered: set[int] = set()
    for (_, method, loop), (place, calls) in found.items():
        covered.update(id(call) for call in calls)
        yield _describe(context, place, calls, method, loop)
    if context.measured:
        yield from _advise(context, covered)


_INSTEAD = {
    "count": "count once with collections.Counter, or keep the counts in a dict",
    "index": "keep a dict from element to position, or use enumerate() in the loop",
    "remove": "a dict keeps the order and removes by key; several are removed at once by a comprehension",
}


def _advise(context: Context, covered: set[int]) -> Iterator[Finding]:
    """Yield each hot search of a list, in whatever form, for which no edit is made."""
    for call in context.nodes(ast.Call):
        if _finds_the_same(context, call):
            yield context.finding(
                call,
                f"{ast.unparse(call)} finds the same position in each iteration: take it once, before the loop.",
                safety=Safety.ADVICE,
                questions=(context.ask_cost(call),),
                measured_gain=False,
            )
            continue
        match call:
            case ast.Call(
                func=ast.Attribute(value=searched, attr="count" | "index" | "remove" as name), args=[one], keywords=[]
            ) if id(call) not in covered and not isinstance(one, ast.Starred | ast.Constant):
                pass
            case _:
                continue
        # A key of what is searched for may be hashable where it is not itself: only its type refutes.
        if context.type_of(one) & set(UNHASHABLE) or context.falls_back(call, TypeError):
            continue
        questions: tuple[Question, ...] = ()
        if isinstance(searched, ast.Call):
            made = context.resolve(searched.func) in ("builtins.list", "builtins.sorted")
            what = ast.unparse(searched)
            if not made or not (context.loops(call) or context.function.kind is ScopeKind.FUNCTION):
                continue
        else:
            target = read_target(context, searched)
            if target is None or not meets_again(context, call, target):
                continue
            what, types = target.text, shown_types(context, searched)
            held = context.element_of(searched)
            if not types <= {_LIST, _TUPLE} or held & {*UNHASHABLE, "builtins.float"}:
                continue
            if target.place is not None and _is_short(target.place):
                continue
            questions = ask_target(context, target, (_LIST, _TUPLE), _SHORT, needed=not types)
            # Of an item no value is seen; texts have index() too, and search as far.
            if not types and not questions and not (name == "index" and isinstance(searched, ast.Subscript)):
                continue
        yield context.finding(
            call,
            f"{name}() searches {what} from the start on every call: {_INSTEAD[name]}. The elements, or a key of them, "
            "must be hashable.",
            safety=Safety.ADVICE,
            questions=(*questions, context.ask_cost(call)),
            measured_gain=False,
        )


def _finds_the_same(context: Context, call: ast.Call) -> bool:
    """Return whether a loop searches for a constant, in what it leaves as it is."""
    match call:
        case ast.Call(func=ast.Attribute(value=ast.Name() as searched, attr="index"), args=[ast.Constant()]):
            place, loops = context.place(searched), context.loops(call)
        case _:
            return False
    if place is None or not loops:
        return False
    inside = [reference for reference in place.references if context.is_inside(reference, loops[0])]
    return all(context.use(reference) in _READING for reference in inside)


def _is_short(place: Place) -> bool:
    """Return whether the list is a short literal in the source."""
    values = [binding.value for binding in place.bindings]
    return bool(values) and all(
        isinstance(value, ast.List | ast.Tuple)
        and 0 < len(value.elts) <= _WRITTEN
        and not any(isinstance(item, ast.Starred) for item in value.elts)
        for value in values
    )


def _is_sequence(context: Context, searched: ast.expr) -> bool:
    """Return whether this may be a list or tuple of hashable elements. Strings have these methods too."""
    types, elements = context.type_of(searched), context.element_of(searched)
    return types <= {_LIST, _TUPLE} and not elements & {*UNHASHABLE, "builtins.float"}


def _still_loop(context: Context, place: Place, call: ast.Call) -> ast.stmt | None:
    """Return the outermost statement that repeats ``call`` and leaves the list as it is."""
    if place.kind in (PlaceKind.ATTRIBUTE, PlaceKind.GLOBAL, PlaceKind.ENCLOSING):
        uses = [r for r in (*place.references, *place.strangers) if not _is_start(context, place, r)]
        if any(context.use(reference) not in _READING for reference in uses):
            return None
    outer: ast.AST | None = None
    for loop in context.loops(call):
        inside = [reference for reference in place.references if context.is_inside(reference, loop)]
        if any(context.use(reference) not in _READING for reference in inside):
            break
        outer = loop
    statement = context.facts.statement(outer) if outer is not None else None
    return context.whole_if(statement) if statement is not None and _varies(context, call) else None


def _is_start(context: Context, place: Place, reference: ast.expr) -> bool:
    stored = isinstance(getattr(reference, "ctx", None), ast.Store)
    return stored and any(context.facts.parent(reference) is binding.node for binding in place.bindings)


def _varies(context: Context, call: ast.Call) -> bool:
    """Return whether different elements are searched for: the innermost loop does not repeat the same search."""
    return not isinstance(call.args[0], ast.Constant)


def _is_expected(context: Context, call: ast.Call, name: str) -> bool:
    """Return whether the function catches the ``ValueError`` of a missing element."""
    return name == "index" and context.tells_apart(call, ValueError, KeyError)


def _may_be_set(context: Context, place: Place, call: ast.Call) -> bool:
    """Return whether nothing needs the list's order, duplicates or positions, or the ``ValueError``."""
    private = place.name.rpartition(".")[2].startswith("_")
    if place.kind is not PlaceKind.LOCAL and not (place.kind is PlaceKind.ATTRIBUTE and private):
        return False
    making = [loop for binding in place.bindings for loop in context.loops(binding.node)]
    if place.strangers or _is_expected(context, call, "index") or all(x in making for x in context.loops(call)):
        return False
    for binding in place.bindings:
        if binding.kind is not BindingKind.VALUE or not isinstance(binding.node, ast.Assign) or binding.value is None:
            return False
        if len(binding.node.targets) > 1 or not _makes_list(context, binding.value):
            return False
    uses = [r for r in place.references if not _is_start(context, place, r)]
    grows = any(_method(context, r) in ("append", "extend") for r in uses) or context.measured
    return grows and all(_fits_set(context, reference) for reference in uses)


def _makes_list(context: Context, value: ast.expr) -> bool:
    elements = context.element_of(value) & set(UNHASHABLE)
    match value:
        case ast.List(elts=[]) | ast.ListComp():
            return not elements
        case ast.List(elts=[*items]):
            return not elements and not any(isinstance(item, ast.Starred) for item in items)
        case ast.Call(func=ast.Name() as function, args=[] | [_], keywords=[]):
            return context.resolve(function) == _LIST
        case _:
            return False


def _method(context: Context, reference: ast.expr) -> str:
    """Return the method that is called on ``reference`` by a statement of its own, with one argument."""
    above = context.facts.parent(reference)
    call = context.facts.parent(above) if isinstance(above, ast.Attribute) else None
    if not isinstance(above, ast.Attribute) or not isinstance(call, ast.Call) or call.func is not above:
        return ""
    plain = len(call.args) == 1 and not call.keywords and isinstance(context.facts.parent(call), ast.Expr)
    return above.attr if plain else ""


def _fits_set(context: Context, reference: ast.expr) -> bool:
    if context.use(reference) is Use.TEST or _method(context, reference) in ("append", "extend", "remove"):
        return True
    match context.facts.parent(reference):
        case ast.If() | ast.While() | ast.UnaryOp(op=ast.Not()):
            return True
        case ast.Call(func=function, args=[_]) if function is not reference:
            return context.resolve(function) in ("builtins.len", "builtins.bool", "builtins.sorted")
        case _:
            return False


def _describe(context: Context, place: Place, calls: list[ast.Call], name: str, loop: ast.stmt | None) -> Finding:
    advice = {
        "count": f"count all elements once before the loop, with collections.Counter({place.name})",
        "index": "build a dict of the positions once before the loop; it raises KeyError for a missing element",
        "remove": "make it a set, if it has no duplicates; it raises KeyError for a missing element",
    }[name]
    probes = dict.fromkeys(call.args[0].id for call in calls if isinstance(call.args[0], ast.Name))
    function, rewrite = calls[0].func, context.rewrite()
    known = isinstance(function, ast.Attribute) and bool(context.type_of(function.value))
    note = "" if loop is None else ", and the loop must not change the list by another name"
    if loop is None:
        turn_into_set(context, place, rewrite)
    else:
        _look_up(context, place, calls, loop, rewrite)
    return context.finding(
        calls[0],
        f"Every {place.name}.{name}() searches the list from the start: {advice}. Elements must be hashable{note}.",
        lines=tuple(sorted({call.lineno for call in calls})),
        questions=(
            context.ask(place, Ask.TYPES, expects=(_LIST, _TUPLE), needed=not known and loop is not None),
            context.ask(place, Ask.LENGTH, at_least=_SHORT),
            context.ask(place, Ask.ELEMENTS, excludes=UNHASHABLE),
            *(context.ask(probe, Ask.TYPES, excludes=UNHASHABLE) for probe in probes),
        ),
        rewrite=rewrite,
    )


def _look_up(context: Context, place: Place, calls: list[ast.Call], loop: ast.stmt, rewrite: Rewrite) -> None:
    """Make the edits that build a Counter or a dict before ``loop``, and look up in that."""
    plain = place.name.rpartition(".")[2].strip("_").lower()
    function = calls[0].func
    if not isinstance(function, ast.Attribute):
        return
    searched = rewrite.text(function.value)
    if function.attr == "count":
        known = rewrite.fresh(f"{plain}_counts")
        made = f"{rewrite.add_import('collections', 'Counter')}({searched})"
    else:
        known, at, item = rewrite.fresh(f"{plain}_positions"), rewrite.fresh("position"), rewrite.fresh("element")
        if not context.has_builtin("reversed", "list", "enumerate"):
            rewrite.refuse("`reversed`, `list` or `enumerate` is shadowed in this file")
        made = f"{{{item}: {at} for {at}, {item} in reversed(list(enumerate({searched})))}}"
    rewrite.insert_before(loop, f"{known} = {made}")
    if none := context.find_possible_none(function.value):
        rewrite.refuse(f"{none} may be None in a run that never searches it")
    for call in calls:
        rewrite.replace(call, f"{known}[{rewrite.text(call.args[0])}]")


CASES = (
    Case(
        name="counted for each",
        before="""
def frequencies(text):
    words = text.split()
    table = {}
    for word in words:
        table[word] = words.count(word)
    return table
""",
        after="""
from collections import Counter

def frequencies(text):
    words = text.split()
    table = {}
    words_counts = Counter(words)
    for word in words:
        table[word] = words_counts[word]
    return table
""",
        call="frequencies",
        inputs=("('a b a',)", "('',)"),
    ),
    Case(
        name="counted in a comprehension, on self",
        before="""
class Votes:
    def __init__(self, names):
        self._names = [name.lower() for name in names]
    def result(self):
        return sorted((self._names.count(name), name) for name in set(self._names))
def run(names):
    return Votes(names).result()
""",
        after="""
from collections import Counter

class Votes:
    def __init__(self, names):
        self._names = [name.lower() for name in names]
    def result(self):
        names_counts = Counter(self._names)
        return sorted((names_counts[name], name) for name in set(self._names))
def run(names):
    return Votes(names).result()
""",
        call="run",
        inputs=("(['A', 'b', 'a'],)", "([],)", "([1],)"),
    ),
    Case(
        name="positions, of a list of the module",
        before="""
ORDER = ["no", "least", "low", "less", "normal", "more", "high", "most", "urgent"]
def ranks(names):
    return [ORDER.index(name) for name in names]
""",
        after="""
ORDER = ["no", "least", "low", "less", "normal", "more", "high", "most", "urgent"]
def ranks(names):
    order_positions = {element: position for position, element in reversed(list(enumerate(ORDER)))}
    return [order_positions[name] for name in names]
""",
        call="ranks",
        inputs=("(['high', 'low'],)", "([],)", "(None,)"),
    ),
    Case(
        name="a parameter; values seen decide",
        before="""
def places(names, wanted):
    return [names.index(name) for name in wanted if name]
""",
        after="""
def places(names, wanted):
    names_positions = {element: position for position, element in reversed(list(enumerate(names)))}
    return [names_positions[name] for name in wanted if name]
""",
        call="places",
        inputs=("(['a', 'b', 'a'], ['b', '', 'a'])", "([], [])"),
    ),
    Case(
        name="positions where elements are there twice, in nested loops",
        before="""
def edges(pairs):
    nodes = [node for pair in pairs for node in pair]
    found = []
    for pair in pairs:
        for node in pair:
            found.append((node, nodes.index(node)))
    return found
""",
        after="""
def edges(pairs):
    nodes = [node for pair in pairs for node in pair]
    found = []
    nodes_positions = {element: position for position, element in reversed(list(enumerate(nodes)))}
    for pair in pairs:
        for node in pair:
            found.append((node, nodes_positions[node]))
    return found
""",
        call="edges",
        inputs=("([('a', 'b'), ('b', 'a'), ('c', 'a')],)", "([],)"),
    ),
    Case(
        name="removed one by one",
        before="""
def leftover(names, used):
    free = [name for name in names]
    free.append("spare")
    for name in used:
        if name in free:
            free.remove(name)
    return len(free), sorted(free)
""",
        after="""
def leftover(names, used):
    free = {name for name in names}
    free.add("spare")
    for name in used:
        if name in free:
            free.remove(name)
    return len(free), sorted(free)
""",
        call="leftover",
        inputs=("(['a', 'b', 'c'], ['b', 'x', 'b'])", "([], [])"),
    ),
)

ADVISE = (
    Advise("the same name in each row",
           "def f(rows, header):\n    return [row[header.index('name')] for row in rows]\n"),
    Advise("in a list that is an item of a dict on self",
           "class A:\n    def f(self, k, x):\n        found = self.d[k]\n        found.append(x)\n"
           "        found.remove(x)\n"),
    Advise("in an item of another module's table",
           "from tables import ORDERS\ndef f(language, text):\n    return [ORDERS[language].index(x) for x in text]\n"),
    Advise("for dicts, as another loop over them shows, of which a key may be hashable",
           "def f(places, corners):\n    keys = {tuple(corner.items()) for corner in corners}\n"
           "    return [places.index(corner) for corner in corners], keys\n"),
    Advise("in a list that is made for the search", "def f(d, k):\n    return list(d).index(k)\n"),
    Advise("elements of a class without a hash, as what is asked of them shows",
           "class Node:\n    def __init__(self):\n        self.arcs = []\n    def __eq__(self, other):\n"
           "        return self.arcs == other.arcs\n"
           "def f(nodes):\n    for number, node in enumerate(nodes):\n        for other in node.arcs:\n"
           "            print(number, nodes.index(other))\n"),
    Advise("a parameter that is bound again, to dicts",
           "def f(rows, order):\n    rows = [{k: v for k, v in row.items() if v} for row in rows]\n"
           "    return [rows.index(row) for row in order]\n"),
    Advise("the list changes in the loop",
           "def f(xs):\n    a = list(xs)\n    for x in xs:\n        print(a.index(x))\n        a.append(x)\n"),
    Advise("what is not there is caught",
           "def f(xs):\n    a = list(xs)\n    for x in xs:\n        try:\n            print(a.index(x))\n"
           "        except ValueError:\n            pass\n"),
    Advise("the order is asked for",
           "def f(xs, ys):\n    a = []\n    a.extend(xs)\n    for y in ys:\n        a.remove(y)\n    return a[0]\n"),
    Advise("the list is returned",
           "def f(xs, ys):\n    a = []\n    a.extend(xs)\n    for y in ys:\n        a.remove(y)\n    return a\n"),
    Advise("the caller's list", "def f(a, ys):\n    for y in ys:\n        a.remove(y)\n"),
    Advise("changed by another method",
           "class A:\n    def __init__(self):\n        self.a = []\n    def add(self, x):\n        self.a.append(x)\n"
           "    def f(self, xs):\n        return [self.a.index(x) for x in xs]\n"),
)  # fmt: skip

REFUSE = (
    Refuse("declared a text", "def f(s: str, xs):\n    return [s.count(x) for x in xs]\n"),
    Refuse("a short one", "A = ['a', 'b', 'c']\ndef f(xs):\n    return [A.index(x) for x in xs]\n"),
    Refuse("a text", "def f(xs):\n    s = ','.join(xs)\n    return [s.index(x) for x in xs]\n"),
    Refuse("from a position on", "def f(xs):\n    a = list(xs)\n    return [a.index(x, 3) for x in xs]\n"),
    Refuse("once, not in a loop", "def f(xs):\n    a = list(xs)\n    return a.index(1) + a.count(xs)\n"),
    Refuse("made anew in each turn",
           "def f(xs):\n    for x in xs:\n        a = x.split()\n        print(a.index(x))\n"),
    Refuse("the same element each time", "def f(xs):\n    a = list(xs)\n    return [a.count(0) for x in xs]\n"),
    Refuse("lists of lists, which no dict can hold",
           "def f(xs):\n    a = [[x] for x in xs]\n    return [a.index(x) for x in xs]\n"),
    Refuse("numbers with NaN among them",
           "def f(xs):\n    a = [float(x) for x in xs]\n    return [a.count(x) for x in a]\n"),
    Refuse("an array's count", "import array\ndef f(xs):\n    a = bytes(xs)\n    return [a.index(x) for x in xs]\n"),
    Refuse("reached by locals()", "def f(xs):\n    a = list(xs)\n    return [a.index(x) for x in xs], locals()\n"),
)  # fmt: skip

BENCH = Bench(
    setup="items = [str(x) for x in range(n)]\n"
    "def search():\n    return [items.index(x) for x in items]\n"
    "def look_up():\n    positions = {x: at for at, x in reversed(list(enumerate(items)))}\n"
    "    return [positions[x] for x in items]",
    before="search()",
    after="look_up()",
    sizes=(3, 10, 100, 1000, 10_000),
    size_is="elements",
)
