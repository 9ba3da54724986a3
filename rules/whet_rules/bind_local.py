"""Read a property or a deep attribute chain once, before the loop.

## What
In a loop that is measured hot: `self.limit` where `limit` is a property of the class that only reads, and chains of
three attributes or more such as `self.config.limits.high`, which nothing in the loop can change. Read it into a local
variable before the loop.

## Why
Every read of a property calls a Python function. Every dot of a chain is an attribute lookup; a local variable is an
array index.

## When not
On Python 3.11 and later a single attribute or a global is as fast as a local variable, and calling a bound method saved
before a loop is slower than calling it in place: whet does not report those. Where the loop calls unknown code, that
code may change the attribute.

Before the loop it is read even if the loop body never runs: it may raise there, and a property is evaluated once. A
subclass may override the property with one that counts, caches or changes something; it is then evaluated once instead
of every time. The same is true of attributes that are properties in another file.

## Source
Python wiki, PythonSpeed/PerformanceTips, "Avoiding dots"; PEP 659 for why the gain is smaller than stated there. The
figures in `RULE` are measured with `BENCH`.
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
    Rule,
    Safety,
    ScopeKind,
    Speed,
    Triggers,
)

RULE = Rule(
    slug="bind-local",
    title="Attribute lookup repeated in every iteration",
    family="hoisting",
    safety=Safety.OFFER,
    speed=Speed.CONSTANT,
    triggers=Triggers(nodes=frozenset({ast.For, ast.While})),
    figures={
        "3.11": {10: 1.3, 1000: 1.3},
        "3.12": {10: 1.4, 1000: 1.3},
        "3.13": {10: 1.2, 1000: 1.2},
        "3.14": {10: 1.3, 1000: 1.4},
    },
)

_DEEP = 3
"""Number of chained attributes from which reading them once pays off."""


def detect(context: Context) -> Iterator[Finding]:
    """Yield each property and each deep chain that a hot loop reads repeatedly, with the same value."""
    if not context.measured or context.is_dynamic or context.function.kind is not ScopeKind.FUNCTION:
        return
    found: dict[tuple[str, int], tuple[ast.For | ast.While, list[ast.Attribute]]] = {}
    for node in context.nodes(ast.Attribute):
        chain = _find_chain(context, node)
        loop = _find_loop(context, chain) if chain is not None else None
        if chain is not None and loop is not None:
            found.setdefault((ast.unparse(chain), loop.lineno), (loop, []))[1].append(chain)
    for (text, _), (loop, reads) in found.items():
        if not any(_is_reached(context, read, loop) for read in reads):
            continue
        rewrite = context.rewrite()
        local = rewrite.fresh(f"{reads[0].attr.lstrip('_')}_here", f"{RULE.slug} {text} {loop.lineno}")
        rewrite.insert_before(loop, f"{local} = {text}")
        if none := context.find_possible_none(reads[0].value):
            rewrite.refuse(f"{none} may be None in a run whose loop never reads it")
        for read in reads:
            rewrite.replace(read, local)
        kind = "is a property" if _find_property(context, reads[0]) is not None else "is looked up"
        yield context.finding(
            reads[0],
            f"{text} {kind} in every iteration and does not change: read it once before the loop. It is then read even "
            "if the loop body never runs.",
            lines=tuple(sorted({read.lineno for read in reads})),
            rewrite=rewrite,
            measured_gain=kind == "is looked up",
        )


def _find_chain(context: Context, node: ast.Attribute) -> ast.Attribute | None:
    """Return what to read once: a property of `self`, or a chain of attributes without the called method."""
    if not isinstance(node.ctx, ast.Load):
        return None
    if _find_property(context, node) is not None:
        return node
    above = context.facts.parent(node)
    if isinstance(above, ast.Attribute) and not _is_called(context, above):
        return None
    if _is_called(context, node):
        return None
    depth, base = 0, node
    here: ast.expr = node
    while isinstance(here, ast.Attribute):
        depth, base, here = depth + 1, here, here.value
    known = isinstance(base.value, ast.Name) and context.resolve(node) is None
    return node if known and depth >= _DEEP else None


def _is_called(context: Context, node: ast.Attribute) -> bool:
    above = context.facts.parent(node)
    return isinstance(above, ast.Call) and above.func is node


def _find_property(context: Context, node: ast.Attribute) -> ast.expr | None:
    """Return what the property of the class returns if `node` is one of `self` that does nothing else."""
    owner = context.facts.class_of_self(node.value)
    bindings = owner.bindings.get(node.attr, []) if owner is not None else []
    match [binding.node for binding in bindings]:
        case [ast.FunctionDef(decorator_list=[decorator], body=[*_, ast.Return(value=ast.expr() as value)]) as getter]:
            pass
        case _:
            return None
    rest = getter.body[:-1]
    documented = not rest or (
        len(rest) == 1 and isinstance(rest[0], ast.Expr) and isinstance(rest[0].value, ast.Constant)
    )
    return value if documented and context.resolve(decorator) == "builtins.property" else None


def _find_loop(context: Context, chain: ast.Attribute) -> ast.For | ast.While | None:
    """Return the outermost loop around a chain in which it keeps its value."""
    found: ast.For | ast.While | None = None
    for loop in context.loops(chain):
        if not isinstance(loop, ast.For | ast.While) or context.runs_unknown_code(loop):
            break
        value = _find_property(context, chain)
        if not _is_bound_once(context, chain, loop) or (value is not None and not _keeps(context, value, loop)):
            break
        found = loop
    return found


def _is_bound_once(context: Context, chain: ast.Attribute, loop: ast.For | ast.While) -> bool:
    """Return whether no part of a chain is bound in the loop; the contents of the last object do not matter."""
    written = {text.rpartition(".")[2] for text in context.written_in(loop)}
    here: ast.expr = chain
    while isinstance(here, ast.Attribute):
        if here.attr in written:
            return False
        here = here.value
    place = context.place(here) if isinstance(here, ast.Name) else None
    local = place is not None and place.kind in (PlaceKind.LOCAL, PlaceKind.PARAMETER)
    return local and ast.unparse(here) not in written


def _keeps(context: Context, value: ast.expr, loop: ast.For | ast.While) -> bool:
    """Return whether a property is computed only from attributes and constants that the loop does not change."""
    written = {part.attr for part in ast.walk(loop) if isinstance(part, ast.Attribute) and not _is_read(part)}
    stored = any(isinstance(part, ast.Subscript) and not _is_read(part) for part in ast.walk(loop))
    for part in ast.walk(value):
        if isinstance(part, ast.Attribute):
            if part.attr in written or context.facts.class_of_self(part.value) is None:
                return False
            if _find_property(context, part) is not None:
                return False
        elif isinstance(part, ast.Subscript) and stored:
            return False
        elif isinstance(part, ast.Name):
            if context.facts.class_of_self(part) is None:
                return False
        elif not isinstance(part, _PLAIN):
            return False
    return True


_PLAIN = (ast.Constant, ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp, ast.Subscript, ast.operator,
          ast.unaryop, ast.cmpop, ast.boolop, ast.expr_context)  # fmt: skip


def _is_read(node: ast.Attribute | ast.Subscript) -> bool:
    return isinstance(node.ctx, ast.Load)


def _is_reached(context: Context, node: ast.AST, loop: ast.For | ast.While) -> bool:
    """Return whether each iteration of ``loop`` evaluates ``node``."""
    here, above = node, context.facts.parent(node)
    while above is not None and above is not loop:
        match above:
            case ast.If(test=test) | ast.IfExp(test=test) if test is not here:
                return False
            case ast.For() | ast.While() if isinstance(here, ast.stmt):
                pass
            case ast.Try() | ast.TryStar() | ast.With() | ast.AsyncWith() | ast.Match() | ast.Lambda():
                return False
            case ast.BoolOp(values=[first, *_]) if first is not here:
                return False
            case _:
                pass
        here, above = above, context.facts.parent(above)
    for other in loop.body:
        if other is here:
            return True
        if any(isinstance(part, ast.Continue | ast.Break | ast.Return) for part in ast.walk(other)):
            return False
    return True


CASES = (
    Case(
        name="a property of the class",
        before="""
