"""Append to a list in the loop, and build the array once.

## What
`values = np.append(values, x)`, or `np.concatenate`, `np.vstack` and `np.hstack` of an array and a piece, in a loop:
append the pieces to a list, and concatenate them once, after the loop. An attribute that grows by one piece in each
call of a hot method is advice.

## Why
An array cannot grow: each call allocates a new one and copies all existing elements, so the loop copies a
quadratic number of them. A list grows in place.

## When not
Where the array is read in the loop, or is not a local variable of the function. Where the length is known in advance,
an array of that length that is filled by index is better still. After an exception in the loop the array does not
contain the pieces collected so far.

## Source
NumPy documentation of `append`: "append does not occur in-place: a new array is allocated and filled".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import (
    Advise,
    Ask,
    Case,
    Context,
    Finding,
    PlaceKind,
    Refuse,
    Rule,
    Safety,
    Speed,
    Triggers,
    outlives_call,
    read_target,
)

RULE = Rule(
    slug="np-append-loop",
    title="np.append() copies the whole array",
    family="arrays",
    safety=Safety.OFFER,
    speed=Speed.ASYMPTOTIC,
    triggers=Triggers(
        nodes=frozenset({ast.AnnAssign, ast.Assign}),
        imports=frozenset({"numpy"}),
        words=frozenset({"append", "concatenate", "vstack", "hstack"}),
    ),
    asks=frozenset({Ask.SHARE}),
)

_JOINING = ("numpy.concatenate", "numpy.vstack", "numpy.hstack")


def detect(context: Context) -> Iterator[Finding]:
    """Yield each array that a loop extends."""
    statements: list[ast.Assign | ast.AnnAssign] = [*context.nodes(ast.Assign), *context.nodes(ast.AnnAssign)]
    for statement in statements:
        match statement:
            case (
                ast.Assign(targets=[target], value=ast.Call(func=function) as call)
                | ast.AnnAssign(target=target, value=ast.Call(func=function) as call)
            ):
                grown = _grown(context, call, context.likely(function) or "")
            case _:
                continue
        loops = [loop for loop in context.loops(statement) if isinstance(loop, ast.For | ast.While)]
        if grown is None or ast.unparse(grown[0]) != ast.unparse(target):
            continue
        if loops:
            yield _describe(context, statement, call, target, grown[1], loops[0])
            continue
        lasting = read_target(context, target)
        if lasting is not None and outlives_call(context, lasting):
            yield context.finding(
                statement,
                f"Every call allocates a new array and copies all of {lasting.text}: collect the pieces in a list and "
                "concatenate them when the whole is read, or fill an array that is made larger by half each time.",
                safety=Safety.ADVICE,
                questions=(context.ask_cost(statement),),
            )


def _grown(context: Context, call: ast.Call, name: str) -> tuple[ast.expr, ast.expr] | None:
    """Return the array and the piece that is appended to it."""
    match call:
        case ast.Call(args=[_, ast.Starred(), *_]):
            return None
        case ast.Call(args=[array, piece] | [array, piece, _]) if name == "numpy.append" and _has_axis_only(call):
            return array, piece
        case ast.Call(args=[ast.List(elts=[array, piece]) | ast.Tuple(elts=[array, piece]), *_]) if (
            name in _JOINING and not isinstance(piece, ast.Starred) and _has_axis_only(call)
        ):
            return array, piece
        case _:
            return None


def _has_axis_only(call: ast.Call) -> bool:
    return all(keyword.arg == "axis" for keyword in call.keywords)


def _read_axis(call: ast.Call, positional: int) -> str | None:
    """Return the source of the argument ``axis``, which is a number; empty without one, ``None`` for another."""
    match call:
        case ast.Call(args=args) if len(args) > positional:
            return None
        case ast.Call(keywords=[]):
            return ""
        case ast.Call(keywords=[ast.keyword(value=ast.Constant(value=int() as axis))]):
            return f", axis={axis}"
        case _:
            return None


def _describe(
    context: Context,
    statement: ast.Assign | ast.AnnAssign,
    call: ast.Call,
    array: ast.expr,
    piece: ast.expr,
    loop: ast.For | ast.While,
) -> Finding:
    rewrite = context.rewrite()
    place = context.place(array)
    made = context.resolve(call.func)
    appends = made == "numpy.append"
    outer = [o for o in context.facts.loops(loop) if isinstance(o, ast.For | ast.While)]
    if place is None or place.kind is not PlaceKind.LOCAL or not isinstance(array, ast.Name):
        rewrite.refuse("the array is not a local variable of this function")
    elif made is None:
        rewrite.refuse("a star import may hide numpy")
    elif isinstance(statement, ast.AnnAssign) or (axis := _read_axis(call, 2 if appends else 1)) is None:
        rewrite.refuse("the pieces are joined along an axis that is not written out")
    elif any(context.is_inside(r, loop) and not context.is_inside(r, statement) for r in place.references):
        rewrite.refuse("the array is read or bound elsewhere in the loop")
    elif any(isinstance(node, ast.Return | ast.Yield | ast.YieldFrom | ast.Await) for node in ast.walk(loop)):
        rewrite.refuse("the loop may exit early")
    elif loop.orelse or context.is_guarded(loop):
        rewrite.refuse("the array may be read before the loop ends")
    elif any(context.is_inside(r, o) and not context.is_inside(r, loop) for o in outer for r in place.references):
        rewrite.refuse("the array is used in the enclosing loop, too")
    else:
        numpy = rewrite.add_import("numpy")
        name = rewrite.fresh("pieces")
        flat = appends and not axis
        rewrite.insert_before(loop, f"{name} = []")
        # A copy, as before: the piece may be a view of an array that the next iteration changes.
        made = f"{numpy}.array({rewrite.text(piece)})"
        rewrite.replace(statement, f"{name}.append({made}{'.ravel()' if flat else ''})")
        joined = (
            f"{numpy}.concatenate([{numpy}.ravel({array.id}), *{name}])"
            if flat
            else f"{f'{numpy}.concatenate' if appends else rewrite.text(call.func)}([{array.id}, *{name}]{axis})"
        )
        rewrite.insert_after(loop, f"if {name}:\n    {array.id} = {joined}")
    return context.finding(
        statement,
        f"Every iteration allocates a new array and copies all of {ast.unparse(array)}: collect the pieces in a list"
        " and concatenate them once, after the loop.",
        rewrite=rewrite,
    )


CASES = (
    Case(
        name="rows below a table, along an axis",
        before="""
