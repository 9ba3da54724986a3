"""Use a deque for a queue, not a list.

## What
`queue.pop(0)`, `del queue[0]` or `queue.insert(0, x)`, repeatedly, on a list that is otherwise only appended to,
popped, tested, measured and iterated over. Make it a `collections.deque`: `popleft` and `appendleft` take constant
time.

## Why
A list keeps its elements in one block, in order: removing the first shifts all others. Processing a queue of n
elements costs O(n²) moves. A deque does the same at either end without moving anything.

## When not
Where the list stays short. A deque has no slices, is slow to index in the middle, is not equal to a list, and neither
`json` nor `heapq` accept it: for lists that are sliced, indexed, sorted, compared, returned or passed to other
functions, and for those in items and in attributes of other objects, it is advice without an edit, on hot lines. A
deque that changes during iteration raises, a list does not: such loops are left alone too. The `IndexError` of popping
from an empty deque has another message. A public attribute or global may be used by other modules in ways that this
file does not show.

## Source
The documentation of `collections.deque`: lists "incur O(n) memory movement costs for pop(0) and insert(0, v)".
The figures in `RULE` are measured with `BENCH`.
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
    Place,
    PlaceKind,
    Refuse,
    Rule,
    Safety,
    Speed,
    Triggers,
    ask_target,
    find_front,
    find_new_lists,
    may_become_deque,
    meets_again,
    read_target,
    shown_types,
    turn_into_deque,
)

RULE = Rule(
    slug="pop0-deque",
    title="list.pop(0)/insert(0) shifts every element",
    family="containers",
    safety=Safety.OBSERVED,
    speed=Speed.ASYMPTOTIC,
    triggers=Triggers(nodes=frozenset({ast.Delete}), names=frozenset({"insert", "pop"})),
    asks=frozenset({Ask.TYPES, Ask.LENGTH, Ask.SHARE}),
    figures={
        "3.11": {10: 1.3, 100: 1.7, 1000: 4.2, 10000: 38.0, 100000: 380.0},
        "3.12": {10: 1.1, 100: 1.6, 1000: 4.2, 10000: 39.0, 100000: 390.0},
        "3.13": {10: 1.0, 100: 1.3, 1000: 4.2, 10000: 40.0, 100000: 390.0},
        "3.14": {10: 1.2, 100: 1.6, 1000: 4.3, 10000: 41.0, 100000: 430.0},
    },
)

_SHORT = 100
"""Number of elements up to which shifting them costs no more than the call."""

_Step = ast.Call | ast.Delete


def detect(context: Context) -> Iterator[Finding]:
    """Yield one finding for each list whose front the function changes repeatedly."""
    if context.is_dynamic:
        return
    found: dict[str, tuple[Place, list[_Step]]] = {}
    candidates: list[_Step] = [*context.nodes(ast.Call), *context.nodes(ast.Delete)]
    for step in candidates:
        queue = find_front(step)
        place = context.place(queue) if queue is not None else None
        if place is None:
            continue
        lasting = place.kind is not PlaceKind.PARAMETER and context.outlives_calls(place)
        if lasting or context.loops_over(step, place):
            found.setdefault(place.name, (place, []))[1].append(step)
    covered: set[int] = set()
    for place, steps in found.values():
        starts = find_new_lists(context, place)
        if not starts or _stays_short(context, place, steps):
            continue
        if may_become_deque(context, place):
            covered.update(id(step) for step in steps)
            yield _describe(context, place, steps, starts)
    if context.measured:
        yield from _advise(context, [step for step in candidates if id(step) not in covered])


def _advise(context: Context, steps: list[_Step]) -> Iterator[Finding]:
    """Yield one finding for each list, in whatever form, whose front is changed and which may be no deque as it is."""
    seen: set[str] = set()
    for step in steps:
        queue = find_front(step)
        target = read_target(context, queue) if queue is not None else None
        if queue is None or target is None or target.text in seen or not meets_again(context, step, target):
            continue
        types = shown_types(context, queue)
        unclear = not types and isinstance(step, ast.Delete)
        if (types and "builtins.list" not in types) or (unclear and target.place is None):
            continue
        place = target.place
        if place is not None and (_is_window(context, place, step) or _is_heap(context, place)):
            continue
        seen.add(target.text)
        yield context.finding(
            step,
            f"{target.text} is a list, and every operation at its front shifts all elements: where it only has to be a "
            "queue, a collections.deque takes constant time at either end; else advance an index, or "
            "reverse it once and work at its end.",
            safety=Safety.ADVICE,
            questions=(
                *ask_target(context, target, ("builtins.list",), _SHORT, needed=unclear),
                context.ask_cost(step),
            ),
            measured_gain=False,
        )


def _is_heap(context: Context, place: Place) -> bool:
    calls = (context.facts.parent(reference) for reference in place.references)
    return any(isinstance(call, ast.Call) and (context.resolve(call.func) or "").startswith("heapq.") for call in calls)


def _is_window(context: Context, place: Place, step: _Step) -> bool:
    """Return whether a condition around a step keeps the list short."""
    here: ast.AST | None = context.facts.statement(step)
    while here is not None and here is not context.function.node:
        if isinstance(here, ast.If | ast.While) and _bounds(context, place, here.test):
            return True
        here = context.facts.parent(here)
    return False


def _stays_short(context: Context, place: Place, steps: list[_Step]) -> bool:
    """Return whether the list seems short: it never grows, is limited to a small length, or only grows in front.

    The last is how most programs build a path.
    """
    if not context.measured and not any(_takes_out(context, reference) for reference in place.references):
        return True
    if any(_is_window(context, place, step) for step in steps):
        return True
    grows = any(
        isinstance(above := context.facts.parent(reference), ast.AugAssign)
        or (isinstance(above, ast.Attribute) and above.attr in ("append", "extend", "insert"))
        for reference in place.references
    )
    values = [binding.value for binding in place.bindings if binding.value is not None]
    return not grows and not any(isinstance(value, ast.ListComp) for value in values) and not context.measured


def _takes_out(context: Context, reference: ast.expr) -> bool:
    above = context.facts.parent(reference)
    outer = context.facts.parent(above) if above is not None else None
    return find_front(outer) is reference and not (isinstance(above, ast.Attribute) and above.attr == "insert")


def _bounds(context: Context, place: Place, test: ast.expr) -> bool:
    """Return whether a condition compares the length with a small number, as in ``len(last) > 5``."""
    for part in ast.walk(test):
        match part:
            case ast.Compare(
                left=ast.Call(func=ast.Name(id="len"), args=[measured]), ops=[ast.Gt() | ast.GtE()], comparators=[limit]
            ):
                most = context.constant(limit)
                if ast.unparse(measured) == place.name and isinstance(most, int) and 2 <= most <= _SHORT:
                    return True
    return False


def _describe(context: Context, place: Place, steps: list[_Step], starts: list[ast.expr]) -> Finding:
    name = place.name.rpartition(".")[2]
    public = place.kind in (PlaceKind.ATTRIBUTE, PlaceKind.GLOBAL) and not name.startswith("_")
    note = f"; other code that uses {place.name} must not slice it, sort it or compare it with a list" if public else ""
    rewrite = context.rewrite()
    turn_into_deque(context, place, starts, rewrite)
    lines = context.lines_of(*steps)
    return context.finding(
        steps[0],
        f"{place.name} is a list, and every operation at its front shifts all elements: "
        f"use a collections.deque, which takes constant time at either end{note}.",
        lines=lines,
        safety=Safety.OFFER if public else Safety.OBSERVED,
        questions=(
            context.ask(place, Ask.TYPES, expects=("builtins.list",)),
            context.ask(place, Ask.LENGTH, at_least=_SHORT),
        ),
        rewrite=rewrite,
    )


CASES = (
    Case(
        name="a queue in a local",
        before="""
