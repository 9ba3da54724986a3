"""Find the minimum or maximum without sorting.

## What
`sorted(items)[0]` is `min(items)`, `sorted(items, reverse=True)[0]` is `max(items)`, with the same `key`. Of elements
that compare equal, both take the first. `sorted(items)[-1]` and `sorted(items, reverse=True)[-1]` take the last of
them, `max` and `min` the first: the message says so.

## Why
Sorting compares each element with several others and builds a list of all; the minimum is found in one pass.

## When not
Where the order of the rest is needed too. On an empty iterable, `min` and `max` raise `ValueError`, not
`IndexError`: code where one of them is caught or suppressed is left alone. NaNs have no order, and may give another
result.

## Source
The documentation of `min` and `max`: "If multiple items are minimal, the function returns the first one encountered.
This is consistent with other sort-stability preserving tools". The figures in `RULE` are measured with `BENCH`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import Bench, Case, Context, Finding, Refuse, Rule, Safety, Speed, Triggers

RULE = Rule(
    slug="sorted-minmax",
    title="Full sort for minimum or maximum",
    family="containers",
    safety=Safety.OFFER,
    speed=Speed.FACTOR,
    triggers=Triggers(nodes=frozenset({ast.Subscript}), words=frozenset({"sorted"})),
    figures={
        "3.11": {10: 0.94, 100: 1.3, 1000: 2.3, 10000: 8.1, 100000: 13.0},
        "3.12": {10: 0.9, 100: 1.2, 1000: 2.0, 10000: 7.2, 100000: 10.0},
        "3.13": {10: 1.1, 100: 1.2, 1000: 2.0, 10000: 6.9, 100000: 10.0},
        "3.14": {10: 2.0, 100: 3.6, 1000: 5.6, 10000: 17.0, 100000: 25.0},
    },
    ruff="FURB192",
)


def detect(context: Context) -> Iterator[Finding]:
    """Yield each sort of which only the first or last element is used."""
    for subscript in context.nodes(ast.Subscript):
        match subscript:
            case ast.Subscript(value=ast.Call(func=function, args=[items]) as call, slice=index, ctx=ast.Load()):
                pass
            case _:
                continue
        if isinstance(items, ast.Starred) or context.resolve(function) != "builtins.sorted":
            continue
        options = {keyword.arg: keyword for keyword in call.keywords}
        last, downwards = _is_last(index), _is_downwards(options)
        if last is None or downwards is None or not options.keys() <= {"key", "reverse"}:
            continue
        if not context.tells_apart(subscript, IndexError, ValueError):
            yield _describe(context, subscript, call, last=last, downwards=downwards)


def _is_last(index: ast.expr) -> bool | None:
    """Return whether ``index`` is -1, not 0; ``None`` for all others."""
    match index:
        case ast.Constant(value=0) if index.value is not False:
            return False
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1)):
            return True
        case _:
            return None


def _is_downwards(options: dict[str | None, ast.keyword]) -> bool | None:
    """Return whether it is sorted in reverse; ``None`` if that is only known at run time."""
    if "reverse" not in options:
        return False
    value = options["reverse"].value
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, bool) else None


def _describe(context: Context, node: ast.Subscript, call: ast.Call, *, last: bool, downwards: bool) -> Finding:
    name = "max" if last != downwards else "min"
    rewrite = context.rewrite()
    if not context.has_builtin(name):
        rewrite.refuse(f"`{name}` is shadowed in this file")
    inside = [rewrite.text(call.args[0])]
    inside.extend(f"key={rewrite.text(keyword.value)}" for keyword in call.keywords if keyword.arg == "key")
    if isinstance(call.args[0], ast.GeneratorExp) and len(inside) == 1:
        inside = [inside[0][1:-1]]
    rewrite.replace(node, f"{name}({', '.join(inside)})")
    among = "; of equal elements it takes the first, this the last" if last else ""
    return context.finding(
        node,
        f"{name}() finds this in one pass, without sorting{among}. On an empty iterable it raises ValueError.",
        rewrite=rewrite,
    )


CASES = (
    Case(
        name="the first, by a key",
        before="""
def next_up(jobs):
    return sorted(jobs, key=lambda job: (job[1], job[0]))[0]
