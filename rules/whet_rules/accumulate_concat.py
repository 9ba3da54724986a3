"""Grow a list, dict, set or bytes object in place instead of copying it on every append.

## What
In a loop: `items = items + [x]`, `table = {**table, key: value}`, `found = found | {x}` become `items.append(x)`,
`table[key] = value`, `found |= {x}`. Bytes and tuples are immutable: `data += chunk` collects in a `bytearray`,
`row += (x,)` in a list, which is converted back once, after the loop.

## Why
Each step copies everything collected so far, so n steps copy O(n²) elements.

A list that each iteration takes apart and puts together again (`a, b = split(items)`, `items = a + b`) is advice too.

Where another name may refer to the container, or it is kept in an item or in an attribute of another object
(`groups[key] = groups[key] + [x]`, `self.buffer += chunk` on bytes), it is advice, on hot lines only.

## When not
For a handful of elements. If another name still refers to the object from before the step, growing in place would
change that object too: a container that is passed on, yielded, bound to a second name, or iterated over while it grows
is left alone. `items += other` accepts any iterable, `items + other` only a list; `table |= pairs` accepts pairs,
`table | pairs` only a dict; a `bytearray` accepts some arguments that bytes do not. An attribute has other readers: who
has read it before, or made a shallow copy of the object, sees the container grow.

## Source
The documentation of common sequence operations: "Concatenating immutable sequences always results in a new object.
This means that building up a sequence by repeated concatenation will have a quadratic runtime cost". The figures in
`RULE` are measured with `BENCH`: lists that grow by one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from whet.engine.api import (
    Advise,
    Ask,
    Bench,
    BindingKind,
    Case,
    Context,
    Finding,
    Growth,
    Place,
    PlaceKind,
    Refuse,
    Rewrite,
    Rule,
    Safety,
    ScopeKind,
    Speed,
    Triggers,
    Use,
    ask_target,
    grow_in_place,
    is_grown,
    is_seen_after_exception,
    list_copying,
    list_growths,
    read_addition,
)

RULE = Rule(
    slug="accumulate-concat",
    title="Collection copied on every append",
    family="containers",
    safety=Safety.OBSERVED,
    speed=Speed.ASYMPTOTIC,
    triggers=Triggers(nodes=frozenset({ast.Add, ast.BitOr, ast.Dict, ast.Starred})),
    asks=frozenset({Ask.TYPES, Ask.LENGTH, Ask.SHARE}),
    figures={
        "3.11": {10: 2.6, 100: 7.4, 1000: 39.0, 10000: 310.0},
        "3.12": {10: 3.4, 100: 8.4, 1000: 31.0, 10000: 230.0},
        "3.13": {10: 3.2, 100: 8.0, 1000: 29.0, 10000: 250.0},
        "3.14": {10: 2.7, 100: 6.1, 1000: 36.0, 10000: 320.0},
    },
)

_SHORT = 100
"""Number of elements up to which a copy costs no more than the rest of a step."""
_LIST, _TUPLE, _BYTES, _DICT, _SET = (f"builtins.{name}" for name in ("list", "tuple", "bytes", "dict", "set"))
_ADDED, _JOINED = (_LIST, _TUPLE, _BYTES), (_DICT, _SET)
_KEEPING = frozenset({Use.TEST, Use.READ, Use.ITERATE})
_ASKING = frozenset({"count", "endswith", "find", "index", "rfind", "startswith"})
"""Methods that bytes and bytearrays share, with the same meaning."""


@dataclass(slots=True)
class _Grown:
    """A place and the statements of the function that replace its value with a longer one."""

    place: Place
    steps: list[Growth] = field(default_factory=list)


def detect(context: Context) -> Iterator[Finding]:
    """Yield one finding for each container that a loop copies in order to extend it."""
    if context.is_dynamic or context.function.kind is ScopeKind.CLASS:
        return
    grown: dict[str, _Grown] = {}
    covered: set[int] = set()
    for statement, target in list_growths(context):
        if read_addition(statement, target) is None or not context.loops(statement):
            continue
        place = context.place(target)
        if place is not None and place.kind in (PlaceKind.LOCAL, PlaceKind.ATTRIBUTE):
            grown.setdefault(place.name, _Grown(place)).steps.append(statement)
    for one in grown.values():
        kind = _kind(context, one)
        loop = _growing_loop(context, one)
        if not kind or loop is None:
            continue
        if kind in (_TUPLE, _BYTES):
            worthwhile = kind == _BYTES or context.measured  # most tuples hold a few options
            if worthwhile and one.place.kind is PlaceKind.LOCAL and _can_be_collected(context, one, loop, kind):
                covered.update(id(step) for step in one.steps)
                yield _describe(context, one, kind, _collect(context, one, loop, kind))
        elif any(isinstance(step, ast.Assign) for step in one.steps) and _is_only_name(context, one, loop):
            covered.update(id(step) for step in one.steps)
            yield _describe(context, one, kind, _grow_in_place(context, one, kind))
    if context.measured:
        yield from _advise(context, covered)


_WAYS = {
    _BYTES: "a bytearray grows in place, or collect the chunks in a list and join them once",
    _DICT: "add to it in place, if no other name needs what it was before",
    _LIST: "append to it in place, if no other name needs what it was before",
    _TUPLE: "collect in a list, and make a tuple of it once",
}


def _advise(context: Context, covered: set[int]) -> Iterator[Finding]:
    """Yield each hot statement that copies a growing container and is left without an edit."""
    for copying in list_copying(context):
        statement, target = copying.statement, copying.target
        kind = next((kind for kind in _WAYS if kind in copying.kinds), "")
        if id(statement) in covered or not kind or "builtins.str" in copying.kinds:
            continue
        message = f"Every step copies all of {target.text}, which grows: {_WAYS[kind]}."
        if copying.reassembled:
            message = (
                f"Every iteration takes {target.text} apart and copies the parts into a new one: take elements out of a"
                " dict or a deque, which keep their order, instead."
            )
        yield context.finding(
            statement,
            message,
            safety=Safety.ADVICE,
            questions=(
                *ask_target(context, target, (kind,), _SHORT, needed=not copying.shown),
                context.ask_cost(statement),
            ),
            measured_gain=False,
        )


def _kind(context: Context, one: _Grown) -> str:
    """Return the type of the place if every initial value is a new object of that one type; else nothing."""
    kinds: set[str] = set()
    steps = {id(step) for step in one.steps}
    for binding in one.place.bindings:
        if id(binding.node) in steps or binding.kind is BindingKind.AUGMENTED:
            continue
        if binding.kind is not BindingKind.VALUE or binding.value is None or binding.annotation is not None:
            return ""
        if not isinstance(binding.node, ast.Assign) or len(binding.node.targets) > 1:
            return ""
        kinds.add(context.makes_new(binding.value))
    kind = kinds.pop() if len(kinds) == 1 else ""
    return kind if all(_fits(context, step, kind) for step in one.steps) else ""


def _fits(context: Context, step: Growth, kind: str) -> bool:
    target = step.target if isinstance(step, ast.AugAssign) else step.targets[0]
    added = read_addition(step, target)
    types = context.type_of(added) if added is not None else frozenset()
    if types and types != {kind}:
        return False
    match step:
        case ast.AugAssign():
            return kind in _ADDED
        case ast.Assign(value=ast.BinOp(op=ast.Add())):
            return kind in _ADDED
        case ast.Assign(value=ast.BinOp()):
            return kind in _JOINED
        case _:
            return kind == _DICT


def _growing_loop(context: Context, one: _Grown) -> ast.stmt | None:
    """Return the outermost loop that repeats the steps and does not reset the container."""
    loops = [context.loops_over(step, one.place, one.steps) for step in one.steps]
    outermost = loops[0][-1] if all(loops) else None
    same = isinstance(outermost, ast.stmt) and all(each[-1] is outermost for each in loops)
    return outermost if same and isinstance(outermost, ast.stmt) else None


def _others(context: Context, one: _Grown) -> Iterator[ast.expr]:
    """Yield the references that neither initialize the place nor extend it."""
    own = {id(step) for step in one.steps}
    for reference in one.place.references:
        statement = context.facts.statement(reference)
        above = context.facts.parent(reference)
        stored = isinstance(getattr(reference, "ctx", None), ast.Store)
        inner = above is statement or context.facts.parent(above or reference) is statement
        grows = id(statement) in own and inner and is_grown(statement, reference)
        if not grows and not (stored and isinstance(statement, ast.Assign) and id(statement) not in own):
            yield reference


def _is_only_name(context: Context, one: _Grown, loop: ast.stmt) -> bool:
    """Return whether nothing holds an earlier value that growing in place would change."""
    local = one.place.kind is PlaceKind.LOCAL
    if any(context.use(stranger) not in _KEEPING for stranger in one.place.strangers):
        return False
    for reference in _others(context, one):
        use = context.use(reference)
        if use is Use.READ and _is_plain_read(context, reference):
            continue
        if use is Use.TEST or (use in (Use.APPEND, Use.EXTEND) and local):
            continue
        if use is Use.ITERATE and not _goes_through_while_growing(context, reference, one):
            continue
        after = reference.lineno > (loop.end_lineno or loop.lineno) and not context.facts.loops(reference)
        if local and after and use in (Use.RETURN, Use.ESCAPE, Use.READ, Use.ITERATE, Use.ORDER):
            continue
        return False
    return True


def _is_plain_read(context: Context, reference: ast.expr) -> bool:
    """Return whether a read exposes neither the object itself nor an iterator over it that runs later."""
    above = context.facts.parent(reference)
    if isinstance(above, ast.Call):
        lazy = {f"builtins.{name}" for name in ("enumerate", "filter", "iter", "map", "reversed", "zip")}
        return context.resolve(above.func) not in lazy
    return not isinstance(above, ast.BoolOp | ast.IfExp)


def _goes_through_while_growing(context: Context, reference: ast.expr, one: _Grown) -> bool:
    loop = context.facts.parent(reference)
    if isinstance(loop, ast.comprehension):
        return isinstance(context.facts.parent(loop), ast.GeneratorExp)
    return loop is None or any(context.is_inside(step, loop) for step in one.steps)


def _can_be_collected(context: Context, one: _Grown, loop: ast.stmt, kind: str) -> bool:
    """Return whether the loop uses the tuple or bytes only in ways in which a list or bytearray behaves the same."""
    if is_seen_after_exception(context, one.place, loop):
        return False
    for reference in _others(context, one):
        if not context.is_inside(reference, loop) or isinstance(context.facts.parent(reference), ast.Return):
            continue
        if any(context.is_inside(reference, branch) for branch in getattr(loop, "orelse", ())):
            return False
        if not _is_asked_only(context, reference, kind):
            return False
    started = [b for b in one.place.bindings if isinstance(b.node, ast.Assign) and b.node.lineno < loop.lineno]
    around = context.facts.block(loop)
    return any(any(b.node is statement for statement in around) for b in started)


def _is_asked_only(context: Context, reference: ast.expr, kind: str) -> bool:
    above = context.facts.parent(reference)
    match above:
        case ast.Call(func=function, args=[_], keywords=[]) if function is not reference:
            return context.resolve(function) == "builtins.len"
        case ast.Attribute(attr=name):
            call = context.facts.parent(above)
            return kind == _BYTES and name in _ASKING and isinstance(call, ast.Call) and call.func is above
        case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[container]):
            return container is reference
        case ast.If() | ast.While() | ast.UnaryOp(op=ast.Not()):
            return True
        case _:
            return False


def _grow_in_place(context: Context, one: _Grown, kind: str) -> Rewrite:
    rewrite = context.rewrite()
    for step in one.steps:
        if isinstance(step, ast.Assign):
            grow_in_place(step, kind, rewrite)
    return rewrite


def _collect(context: Context, one: _Grown, loop: ast.stmt, kind: str) -> Rewrite:
    """Return the edits: a list or bytearray under the same name in the loop, and the original type again after it."""
    rewrite = context.rewrite()
    name = one.place.name
    old, new = ("tuple", "list") if kind == _TUPLE else ("bytes", "bytearray")
    if not context.has_builtin(old, new):
        rewrite.refuse(f"`{old}` or `{new}` is shadowed in this file")
    match context.previous(loop):
        case ast.Assign(targets=[ast.Name(id=first)], value=ast.Constant(value=b"") | ast.Tuple(elts=[])) as start if (
            first == name
        ):
            rewrite.replace(start.value, "[]" if kind == _TUPLE else "bytearray()")
        case _:
            rewrite.insert_before(loop, f"{name} = {new}({name})")
    for step in one.steps:
        match step:
            case (
                ast.AugAssign(value=ast.Tuple(elts=[item])) | ast.Assign(value=ast.BinOp(right=ast.Tuple(elts=[item])))
            ):
                if isinstance(item, ast.Starred):
                    rewrite.refuse("it grows in an unsupported way")
                rewrite.replace(step, f"{name}.append({rewrite.text(item)})")
            case ast.Assign(value=ast.BinOp(right=right)):
                rewrite.replace(step, f"{name} += {rewrite.text(right)}")
            case _:
                pass
    for reference in _others(context, one):
        if context.is_inside(reference, loop) and isinstance(context.facts.parent(reference), ast.Return):
            rewrite.wrap(reference, f"{old}(", ")")
    rewrite.insert_after(loop, f"{name} = {old}({name})")
    return rewrite


def _describe(context: Context, one: _Grown, kind: str, rewrite: Rewrite) -> Finding:
    name = kind.rpartition(".")[2]
    how = {
        _LIST: "use append or extend",
        _DICT: "assign the new keys, or use update",
        _SET: "use add or update",
        _TUPLE: "collect in a list and convert it to a tuple once, after the loop",
        _BYTES: "collect in a bytearray and convert it to bytes once, after the loop",
    }[kind]
    lines = context.lines_of(*one.steps)
    known = all(_is_sure(context, step, kind) for step in one.steps)
    accepted = {_LIST: "any iterable", _DICT: "pairs, too"}.get(kind, "")
    note = f" In place, it also accepts {accepted}." if accepted and not known else ""
    if one.place.kind is PlaceKind.ATTRIBUTE:
        note += " What was read from the attribute before, and shallow copies of the object, grow with it."
    return context.finding(
        one.steps[0],
        f"Every step copies the whole {name} {one.place.name}: {how}.{note}",
        lines=lines,
        safety=Safety.OBSERVED if known and one.place.kind is PlaceKind.LOCAL else Safety.OFFER,
        questions=(
            context.ask(one.place, Ask.TYPES, expects=(kind,)),
            context.ask(one.place, Ask.LENGTH, at_least=_SHORT),
        ),
        rewrite=rewrite,
    )


def _is_sure(context: Context, step: Growth, kind: str) -> bool:
    """Return whether the added value is, or can only be, of the type of the container."""
    if kind not in (_LIST, _TUPLE):
        return True
    added = read_addition(step, step.target if isinstance(step, ast.AugAssign) else step.targets[0])
    return added is not None and context.type_of(added) == {kind}


CASES = (
    Case(
        name="a list that grows by one, and by several",
        before="""