def reach(edges, start):
    seen = {start}
    queue = [start]
    order = []
    while queue:
        here = queue.pop(0)
        order.append(here)
        for there in edges.get(here, ()):
            if there not in seen:
                seen.add(there)
                queue.append(there)
    return order
""",
        after="""
from collections import deque

def reach(edges, start):
    seen = {start}
    queue = deque([start])
    order = []
    while queue:
        here = queue.popleft()
        order.append(here)
        for there in edges.get(here, ()):
            if there not in seen:
                seen.add(there)
                queue.append(there)
    return order
""",
        call="reach",
        inputs=("({1: [2, 3], 2: [1, 4]}, 1)", "({}, 'a')", "(None, 1)"),
    ),
    Case(
        name="a queue on self, filled by another method",
        before="""
class Line:
    def __init__(self):
        self._waiting = []
        self.served = 0
    def join(self, name, urgent=False):
        if urgent:
            self._waiting.insert(0, name)
        else:
            self._waiting.append(name)
    def serve(self):
        while self._waiting:
            print(len(self._waiting), self._waiting.pop(0))
            self.served += 1
        return self.served
def run(names):
    line = Line()
    for name in names:
        line.join(name, urgent=name.isupper())
    return line.serve()
""",
        after="""
from collections import deque

class Line:
    def __init__(self):
        self._waiting = deque()
        self.served = 0
    def join(self, name, urgent=False):
        if urgent:
            self._waiting.appendleft(name)
        else:
            self._waiting.append(name)
    def serve(self):
        while self._waiting:
            print(len(self._waiting), self._waiting.popleft())
            self.served += 1
        return self.served
