"""The code that anchors are: increments and calls, at positions that make no line of their own."""

from __future__ import annotations

import ast
import sys
from typing import Any

_RUN_FIRST = ("iter", "test", "value", "func", "left", "values", "elts", "keys", "operand", "exc", "subject")
"""Fields of nodes whose code comes first."""
_RUN_AT_ONCE = (ast.Try, ast.Lambda, ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.DictComp, ast.JoinedStr)


def make_call(constant: ast.Constant, method: str, argument: ast.expr) -> ast.Call:
    """Make ``constant.method(argument)``."""
    # A constant of its own: each has a position.
    function = ast.Attribute(value=ast.Constant(constant.value), attr=method, ctx=ast.Load())
    return ast.Call(func=function, args=[argument], keywords=[])


def place_at_start(part: ast.AST, of: ast.expr | ast.stmt) -> None:
    """Give a part the position where ``of`` begins: on one line, so that it makes no line of its own."""
    ast.copy_location(part, of)
    if isinstance(part, (ast.expr, ast.stmt)):
        part.end_lineno, part.end_col_offset = of.lineno, of.col_offset


def make_increment(constant: ast.Constant, field: str, at: ast.expr | ast.stmt) -> ast.AugAssign:
    """Make ``field += 1`` with the position of what follows or precedes: tracing sees one line, not two."""
    increment = ast.AugAssign(
        target=ast.Attribute(value=ast.Constant(constant.value), attr=field, ctx=ast.Store()),
        op=ast.Add(),
        value=ast.Constant(value=1),
    )
    for part in ast.walk(increment):
        place_at_start(part, at)
    return increment


def insert_increment(body: list[ast.stmt], at: int, constant: ast.Constant, field: str) -> None:
    """Put ``field += 1`` before the statement at that index, on the line that runs first of it."""
    body.insert(at, make_increment(constant, field, _find_beginning(body[at])))


def _list_defaults(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> list[ast.expr]:
    """Return the default values in the order in which they are made."""
    if isinstance(node, ast.ClassDef):
        return []
    together = sys.version_info >= (3, 14) and all(isinstance(each, ast.Constant) for each in node.args.defaults)
    named = [each for each in node.args.kw_defaults if each is not None]
    return named if together else [*node.args.defaults, *named]


def _find_beginning(statement: ast.stmt) -> ast.expr | ast.stmt:
    """Return the part of a statement that runs first: of one over several lines that need not be the first line."""
    node: ast.expr | ast.stmt = statement
    while True:
        first: ast.AST | None = None
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            first = next(iter([*node.decorator_list, *_list_defaults(node)]), None)
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            first = node.items[0].context_expr
        else:
            for field in _RUN_FIRST:
                value: Any = getattr(node, field, None)
                first = value[0] if isinstance(value, list) and value else value
                if isinstance(first, ast.expr):
                    break
        if not isinstance(first, ast.expr) or isinstance(node, _RUN_AT_ONCE):
            return node
        node = first