def collect(rows):
    items = []
    for row in rows:
        if row not in items:
            items = items + [row]
        items = items + [row * 2, len(items)]
    return items
""",
        after="""
def collect(rows):
    items = []
    for row in rows:
        if row not in items:
            items.append(row)
        items += [row * 2, len(items)]
    return items
""",
        call="collect",
        inputs=("([1, 2, 2],)", "([],)", "([None],)"),
    ),
    Case(
        name="dicts and a set",
        before="""
def index(rows):
    table = {}
    sizes = dict()
    seen = set()
    for key, value in rows:
        table = {**table, key: value}
        table = {**table, (key, 0): value, **{value: key}}
        sizes = sizes | {key: len(table)}
        seen = seen | {value}
    return table, sizes, sorted(seen)
""",
        after="""
def index(rows):
    table = {}
    sizes = dict()
    seen = set()
    for key, value in rows:
        table[key] = value
        table.update({(key, 0): value, **{value: key}})
        sizes |= {key: len(table)}
        seen |= {value}
    return table, sizes, sorted(seen)
""",
        call="index",
        inputs=("([('a', 1), ('b', 2), ('a', 3)],)", "([],)", "([([], 1)],)"),
    ),
    Case(
        name="bytes that are read until there are enough",
        before="""
def read(chunks, size):
    data = b""
    for chunk in chunks:
        data += chunk
        if len(data) >= size:
            return data
    return data + b"."