""",
        after="""
def next_up(jobs):
    return min(jobs, key=lambda job: (job[1], job[0]))
""",
        call="next_up",
        inputs=("([('b', 2), ('a', 2), ('c', 3)],)", "([1],)"),
    ),
    Case(
        name="the first downwards, an attribute of it, in a comprehension",
        before="""
class Depot:
    def __init__(self, loads):
        self.loads = loads
    def top(self):
        return [sorted(row, key=len, reverse=True)[0].upper() for row in self.loads]
def run(loads):
    return Depot(loads).top()
""",
        after="""
class Depot:
    def __init__(self, loads):
        self.loads = loads
    def top(self):
        return [max(row, key=len).upper() for row in self.loads]
def run(loads):
    return Depot(loads).top()
""",
        call="run",
        inputs=("([['a', 'bb', 'cc'], ['x']],)", "([],)", "([[1]],)"),
    ),
    Case(
        name="the last ones, and a generator",
        before="""
def ends(rows):
    high = sorted(row * 2 for row in rows)[-1]
    low = sorted(rows, reverse=True)[-1]
    return low, high, sorted((row for row in rows), reverse=False)[0]
""",
        after="""
def ends(rows):
    high = max(row * 2 for row in rows)
    low = min(rows)
    return low, high, min(row for row in rows)
""",
        call="ends",
        inputs=("([3, 1, 2],)", "('abc',)", "(3,)"),
    ),
    Case(
        name="at module level",
        before="NAMES = ['b', 'a']\nFIRST = sorted(NAMES)[0]\ndef first():\n    return FIRST\n",
        after="NAMES = ['b', 'a']\nFIRST = min(NAMES)\ndef first():\n    return FIRST\n",
        call="first",
        inputs=("()",),
    ),
)

REFUSE = (
    Refuse("the second is asked for", "def f(x):\n    return sorted(x)[1]\n"),
    Refuse("several are", "def f(x):\n    return sorted(x)[:1]\n"),
    Refuse("the direction is known only later", "def f(x, down):\n    return sorted(x, reverse=down)[0]\n"),
    Refuse("another `sorted`", "def f(x, sorted):\n    return sorted(x)[0]\n"),
    Refuse("`sorted` may come from a star import", "from tools import *\ndef f(x):\n    return sorted(x)[0]\n"),
    Refuse("nothing to choose from is expected",
           "def f(x):\n    try:\n        return sorted(x)[0]\n    except IndexError:\n        return None\n"),
    Refuse("expected by a wider name",
           "def f(x):\n    try:\n        return sorted(x)[-1]\n    except (KeyError, LookupError):\n"
           "        return None\n"),
    Refuse("the other one is expected",
           "def f(x):\n    try:\n        return sorted(map(int, x))[0]\n    except ValueError:\n        return 0\n"),
    Refuse("nothing to choose from is expected, in groups",
           "def f(x):\n    try:\n        x = sorted(x)[0]\n    except* IndexError:\n        pass\n    return x\n"),
    Refuse("nothing to choose from is suppressed",
           "from contextlib import suppress\ndef f(x):\n    with suppress(IndexError):\n        return sorted(x)[0]\n"),
    Refuse("nobody knows what is suppressed",
           "import contextlib\ndef f(x, kinds):\n    with contextlib.suppress(*kinds):\n        return sorted(x)[0]\n"),
    Refuse("nobody knows what is caught",
           "from errors import Nothing\ndef f(x):\n    try:\n        return sorted(x)[0]\n    except Nothing:\n"
           "        return 0\n"),
    Refuse("a list without its first", "def f(x):\n    del sorted(x)[0]\n"),
    Refuse("options are unpacked", "def f(x, **options):\n    return sorted(x, **options)[0]\n"),
    Refuse("False is no index that anybody means", "def f(x):\n    return sorted(x)[False]\n"),
)  # fmt: skip

BENCH = Bench(
    setup="import random\ndraw = random.Random(1).random\nitems = [draw() for _ in range(n)]",
    before="sorted(items)[0]",
    after="min(items)",
    sizes=(10, 100, 1000, 10_000, 100_000),
    size_is="elements in random order",
)
