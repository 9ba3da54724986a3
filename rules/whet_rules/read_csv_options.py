"""Read only the needed columns of a CSV file, with known types.

## What
`pd.read_csv(path)` that is measured hot: `usecols` for the columns that are used, `dtype` for those whose type is
known (`category` for a few distinct strings), `engine="pyarrow"`; a file that is read repeatedly as Parquet.

## Why
Parsing takes time for each field, used or not, and inferring a column's type reads all of it. The pyarrow reader uses
all cores. Parquet stores columns separately, with their types, compressed.

## When not
Small files, read once. `engine="pyarrow"` supports fewer options, and inferred types may differ.

## Source
pandas user guide, "IO tools", `read_csv`, and "Scaling to large datasets": load less data, use efficient datatypes.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import Case, Context, Finding, Refuse, Rule, Safety, Speed, Triggers

RULE = Rule(
    slug="read-csv-options",
    title="read_csv() without usecols or dtype",
    family="arrays",
    safety=Safety.ADVICE,
    speed=Speed.FACTOR,
    triggers=Triggers(nodes=frozenset({ast.Call}), imports=frozenset({"pandas"}), words=frozenset({"read_csv"})),
)

_HELPING = ("usecols", "dtype", "engine")


def detect(context: Context) -> Iterator[Finding]:
    """Yield each hot `read_csv` that leaves out one of the options that help."""
    if not context.measured:
        return
    for call in context.nodes(ast.Call):
        if context.resolve(call.func) != "pandas.read_csv":
            continue
        given = {keyword.arg for keyword in call.keywords}
        missing = [name for name in _HELPING if name not in given]
        if missing and not given & {None, "nrows", "chunksize", "iterator"}:
            yield context.finding(
                call,
                f"The file is parsed without {', '.join(missing)}: list the columns that are used and the known types,"
                " and use engine='pyarrow', which parses on all cores; a file that is read often is better stored as"
                " Parquet.",
            )


CASES = (
    Case(
        name="nothing but the file",
        before="""
import io
import pandas as pd

def total(text):
    frame = pd.read_csv(io.StringIO(text))
    return int(frame["b"].sum())
""",
        after="""
import io
import pandas as pd

def total(text):
    frame = pd.read_csv(io.StringIO(text), usecols=["b"], dtype={"b": "int64"}, engine="c")
    return int(frame["b"].sum())
""",
        call="total",
        inputs=("('a,b\\nx,1\\ny,2\\n',)",),
        hot=True,
    ),
)

REFUSE = (
    Refuse("all are given",
           "import pandas as pd\ndef f(p):\n    return pd.read_csv(p, usecols=[1], dtype=str, engine='c')\n"),
    Refuse("a few rows only", "import pandas as pd\ndef f(p):\n    return pd.read_csv(p, nrows=5)\n"),
    Refuse("options that are not seen", "import pandas as pd\ndef f(p, **o):\n    return pd.read_csv(p, **o)\n"),
    Refuse("another `read_csv`", "import pandas as pd\ndef f(spark, p):\n    return spark.read_csv(p)\n"),
)  # fmt: skip

BENCH = None
