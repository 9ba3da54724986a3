"""Concatenate frames once, after the loop.

## What
`frame = pd.concat([frame, piece])` in a loop: append the pieces to a list, and concatenate all of them
once, after the loop. On hot lines, as advice, also a frame on an attribute that a method extends in each call, and rows
that are added one by one with `frame.loc[len(frame)] = row`.

## Why
Each concatenation copies all existing rows, so the loop copies a quadratic number of rows.

## When not
Where the frame is read in the loop, or is not a local variable of the function. The edit changes two small things: the
result of a single concatenation may have another dtype if one of the pieces was empty or all NaN, and after an
exception in the loop the frame does not contain the pieces collected so far. The list holds the pieces themselves: one
frame that is filled again for each iteration would be in it several times, with its last content.

## Source
pandas documentation of `concat`: "It is not recommended to build DataFrames by adding single rows in a for loop.
Build a list of rows and make a DataFrame in a single concat."
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
    meets_again,
    outlives_call,
    read_target,
)

RULE = Rule(
    slug="frame-concat-loop",
    title="pd.concat() inside a loop",
    family="arrays",
    safety=Safety.OFFER,
    speed=Speed.ASYMPTOTIC,
    triggers=Triggers(nodes=frozenset({ast.Assign}), imports=frozenset({"pandas"}), words=frozenset({"concat", "loc"})),
    asks=frozenset({Ask.SHARE}),
)


def detect(context: Context) -> Iterator[Finding]:
    """Yield each frame that a loop extends by concatenation."""
    for statement in context.nodes(ast.Assign):
        match statement:
            case ast.Assign(
                targets=[target], value=ast.Call(func=function, args=[ast.List(elts=[first, *pieces])]) as call
            ) if pieces and context.resolve(function) == "pandas.concat" and ast.unparse(first) == ast.unparse(target):
                loop = _loop(context, statement)
                lasting = read_target(context, target)
                if any(keyword.arg in (None, "axis") for keyword in call.keywords):
                    continue
                if loop is not None:
                    yield _describe(context, statement, call, target, pieces, loop)
                elif lasting is not None and outlives_call(context, lasting):
                    yield _advise(context, statement, f"Every call copies all rows of {lasting.text}")
            case ast.Assign(
                targets=[ast.Subscript(value=ast.Attribute(value=frame, attr="loc"), slice=ast.Call() as at)]
            ) if context.measured and context.resolve(at.func) == "builtins.len":
                grown = read_target(context, frame)
                at_end = [ast.unparse(one).removesuffix(".index") for one in at.args] == [ast.unparse(frame)]
                if at_end and grown is not None and meets_again(context, statement, grown):
                    yield _advise(context, statement, f"Every new row copies all rows of {grown.text}")
            case _:
                pass


def _advise(context: Context, statement: ast.stmt, say: str) -> Finding:
    return context.finding(
        statement,
        f"{say}: collect the rows in a list, and make the frame of them when it is read.",
        safety=Safety.ADVICE,
        questions=(context.ask_cost(statement),),
    )


def _loop(context: Context, statement: ast.stmt) -> ast.For | ast.While | None:
    loops = [loop for loop in context.loops(statement) if isinstance(loop, ast.For | ast.While)]
    return loops[0] if loops else None


def _describe(
    context: Context, statement: ast.Assign, call: ast.Call, frame: ast.expr, pieces: list[ast.expr],
    loop: ast.For | ast.While,
) -> Finding:  # fmt: skip
    rewrite = context.rewrite()
    place = context.place(frame)
    if place is None or place.kind is not PlaceKind.LOCAL or not isinstance(frame, ast.Name):
        rewrite.refuse("the frame is not a local variable of this function")
    elif any(context.is_inside(r, loop) and not context.is_inside(r, statement) for r in place.references):
        rewrite.refuse("the frame is read or bound elsewhere in the loop")
    elif any(isinstance(node, ast.Return | ast.Yield | ast.YieldFrom | ast.Await) for node in ast.walk(loop)):
        rewrite.refuse("the loop may exit early")
    elif loop.orelse or context.is_guarded(loop) or _nested(context, loop, place.references):
        rewrite.refuse("the frame may be read before the loop ends")
    elif any(isinstance(piece, ast.Starred) for piece in pieces):
        rewrite.refuse("the pieces are unpacked")
    elif not all(_is_new_each_time(context, piece, statement, loop) for piece in pieces):
        rewrite.refuse("a piece is changed later or used again: a list would hold one frame several times")
    else:
        name = rewrite.fresh("pieces")
        rewrite.insert_before(loop, f"{name} = [{frame.id}]")
        added = [rewrite.text(piece) for piece in pieces]
        rewrite.replace(
            statement, f"{name}.append({added[0]})" if len(added) == 1 else f"{name} += [{', '.join(added)}]"
        )
        keywords = "".join(f", {keyword.arg}={rewrite.text(keyword.value)}" for keyword in call.keywords)
        rewrite.insert_after(loop, f"if len({name}) > 1:\n    {frame.id} = {rewrite.text(call.func)}({name}{keywords})")
    return context.finding(
        statement,
        f"Every iteration copies all rows of {ast.unparse(frame)}: collect the pieces in a list and concatenate them"
        " once, after the loop. A piece must not be changed in place later.",
        rewrite=rewrite,
    )


def _is_new_each_time(context: Context, piece: ast.expr, statement: ast.stmt, loop: ast.For | ast.While) -> bool:
    """Return whether each iteration has another frame as its piece, which nothing in the loop changes later."""
    if isinstance(piece, ast.Call):
        return True
    if not isinstance(piece, ast.Name):
        return not any(_is_changed(context, name, loop) for name in ast.walk(piece) if isinstance(name, ast.Name))
    place, block = context.place(piece), context.facts.block(statement)
    if place is None or place.kind is not PlaceKind.LOCAL:
        return False
    starts = [binding.node for binding in place.bindings]
    bound = any(n is getattr(loop, "target", None) or any(n is each for each in block) for n in starts)
    inside = all(context.is_inside(node, loop) for node in starts)
    end = statement.end_lineno or statement.lineno
    return bound and inside and not any(r.lineno > end and context.is_inside(r, loop) for r in place.references)


def _is_changed(context: Context, name: ast.Name, loop: ast.AST) -> bool:
    """Return whether the loop sets parts of what a name of the piece refers to, so that a view would change too."""
    place = context.place(name)
    for reference in place.references if place is not None else ():
        above = context.facts.parent(reference)
        while isinstance(above, ast.Attribute | ast.Subscript) and isinstance(above.ctx, ast.Load):
            above = context.facts.parent(above)
        if isinstance(above, ast.Attribute | ast.Subscript) and context.is_inside(above, loop):
            return True
    return False


def _nested(context: Context, loop: ast.AST, references: tuple[ast.expr, ...]) -> bool:
    """Return whether the frame is used in an outer loop too."""
    outer = [o for o in context.facts.loops(loop) if isinstance(o, ast.For | ast.While)]
    return any(context.is_inside(r, o) and not context.is_inside(r, loop) for o in outer for r in references)


CASES = (
    Case(
        name="pieces of a parameter",
        before="""
