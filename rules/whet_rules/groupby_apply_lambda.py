"""Use a built-in pandas aggregation instead of a lambda per group.

## What
`frame.groupby("k")["x"].apply(lambda g: g.sum())`, and the same with `agg` and `transform`: write
`frame.groupby("k")["x"].sum()`, and `.transform("sum")`.

## Why
pandas calls the lambda with a new Series for each group. Its built-in aggregations process all groups in one compiled
pass.

## When not
A function without a built-in equivalent gets no edit: compute with whole columns before or after grouping where that
is equivalent. Sums of floats may differ in the last digits.

## Source
pandas user guide, "Group by": "the built-in methods are faster than passing a user-defined function".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import Case, Context, Finding, Refuse, Rewrite, Rule, Safety, Speed, Triggers

RULE = Rule(
    slug="groupby-apply-lambda",
    title="groupby() calls a lambda per group",
    family="arrays",
    safety=Safety.OFFER,
    speed=Speed.FACTOR,
    triggers=Triggers(nodes=frozenset({ast.Call}), words=frozenset({"groupby"})),
)

_NAMED = frozenset({"sum", "mean", "min", "max", "count", "median", "std", "var", "nunique", "prod", "size"})
_APPLYING = frozenset({"apply", "agg", "aggregate", "transform"})


def detect(context: Context) -> Iterator[Finding]:
    """Yield each lambda that is applied to groups."""
    for call in context.nodes(ast.Call):
        match call:
            case ast.Call(
                func=ast.Attribute(value=grouped, attr=method),
                args=[ast.Lambda(args=ast.arguments(args=[parameter], defaults=[], vararg=None), body=body)],
                keywords=[],
            ) if method in _APPLYING and _is_grouped(grouped):
                yield context.finding(
                    call,
                    "The lambda is called once per group: a built-in aggregation processes all groups in one pass."
                    " Sums of floats may differ in the last digits.",
                    rewrite=_rewrite(context, call, grouped, method, parameter.arg, body),
                )
            case _:
                pass


def _is_grouped(node: ast.expr) -> bool:
    """Return whether ``node`` is `….groupby(…)`, or a column of that."""
    match node:
        case ast.Call(func=ast.Attribute(attr="groupby")):
            return True
        case ast.Subscript(value=value):
            return _is_grouped(value)
        case _:
            return False


def _rewrite(context: Context, call: ast.Call, grouped: ast.expr, method: str, group: str, body: ast.expr) -> Rewrite:
    rewrite = context.rewrite()
    column = isinstance(grouped, ast.Subscript) and isinstance(grouped.slice, ast.Constant)
    match body:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=named), args=[], keywords=[]) if (
            name == group and named in _NAMED - {"size"} and column
        ):
            if method == "transform":
                rewrite.replace(call.args[0], f'"{named}"')
            else:
                rewrite.replace(call, f"{rewrite.operand(grouped)}.{named}()")
        case _:
            rewrite.refuse("pandas has no aggregation of that name, or no single column is selected")
    return rewrite


CASES = (
    Case(
        name="a sum and a transformed mean",
        before="""
import pandas as pd

def sums(rows):
    frame = pd.DataFrame(rows, columns=["k", "x"])
    total = frame.groupby("k")["x"].apply(lambda g: g.sum())
    mean = frame.groupby("k")["x"].transform(lambda x: x.mean())
    return total.to_dict(), total.name, mean.tolist()
""",
        after="""
import pandas as pd

def sums(rows):
    frame = pd.DataFrame(rows, columns=["k", "x"])
    total = frame.groupby("k")["x"].sum()
    mean = frame.groupby("k")["x"].transform("mean")
    return total.to_dict(), total.name, mean.tolist()
""",
        call="sums",
        inputs=("([('b', 1), ('a', 2), ('b', 3)],)", "([('b', 1.5)],)"),
    ),
    Case(
        name="a function that pandas has no name for: advice",
        before="""
import pandas as pd

def spans(rows):
    frame = pd.DataFrame(rows, columns=["k", "x"])
    return frame.groupby("k")["x"].agg(lambda g: g.max() - g.min()).to_dict()
""",
        after="""
import pandas as pd

def spans(rows):
    groups = pd.DataFrame(rows, columns=["k", "x"]).groupby("k")["x"]
    return (groups.max() - groups.min()).to_dict()
""",
        call="spans",
        inputs=("([('b', 1), ('a', 2), ('b', 3)],)",),
    ),
)

REFUSE = (
    Refuse("named already", "def f(df):\n    return df.groupby('k')['x'].agg('sum')\n"),
    Refuse("not grouped", "def f(df):\n    return df['x'].apply(lambda g: g.sum())\n"),
    Refuse("itertools' `groupby`",
           "from itertools import groupby\ndef f(xs, pool):\n    return pool.apply(lambda g: g.sum(), groupby(xs))\n"),
)  # fmt: skip

BENCH = None
