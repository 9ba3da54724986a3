"""Keep a list sorted by inserting in place, not by sorting it again.

## What
`items.append(x)` followed by `items.sort()` in a loop: `bisect.insort(items, x)`, with the same `key`. A list that is
sorted in a loop and does not change otherwise: sort it once, before. On hot lines, as advice, also `sort()`,
`sorted()`, `min()`, `max()` and `sum()` of what lasts and changes between two steps.

## Why
Sorting a nearly sorted list still visits every element; a binary search visits a few. (The elements after
the new one still have to be shifted, which is fast.) Where only the smallest is ever taken, `heapq` avoids even that.

## When not
On short lists. The list must be sorted already when the loop starts: one that starts with unsorted elements, or gets
some elsewhere without a sort, is left alone. If a comparison raises, the list is left in another state. A sort puts
elements right whose key has changed since the last one, an insertion does not. NaN has no order, and may end up
elsewhere.

## Source
The documentation of `bisect`: the module "provides support for maintaining a list in sorted order without having to
sort the list after each insertion". The figures in `RULE` are measured with `BENCH`: one more random number.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from whet.engine.api import (
    Advise,
    Ask,
    Bench,
    BindingKind,
    Case,
    Context,
    Finding,
    Place,
    PlaceKind,
    Refuse,
    Rule,
    Safety,
    ScopeKind,
    Speed,
    Target,
    Triggers,
    Use,
    ask_target,
    keeping_loops,
    outlives_call,
    read_target,
)

RULE = Rule(
    slug="sort-in-loop",
    title="List re-sorted after every append",
    family="containers",
    safety=Safety.OFFER,
    speed=Speed.ASYMPTOTIC,
    triggers=Triggers(names=frozenset({"max", "min", "most_common", "sort", "sorted", "sum"})),
    asks=frozenset({Ask.TYPES, Ask.LENGTH, Ask.SHARE}),
    figures={
        "3.11": {10: 1.0, 100: 3.0, 1000: 18.0, 10000: 21.0},
        "3.12": {10: 1.1, 100: 3.4, 1000: 21.0, 10000: 25.0},
        "3.13": {10: 1.1, 100: 3.5, 1000: 21.0, 10000: 25.0},
        "3.14": {10: 1.2, 100: 4.1, 1000: 24.0, 10000: 20.0},
    },
)

_SHORT = 50
"""Number of elements up to which sorting costs about the same as inserting."""
_CHANGING = frozenset({"add", "append", "appendleft", "discard", "extend", "insert", "pop", "remove", "update"})
_Pair = tuple[ast.Expr, ast.Expr]


def detect(context: Context) -> Iterator[Finding]:
    """Yield each sort in a loop, or in a hot function, that comes right after one element was added."""
    if context.is_dynamic or context.function.kind is ScopeKind.CLASS:
        return
    for call in context.nodes(ast.Call):
        pair = _read_pair(context, call)
        place = context.place(_owner(pair[1])) if pair is not None else None
        if pair is not None and place is not None and _is_repeated(context, place, pair[1]):
            keys = _sorts(context, place)
            if len(keys) == 1 and _is_sorted_before(context, place, keys.pop()) and _keys_stay(context, call):
                yield _describe(context, place, pair, call)
                continue
        advice = _advise(context, call) if context.measured else None
        if advice is not None:
            yield advice


def _advise(context: Context, call: ast.Call) -> Finding | None:
    """Return advice for what lasts and is ordered, or searched for its extreme, again and again."""
    name = context.resolve(call.func) or ""
    match call:
        case ast.Call(func=ast.Attribute(value=ordered, attr="sort"), args=[]):
            say = "it is sorted again each time"
        case ast.Call(args=[ordered]) if name == "builtins.sorted":
            say = "it is sorted again each time"
        case ast.Call(args=[ordered]) if name in ("builtins.min", "builtins.max"):
            say = "all of it is read each time for one element"
        case ast.Call(func=ast.Attribute(value=ordered, attr="most_common"), args=[ast.Constant(value=int())]):
            say = "all of it is read each time for one element"
        case ast.Call(args=[summed]) if name == "builtins.sum":
            ordered, say = _elements_of(context, summed), "all of it is added up again each time"
        case _:
            return None
    kept = ordered
    while isinstance(kept, ast.Call) and isinstance(kept.func, ast.Attribute) and not kept.args:
        kept = kept.func.value  # `self.counts.values()`
    target = read_target(context, kept)
    if target is None or context.type_of(kept) & {"builtins.str", "builtins.tuple"}:
        return None
    loops = keeping_loops(context, call, target)
    changes = any(_changes(context, loop, target) for loop in loops) or _is_sorted_again(context, call, loops)
    if not changes and not (outlives_call(context, target) and _is_ordered_again(context, call, kept, target)):
        return None
    instead = "bisect.insort keeps it in order, and a heap (heapq) gives the next one"
    if name == "builtins.sum":
        instead = "keep the sum in a variable that each change adds to"
    return context.finding(
        call,
        f"{target.text} changes, and {say}: {instead}, without reading all of it.",
        safety=Safety.ADVICE,
        questions=(*ask_target(context, target, (), _SHORT), context.ask_cost(call)),
        measured_gain=False,
    )


def _elements_of(context: Context, summed: ast.expr) -> ast.expr:
    """Return whose elements are summed: ``parts`` in ``map(len, parts)`` and ``(len(part) for part in parts)``."""
    match summed:
        case ast.Call(args=[_, over]) if context.likely(summed.func) == "builtins.map":
            return over
        case ast.GeneratorExp(generators=[made]) | ast.ListComp(generators=[made]):
            return made.iter
        case _:
            return summed


def _is_sorted_again(context: Context, call: ast.Call, loops: Sequence[ast.AST]) -> bool:
    """Return whether a loop sorts a list in place by the same key: else than by changed elements there is no reason."""
    statement = context.facts.parent(call)
    method = isinstance(call.func, ast.Attribute) and call.func.attr == "sort"
    if not method or not isinstance(statement, ast.Expr) or not any(isinstance(loop, ast.While) for loop in loops):
        return False
    read = frozenset[str]().union(*(context.names_in(keyword.value) for keyword in call.keywords))
    stored = (part for loop in loops for part in ast.walk(loop) if isinstance(part, ast.Name))
    return not any(isinstance(part.ctx, ast.Store) and part.id in read for part in stored)


def _is_ordered_again(context: Context, call: ast.Call, kept: ast.expr, target: Target) -> bool:
    """Return whether each call of a hot function orders what lasts, or takes an extreme of what it changes itself."""
    match call.func:
        case ast.Attribute(attr="sort", value=ordered):
            return ordered is kept
        case ast.Attribute(attr="most_common"):
            return True
        case _:
            # The extreme, or its key, is what is taken out: `del d[min(d, key=d.get)]`.
            return context.resolve(call.func) != "builtins.sorted" and _changes(context, context.function.node, target)


def _changes(context: Context, loop: ast.AST, target: Target) -> bool:
    """Return whether a loop adds to a target, or takes something out of it."""
    for part in ast.walk(loop):
        match part:
            case ast.Call(func=ast.Attribute(value=changed, attr=name)) if name in _CHANGING:
                pass
            case ast.Subscript(value=changed, ctx=ast.Store() | ast.Del()):
                pass
            case _:
                continue
        if ast.unparse(changed) == target.text:
            return True
    return False


def _read_pair(context: Context, call: ast.Call) -> _Pair | None:
    """Return the statements that add one element and sort, if ``call`` is the second of them."""
    statement = context.facts.parent(call)
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr="sort"), args=[], keywords=keywords)):
            pass
        case _:
            return None
    if any(keyword.arg != "key" for keyword in keywords):
        return None
    before = context.previous(statement)
    match before:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=grown, attr="append"), args=[added], keywords=[])):
            if ast.unparse(grown) == ast.unparse(owner) and not isinstance(added, ast.Starred):
                return before, statement
    return None


def _owner(statement: ast.Expr) -> ast.expr:
    call = statement.value
    return call.func.value if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) else call


def _is_repeated(context: Context, place: Place, statement: ast.stmt) -> bool:
    making = [loop for binding in place.bindings for loop in context.loops(binding.node)]
    if any(loop not in making for loop in context.loops(statement)):
        return True
    return place.kind is PlaceKind.ATTRIBUTE and context.measured


def _sorts(context: Context, place: Place) -> set[str]:
    """Return the keys that the list is sorted by, as source text; an odd one where it is changed otherwise."""
    keys: set[str] = set()
    for reference in (*place.references, *place.strangers):
        above = context.facts.parent(reference)
        call = context.facts.parent(above) if isinstance(above, ast.Attribute) else None
        use = context.use(reference)
        if isinstance(call, ast.Call) and isinstance(above, ast.Attribute) and above.attr == "sort":
            pair = _read_pair(context, call)
            keys.add(", ".join(ast.unparse(keyword) for keyword in call.keywords) if pair is not None else "?")
        elif use is Use.APPEND and isinstance(call, ast.Call):
            if not _is_followed_by_sort(context, call):
                keys.add("?")
        elif use in (Use.TEST, Use.ITERATE, Use.READ, Use.RETURN, Use.BIND, Use.DELETE) or _takes_out(above, call):
            pass
        else:
            keys.add("??")
    return keys


def _takes_out(above: ast.AST | None, call: ast.AST | None) -> bool:
    """Return whether elements are taken out, which leaves the rest in order."""
    if isinstance(above, ast.Subscript):
        return isinstance(above.ctx, ast.Del)
    return isinstance(above, ast.Attribute) and above.attr in ("pop", "remove") and isinstance(call, ast.Call)


def _is_followed_by_sort(context: Context, call: ast.Call) -> bool:
    statement = context.facts.parent(call)
    if not isinstance(statement, ast.Expr):
        return False
    block = context.facts.block(statement)
    at = next(index for index, other in enumerate(block) if other is statement)
    after = block[at + 1] if at + 1 < len(block) else None
    return isinstance(after, ast.Expr) and isinstance(after.value, ast.Call) and (
        _read_pair(context, after.value) is not None
    )  # fmt: skip


def _is_sorted_before(context: Context, place: Place, key: str) -> bool:
    """Return whether every initial value of the list is in order: empty, or ``sorted`` by the same key."""
    if place.kind not in (PlaceKind.LOCAL, PlaceKind.ATTRIBUTE) or "?" in key:
        return False
    for binding in place.bindings:
        if binding.kind is not BindingKind.VALUE or len(getattr(binding.node, "targets", (1,))) > 1:
            return False
        match binding.value:
            case ast.List(elts=[] | [_]):
                pass
            case ast.Call(func=function, args=[_], keywords=keywords):
                same = ", ".join(ast.unparse(keyword) for keyword in keywords) == key
                if context.resolve(function) != "builtins.sorted" or not same:
                    return False
            case _:
                return False
    return bool(place.bindings)


def _keys_stay(context: Context, sort: ast.Call) -> bool:
    """Return whether nothing in the file changes what the elements are sorted by, and they show no floats."""
    if "builtins.float" in context.element_of(sort.func.value if isinstance(sort.func, ast.Attribute) else sort):
        return False
    for part in (inner for keyword in sort.keywords for inner in ast.walk(keyword.value)):
        match part:
            case ast.Attribute(attr=name):
                stored = (n for n, _ in context.facts.attributes(name) if not isinstance(n.ctx, ast.Load))
                if any("__init__" not in context.scope_of(node).qualified_name for node in stored):
                    return False
            case ast.Subscript(value=held):
                # Of another object, or of an element that the function may change.
                inner = {ast.unparse(n.slice) for n in context.nodes(ast.Subscript) if not isinstance(n.ctx, ast.Load)}
                own = isinstance(held, ast.Name) and context.facts.lookup(held) is not context.facts.module
                if not own or ast.unparse(part.slice) in inner or not isinstance(part.slice, ast.Constant):
                    return False
            case _:
                pass
    return True


def _describe(context: Context, place: Place, pair: _Pair, call: ast.Call) -> Finding:
    append, sort = pair
    rewrite = context.rewrite()
    insort = rewrite.add_import("bisect", "insort")
    added = append.value.args[0] if isinstance(append.value, ast.Call) else append.value
    inside = [rewrite.text(_owner(sort)), rewrite.text(added)]
    inside.extend(f"key={rewrite.text(keyword.value)}" for keyword in call.keywords)
    rewrite.replace([append, sort], f"{insort}({', '.join(inside)})")
    return context.finding(
        append,
        f"{place.name} is already sorted, and is sorted again for one more element: bisect.insort inserts it in its "
        "place. If a comparison raises, the list is left without the new element. A later sort no longer puts elements "
        "right whose keys have changed, nor NaN.",
        lines=tuple(range(append.lineno, (sort.end_lineno or sort.lineno) + 1)),
        questions=(
            context.ask(place, Ask.TYPES, expects=("builtins.list",)),
            context.ask(place, Ask.LENGTH, at_least=_SHORT),
        ),
        rewrite=rewrite,
    )


CASES = (
    Case(
        name="a list that is kept in order",
        before="""
