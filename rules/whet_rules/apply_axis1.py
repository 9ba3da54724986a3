"""Compute with whole columns, not row by row.

## What
`frame.apply(lambda row: row["price"] * row["count"], axis=1)`: write `frame["price"] * frame["count"]`.

## Why
`apply` along the rows builds a Series for each row and calls a Python function with it. Arithmetic on columns is one
call for all rows.

## When not
Functions that do more than arithmetic with columns get no edit: check whether `numpy.where`, `Series.map`, or the `str`
and `dt` accessors can express them. On an empty frame `apply` returns an empty frame, not an empty column; fixed-width
integers wrap around; a row of integers and floats was converted to floats.

## Source
pandas user guide, "Enhancing performance": the time goes to creating a Series for each row.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

from whet.engine.api import Case, Context, Finding, Refuse, Rewrite, Rule, Safety, Speed, Triggers

RULE = Rule(
    slug="apply-axis1",
    title="DataFrame.apply(axis=1) calls Python per row",
    family="arrays",
    safety=Safety.OFFER,
    speed=Speed.FACTOR,
    triggers=Triggers(nodes=frozenset({ast.Call}), words=frozenset({"apply"})),
)

_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)


def detect(context: Context) -> Iterator[Finding]:
    """Yield each `apply` along the rows."""
    for call in context.nodes(ast.Call):
        match call:
            case ast.Call(
                func=ast.Attribute(value=frame, attr="apply"),
                args=[function],
                keywords=[ast.keyword(arg="axis", value=ast.Constant(value=1 | "columns"))],
            ):
                yield context.finding(
                    call,
                    "apply(axis=1) builds a Series for each row and calls Python with it: compute with whole columns. A"
                    " row of integers and floats was converted to floats; columns keep their dtype.",
                    lines=(*context.lines_of(call), *_lines_of_function(context, function)),
                    rewrite=_rewrite(context, call, frame, function),
                )
            case _:
                pass


def _lines_of_function(context: Context, function: ast.expr) -> range:
    """Return the lines of a function of the file that is called for each row: what it does with a row goes as well."""
    binding = context.facts.only_binding(function) if isinstance(function, ast.Name) else None
    node = binding.node if binding is not None else None
    if not isinstance(node, ast.FunctionDef):
        return range(0)
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _rewrite(context: Context, call: ast.Call, frame: ast.expr, function: ast.expr) -> Rewrite:
    rewrite = context.rewrite()
    match function:
        case ast.Lambda(
            args=ast.arguments(args=[parameter], posonlyargs=[], kwonlyargs=[], defaults=[]), body=body
        ) if isinstance(frame, ast.Name) and function.args.vararg is None and function.args.kwarg is None:
            whole = _whole(body, parameter.arg, frame)
            # The result has another name; a column that it is assigned to has a name of its own.
            stored = isinstance(context.facts.parent(call), ast.Assign) and all(
                isinstance(target, ast.Subscript)
                for target in context.facts.parent(call).targets  # type: ignore[union-attr]
            )
            if whole is None or not isinstance(whole, ast.BinOp):
                rewrite.refuse("the function does more than arithmetic with columns")
            elif not stored:
                rewrite.refuse("the result would have another name where it is not assigned to a column")
            else:
                rewrite.replace(call, ast.unparse(whole))
        case _:
            rewrite.refuse("the function does more than arithmetic with columns")
    return rewrite


def _whole(node: ast.expr, row: str, frame: ast.Name) -> ast.expr | None:
    """Return the expression for all rows; ``None`` where it is not known."""
    match node:
        case ast.Constant(value=value) if type(value) in (int, float):
            return node
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str())) if name == row:
            column = copy.deepcopy(node)
            column.value = ast.Name(frame.id, ast.Load())
            return column
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, _OPERATORS):
            one, other = _whole(left, row, frame), _whole(right, row, frame)
            columns = [side for side in (one, other) if not isinstance(side, ast.Constant)]
            return ast.BinOp(one, op, other) if one is not None and other is not None and columns else None
        case _:
            return None


CASES = (
    Case(
        name="arithmetic with two columns",
        before="""
import pandas as pd

def worth(prices, counts):
    frame = pd.DataFrame({"price": prices, "count": counts})
    frame["worth"] = frame.apply(lambda row: row["price"] * (row["count"] + 1) / 2, axis=1)
    return frame["worth"].tolist()
""",
        after="""
import pandas as pd

def worth(prices, counts):
    frame = pd.DataFrame({"price": prices, "count": counts})
    frame["worth"] = frame['price'] * (frame['count'] + 1) / 2
    return frame["worth"].tolist()
""",
        call="worth",
        inputs=("([1.5, 2.0], [3, 4])", "([1.0], [-1])"),
    ),
    Case(
        name="a function of its own: advice",
        before="""
import pandas as pd

def size(row):
    return "large" if row["a"] > 1 else "small"

def sizes(values):
    frame = pd.DataFrame({"a": values})
    return frame.apply(size, axis="columns").tolist()
""",
        after="""
import pandas as pd
import numpy as np

def sizes(values):
    frame = pd.DataFrame({"a": values})
    return np.where(frame["a"] > 1, "large", "small").tolist()
""",
        call="sizes",
        inputs=("([1, 2, 3],)",),
    ),
)

REFUSE = (
    Refuse("by columns", "def f(df):\n    return df.apply(lambda c: c.sum(), axis=0)\n"),
    Refuse("no axis", "def f(s):\n    return s.apply(lambda x: x + 1)\n"),
    Refuse("pool's `apply`", "def f(pool, x):\n    return pool.apply(g, (x,))\n"),
)  # fmt: skip

BENCH = None