class Scale:
    def __init__(self, low, high):
        self.low = low
        self.high = high

    @property
    def width(self):
        return self.high - self.low

    def place(self, numbers):
        total = 0
        for number in numbers:
            total += (number - self.low) / self.width
        return total

def place(numbers):
    return Scale(1, 5).place(numbers)
""",
        after="""
class Scale:
    def __init__(self, low, high):
        self.low = low
        self.high = high

    @property
    def width(self):
        return self.high - self.low

    def place(self, numbers):
        total = 0
        width_here = self.width
        for number in numbers:
            total += (number - self.low) / width_here
        return total

def place(numbers):
    return Scale(1, 5).place(numbers)
""",
        call="place",
        inputs=("([1, 2, 3],)", "([],)", "(['a'],)"),
        hot=True,
    ),
    Case(
        name="a deep chain, in two loops",
        before="""
class Part:
    pass

def sum_below(rows, config):
    total = 0
    for row in rows:
        for number in row:
            if number < config.limits.upper.hard:
                total += number % config.limits.upper.hard
    return total

def work(rows):
    config = Part()
    config.limits = Part()
    config.limits.upper = Part()
    config.limits.upper.hard = 7
    return sum_below(rows, config)
""",
        after="""
class Part:
    pass

def sum_below(rows, config):
    total = 0
    hard_here = config.limits.upper.hard
    for row in rows:
        for number in row:
            if number < hard_here:
                total += number % hard_here
    return total

