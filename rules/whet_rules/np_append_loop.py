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
        nodes=frozenset({ast.Assign}),
        imports=frozenset({"numpy"}),
        words=frozenset({"append", "concatenate", "vstack", "hstack"}),
    ),
    asks=frozenset({Ask.SHARE}),
)

_JOINING = ("numpy.concatenate", "numpy.vstack", "numpy.hstack")


def detect(context: Context) -> Iterator[Finding]:
    """Yield each array that a loop extends."""
    for statement in context.nodes(ast.Assign):
        match statement:
            case ast.Assign(targets=[target], value=ast.Call(func=function) as call):
                grown = _grown(context, call, context.resolve(function) or "")
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
        case ast.Call(args=[_, ast.Starred()]):
            return None
        case ast.Call(args=[array, piece], keywords=[]) if name == "numpy.append":
            return array, piece
        case ast.Call(args=[ast.List(elts=[array, piece]) | ast.Tuple(elts=[array, piece])], keywords=[]) if (
            name in _JOINING and not isinstance(piece, ast.Starred)
        ):
            return array, piece
        case _:
            return None


def _describe(
    context: Context,
    statement: ast.Assign,
    call: ast.Call,
    array: ast.expr,
    piece: ast.expr,
    loop: ast.For | ast.While,
) -> Finding:
    rewrite = context.rewrite()
    place = context.place(array)
    outer = [o for o in context.facts.loops(loop) if isinstance(o, ast.For | ast.While)]
    if place is None or place.kind is not PlaceKind.LOCAL or not isinstance(array, ast.Name):
        rewrite.refuse("the array is not a local variable of this function")
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
        flat = context.resolve(call.func) == "numpy.append"
        rewrite.insert_before(loop, f"{name} = []")
        # A copy, as before: the piece may be a view of an array that the next iteration changes.
        made = f"{numpy}.array({rewrite.text(piece)})"
        rewrite.replace(statement, f"{name}.append({made}{'.ravel()' if flat else ''})")
        joined = (
            f"{numpy}.concatenate([{numpy}.ravel({array.id}), *{name}])"
            if flat
            else f"{rewrite.text(call.func)}([{array.id}, *{name}])"
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
)  # fmt: skip

REFUSE = (
    Refuse("any number of arguments",
           "import numpy as np\ndef f(a, xs):\n    for x in xs:\n        a = np.append(a, *x)\n    return a\n"),
    Refuse("once", "import numpy as np\ndef f(a, b):\n    a = np.append(a, b)\n    return a\n"),
    Refuse("another array each time",
           "import numpy as np\ndef f(a, xs):\n    for x in xs:\n        y = np.append(a, x)\n        g(y)\n"),
    Refuse("along an axis",
           "import numpy as np\ndef f(a, xs):\n    for x in xs:\n        a = np.append(a, x, axis=0)\n    return a\n"),
    Refuse("a list's `append`",
           "import numpy as np\ndef f(xs):\n    a = []\n    for x in xs:\n        a.append(x)\n"
           "    return np.array(a)\n"),
)  # fmt: skip

BENCH = None
