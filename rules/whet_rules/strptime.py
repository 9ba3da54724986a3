"""Parse ISO dates with `fromisoformat`.

## What
`datetime.strptime(text, "%Y-%m-%d")`, and the other constant formats that `datetime.fromisoformat` reads: with the
time after a `T` or a space, with seconds, fractions and `%z`. In a loop, or in a function that is measured hot. Of
`dateutil.parser.parse(text)`, which guesses the format of each text again, there is advice where it is measured hot,
and of `pandas.to_datetime(text)` for one value after the other.

## Why
`strptime` is Python code: it looks the format up, matches a regular expression, and computes the day of the week and of
the year. `fromisoformat` is C and does none of that.

## When not
The two agree on strings written exactly in the format. They differ on others: `strptime` accepts `2024-2-3` and
extra spaces, `fromisoformat` accepts every ISO form (`20240203`, `2024-02-03T10:00+02:00`). A program that uses
`strptime` to validate the exact form keeps it. Both raise `ValueError`, with different messages.

## Source
The documentation of `datetime.fromisoformat`: since Python 3.11 it reads most ISO 8601 formats. The figures in `RULE`
are measured with `BENCH`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import (
    Advise,
    Bench,
    Case,
    Context,
    Finding,
    Refuse,
    Rule,
    Safety,
    ScopeKind,
    Speed,
    Triggers,
)

RULE = Rule(
    slug="strptime",
    title="ISO date parsed with strptime()",
    family="hoisting",
    safety=Safety.OFFER,
    speed=Speed.FACTOR,
    triggers=Triggers(
        nodes=frozenset({ast.Call}),
        imports=frozenset(
            {
                *("datetime", "datetime.datetime", "time", "time.strptime"),
                *("dateutil", "dateutil.parser", "dateutil.parser.parse", "pandas"),
            }
        ),
        words=frozenset({"parse", "strptime", "to_datetime"}),
    ),
    figures={
        "3.11": {10: 45.0, 19: 50.0},
        "3.12": {10: 39.0, 19: 43.0},
        "3.13": {10: 38.0, 19: 44.0},
        "3.14": {10: 44.0, 19: 46.0},
    },
)

_DATES = ("%Y-%m-%d",)
_TIMES = ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%H:%M%z", "%H:%M:%S%z", "%H:%M:%S.%f%z")
_ISO = frozenset((*_DATES, *(f"{date}{mark}{time}" for date in _DATES for mark in ("T", " ") for time in _TIMES)))
"""Formats of which `fromisoformat` reads each string that is written with all its digits, to the same value."""


def detect(context: Context) -> Iterator[Finding]:
    """Yield each repeated call of `strptime` with a constant format."""
    for call in context.nodes(ast.Call):
        name = context.resolve(call.func)
        if name == "dateutil.parser.parse" and context.measured and _is_repeated(context, call):
            yield context.finding(
                call,
                "dateutil.parser.parse guesses the format of each text in Python code: datetime.fromisoformat (for ISO "
                "8601) or strptime with the format that the data has is many times faster, and refuses what does not "
                "have it. Where few distinct texts recur, cache the results (functools.lru_cache).",
                title="Date format guessed for each text",
                safety=Safety.ADVICE,
                measured_gain=False,
            )
        if name == "pandas.to_datetime" and context.measured and _is_of_element(context, call):
            yield context.finding(
                call,
                "pandas.to_datetime is made for whole columns, and finds out the format again for each value: give it "
                "the list or column once, outside the loop, with its format.",
                title="Date converted value by value",
                safety=Safety.ADVICE,
                measured_gain=False,
            )
        if name not in ("datetime.datetime.strptime", "time.strptime") or not _is_repeated(context, call):
            continue
        match call:
            case ast.Call(args=[ast.expr() as text, ast.expr() as form], keywords=[]):
                pass
            case _:
                continue
        if isinstance(text, ast.Starred):
            continue
        known = context.constant(form)
        if not isinstance(known, str):
            continue
        if known in _ISO and name == "datetime.datetime.strptime" and isinstance(call.func, ast.Attribute):
            rewrite = context.rewrite()
            rewrite.rename_attribute(call.func, "fromisoformat")
            rewrite.delete_argument(call, form)
            yield context.finding(
                call,
                f"strptime parses {known} in Python code: datetime.fromisoformat does it in C. "
                "It accepts other ISO forms too, and requires two digits where strptime accepts one.",
                rewrite=rewrite,
            )
        elif context.measured:
            yield context.finding(
                call,
                f"strptime parses {known} in Python code: if a few distinct strings recur, cache the results "
                "(functools.lru_cache), else slice the fields out by position.",
                safety=Safety.ADVICE,
                measured_gain=False,
            )


def _is_of_element(context: Context, call: ast.Call) -> bool:
    """Return whether a loop passes its element itself: an item of something may be a whole column."""
    loops = context.loops(call)
    match call.args[:1], loops[:1]:
        case [ast.Name(id=given)], [
            ast.For(target=ast.Name(id=element)) | ast.comprehension(target=ast.Name(id=element))
        ]:
            return given == element
        case _:
            return False


def _is_repeated(context: Context, call: ast.Call) -> bool:
    hot = context.measured and context.function.kind in (ScopeKind.FUNCTION, ScopeKind.LAMBDA)
    node = context.function.node
    if isinstance(node, ast.FunctionDef):
        decorators = [d.func if isinstance(d, ast.Call) else d for d in node.decorator_list]
        hot = hot and not any((context.resolve(d) or "").startswith("functools.") for d in decorators)
    return hot or bool(context.loops(call))


CASES = (
    Case(
        name="a date in a loop",
        before="""