def run(names):
    line = Line()
    for name in names:
        line.join(name, urgent=name.isupper())
    return line.serve()
""",
        call="run",
        inputs=("(['a', 'B', 'c', 'D'],)", "([],)", "([1],)"),
    ),
    Case(
        name="put in front in a hot method, taken out by del; a public attribute",
        before="""
class Stack:
    def __init__(self, first):
        self.items = list(first)
    def push(self, item):
        self.items.insert(
            0, item
        )
    def drop(self):
        if self.items:
            del self.items[0]
    def show(self):
        return [item for item in self.items]
def run(first, more):
    stack = Stack(first)
    for item in more:
        stack.push(item)
    stack.drop()
    return stack.show()
""",
        after="""
from collections import deque

class Stack:
    def __init__(self, first):
        self.items = deque(first)
    def push(self, item):
        self.items.appendleft(item)
    def drop(self):
        if self.items:
            self.items.popleft()
    def show(self):
        return [item for item in self.items]
def run(first, more):
    stack = Stack(first)
    for item in more:
        stack.push(item)
    stack.drop()
    return stack.show()
""",
        rewritten="""
from collections import deque

class Stack:
    def __init__(self, first):
        self.items = deque(first)
    def push(self, item):
        self.items.appendleft(
            item
        )
    def drop(self):
        if self.items:
            self.items.popleft()
    def show(self):
        return [item for item in self.items]
def run(first, more):
    stack = Stack(first)
    for item in more:
        stack.push(item)
    stack.drop()
    return stack.show()
""",
        call="run",
        inputs=("([1, 2], [3, 4])", "('', [])", "(None, [1])"),
        hot=True,
    ),
    Case(
        name="a copy of what is handed over, that takes its name",
        before="""
def flatten(items):
    items = list(items)
    flat = []
    while len(items) > 0:
        item = items.pop(0)
        if type(item) is list:
            items.extend(item)
        else:
            flat.append(item)
    return flat
""",
        after="""
from collections import deque

def flatten(items):
    items = deque(items)
    flat = []
    while len(items) > 0:
        item = items.popleft()
        if type(item) is list:
            items.extend(item)
        else:
            flat.append(item)
    return flat
""",
        call="flatten",
        inputs=("([1, [2, [3]], 4],)", "('',)", "(1,)"),
    ),
    Case(
        name="a global, and a name that deque has already",
        before="""
import collections as c
_TODO: list[int] = [n for n in range(3)]
def run(more):
    global _TODO
    _TODO += more
    total = 0
    while _TODO and total < 100:
        total = total * 2 + _TODO.pop(0)
    last = _TODO[-1] if _TODO else None
    _TODO = [0] * 2
    return total, last, sorted(_TODO)
""",
        after="""
import collections as c
_TODO: c.deque[int] = c.deque([n for n in range(3)])
def run(more):
    global _TODO
    _TODO += more
    total = 0
    while _TODO and total < 100:
        total = total * 2 + _TODO.popleft()
    last = _TODO[-1] if _TODO else None
    _TODO = c.deque([0] * 2)
    return total, last, sorted(_TODO)