""",
        after="""
def read(chunks, size):
    data = bytearray()
    for chunk in chunks:
        data += chunk
        if len(data) >= size:
            return bytes(data)
    data = bytes(data)
    return data + b"."
""",
        call="read",
        inputs=("([b'ab', b'c', b'def'], 3)", "([], 1)", "([b'x'], 9)", "(['x'], 9)"),
    ),
    Case(
        name="a tuple",
        before="""
def squares(count):
    row = ()
    for n in range(count):
        row += (n * n,)
        if len(row) > 9:
            return row
        row = row + (n, n)
    return row
""",
        after="""
def squares(count):
    row = []
    for n in range(count):
        row.append(n * n)
        if len(row) > 9:
            return tuple(row)
        row += (n, n)
    row = tuple(row)
    return row
""",
        call="squares",
        inputs=("(0,)", "(2,)", "(9,)", "('a',)"),
        hot=True,
    ),
    Case(
        name="a list on self",
        before="""
class Log:
    def __init__(self):
        self._lines = []
    def write(self, lines):
        for line in lines:
            self._lines = self._lines + [line.upper()]
    def size(self):
        return len(self._lines), ",".join(self._lines)
def run(lines):
    log = Log()
    log.write(lines)
    return log.size()
""",
        after="""
class Log:
    def __init__(self):
        self._lines = []
    def write(self, lines):
        for line in lines:
            self._lines.append(line.upper())
    def size(self):
        return len(self._lines), ",".join(self._lines)
