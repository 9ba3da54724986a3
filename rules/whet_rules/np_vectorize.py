"""Write the function for arrays: `np.vectorize` is a loop.

## What
`np.vectorize(lambda x: x * 2 if x > 0 else 0)(values)`: `np.where(values > 0, values * 2, 0)`. A function that is only
arithmetic accepts whole arrays as it is; conditions become `np.where` or a mask.

## Why
`np.vectorize` converts each element to an object and calls the Python function with it. An operation on arrays is one
call.

## When not
Where the function does something that NumPy cannot. Differences: `np.vectorize` takes the dtype of its result from the
first element; both branches of a condition are computed for every element; fixed-width integers wrap around.

## Source
NumPy documentation of `vectorize`: "provided primarily for convenience, not for performance. The implementation is
essentially a for loop".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import Ask, Case, Context, Finding, Question, Refuse, Rule, Safety, Speed, Triggers

RULE = Rule(
    slug="np-vectorize",
    title="np.vectorize calls Python per element",
    family="arrays",
    safety=Safety.OFFER,
    speed=Speed.FACTOR,
    triggers=Triggers(nodes=frozenset({ast.Call}), imports=frozenset({"numpy"}), words=frozenset({"vectorize"})),
    asks=frozenset({Ask.TYPES}),
)

_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)
_COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


def detect(context: Context) -> Iterator[Finding]:
    """Yield each use of `np.vectorize`."""
    for call in context.nodes(ast.Call):
        if context.resolve(call.func) != "numpy.vectorize" or not call.args:
            continue
        applied = context.facts.parent(call)
        rewrite = context.rewrite()
        questions: tuple[Question, ...] = ()
        match call.args[0], applied:
            case ast.Lambda(body=body) as function, ast.Call(args=arguments, keywords=[]) if (
                applied.func is call and len(call.args) == 1 and not call.keywords and _are_names(arguments)
            ):
                given = [argument for argument in arguments if isinstance(argument, ast.Name)]
                names = [argument.arg for argument in function.args.args]
                numpy = rewrite.add_import("numpy")
                whole = _whole(context, body, dict(zip(names, given, strict=False)), numpy)
                if whole is None or len(names) != len(given) or function.args.defaults:
                    rewrite.refuse("the function does more than arithmetic and a conditional")
                else:
                    rewrite.replace(applied, ast.unparse(whole))
                    questions = tuple(
                        context.ask(each.id, Ask.TYPES, expects=("numpy.ndarray",), needed=True) for each in given
                    )
            case _:
                rewrite.refuse("the function is defined elsewhere")
        node = applied if isinstance(applied, ast.Call) and applied.func is call else call
        yield context.finding(
            node,
            "np.vectorize is a loop that calls Python for each element: arithmetic and np.where take whole arrays. Both"
            " branches of a conditional are then computed for all elements, and integers keep their width.",
            questions=questions,
            rewrite=rewrite,
        )


def _are_names(arguments: list[ast.expr]) -> bool:
    return bool(arguments) and all(isinstance(argument, ast.Name) for argument in arguments)


def _whole(context: Context, node: ast.expr, names: dict[str, ast.Name], numpy: str) -> ast.expr | None:  # noqa: PLR0911
    """Return the expression for whole arrays; ``None`` where it is not known."""

    def inner(*parts: ast.expr) -> list[ast.expr] | None:
        made = [_whole(context, part, names, numpy) for part in parts]
        known = [each for each in made if each is not None]
        return known if len(known) == len(made) else None

    match node:
        case ast.Constant(value=value) if type(value) in (int, float):
            return node
        case ast.Name(id=name):
            return ast.Name(names[name].id, ast.Load()) if name in names else None
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, _OPERATORS):
            sides = inner(left, right)
            return None if sides is None else ast.BinOp(sides[0], op, sides[1])
        case ast.UnaryOp(op=ast.USub() as sign, operand=operand):
            one = inner(operand)
            return None if one is None else ast.UnaryOp(sign, one[0])
        case ast.Compare(left=left, ops=[op], comparators=[right]) if isinstance(op, _COMPARISONS):
            sides = inner(left, right)
            return None if sides is None else ast.Compare(sides[0], [op], [sides[1]])
        case ast.IfExp(test=ast.Compare() as test, body=body, orelse=orelse):
            parts = inner(test, body, orelse)
            where = ast.parse(f"{numpy}.where", mode="eval").body
            return None if parts is None else ast.Call(where, parts, [])
        case _:
            return None


CASES = (
    Case(
        name="a lambda that chooses",
        before="""
import numpy as np

def clip(values, limits):
    return np.vectorize(lambda x, top: top if x > top else x * 2)(values, limits)

def run(values, limits):
    return clip(np.array(values), np.array(limits)).tolist()
""",
        after="""
import numpy as np

def clip(values, limits):
    return np.where(values > limits, limits, values * 2)

def run(values, limits):
    return clip(np.array(values), np.array(limits)).tolist()
""",
        call="run",
        inputs=("([1.0, 5.0], [2.0, 2.0])",),
    ),
    Case(
        name="a function of its own: advice",
        before="""
import numpy as np

def double(x):
    return x * 2

def run(values):
    return np.vectorize(double)(np.array(values)).tolist()
""",
        after="""
import numpy as np

def double(x):
    return x * 2

def run(values):
    return double(np.array(values)).tolist()
""",
        call="run",
        inputs=("([1, 2],)",),
    ),
)

REFUSE = (
    Refuse("another `vectorize`",
           "import numpy as np\nfrom numba import vectorize\ndef f(g, x):\n    return vectorize(g)(x)\n"),
    Refuse("not called", "import numpy as np\nV = np.vectorize\n"),
)  # fmt: skip

BENCH = None
