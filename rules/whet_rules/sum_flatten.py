"""Flatten lists with `chain`, not by adding them up.

## What
`sum(lists, [])`, `sum(tuples, ())` and `functools.reduce(operator.add, lists, [])`: write
`list(chain.from_iterable(lists))` with `itertools.chain`.

Where `reduce` is given another function that puts its two arguments together into a new container or text
(`{**a, **b}`, `[*a, *b]`, `a + "," + b`), it is advice, on hot lines only: add each to one that grows, or join once.

## Why
Each addition creates a new list and copies everything added before, so n lists cost O(n²) copies.

## When not
For two or three lists. The elements must be lists (for `()`, tuples): for anything else `sum` raises, or calls the
element's own `__add__`, whereas `chain` iterates over it.

## Source
The documentation of `sum`: "To concatenate a series of iterables, consider using itertools.chain()". The figures in
`RULE` are measured with `BENCH`: lists of five elements.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import (
    Advise,
    Ask,
    Bench,
    Case,
    Context,
    Finding,
    Refuse,
    Rule,
    Safety,
    Speed,
    Triggers,
    flatten_sum,
)

RULE = Rule(
    slug="sum-flatten",
    title="Quadratic flattening with sum() or +",
    family="containers",
    safety=Safety.OBSERVED,
    speed=Speed.ASYMPTOTIC,
    triggers=Triggers(nodes=frozenset({ast.Call}), words=frozenset({"sum", "reduce"})),
    asks=frozenset({Ask.LENGTH, Ask.ELEMENTS}),
    figures={
        "3.11": {3: 0.51, 10: 0.88, 100: 6.6, 1000: 56.0, 10000: 600.0},
        "3.12": {3: 0.52, 10: 0.85, 100: 5.4, 1000: 45.0, 10000: 460.0},
        "3.13": {3: 0.48, 10: 0.73, 100: 4.9, 1000: 42.0, 10000: 400.0},
        "3.14": {3: 0.55, 10: 0.93, 100: 6.5, 1000: 54.0, 10000: 610.0},
    },
    ruff="RUF017",
)

_FEW = 8
"""Number of lists up to which adding them up is as fast."""

_INSTEAD = {
    "list": "extend one list, or use itertools.chain",
    "tuple": "make one of itertools.chain.from_iterable()",
    "dict": "update one dict, or use collections.ChainMap",
    "str": "join all of them once",
    "bytes": "join all of them once",
}


def detect(context: Context) -> Iterator[Finding]:
    """Yield each sum of lists or tuples."""
    for call in context.nodes(ast.Call):
        parts = _parts(context, call)
        if parts is None:
            if context.measured and (made := _find_made(context, call)):
                yield context.finding(
                    call,
                    f"reduce() makes a new {made} for each element, and copies all before it: {_INSTEAD[made]}.",
                    safety=Safety.ADVICE,
                    questions=(context.ask_cost(call),),
                    measured_gain=False,
                )
            continue
        lists, kind = parts
        if isinstance(lists, ast.List | ast.Tuple) and not any(isinstance(item, ast.Starred) for item in lists.elts):
            continue  # as many as the literal has
        kinds = context.element_of(lists)
        if kinds and kinds != {f"builtins.{kind}"}:
            continue
        place = context.place(lists)
        questions = (
            ()
            if place is None
            else (
                context.ask(place, Ask.LENGTH, at_least=_FEW),
                context.ask(place, Ask.ELEMENTS, expects=(f"builtins.{kind}",)),
            )
        )
        rewrite = context.rewrite()
        if not context.has_builtin(kind):
            rewrite.refuse(f"`{kind}` is shadowed in this file")
        chain = rewrite.add_import("itertools", "chain")
        inside = rewrite.text(lists)
        inside = inside[1:-1] if isinstance(lists, ast.GeneratorExp) else inside
        rewrite.replace(call, f"{kind}({chain}.from_iterable({inside}))")
        note = "" if kinds else f"; it accepts any iterables, not only {kind}s"
        yield context.finding(
            call,
            f"Each addition copies the {kind} built so far: {kind}(chain.from_iterable(…)) copies each element once"
            f"{note}.",
            safety=Safety.OBSERVED if kinds else Safety.OFFER,
            questions=questions,
            rewrite=rewrite,
        )


def _parts(context: Context, call: ast.Call) -> tuple[ast.expr, str] | None:
    """Return what is added up and the type of the result, if ``call`` adds up lists or tuples."""
    name = context.resolve(call.func)
    match call:
        case ast.Call(args=[lists, start], keywords=[]) if name == "builtins.sum":
            pass
        case ast.Call(args=[lists], keywords=[ast.keyword(arg="start", value=start)]) if name == "builtins.sum":
            pass
        case ast.Call(args=[function, lists, start], keywords=[]) if name == "functools.reduce":
            if not _adds(context, function):
                return None
        case _:
            return None
    if isinstance(lists, ast.Starred):
        return None
    match start:
        case ast.List(elts=[]) | ast.Call(func=ast.Name(id="list"), args=[], keywords=[]):
            return (lists, "list") if isinstance(start, ast.List) or context.has_builtin("list") else None
        case ast.Tuple(elts=[]):
            return lists, "tuple"
        case _:
            return None


def _find_made(context: Context, call: ast.Call) -> str:
    """Return what ``reduce`` makes anew for each element of many; nothing where the source does not show it."""
    match call:
        case ast.Call(args=[ast.Lambda(args=spec, body=body), *_]):
            values: list[ast.expr | None] = [body]
        case ast.Call(args=[ast.Name() as name, *_]) if (binding := context.facts.only_binding(name)) is not None:
            if not isinstance(binding.node, ast.FunctionDef):
                return ""
            spec = binding.node.args
            values = [part.value for part in ast.walk(binding.node) if isinstance(part, ast.Return)]
        case _:
            return ""
    if context.resolve(call.func) != "functools.reduce" or len(spec.args) != 2 or len(values) != 1:
        return ""
    return _read_made(context, values[0], spec.args) if values[0] is not None else ""


def _read_made(context: Context, value: ast.expr, both: list[ast.arg]) -> str:
    match value:
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            found = [part.value for part in parts if isinstance(part, ast.Starred)]
            kind = "list" if isinstance(value, ast.List) else "tuple"
        case ast.Dict(keys=keys, values=parts):
            found, kind = [part for key, part in zip(keys, parts, strict=True) if key is None], "dict"
        case ast.JoinedStr(values=parts):
            found, kind = [part.value for part in parts if isinstance(part, ast.FormattedValue)], "str"
        case ast.BinOp(op=ast.Add()):
            found = flatten_sum(value)
            shown = [context.typing.of_annotation(one.annotation) for one in both if one.annotation is not None]
            types = {one for types in (*map(context.type_of, found), *shown) for one in types}
            kind = next((kind for kind in _INSTEAD if f"builtins.{kind}" in types), "")
        case _:
            return ""
    names = {part.id for part in found if isinstance(part, ast.Name)}
    return kind if names >= {one.arg for one in both} else ""


def _adds(context: Context, function: ast.expr) -> bool:
    match function:
        case ast.Lambda(
            args=ast.arguments(posonlyargs=[], args=[first, second], vararg=None, kwonlyargs=[], kwarg=None),
            body=ast.BinOp(left=ast.Name(id=left), op=ast.Add(), right=ast.Name(id=right)),
        ):
            return (left, right) == (first.arg, second.arg) and left != right
        case _:
            return context.resolve(function) in ("operator.add", "operator.concat", "operator.iadd")


CASES = (
    Case(
        name="a sum of lists",
        before="""