import numpy as np

def collect(rows):
    table = np.zeros((1, 2))
    for row in rows:
        table = np.append(table, [row], axis=0)
    return table.tolist(), table.shape
""",
        after="""
import numpy as np

def collect(rows):
    table = np.zeros((1, 2))
    pieces = []
    for row in rows:
        pieces.append(np.array([row]))
    if pieces:
        table = np.concatenate([table, *pieces], axis=0)
    return table.tolist(), table.shape
""",
        call="collect",
        inputs=("([(1, 2), (3, 4)],)", "([],)"),
    ),
    Case(
        name="numbers behind an empty array",
        before="""
import numpy as np

def collect(rows):
    found = np.array([])
    for row in rows:
        if row > 1:
            found = np.append(found, row * 2)
    return found.tolist(), str(found.dtype)
""",
        after="""
import numpy as np

def collect(rows):
    found = np.array([])
    pieces = []
    for row in rows:
        if row > 1:
            pieces.append(np.array(row * 2).ravel())
    if pieces:
        found = np.concatenate([np.ravel(found), *pieces])
    return found.tolist(), str(found.dtype)
""",
        call="collect",
        inputs=("([1, 2, 3],)", "([],)", "([2.5],)"),
    ),
    Case(
        name="rows below a table, in a while loop",
        before="""
import numpy

def grow(count):
    table = numpy.zeros((1, 2), dtype=int)
    row = numpy.ones(2, dtype=int)
    while count:
        count -= 1
        row += 1
        table = numpy.vstack((table, row))
    return table.tolist()
""",
        after="""
import numpy

def grow(count):
    table = numpy.zeros((1, 2), dtype=int)
    row = numpy.ones(2, dtype=int)
    pieces = []
    while count:
        count -= 1
        row += 1
        pieces.append(numpy.array(row))
    if pieces:
        table = numpy.vstack([table, *pieces])
    return table.tolist()
""",
        call="grow",
        inputs=("(3,)", "(0,)"),
    ),
)

ADVISE = (
    Advise("an attribute, over the calls of a method",
           "import numpy as np\nclass A:\n    def f(self, x):\n        self.a = np.append(self.a, x)\n"),
    Advise("an attribute with an annotation, along an axis",
           "import numpy as np\nclass A:\n    def f(self, x):\n"
           "        self.a: np.ndarray = np.append(self.a, x, axis=0)\n"),
    Advise("along an axis that a variable names",
           "import numpy as np\ndef f(a, xs, n):\n    for x in xs:\n        a = np.append(a, x, axis=n)\n"
           "    return a\n"),
)  # fmt: skip

REFUSE = (
    Refuse("any number of arguments",
           "import numpy as np\ndef f(a, xs):\n    for x in xs:\n        a = np.append(a, *x)\n    return a\n"),
    Refuse("once", "import numpy as np\ndef f(a, b):\n    a = np.append(a, b)\n    return a\n"),
    Refuse("another array each time",
           "import numpy as np\ndef f(a, xs):\n    for x in xs:\n        y = np.append(a, x)\n        g(y)\n"),
    Refuse("a list's `append`",
           "import numpy as np\ndef f(xs):\n    a = []\n    for x in xs:\n        a.append(x)\n"
           "    return np.array(a)\n"),
)  # fmt: skip

BENCH = None