def work(rows):
    config = Part()
    config.limits = Part()
    config.limits.upper = Part()
    config.limits.upper.hard = 7
    return sum_below(rows, config)
""",
        call="work",
        inputs=("([[1, 8], [3]],)", "([],)", "([[None]],)"),
        hot=True,
    ),
)

REFUSE = (
    Refuse("two dots are as good as a local",
           "def f(xs, a):\n    t = 0\n    for x in xs:\n        t += x * a.b.c\n    return t\n"),
    Refuse("a method that is bound before the loop is slower", "def f(xs, a):\n    for x in xs:\n"
           "        a.b.append(x)\n"),
    Refuse("the loop changes it",
           "def f(xs, a):\n    for x in xs:\n        a.b.c.d = x + a.b.c.d\n    return a\n"),
    Refuse("another function may change it",
           "def f(xs, a, g):\n    t = 0\n    for x in xs:\n        g(x)\n        t += a.b.c.d\n    return t\n"),
    Refuse("what it is read from changes",
           "def f(xs):\n    t = 0\n    for x in xs:\n        t += x.a.b.c\n    return t\n"),
    Refuse("a condition guards it",
           "def f(xs, a):\n    t = 0\n    for x in xs:\n        if a is not None:\n            t += a.b.c.d\n"
           "    return t\n"),
    Refuse("the property counts its calls",
           "class A:\n    n = 0\n    @property\n    def p(self):\n        self.n += 1\n        return self.n\n"
           "    def f(self, xs):\n        t = 0\n        for x in xs:\n            t += self.p\n        return t\n"),
    Refuse("the loop changes what the property reads",
           "class A:\n    def __init__(self):\n        self.n = 0\n    @property\n    def p(self):\n"
           "        return self.n + 1\n"
           "    def f(self, xs):\n        t = 0\n        for x in xs:\n            self.n = x\n"
           "            t += self.p\n"
           "        return t\n"),
    Refuse("modules of a package", "import os\ndef f(xs):\n    for x in xs:\n        os.path.supports.unicode\n"),
)  # fmt: skip

BENCH = Bench(
    setup="class Part:\n    pass\na = Part()\na.b = Part()\na.b.c = Part()\na.b.c.d = 1\nnumbers = list(range(n))\n"
    "def read(a, numbers):\n    total = 0\n    for x in numbers:\n        total += x * a.b.c.d\n    return total\n"
    "def bound(a, numbers):\n    total = 0\n    d = a.b.c.d\n    for x in numbers:\n        total += x * d\n"
    "    return total",
    before="read(a, numbers)",
    after="bound(a, numbers)",
    sizes=(10, 1000),
    size_is="iterations of the loop",
)