def flatten(rows):
    return sum(rows, [])
""",
        after="""
from itertools import chain

def flatten(rows):
    return list(chain.from_iterable(rows))
""",
        call="flatten",
        inputs=("([[1, 2], [], [3]],)", "([],)"),
    ),
    Case(
        name="words of lines, in a comprehension, with a module that is there",
        before="""
import itertools
class Text:
    def __init__(self, lines):
        self.lines = lines
    def words(self):
        return len(sum([line.split() for line in self.lines], start=[]))
def run(lines):
    return Text(lines).words()
""",
        after="""
import itertools
class Text:
    def __init__(self, lines):
        self.lines = lines
    def words(self):
        return len(list(itertools.chain.from_iterable([line.split() for line in self.lines])))
def run(lines):
    return Text(lines).words()
""",
        call="run",
        inputs=("(['a b', 'c'],)", "([],)", "([1],)"),
    ),
    Case(
        name="tuples, and a generator",
        before="""
ROWS = [(n, n + 1) for n in range(3)]
def pairs(n):
    return sum(((a, b, n) for a, b in ROWS), ()), sum(ROWS, ())
""",
        after="""
from itertools import chain

ROWS = [(n, n + 1) for n in range(3)]
def pairs(n):
    return tuple(chain.from_iterable((a, b, n) for a, b in ROWS)), tuple(chain.from_iterable(ROWS))
