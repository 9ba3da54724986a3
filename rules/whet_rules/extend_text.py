"""Append a string to a list of pieces instead of extending the list with it.

## What
`pieces.extend(text)` or `pieces += text` where `text` is a string and `pieces` is joined by `"".join(pieces)`: write
`pieces.append(text)`.

## Why
`extend` iterates over the string: each character becomes an element, and `join` puts them together one by one. In a
recursive function every level takes the text of all levels below apart again.

## When not
Where something else reads the list, and wants single characters. So it is advice, on hot lines only.

## Source
The documentation of `list.extend`: "Extend the list by appending all the items from the iterable".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import Advise, Ask, Case, Context, Finding, Place, Refuse, Rule, Safety, Speed, Triggers

RULE = Rule(
    slug="extend-text",
    title="list.extend() with a string",
    family="text",
    safety=Safety.ADVICE,
    speed=Speed.FACTOR,
    triggers=Triggers(nodes=frozenset({ast.AugAssign}), names=frozenset({"extend"}), words=frozenset({"join"})),
    asks=frozenset({Ask.SHARE}),
)

_TEXT = frozenset({"builtins.str"})


def detect(context: Context) -> Iterator[Finding]:
    """Yield each hot statement that takes a string apart into a list that is joined again."""
    if not context.measured:
        return
    steps: list[ast.Call | ast.AugAssign] = [*context.nodes(ast.Call), *context.nodes(ast.AugAssign)]
    for step in steps:
        match step:
            case ast.Call(func=ast.Attribute(value=ast.Name() as grown, attr="extend"), args=[added], keywords=[]):
                pass
            case ast.AugAssign(target=ast.Name() as grown, op=ast.Add(), value=added):
                pass
            case _:
                continue
        place = context.place(grown)
        if place is None or not _is_text(context, added) or not _is_joined(context, place):
            continue
        yield context.finding(
            step,
            f"{ast.unparse(added)} is a string: every character becomes an element of {place.name}, which is joined"
            f" again. {place.name}.append() keeps it whole.",
            questions=(context.ask_cost(step),),
        )


def _is_text(context: Context, node: ast.expr) -> bool:
    """Return whether the source shows a string: by itself, or as all that a function of the module returns."""
    if context.type_of(node) == _TEXT:
        return True
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return False
    binding = context.facts.only_binding(node.func)
    function = binding.node if binding is not None else None
    if not isinstance(function, ast.FunctionDef) or function.decorator_list:
        return False
    parts = [part for statement in function.body for part in ast.walk(statement)]
    if any(isinstance(part, ast.Yield | ast.YieldFrom | ast.FunctionDef | ast.Lambda) for part in parts):
        return False
    returned = [part.value for part in parts if isinstance(part, ast.Return)]
    return bool(returned) and all(value is not None and context.type_of(value) == _TEXT for value in returned)


def _is_joined(context: Context, place: Place) -> bool:
    """Return whether a list is only ever filled, and joined without anything between its elements."""
    joined = False
    for reference in place.references:
        match context.facts.parent(reference):
            case ast.Call(func=ast.Attribute(value=between, attr="join"), args=[only]) if only is reference:
                if context.constant(between) != "":
                    return False
                joined = True
            case ast.Attribute(attr="append" | "extend") | ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                pass
            case _:
                return False
    values = [binding.value for binding in place.bindings if not isinstance(binding.node, ast.AugAssign)]
    return joined and bool(values) and all(isinstance(value, ast.List) for value in values)


CASES = (
    Case(
        name="the text of all nodes, by recursion",
        before="""
def text_of(node):
    found = []
    for child in node:
        if isinstance(child, str):
            found.append(child)
        else:
            found.extend(text_of(child))
    return "".join(found)
""",
        after="""
def text_of(node):
    found = []
    for child in node:
        if isinstance(child, str):
            found.append(child)
        else:
            found.append(text_of(child))
    return "".join(found)
""",
        call="text_of",
        inputs=("(['ab', ['c', ['d']]],)", "([],)"),
        hot=True,
    ),
    Case(
        name="with a sign",
        before="""
def write(rows):
    out = []
    for row in rows:
        out += f"<{row}>"
    return "".join(out)
""",
        after="""
def write(rows):
    out = []
    for row in rows:
        out.append(f"<{row}>")
    return "".join(out)
""",
        call="write",
        inputs=("([1, 2],)", "([],)"),
        hot=True,
    ),
)

ADVISE = (
    Advise("what a helper joined",
           "def show(x):\n    return f'{x}'\ndef f(xs):\n    out = []\n    for x in xs:\n        out.extend(show(x))\n"
           "    return ''.join(out)\n"),
)  # fmt: skip

REFUSE = (
    Refuse("a list of strings",
           "def f(rows):\n    out = []\n    for row in rows:\n        out.extend(row.split())\n"
           "    return ''.join(out)\n"),
    Refuse("joined by a separator",
           "def f(rows):\n    out = []\n    for row in rows:\n        out.extend(f'{row}')\n"
           "    return ' '.join(out)\n"),
    Refuse("characters are wanted",
           "def f(rows):\n    out = []\n    for row in rows:\n        out.extend(f'{row}')\n    return out\n"),
    Refuse("read by position too",
           "def f(rows):\n    out = []\n    for row in rows:\n        out.extend(f'{row}')\n"
           "    return out[0] + ''.join(out)\n"),
    Refuse("a generator of strings",
           "def g(x):\n    yield f'{x}'\ndef f(rows):\n    out = []\n    for row in rows:\n        out.extend(g(row))\n"
           "    return ''.join(out)\n"),
    Refuse("a string grows",
           "def f(rows):\n    out = ''\n    for row in rows:\n        out += f'{row}'\n    return ''.join(out)\n"),
)  # fmt: skip

BENCH = None
