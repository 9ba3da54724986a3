"""Iterate over a frame by tuples or by columns, not by rows converted to Series.

## What
`for index, row in frame.iterrows()` whose body reads `row["price"]`: write `for row in frame.itertuples()` and
`row.price`; or, better, compute with whole columns.

## Why
`iterrows` builds a Series for each row: an object with an index and a newly inferred dtype. A tuple of the row's values
costs a twentieth of that; an operation on whole columns costs far less.

## When not
Where the row itself is passed on, assigned to, or read by a name that is not an identifier. Where the loop changes the
frame: a Series may show the change, a tuple does not. With `itertuples` the
values keep the dtype of their column; `iterrows` converts a row of integers and floats to floats.

## Source
pandas documentation of `DataFrame.iterrows`: "To preserve dtypes while iterating over the rows, it is better to use
itertuples() which returns namedtuples of the values and which is generally faster than iterrows."
"""

from __future__ import annotations

import ast
import keyword
from collections.abc import Iterator

from whet.engine.api import Case, Context, Finding, PlaceKind, Refuse, Rewrite, Rule, Safety, Speed, Triggers

RULE = Rule(
    slug="iterrows",
    title="iterrows() builds a Series per row",
    family="arrays",
    safety=Safety.OFFER,
    speed=Speed.FACTOR,
    triggers=Triggers(nodes=frozenset({ast.For}), words=frozenset({"iterrows"})),
)

_TAKEN = frozenset({"count", "index", "Index"})
"""Attributes that the tuples of `itertuples` already have."""


def detect(context: Context) -> Iterator[Finding]:
    """Yield each loop over `iterrows()`."""
    for loop in context.nodes(ast.For):
        match loop:
            case ast.For(
                target=ast.Tuple(elts=[ast.Name() as index, ast.Name() as row]),
                iter=ast.Call(func=ast.Attribute(attr="iterrows") as method, args=[], keywords=[]),
            ):
                rewrite = _rewrite(context, loop, method, index, row)
                yield context.finding(
                    loop,
                    "iterrows() builds a Series for each row: itertuples() yields plain tuples, whose values keep the"
                    " dtype of their column; an operation on whole columns is faster still.",
                    lines=_lines(context, loop, row),
                    rewrite=rewrite,
                )
            case _:
                pass


def _lines(context: Context, loop: ast.For, row: ast.Name) -> tuple[int, ...]:
    """Return the header's lines, and those that read the row: both get cheaper."""
    reads = {n.lineno for n in ast.walk(loop) if isinstance(n, ast.Name) and n.id == row.id}
    return tuple(sorted(reads | {loop.lineno}))


def _rewrite(context: Context, loop: ast.For, method: ast.Attribute, index: ast.Name, row: ast.Name) -> Rewrite:
    rewrite = context.rewrite()
    rows, indexes = context.place(row), context.place(index)
    if rows is None or rows.kind is not PlaceKind.LOCAL or len(rows.bindings) != 1 or row.id == index.id:
        rewrite.refuse("the row is also used elsewhere")
        return rewrite
    used: set[str] = set()
    for reference in rows.references:
        if reference is row:
            continue
        match context.facts.parent(reference):
            case ast.Subscript(value=value, slice=ast.Constant(value=str(name)), ctx=ast.Load()) as read if (
                value is reference and _is_plain(name) and context.is_inside(read, loop)
            ):
                rewrite.replace(read, f"{row.id}.{name}")
                used.add(name)
            case _:
                rewrite.refuse("the row is passed on, assigned to, or read in another way")
    if not used:
        rewrite.refuse("no column is read by its name")
    frame = ast.unparse(method.value)
    if any(text == frame or text.startswith((f"{frame}[", f"{frame}.")) for text in context.written_in(loop)):
        rewrite.refuse("the loop changes the frame")
    others = [r for r in indexes.references if r is not index] if indexes is not None else []
    read_only = all(context.is_inside(r, loop) and isinstance(getattr(r, "ctx", None), ast.Load) for r in others)
    if indexes is None or indexes.kind is not PlaceKind.LOCAL or not read_only:
        rewrite.refuse("the index is also used elsewhere")
    for reference in others:
        rewrite.replace(reference, f"{row.id}.Index")
    rewrite.replace(loop.target, row.id)
    rewrite.rename_attribute(method, "itertuples")
    return rewrite


def _is_plain(name: str) -> bool:
    """Return whether the tuple has the column under its own name."""
    return name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("_") and name not in _TAKEN


CASES = (
    Case(
        name="columns and the index are read",
        before="""
def total(frame):
    found = []
    for i, row in frame.iterrows():
        if row["price"] > 1:
            found.append((i, row["price"] * row['count_'], i))
    return found

def run(prices):
    import pandas
    frame = pandas.DataFrame({"price": [float(p) for p in prices], "count_": [2.0] * len(prices)})
    return [(int(i), float(p), int(k)) for i, p, k in total(frame)]
""",
        after="""
def total(frame):
    found = []
    for row in frame.itertuples():
        if row.price > 1:
            found.append((row.Index, row.price * row.count_, row.Index))
    return found

def run(prices):
    import pandas
    frame = pandas.DataFrame({"price": [float(p) for p in prices], "count_": [2.0] * len(prices)})
    return [(int(i), float(p), int(k)) for i, p, k in total(frame)]
""",
        call="run",
        inputs=("([1, 2, 3],)", "([],)"),
    ),
    Case(
        name="the index is not read",
        before="""
def names(frame):
    result = []
    for _, row in frame.iterrows():
        result.append(row["name"].upper())
    return result

def run(names_):
    import pandas
    return names(pandas.DataFrame({"name": names_}))
""",
        after="""
def names(frame):
    result = []
    for row in frame.itertuples():
        result.append(row.name.upper())
    return result

def run(names_):
    import pandas
    return names(pandas.DataFrame({"name": names_}))
""",
        call="run",
        inputs=("(['a', 'b'],)",),
    ),
    Case(
        name="the row is handed on: advice",
        before="""
def total(frame, price):
    return [price(row) for _, row in frame.iterrows()] if False else walk(frame, price)

def walk(frame, price):
    found = []
    for _, row in frame.iterrows():
        found.append(price(row))
    return found

def run():
    import pandas
    return total(pandas.DataFrame({"a": [1.0, 2.0]}), lambda row: float(row["a"]))
""",
        after="""
def total(frame, price):
    return walk(frame, price)

def walk(frame, price):
    return [price({"a": a}) for a in frame["a"]]

def run():
    import pandas
    return total(pandas.DataFrame({"a": [1.0, 2.0]}), lambda row: float(row["a"]))
""",
        call="run",
        inputs=("()",),
    ),
)

REFUSE = (
    Refuse("tuples already", "def f(df):\n    for row in df.itertuples():\n        g(row.a)\n"),
    Refuse("another method of that name", "def f(db):\n    for row in db.iterrows('x'):\n        g(row['a'])\n"),
    Refuse("one row", "def f(df):\n    return next(df.iterrows())\n"),
)  # fmt: skip

BENCH = None
