"""Cache the results of a recursive function.

## What
A pure module-level function that calls itself twice or more for one result, with arguments close to its own:
`f(n - 1) + f(n - 2)`. Decorate it with `functools.cache`.

## Why
Each call makes two more, most of them with arguments that occurred before: the number of calls grows exponentially.
With a cache each result is computed once.

## When not
Where arguments are not hashable, or there are so many that keeping all results takes too much memory: then use
`functools.lru_cache(maxsize=…)`. Arguments that are equal count as the same: after `f(1)`, `f(1.0)` returns the result
of `f(1)`, and `f(-0.0)` that of `f(0.0)`; a NaN is found again only if it is the same object. A function called from a
deep recursion may reach the recursion limit slightly earlier.

## Source
The documentation of `functools.cache`. The figures in `RULE` are measured with `BENCH`, the cache emptied each time.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import (
    Bench,
    Case,
    Context,
    Finding,
    Refuse,
    Rule,
    Safety,
    Speed,
    Triggers,
)

RULE = Rule(
    slug="memoize",
    title="Recursive function recomputes the same results",
    family="hoisting",
    safety=Safety.OFFER,
    speed=Speed.ASYMPTOTIC,
    saves_calls=True,
    triggers=Triggers(nodes=frozenset({ast.Add, ast.Sub})),
    figures={
        "3.11": {5: 0.67, 10: 3.8, 20: 230.0},
        "3.12": {5: 0.54, 10: 3.1, 20: 190.0},
        "3.13": {5: 0.54, 10: 3.2, 20: 190.0},
        "3.14": {5: 0.76, 10: 4.4, 20: 260.0},
    },
)

_PURE = frozenset(
    f"builtins.{name}" for name in ("abs", "bool", "divmod", "float", "int", "max", "min", "pow", "round")
)
_STATEMENTS = (ast.If, ast.Return, ast.Assign, ast.AnnAssign, ast.Pass, ast.Raise, ast.Expr)
_EXPRESSIONS = (ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Constant, ast.Name, ast.Call,
                ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context)  # fmt: skip


def detect(context: Context) -> Iterator[Finding]:
    """Yield the function if it is pure, works on numbers, and calls itself at least twice for one result."""
    node = context.function.node
    if not isinstance(node, ast.FunctionDef) or context.facts.parent(node) is not context.tree:
        return
    spec = node.args
    if node.decorator_list or spec.vararg or spec.kwarg or spec.defaults or spec.kw_defaults or not spec.args:
        return
    bindings = context.facts.module.bindings.get(node.name, [])
    calls = [call for call in context.nodes(ast.Call) if _is_own(context, call)]
    if len(bindings) != 1 or len(calls) < 2 or not _is_pure(context, node):
        return
    parameters = frozenset(argument.arg for argument in (*spec.posonlyargs, *spec.args))
    if spec.kwonlyargs or not all(_is_near(call, parameters) for call in calls):
        return
    branching = [statement for statement in ast.walk(node) if isinstance(statement, ast.Return | ast.Assign)]
    if not any(_count(statement, calls) >= 2 for statement in branching):
        return
    rewrite = context.rewrite()
    rewrite.insert_before(node, f"@{rewrite.add_import('functools')}.cache")
    yield context.finding(
        calls[0],
        f"{node.name} calls itself more than once per result and repeats the same arguments: the number of calls grows "
        "exponentially. Cache the results (functools.cache). Arguments must be hashable, equal ones count "
        "as the same, and the results are kept as long as the program runs.",
        lines=context.lines_of(node),
        rewrite=rewrite,
    )


def _is_own(context: Context, call: ast.Call) -> bool:
    name = call.func
    if not isinstance(name, ast.Name) or context.facts.lookup(name) is not context.facts.module:
        return False
    binding = context.facts.only_binding(name)
    return binding is not None and binding.node is context.function.node and not call.keywords


def _is_pure(context: Context, node: ast.FunctionDef) -> bool:
    """Return whether the function only computes with its parameters, its locals and constants of the module."""
    for statement in node.body:
        for part in ast.walk(statement):
            if isinstance(part, ast.stmt):
                if not isinstance(part, _STATEMENTS):
                    return False
            elif isinstance(part, ast.Call):
                raising = isinstance(context.facts.parent(part), ast.Raise)
                if not _is_own(context, part) and context.resolve(part.func) not in _PURE and not raising:
                    return False
            elif isinstance(part, ast.Name):
                owner = context.facts.lookup(part)
                if owner is context.facts.module and context.constant(part) is None and not _is_called(context, part):
                    return False
                if owner is not context.facts.module and owner not in (None, context.function):
                    return False
            elif not isinstance(part, _EXPRESSIONS) and not _is_in_raise(context, part):
                return False
    return True


def _is_called(context: Context, name: ast.Name) -> bool:
    above = context.facts.parent(name)
    return isinstance(above, ast.Call) and above.func is name


def _is_in_raise(context: Context, part: ast.AST) -> bool:
    return isinstance(context.facts.statement(part), ast.Raise)


def _is_near(call: ast.Call, parameters: frozenset[str]) -> bool:
    """Return whether each argument is a parameter, or one plus or minus a constant: then calls share arguments."""
    moved = False
    for argument in call.args:
        match argument:
            case ast.Name(id=name) if name in parameters:
                pass
            case ast.BinOp(left=ast.Name(id=name), op=ast.Sub() | ast.Add(), right=ast.Constant(value=int())):
                moved = True
                if name not in parameters:
                    return False
            case ast.Constant(value=int()):
                pass
            case _:
                return False
    return moved


def _count(node: ast.AST, calls: list[ast.Call]) -> int:
    """Return how many of ``calls`` evaluating ``node`` makes at most: one branch of a conditional."""
    if isinstance(node, ast.IfExp):
        return _count(node.test, calls) + max(_count(node.body, calls), _count(node.orelse, calls))
    own = any(node is call for call in calls)
    return own + sum(_count(child, calls) for child in ast.iter_child_nodes(node))


CASES = (
    Case(
        name="one parameter",
        before="""