""",
        call="run",
        inputs=("([5, 6],)", "(range(9),)", "(4,)"),
    ),
)

_LOOP = "    while q:\n        print(q.pop(0))\n        q.append(1)\n"
ADVISE = (
    Advise("a list that a method of the class hands out",
           "class A:\n    def __init__(self):\n        self.queues = {}\n    def queue(self, key) -> list[str]:\n"
           "        if key not in self.queues:\n            self.queues[key] = []\n        return self.queues[key]\n"
           "    def f(self, key):\n        queue = self.queue(key)\n        return queue.pop(0) if queue else None\n"),
    Advise("a deque has no slices", "def f(x):\n    q = [x]\n" + _LOOP + "    return q[1:]\n"),
    Advise("indexing its middle is slow in a deque", "def f(x, n):\n    q = [x]\n" + _LOOP + "    return q[n]\n"),
    Advise("sorted in place", "def f(x):\n    q = [x]\n" + _LOOP + "    q.sort()\n"),
    Advise("lists add up", "def f(x):\n    q = [x]\n" + _LOOP + "    print(q + [1])\n"),
    Advise("JSON knows no deque", "import json\ndef f(x):\n    q = [x]\n" + _LOOP + "    return json.dumps(q)\n"),
    Advise("a deque is not equal to a list", "def f(x):\n    q = [x]\n" + _LOOP + "    return q == [2]\n"),
    Advise("returned", "def f(x):\n    q = [x]\n" + _LOOP + "    return q\n"),
    Advise("yielded", "def f(x):\n    q = [x]\n    while q:\n        q.append(q.pop(0))\n        yield q\n"),
    Advise("known by another name", "def f(x):\n    p = q = [x]\n" + _LOOP + "    return p\n"),
    Advise("printed", "def f(x):\n    q = [x]\n" + _LOOP + "    print(q)\n"),
    Advise("the argument is used before it is copied",
           "def f(q):\n    p = q\n    q = list(q)\n" + _LOOP + "    return p\n"),
    Advise("in an f-string", "def f(x):\n    q = [x]\n" + _LOOP + "    return f'{q}'\n"),
    Advise("asked for its type", "def f(x):\n    q = [x]\n" + _LOOP + "    return isinstance(q, list)\n"),
    Advise("the caller's list", "def f(q):\n" + _LOOP),
    Advise("it may be something else", "def f(x):\n    q = [x]\n    q = x\n" + _LOOP),
    Advise("`list` is another one", "def list(x):\n    return {}\ndef f(x):\n    q = list(x)\n" + _LOOP),
    Advise("changed while iterated over, which a deque does not allow",
           "def f(x):\n    q = [x]\n    for item in q:\n        if item:\n            q.append(q.pop(0))\n"),
    Advise("a generator goes through it later",
           "def f(x):\n    q = [x]\n    g = (item for item in q)\n" + _LOOP + "    return g\n"),
    Advise("another object's attribute of that name is sliced",
           "class A:\n    def __init__(self):\n        self.q = []\n    def f(self, other):\n        while self.q:\n"
           "            self.q.append(self.q.pop(0))\n        return other.q[1:]\n"),
    Advise("its value is asked for by `or`", "def f(x):\n    q = [x]\n" + _LOOP + "    return q or None\n"),
    Advise("unpacked from elsewhere", "def f(x):\n    q, n = x\n" + _LOOP),
)  # fmt: skip

REFUSE = (
    Refuse("a list that a method makes",
           "class A:\n    def queue(self, key) -> list[str]:\n        return list(self.keys[key])\n"
           "    def f(self, key):\n        queue = self.queue(key)\n        return queue.pop(0)\n"),
    Refuse("taken from the end", "def f(q):\n    q = list(q)\n    while q:\n        q.append(q.pop())\n"),
    Refuse("it is a deque", "from collections import deque\ndef f(x):\n    q = deque(x)\n" + _LOOP),
    Refuse("a dict's pop", "def f(x):\n    q = {0: x}\n" + _LOOP.replace("append", "update")),
    Refuse("once, not in a loop", "def f(x):\n    q = [x]\n    q.append(2)\n    return q.pop(0)\n"),
    Refuse("made anew in each turn",
           "def f(rows):\n    for row in rows:\n        q = row.split()\n        q.append(q.pop(0))\n"),
    Refuse("a heap must be a list",
           "import heapq\ndef f(x):\n    q = [x]\n    heapq.heapify(q)\n" + _LOOP),
    Refuse("a class of its own", "class L(list):\n    pass\ndef f(x):\n    q = L()\n" + _LOOP),
    Refuse("a window of five",
           "def f(rows):\n    q = []\n    for row in rows:\n        q.append(row)\n        if len(q) > 5:\n"
           "            q.pop(0)\n        print(sum(q))\n"),
    Refuse("reached by locals()", "def f(x):\n    q = [x]\n" + _LOOP + "    return locals()\n"),
)  # fmt: skip

BENCH = Bench(
    setup="from collections import deque\na, b = [0] * n, deque([0] * n)",
    before="for _ in range(20):\n    a.append(a.pop(0))",
    after="for _ in range(20):\n    b.append(b.popleft())",
    sizes=(10, 100, 1000, 10_000, 100_000),
    size_is="elements in the queue",
)
