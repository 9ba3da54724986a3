"""Compute expressions of large arrays without a temporary array for each operation.

## What
`a * 2.0 + b * 3.0 - np.sqrt(c)` in hot code, over arrays that were seen to be large: `numexpr.evaluate` computes the
whole expression in blocks that fit into the cache, on all cores; `out=` and in-place operators reuse one buffer.

## Why
NumPy computes one operation at a time, and each makes an array as large as its operands: memory is written and read
again for each of them, and more of it is needed.

## When not
Where arrays fit into the cache, a call of numexpr costs more than it saves. numexpr knows numbers, comparisons and
elementary functions only; with `out=` and in-place operators an operand that is still needed is overwritten.

## Source
numexpr's documentation, "How it works": it "avoids allocating memory for intermediate results". NumPy's reference of
ufuncs: `out`, "a location into which the result is stored".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import Ask, Case, Context, Finding, Refuse, Rule, Safety, Speed, Triggers

RULE = Rule(
    slug="array-temporaries",
    title="Temporary arrays of a long expression",
    family="arrays",
    safety=Safety.ADVICE,
    speed=Speed.FACTOR,
    triggers=Triggers(nodes=frozenset({ast.BinOp}), imports=frozenset({"numpy"})),
    asks=frozenset({Ask.TYPES, Ask.LENGTH}),
)

_LEAST_OPERATIONS = 3
_LARGE = 200_000
"""Elements from which temporary arrays leave the cache: 1.6 MB of floats each."""
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.Mod)
_ELEMENTWISE = frozenset(
    f"numpy.{name}"
    for name in (
        *("sqrt", "exp", "expm1", "log", "log1p", "log10", "sin", "cos", "tan", "arcsin", "arccos", "arctan"),
        *("sinh", "cosh", "tanh", "abs", "absolute", "where", "arctan2", "conj"),
    )
)
"""What numexpr has too."""


def detect(context: Context) -> Iterator[Finding]:
    """Yield each elementwise expression of several operations over arrays."""
    if not context.measured:
        return
    for operation in context.nodes(ast.BinOp):
        if _is_part(context, operation) or not isinstance(operation.op, _OPERATORS):
            continue
        leaves: list[ast.expr] = []
        count = _count(context, operation, leaves)
        places = [place for leaf in leaves if (place := context.place(leaf)) is not None]
        if count < _LEAST_OPERATIONS or not places:
            continue
        first = places[0]
        yield context.finding(
            operation,
            f"Each of the {count} operations makes an array as large as its operands and goes through memory again:"
            " numexpr.evaluate computes the expression in blocks, on all cores, without them. With NumPy alone, reuse a"
            " buffer: np.multiply(a, b, out=buffer), buffer += c.",
            questions=(
                context.ask(first, Ask.TYPES, expects=("numpy.ndarray",), needed=True),
                context.ask(first, Ask.LENGTH, at_least=_LARGE, needed=True),
            ),
        )


def _is_part(context: Context, node: ast.expr) -> bool:
    """Return whether an operation is part of a larger one."""
    match context.facts.parent(node):
        case ast.BinOp(op=op):
            return isinstance(op, _OPERATORS)
        case ast.UnaryOp():
            return True
        case ast.Call(func=function):
            return context.resolve(function) in _ELEMENTWISE
        case _:
            return False


def _count(context: Context, node: ast.expr, leaves: list[ast.expr]) -> int:
    """Return the number of operations in an expression; what they go over is added to ``leaves``."""
    match node:
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, _OPERATORS):
            return 1 + _count(context, left, leaves) + _count(context, right, leaves)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return 1 + _count(context, operand, leaves)
        case ast.Call(func=function, args=arguments) if context.resolve(function) in _ELEMENTWISE:
            return 1 + sum(_count(context, each, leaves) for each in arguments)
        case ast.Name() | ast.Attribute():
            leaves.append(node)
            return 0
        case _:
            return 0


CASES = (
    Case(
        name="four operations over three arrays",
        before="""
import numpy as np
def step(a, b, c):
    a, b, c = (np.asarray(x, dtype=float) for x in (a, b, c))
    return list(a * 2.0 + b * 3.0 - np.sqrt(c))
""",
        after="""
import numpy as np
def step(a, b, c):
    a, b, c = (np.asarray(x, dtype=float) for x in (a, b, c))
    made = a * 2.0
    made += b * 3.0
    made -= np.sqrt(c)
    return list(made)
""",
        call="step",
        inputs=("([1.0, 2.0], [3.0, 4.0], [4.0, 9.0])", "([], [], [])"),
        hot=True,
    ),
)

REFUSE = (
    Refuse("two operations", "import numpy as np\ndef f(a, b):\n    return a * 2 + b\n"),
    Refuse("matrices are multiplied", "import numpy as np\ndef f(a, b, c):\n    return a @ b @ c\n"),
    Refuse("without NumPy", "def f(a, b, c):\n    return a * 2 + b * 3 - c\n"),
    Refuse("numbers only", "import numpy as np\ndef f():\n    return 1 + 2 * 3 - 4\n"),
)

BENCH = None
