"""Split a frame into its groups once.

## What
`for key in frame["k"].unique(): part = frame[frame["k"] == key]`: write
`for key, part in frame.groupby("k", sort=False)`.

## Why
Each filter compares the whole column and copies the matching rows, so the loop costs the product of rows and keys.
`groupby` splits the rows into groups in one pass.

## When not
A handful of keys. `groupby` leaves out rows whose key is missing (NaN); the loop visited such a key once, with no rows.
`part` is a new frame either way.

## Source
pandas user guide, "Group by: split-apply-combine": iterating through groups.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import Case, Context, Finding, Refuse, Rule, Safety, Speed, Triggers

RULE = Rule(
    slug="repeated-filter",
    title="DataFrame filtered once per key",
    family="arrays",
    safety=Safety.OFFER,
    speed=Speed.ASYMPTOTIC,
    triggers=Triggers(nodes=frozenset({ast.For}), words=frozenset({"unique"})),
)


def detect(context: Context) -> Iterator[Finding]:
    """Yield each loop over the unique values of a column that filters the frame by it."""
    for loop in context.nodes(ast.For):
        match loop:
            case ast.For(
                target=ast.Name(id=key),
                iter=ast.Call(
                    func=ast.Attribute(value=ast.Subscript(value=ast.Name(id=frame), slice=column), attr="unique"),
                    args=[],
                    keywords=[],
                ),
            ) if isinstance(column, ast.Constant) and isinstance(column.value, str):
                yield from _find(context, loop, frame, column, key)
            case _:
                pass


def _find(context: Context, loop: ast.For, frame: str, column: ast.Constant, key: str) -> Iterator[Finding]:
    wanted = f"{frame}[{frame}[{column.value!r}] == {key}]"
    filters = [node for node in ast.walk(loop) if isinstance(node, ast.Subscript) and ast.unparse(node) == wanted]
    written = context.written_in(loop)
    changed = any(name == frame or name.startswith((f"{frame}[", f"{frame}.")) for name in written)
    if not filters or changed:
        return
    rewrite = context.rewrite()
    match loop.body[0]:
        case ast.Assign(targets=[ast.Name(id=part)], value=value) if value is filters[0] and len(filters) == 1:
            name = rewrite.text(column)
            rewrite.replace(loop.iter, f"{frame}.groupby({name}, sort=False)")
            rewrite.wrap(loop.target, "", f", {part}")
            if len(loop.body) > 1:
                rewrite.delete(loop.body[0])
            else:
                rewrite.replace(loop.body[0], "pass")
        case _:
            rewrite.refuse("the filter is not the loop's first statement")
    yield context.finding(
        loop,
        f"Every iteration compares the whole column {column.value!r}: {frame}.groupby({column.value!r}, sort=False)"
        " yields keys and rows in one pass; rows without a key are left out.",
        lines=tuple(sorted({filters[0].lineno, loop.lineno})),
        rewrite=rewrite,
    )


CASES = (
    Case(
        name="sums by key",
        before="""
import pandas as pd

def sums(rows):
    frame = pd.DataFrame(rows, columns=["k", "x"])
    found = []
    for key in frame["k"].unique():
        part = frame[frame["k"] == key]
        found.append((key, int(part["x"].sum()), part.index.tolist()))
    return found
""",
        after="""
import pandas as pd

def sums(rows):
    frame = pd.DataFrame(rows, columns=["k", "x"])
    found = []
    for key, part in frame.groupby("k", sort=False):
        found.append((key, int(part["x"].sum()), part.index.tolist()))
    return found
""",
        call="sums",
        inputs=("([('b', 1), ('a', 2), ('b', 3)],)", "([],)"),
    ),
    Case(
        name="the filter stands in an expression: advice",
        before="""
def sums(df, found):
    for name in df['k'].unique():
        found[name] = df[df['k'] == name]['x'].sum()
    return found

def run():
    import pandas
    return {k: int(v) for k, v in sums(pandas.DataFrame({'k': ['a', 'b', 'a'], 'x': [1, 2, 3]}), {}).items()}
""",
        after="""
def sums(df, found):
    for name, part in df.groupby('k', sort=False):
        found[name] = part['x'].sum()
    return found

def run():
    import pandas
    return {k: int(v) for k, v in sums(pandas.DataFrame({'k': ['a', 'b', 'a'], 'x': [1, 2, 3]}), {}).items()}
""",
        call="run",
        inputs=("()",),
    ),
)

REFUSE = (
    Refuse("the frame changes in the loop",
           "def f(df):\n    for k in df['k'].unique():\n        part = df[df['k'] == k]\n"
           "        df = df.drop(part.index)\n"),
    Refuse("another column",
           "def f(df):\n    for k in df['k'].unique():\n        part = df[df['j'] == k]\n        g(part)\n"),
    Refuse("another frame",
           "def f(df, other):\n    for k in df['k'].unique():\n        part = other[other['k'] == k]\n"
           "        g(part)\n"),
    Refuse("no filter", "def f(df):\n    for k in df['k'].unique():\n        print(k)\n"),
)  # fmt: skip

BENCH = None