def medians(numbers):
    seen = []
    found = []
    for number in numbers:
        seen.append(number)
        seen.sort()
        found.append(seen[len(seen) // 2])
    return found
""",
        after="""
from bisect import insort

def medians(numbers):
    seen = []
    found = []
    for number in numbers:
        insort(seen, number)
        found.append(seen[len(seen) // 2])
    return found
""",
        call="medians",
        inputs=("([3, 1, 2, 2.0, True],)", "([],)", "([1, 'a'],)"),
    ),
    Case(
        name="a queue by priority, on self, with a key",
        before="""
import bisect
class Agenda:
    def __init__(self, jobs):
        self.jobs = sorted(jobs, key=len)
    def add(self, job):
        self.jobs.append(job)
        self.jobs.sort(key=len)
    def take(self):
        return self.jobs.pop()
def run(jobs, more):
    agenda = Agenda(jobs)
    for job in more:
        agenda.add(job)
        print(agenda.take())
    return agenda.take()
""",
        after="""
import bisect
class Agenda:
    def __init__(self, jobs):
        self.jobs = sorted(jobs, key=len)
    def add(self, job):
        bisect.insort(self.jobs, job, key=len)
    def take(self):
        return self.jobs.pop()
def run(jobs, more):
    agenda = Agenda(jobs)
    for job in more:
        agenda.add(job)
        print(agenda.take())
    return agenda.take()
""",
        call="run",
        inputs=("(['aaa', 'bb'], ['cc', 'd', 'eee'])", "([], ['a'])"),
        hot=True,
    ),
)

_LOOP = "    for x in xs:\n        a.append(x)\n        a.sort()\n        print(a[0])\n"
ADVISE = (
    Advise("the least of a dict, taken out by each call",
           "class A:\n    def f(self):\n        k = min(self.d)\n        del self.d[k]\n        return k\n"),
    Advise("the keys of the elements change",
           "def f(xs):\n    a = []\n    for x in xs:\n        a.append(x)\n        a.sort(key=lambda t: t.rank)\n"
           "        a[0].rank += 1\n    return a\n"),
    Advise("the keys of the elements are in a dict, which changes",
           "def f(xs, score):\n    a = []\n    for x in xs:\n        a.append(x)\n"
           "        a.sort(key=lambda t: score[t])\n        score[x] = 0\n    return a\n"),
    Advise("it starts with elements in any order", "def f(xs, ys):\n    a = list(ys)\n" + _LOOP),
    Advise("it starts in the order of another key", "def f(xs, ys):\n    a = sorted(ys, key=abs)\n" + _LOOP),
    Advise("it grows without a sort too", "def f(xs):\n    a = []\n" + _LOOP + "        a.append(0)\n"),
    Advise("it grows by many", "def f(xs, ys):\n    a = []\n    a.extend(ys)\n" + _LOOP),
    Advise("an element is set", "def f(xs):\n    a = []\n" + _LOOP + "        a[0] = 9\n"),
    Advise("sorted downwards, which insort cannot",
           "def f(xs):\n    a = []\n" + _LOOP.replace("sort()", "sort(reverse=True)")),
    Advise("numbers that may be NaN",
           "def f(xs):\n    a = []\n    for x in xs:\n        a.append(float(x))\n        a.sort()\n    return a\n"),
    Advise("the caller's list", "def f(xs, a):\n" + _LOOP),
    Advise("another name can change it", "def f(xs, g):\n    a = []\n    g(a)\n" + _LOOP),
    Advise("by what its elements hold, which a function changes",
           "def merge(sources, step):\n    heads = list(sources)\n    heads.sort()\n    while heads[0].left:\n"
           "        yield heads[0].key\n        step(heads[0])\n        heads.sort()\n"),
    Advise("summed up again for each part that is read",
           "class A:\n    def read(self, n):\n        while sum(map(len, self.parts)) < n:\n"
           "            self.parts.append(next(self.source))\n"),
    Advise("summed up again, by a generator",
           "def fill(bins, sizes):\n    for size in sizes:\n        if sum(one.size for one in bins) < 9:\n"
           "            bins.append(size)\n"),
    Advise("reversed in between", "def f(xs):\n    a = []\n" + _LOOP + "        a.reverse()\n"),
)  # fmt: skip

REFUSE = (
    Refuse("sorted once, after the loop",
           "def f(xs):\n    a = []\n    for x in xs:\n        a.append(x)\n    a.sort()\n    return a\n"),
    Refuse("made anew in each turn",
           "def f(xs):\n    for x in xs:\n        a = [1]\n        a.append(x)\n        a.sort()\n        print(a)\n"),
    Refuse("by one key after the other",
           "def f(rows, keys):\n    while keys:\n        key = keys.pop()\n        rows.sort(key=key)\n"),
    Refuse("summed up, and not changed",
           "def f(xs, limit):\n    while sum(xs) > limit:\n        limit += 1\n    return limit\n"),
    Refuse("another list is sorted",
           "def f(xs, b):\n    a = []\n    for x in xs:\n        a.append(x)\n        b.sort()\n"),
)  # fmt: skip

BENCH = Bench(
    setup="import bisect, random\ndraw = random.Random(1).random\nitems = sorted(draw() for _ in range(n))",
    before="for _ in range(20):\n    items.append(draw())\n    items.sort()\n    items.pop()",
    after="for _ in range(20):\n    bisect.insort(items, draw())\n    items.pop()",
    sizes=(10, 100, 1000, 10_000),
    size_is="elements in the list",
)