import pandas as pd

def collect(rows):
    frame = pd.DataFrame({"a": [0]})
    for row in rows:
        piece = pd.DataFrame({"a": [row]})
        frame = pd.concat([frame, piece], ignore_index=True)
    return frame["a"].tolist(), frame.index.tolist()
""",
        after="""
import pandas as pd

def collect(rows):
    frame = pd.DataFrame({"a": [0]})
    pieces = [frame]
    for row in rows:
        piece = pd.DataFrame({"a": [row]})
        pieces.append(piece)
    if len(pieces) > 1:
        frame = pd.concat(pieces, ignore_index=True)
    return frame["a"].tolist(), frame.index.tolist()
""",
        call="collect",
        inputs=("([1, 2, 3],)", "([],)"),
    ),
    Case(
        name="a while loop that skips some, two pieces a turn",
        before="""
from pandas import concat, DataFrame

def collect(count):
    table = DataFrame({"a": [0]})
    while count:
        count -= 1
        if count % 2:
            continue
        table = concat([table, DataFrame({"a": [count]}), DataFrame({"a": [-count]})])
    return table["a"].tolist(), table.index.tolist()
""",
        after="""
from pandas import concat, DataFrame

def collect(count):
    table = DataFrame({"a": [0]})
    pieces = [table]
    while count:
        count -= 1
        if count % 2:
            continue
        pieces += [DataFrame({"a": [count]}), DataFrame({"a": [-count]})]
    if len(pieces) > 1:
        table = concat(pieces)
    return table["a"].tolist(), table.index.tolist()
""",
        call="collect",
        inputs=("(5,)", "(0,)"),
    ),
    Case(
        name="an attribute: advice",
        before="""
import pandas as pd

class Log:
    def __init__(self):
        self.frame = pd.DataFrame({"a": [0]})

    def add(self, rows):
        for row in rows:
            self.frame = pd.concat([self.frame, pd.DataFrame({"a": [row]})])

def run(rows):
    log = Log()
    log.add(rows)
    return log.frame["a"].tolist()
""",
        after="""
import pandas as pd

class Log:
    def __init__(self):
        self.frame = pd.DataFrame({"a": [0]})

    def add(self, rows):
        self.frame = pd.concat([self.frame, *(pd.DataFrame({"a": [row]}) for row in rows)])

def run(rows):
    log = Log()
    log.add(rows)
    return log.frame["a"].tolist()
""",
        call="run",
        inputs=("([1, 2],)", "([],)"),
    ),
)

ADVISE = (
    Advise("an attribute, over the calls of a method",
           "import pandas as pd\nclass A:\n    def f(self, x):\n        self.df = pd.concat([self.df, x])\n"),
    Advise("a row at the end, in a loop",
           "import pandas as pd\ndef f(rows):\n    df = pd.DataFrame(columns=['a'])\n    for row in rows:\n"
           "        df.loc[len(df)] = row\n    return df\n"),
)  # fmt: skip

REFUSE = (
    Refuse("once", "import pandas as pd\ndef f(a, b):\n    a = pd.concat([a, b])\n    return a\n"),
    Refuse("another frame each time",
           "import pandas as pd\ndef f(a, xs):\n    for x in xs:\n        y = pd.concat([a, x])\n        g(y)\n"),
    Refuse("side by side",
           "import pandas as pd\ndef f(a, xs):\n    for x in xs:\n        a = pd.concat([a, x], axis=1)\n"
           "    return a\n"),
    Refuse("another library's `concat`",
           "import pandas as pd\nfrom tools import concat\ndef f(a, xs):\n    for x in xs:\n"
           "        a = concat([a, x])\n"),
)  # fmt: skip

BENCH = None
