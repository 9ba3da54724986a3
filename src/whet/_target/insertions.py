"""The code that anchors are: counting and calls, at positions that make no line of their own."""

from __future__ import annotations

import ast
import sys
from typing import Any

from .counts import make_count

_RUN_FIRST = ("iter", "test", "value", "func", "left", "values", "elts", "keys", "operand", "exc", "subject")
"""Fields of nodes whose code comes first."""
_RUN_AT_ONCE = (ast.Try, ast.Lambda, ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.DictComp, ast.JoinedStr)


def make_call(mark: str, method: str, argument: ast.expr) -> ast.Call:
    """Make a call of a method of what stands for ``mark``."""
    function = ast.Attribute(value=ast.Constant(mark), attr=method, ctx=ast.Load())
    return ast.Call(func=function, args=[argument], keywords=[])


def place_at_start(part: ast.AST, of: ast.expr | ast.stmt) -> None:
    """Give a part the position where ``of`` begins: on one line, so that it makes no line of its own."""
    ast.copy_location(part, of)
    if isinstance(part, (ast.expr, ast.stmt)):
        part.end_lineno, part.end_col_offset = of.lineno, of.col_offset


def make_counting(mark: str, at: ast.expr | ast.stmt) -> ast.Expr:
    """Make what counts, with the position of what follows or precedes: tracing sees one line, not two."""
    counting = make_count(ast.Constant(mark))
    for part in ast.walk(counting):
        place_at_start(part, at)
    return counting


def insert_counting(body: list[ast.stmt], at: int, mark: str) -> None:
    """Put what counts before the statement at that index, on the line that runs first of it."""
    body.insert(at, make_counting(mark, _find_beginning(body[at])))


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