def steps(n):
    \"\"\"Return the ways to climb n steps.\"\"\"
    if n < 2:
        return 1
    return steps(n - 1) + steps(n - 2)

def ways(numbers):
    return [steps(number) for number in numbers]
""",
        after="""
import functools

@functools.cache
def steps(n):
    \"\"\"Return the ways to climb n steps.\"\"\"
    if n < 2:
        return 1
    return steps(n - 1) + steps(n - 2)

def ways(numbers):
    return [steps(number) for number in numbers]
""",
        call="ways",
        inputs=("([1, 5, 12],)", "([],)", "(['a'],)"),
    ),
    Case(
        name="two parameters, a choice, and functools imported",
        before="""
from functools import reduce

COST = 3

def least(row, column):
    if row < 0 or column < 0:
        raise ValueError("outside")
    if not row or not column:
        return row + column
    best = min(least(row - 1, column), least(row, column - 1))
    return best + COST

def sum_up(pairs):
    return reduce(lambda total, pair: total + least(*pair), pairs, 0)
""",
        after="""
from functools import reduce
import functools

COST = 3

@functools.cache
def least(row, column):
    if row < 0 or column < 0:
        raise ValueError("outside")
    if not row or not column:
        return row + column
    best = min(least(row - 1, column), least(row, column - 1))
    return best + COST

def sum_up(pairs):
    return reduce(lambda total, pair: total + least(*pair), pairs, 0)
""",
        call="sum_up",
        inputs=("([(2, 3), (5, 4)],)", "([],)", "([(-1, 2)],)"),
    ),
)

REFUSE = (
    Refuse("one call of itself", "def f(n):\n    if n < 2:\n        return 1\n    return n * f(n - 1)\n"),
    Refuse("it prints", "def f(n):\n    print(n)\n    if n < 2:\n        return 1\n    return f(n - 1) + f(n - 2)\n"),
    Refuse("the halves of a tree never meet",
           "def size(node):\n    if node is None:\n        return 0\n"
           "    return 1 + size(node.left) + size(node.right)\n"),
    Refuse("it reads what may change",
           "LIMIT = [1]\ndef f(n):\n    if n < LIMIT[0]:\n        return 1\n    return f(n - 1) + f(n - 2)\n"),
    Refuse("it is cached",
           "import functools\n@functools.lru_cache(maxsize=99)\ndef f(n):\n    if n < 2:\n        return 1\n"
           "    return f(n - 1) + f(n - 2)\n"),
    Refuse("its result can be changed",
           "def f(n):\n    if n < 2:\n        return [n]\n    return f(n - 1) + f(n - 2)\n"),
    Refuse("a method keeps its object",
           "class A:\n    def f(self, n):\n        if n < 2:\n            return 1\n"
           "        return self.f(n - 1) + self.f(n - 2)\n"),
    Refuse("one of the two calls is made",
           "def f(n, k):\n    if n < 2:\n        return 1\n    if k:\n        return f(n - 1, k)\n"
           "    return f(n - 2, k)\n"),
    Refuse("one side of a choice",
           "def f(n, k):\n    if n < 2:\n        return 1\n    return f(n - 1, k) if k else f(n - 2, k)\n"),
    Refuse("it keeps a dict of its own",
           "known = {}\ndef f(n):\n    if n not in known:\n        known[n] = n if n < 2 else f(n - 1) + f(n - 2)\n"
           "    return known[n]\n"),
    Refuse("it counts its calls",
           "calls = 0\ndef f(n):\n    global calls\n    calls += 1\n    if n < 2:\n        return 1\n"
           "    return f(n - 1) + f(n - 2)\n"),
)  # fmt: skip

BENCH = Bench(
    setup="import functools\nnames = {}\n"
    "exec('def plain(n):\\n    return n if n < 2 else plain(n - 1) + plain(n - 2)', names)\n"
    "exec('def kept(n):\\n    return n if n < 2 else kept(n - 1) + kept(n - 2)', names)\n"
    "plain = names['plain']\nkept = names['kept'] = functools.cache(names['kept'])",
    before="plain(n)",
    after="(kept.cache_clear(), kept(n))[1]",
    sizes=(5, 10, 20),
    size_is="the argument of the outermost call",
)