""",
        call="pairs",
        inputs=("(1,)", "(None,)"),
    ),
    Case(
        name="by reduce",
        before="""
import operator
from functools import reduce
def flatten(rows):
    return reduce(operator.add, rows, []) + reduce(lambda a, b: a + b, [[row] for row in rows], list())
""",
        after="""
import operator
from functools import reduce
from itertools import chain
def flatten(rows):
    return list(chain.from_iterable(rows)) + list(chain.from_iterable([[row] for row in rows]))
""",
        call="flatten",
        inputs=("([[1, 2], [], [3]],)", "([],)"),
    ),
)

ADVISE = (
    Advise("dicts",
           "from functools import reduce\ndef f(rows):\n    return reduce(lambda a, b: {**a, **b}, rows, {})\n"),
    Advise("tuples, by a function of the file",
           "from functools import reduce\ndef both(a, b):\n    return (*a, *b)\ndef f(rows):\n"
           "    return reduce(both, rows)\n"),
    Advise("tuples, by their annotation",
           "import functools\ndef both(a: tuple[int, ...], b: tuple[int, ...]):\n    return a + b\ndef f(rows):\n"
           "    return functools.reduce(both, rows)\n"),
    Advise("texts", "from functools import reduce\ndef f(rows):\n    return reduce(lambda a, b: a + ',' + b, rows)\n"),
    Advise("texts that are formatted",
           "from functools import reduce\ndef f(rows):\n    return reduce(lambda a, b: f'{a}-{b}', rows)\n"),
)  # fmt: skip

REFUSE = (
    Refuse("what may be numbers",
           "from functools import reduce\ndef f(rows):\n    return reduce(lambda a, b: a + b, rows)\n"),
    Refuse("one of the two alone",
           "from functools import reduce\ndef f(rows):\n    return reduce(lambda a, b: [*b], rows)\n"),
    Refuse("a function that grows in place",
           "from functools import reduce\ndef both(a, b):\n    a.update(b)\n    return a\ndef f(rows):\n"
           "    return reduce(both, rows, {})\n"),
    Refuse("numbers", "def f(x):\n    return sum(x), sum(x, 0)\n"),
    Refuse("a start that is not empty", "def f(x):\n    return sum(x, [1])\n"),
    Refuse("a start that is the caller's", "def f(x, start):\n    return sum(x, start)\n"),
    Refuse("another `sum`", "from numpy import sum\ndef f(x):\n    return sum(x, [])\n"),
    Refuse("`sum` may come from a star import", "from numpy import *\ndef f(x):\n    return sum(x, [])\n"),
    Refuse("two of them", "def f(a, b):\n    return sum([a, b], [])\n"),
    Refuse("the elements are sets", "def f(x):\n    return sum([set(n) for n in x], [])\n"),
    Refuse("adding the other way round",
           "from functools import reduce\ndef f(x):\n    return reduce(lambda a, b: b + a, x, [])\n"),
    Refuse("something else is reduced", "from functools import reduce\ndef f(x, g):\n    return reduce(g, x, [])\n"),
)  # fmt: skip

BENCH = Bench(
    setup="from itertools import chain\nlists = [[1, 2, 3, 4, 5]] * n",
    before="sum(lists, [])",
    after="list(chain.from_iterable(lists))",
    sizes=(3, 10, 100, 1000, 10_000),
    size_is="lists",
)