from datetime import datetime

def days(texts):
    start = datetime(2024, 1, 1)
    return [(datetime.strptime(text, "%Y-%m-%d") - start).days for text in texts]
""",
        after="""
from datetime import datetime

def days(texts):
    start = datetime(2024, 1, 1)
    return [(datetime.fromisoformat(text) - start).days for text in texts]
""",
        call="days",
        inputs=("(['2024-02-03', '2023-12-31'],)", "([],)", "([None],)"),
    ),
    Case(
        name="a time, the format a constant of the module, in a function that is hot",
        before="""
import datetime as dt

FORM = "%Y-%m-%dT%H:%M:%S.%f%z"

def parse(text):
    return dt.datetime.strptime(
        text,
        FORM,
    ).date()
""",
        after="""
import datetime as dt

FORM = "%Y-%m-%dT%H:%M:%S.%f%z"

def parse(text):
    return dt.datetime.fromisoformat(
        text
    ).date()
""",
        call="parse",
        inputs=("('2024-02-03T04:05:06.789+02:00',)", "('2024-02-03T04:05:06.789012Z',)", "(3,)"),
        hot=True,
    ),
    Case(
        name="a log's own form",
        before="""
from datetime import datetime

def parse(text):
    return datetime.strptime(text, "%d/%b/%Y:%H:%M:%S")
""",
        after="""
from datetime import datetime

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

def parse(text):
    return datetime(int(text[7:11]), _MONTHS.index(text[3:6]) + 1, int(text[:2]),
                    int(text[12:14]), int(text[15:17]), int(text[18:20]))
""",
        call="parse",
        inputs=("('03/Feb/2024:10:11:12',)",),
        hot=True,
    ),
    Case(
        name="the format is guessed for each text",
        before="""
from dateutil import parser

def days(texts):
    return [parser.parse(text).day for text in texts]
""",
        after="""
from datetime import datetime

def days(texts):
    return [datetime.fromisoformat(text).day for text in texts]
""",
        call="days",
        inputs=("(['2024-02-03', '2023-12-31'],)", "([],)"),
        hot=True,
    ),
)

ADVISE = (
    Advise("values given to pandas one by one",
           "import pandas as pd\ndef f(xs):\n    return [pd.to_datetime(x) for x in xs]\n"),
)  # fmt: skip

REFUSE = (
    Refuse("columns given to pandas",
           "import pandas as pd\ndef f(df, names):\n    for name in names:\n"
           "        df[name] = pd.to_datetime(df[name])\n"),
    Refuse("a column given to pandas", "import pandas as pd\ndef f(xs):\n    return pd.to_datetime(xs)\n"),
    Refuse("dateutil asked once", "from dateutil import parser\nDAY = parser.parse('3 Feb 2024')\n"),
    Refuse("another parse", "import dateutil\nfrom shop import parse\ndef f(s):\n    return [parse(x) for x in s]\n"),
    Refuse("the format varies",
           "from datetime import datetime\ndef f(s, form):\n    return datetime.strptime(s, form)\n"),
    Refuse("runs once", "from datetime import datetime\nDAY = datetime.strptime('2024-01-01', '%Y-%m-%d')\n"),
    Refuse("another `strptime`",
           "import datetime\nfrom _pandas import datetime\ndef f(s):\n    return datetime.strptime(s, '%Y-%m-%d')\n"),
    Refuse("a subclass of datetime",
           "import datetime\nclass D(datetime.datetime):\n    pass\ndef f(s):\n    return D.strptime(s, '%Y-%m-%d')\n"),
    Refuse("a cached function reads each text once",
           "import functools\nfrom datetime import datetime\n@functools.lru_cache(maxsize=99)\ndef f(s):\n"
           "    return datetime.strptime(s, '%Y-%m-%d')\n"),
    Refuse("arguments from elsewhere", "from datetime import datetime\ndef f(*a):\n    return datetime.strptime(*a)\n"),
    Refuse("already done",
           "from datetime import datetime\ndef f(s):\n    return [datetime.fromisoformat(x) for x in s]\n"),
)  # fmt: skip

BENCH = Bench(
    setup="from datetime import datetime\ntext = '2024-02-03T10:11:12'[:n]"
    "\nform = '%Y-%m-%d' if n == 10 else '%Y-%m-%dT%H:%M:%S'",
    before="datetime.strptime(text, form)",
    after="datetime.fromisoformat(text)",
    sizes=(10, 19),
    size_is="characters in the string",
)
