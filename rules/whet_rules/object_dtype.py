"""Give columns and arrays a specific dtype, not `object`.

## What
`astype(object)`, `dtype=object` in NumPy and pandas, in code that is measured hot: numbers as `int64` or
`float64` (`Int64` if some are missing), a few distinct strings as `category`, strings as `string[pyarrow]`.

## Why
An array of dtype `object` holds references to Python objects: every operation on it is a loop that calls Python, and
each element takes tens of bytes more.

## When not
Elements without a common type, or elements that are containers themselves.

## Source
pandas user guide, "Scaling to large datasets": use efficient datatypes; NumPy documentation, "Data type objects".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import Case, Context, Finding, Refuse, Rule, Safety, Speed, Triggers

RULE = Rule(
    slug="object-dtype",
    title="Array with dtype object",
    family="arrays",
    safety=Safety.ADVICE,
    speed=Speed.FACTOR,
    triggers=Triggers(
        nodes=frozenset({ast.Call}),
        imports=frozenset({"numpy", "pandas"}),
        words=frozenset({"object", "astype", "dtype"}),
    ),
)


def detect(context: Context) -> Iterator[Finding]:
    """Yield each array or column of a hot function that is given the dtype `object`."""
    if not context.measured:
        return
    for call in context.nodes(ast.Call):
        name = context.resolve(call.func) or ""
        made = name.startswith(("numpy.", "pandas."))
        given = [keyword.value for keyword in call.keywords if keyword.arg == "dtype"] if made else []
        if isinstance(call.func, ast.Attribute) and call.func.attr == "astype":
            given = call.args[:1]
        if any(_is_object(context, value) for value in given):
            yield context.finding(
                call,
                "With dtype object every operation calls Python for each element: use a numeric dtype (Int64 if some"
                " values are missing), category for a few distinct strings, string[pyarrow] for strings.",
            )


def _is_object(context: Context, node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return node.value in ("object", "O")
    return context.resolve(node) in ("builtins.object", "numpy.object_")


CASES = (
    Case(
        name="an array that is made, and one that is turned into objects",
        before="""
import numpy as np

def total(values):
    numbers = np.array(values, dtype=object)
    return float(sum(np.array(values).astype("object"))), float(numbers.sum())
""",
        after="""
import numpy as np

def total(values):
    numbers = np.array(values, dtype=float)
    return float(np.array(values).sum()), float(numbers.sum())
""",
        call="total",
        inputs=("([1, 2, 3],)",),
        hot=True,
    ),
)

REFUSE = (
    Refuse("a type of its own", "import numpy as np\ndef f(x):\n    return np.array(x, dtype=float).astype('int32')\n"),
    Refuse("not an array", "import numpy as np\ndef f(x):\n    return make(x, dtype=object)\n"),
)  # fmt: skip

BENCH = None
