"""Read and write one value of a frame with `at` and `iat`.

## What
`frame.loc[i, "price"]` and `frame.iloc[i, 2]` in a counting loop: write `frame.at[i, "price"]` and
`frame.iat[i, 2]`. On hot lines, as advice, also `frame.iloc[i]["price"]` and `frame["price"].iloc[i]`.

## Why
`loc` and `iloc` accept labels, slices, lists and masks, and re-resolve the indexer on every access; `at` and `iat` take
one label and access the value directly.

## When not
Operations on whole columns are far faster still. `at` raises if the label is not a scalar, and does not change the
dtype of a column to store a value of another type.

## Source
pandas user guide, "Fast scalar value getting and setting".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import Advise, Ask, Case, Context, Finding, Refuse, Rule, Safety, Speed, Triggers

RULE = Rule(
    slug="scalar-loc",
    title="Scalar access with .loc/.iloc",
    family="arrays",
    safety=Safety.OFFER,
    speed=Speed.FACTOR,
    triggers=Triggers(nodes=frozenset({ast.Subscript}), words=frozenset({"loc", "iloc"})),
    asks=frozenset({Ask.SHARE}),
)


def detect(context: Context) -> Iterator[Finding]:
    """Yield each `loc` and `iloc` of one row, counted by a loop, and one column, named."""
    for node in context.nodes(ast.Subscript):
        match node:
            case ast.Subscript(
                value=ast.Attribute(attr="loc" | "iloc" as attribute) as accessor,
                slice=ast.Tuple(elts=[ast.Name() as row, ast.Constant(value=column)]),
            ) if type(column) is (str if attribute == "loc" else int) and _counts(context, node, row):
                fast = "at" if attribute == "loc" else "iat"
                rewrite = context.rewrite()
                rewrite.rename_attribute(accessor, fast)
                yield context.finding(
                    node,
                    f"{attribute} re-resolves the indexer on every access: {fast} takes one label and accesses the"
                    " value directly. It requires a scalar label and a value of the column's dtype. Whole columns are"
                    " faster still.",
                    rewrite=rewrite,
                )
            case ast.Subscript(
                value=ast.Subscript(value=ast.Attribute(attr="loc" | "iloc") as accessor, slice=ast.Name() as row),
                slice=ast.Constant(value=str() as column),
                ctx=ast.Load(),
            ) if context.measured and _counts(context, node, row):
                yield _advise(
                    context, node, f"{ast.unparse(accessor)}[{row.id}] makes a Series of the whole row", column
                )
            case ast.Subscript(
                value=ast.Attribute(
                    value=ast.Subscript(slice=ast.Constant(value=str() as column)), attr="loc" | "iloc" as attribute
                ),
                slice=ast.Name() as row,
                ctx=ast.Load(),
            ) if context.measured and _counts(context, node, row):
                yield _advise(context, node, f"{attribute} resolves the indexer on every access", column)
            case _:
                pass


def _advise(context: Context, node: ast.expr, what: str, column: str) -> Finding:
    return context.finding(
        node,
        f"{what}, for one value: take {column!r} once, as an array or a list (to_numpy(), tolist()), or compute with"
        " the whole column.",
        safety=Safety.ADVICE,
        questions=(context.ask_cost(node),),
        measured_gain=False,
    )


def _counts(context: Context, node: ast.AST, row: ast.Name) -> bool:
    """Return whether a loop binds the row to one label at a time: over a range, or over an index."""
    for loop in context.loops(node):
        match loop:
            case (
                ast.For(target=ast.Name(id=name), iter=iterable)
                | ast.comprehension(target=ast.Name(id=name), iter=iterable)
            ) if name == row.id:
                match iterable:
                    case ast.Attribute(attr="index"):
                        return True
                    case ast.Call(func=function):
                        return context.resolve(function) == "builtins.range"
                    case _:
                        return False
            case _:
                pass
    return False


CASES = (
    Case(
        name="read and written by label, and by position",
        before="""
import pandas as pd

def fill(values):
    frame = pd.DataFrame({"a": values, "b": [0] * len(values)})
    for i in frame.index:
        frame.loc[i, "b"] = frame.loc[i, "a"] * 2
    return frame["b"].tolist(), [int(frame.iloc[k, 0]) for k in range(len(frame))]
""",
        after="""
import pandas as pd

def fill(values):
    frame = pd.DataFrame({"a": values, "b": [0] * len(values)})
    for i in frame.index:
        frame.at[i, "b"] = frame.at[i, "a"] * 2
    return frame["b"].tolist(), [int(frame.iat[k, 0]) for k in range(len(frame))]
""",
        call="fill",
        inputs=("([1, 2, 3],)", "([],)"),
    ),
)

ADVISE = (
    Advise("a value of a row", "def f(df):\n    return [df.iloc[i]['a'] for i in range(len(df))]\n"),
    Advise("a value of a column", "def f(df):\n    for i in range(len(df)):\n        print(df['a'].iloc[i])\n"),
)  # fmt: skip

REFUSE = (
    Refuse("a mask", "def f(df, masks):\n    for m in masks:\n        df.loc[m, 'a'] = 1\n"),
    Refuse("not in a loop", "def f(df, i):\n    return df.loc[i, 'a']\n"),
    Refuse("a whole row", "def f(df):\n    for i in df.index:\n        g(df.loc[i])\n"),
    Refuse("several columns", "def f(df):\n    for i in df.index:\n        g(df.loc[i, ['a', 'b']])\n"),
    Refuse("a column by a variable", "def f(df, c):\n    for i in df.index:\n        g(df.loc[i, c])\n"),
)  # fmt: skip

BENCH = None