def run(lines):
    log = Log()
    log.write(lines)
    return log.size()
""",
        call="run",
        inputs=("(['a', 'b'],)", "([],)", "([1],)"),
    ),
)

_LOOP = "def f(x):\n    a = []\n    for n in x:\n        a = a + [n]\n"
ADVISE = (
    Advise("passed on where it is whole, and begun again",
           "def f(lines):\n    data = b''\n    for line in lines:\n        if line == b'.':\n"
           "            yield bytes.hex(data)\n            data = b''\n        else:\n            data += line\n"),
    Advise("bytes on self, over the calls of a method",
           "class A:\n    def __init__(self):\n        self.b = b''\n    def f(self, x):\n        self.b += x\n"),
    Advise("bytes that are left, put before what comes",
           "class A:\n    def __init__(self):\n        self.rest = b''\n    def feed(self, data):\n"
           "        data = self.rest + data\n        self.rest = data[len(data) // 8 * 8:]\n        return data\n"),
    Advise("a local that begins as bytes of an attribute",
           "class A:\n    def __init__(self):\n        self.rest = bytes()\n    def read(self, source):\n"
           "        whole = self.rest\n        while part := source.read():\n            whole += part\n"
           "        return whole\n"),
    Advise("bytes that begin together with another name",
           "def f(parts):\n    count, whole = 0, b''\n    for part in parts:\n        count += 1\n"
           "        whole += part\n    return count, whole\n"),
    Advise("a tuple that grows in several places, by what a method gives",
           "def f(parts, rest):\n    whole: tuple = ()\n    for part in parts:\n        if part.empty:\n"
           "            whole += rest[:1]\n        elif part.one:\n            whole += (part,)\n"
           "        elif part.two:\n            whole += (part, part)\n        else:\n"
           "            whole += part.apply(rest)\n    return whole\n"),
    Advise("lists in a dict",
           "def f(rows):\n    d = {}\n    for k, v in rows:\n        d[k] = d.get(k, []) + [v]\n    return d\n"),
    Advise("bytes that are spliced",
           "def f(b: bytes):\n    i = b.find(b'#')\n    while i >= 0:\n        b = b[:i] + b'x' + b[i + 3:]\n"
           "        i = b.find(b'#', i)\n    return b\n"),
    Advise("a list that is taken apart and put together",
           "def f(xs, key):\n    out = []\n    while len(xs) > 2:\n        done, same, other = split(xs, key)\n"
           "        out += done\n        xs = same + other\n    return out\n"),
)  # fmt: skip

REFUSE = (
    Refuse("numbers that a call returns",
           "def f(x):\n    while x > 9:\n        a, b = divmod(x, 10)\n        x = a + b\n    return x\n"),
    Refuse("a number", "def f(x):\n    a = 0\n    for n in x:\n        a = a + n\n    return a\n"),
    Refuse("a list that grows in place", "def f(x):\n    a = []\n    for n in x:\n        a += [n]\n    return a\n"),
    Refuse("not in a loop", "def f(x):\n    a = []\n    a = a + [x]\n    return a\n"),
    Refuse("made anew in each turn",
           "def f(x):\n    for n in x:\n        a = []\n        a = a + [n]\n        print(a)\n"),
    Refuse("earlier values are kept", _LOOP + "        x.append(a)\n"),
    Refuse("yielded at each step", _LOOP + "        yield a\n"),
    Refuse("bound to a second name", _LOOP + "        b = a\n"),
    Refuse("another name before it grows",
           "def f(x):\n    a = b = []\n    for n in x:\n        a = a + [n]\n    return a, b\n"),
    Refuse("the caller's list", "def f(x, a):\n    for n in x:\n        a = a + [n]\n    return a\n"),
    Refuse("gone through while it grows",
           "def f(x):\n    a = [1, 2]\n    for n in a:\n        a = a + [n]\n    return a\n"),
    Refuse("a NumPy array",
           "import numpy as np\ndef f(x):\n    a = np.zeros(3)\n    for n in x:\n        a = a + n\n    return a\n"),
    Refuse("a class of its own",
           "class A(list):\n    pass\ndef f(x):\n    a = A()\n    for n in x:\n        a = a + [n]\n    return a\n"),
    Refuse("reached by locals()", _LOOP + "    return locals()\n"),
    Refuse("bytes that are handed on meanwhile",
           "def f(x, g):\n    a = b''\n    for n in x:\n        a += n\n        g(a)\n    return a\n"),
    Refuse("a tuple that is a key meanwhile",
           "def f(x, d):\n    a = ()\n    for n in x:\n        a += (n,)\n        d[a] = n\n    return a\n"),
)  # fmt: skip

BENCH = Bench(
    setup="def copy():\n    items = []\n    for x in range(n):\n        items = items + [x]\n    return items\n"
    "def grow():\n    items = []\n    for x in range(n):\n        items.append(x)\n    return items",
    before="copy()",
    after="grow()",
    sizes=(10, 100, 1000, 10_000),
    size_is="elements in the final container",
)
