"""Concrete syntax of one statement, for rules that rebuild code. libcst is imported, and used, for candidates only."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from whet.engine.facts import Facts

if TYPE_CHECKING:
    import libcst


def parse_statement(facts: Facts, node: ast.stmt) -> libcst.BaseStatement:
    """Return the concrete syntax of the line or block that ``node`` starts, comments and formatting included.

    Other statements on its first line are included. Raises ``ValueError`` for code that libcst cannot parse, such as
    that of a newer Python.
    """
    import libcst

    decorators = getattr(node, "decorator_list", ())
    first = min((node.lineno, *(decorator.lineno for decorator in decorators)))
    lines = facts.source.lines[first - 1 : node.end_lineno]
    indented = lines[0][:1] in (" ", "\t", "\f") and lines[0].lstrip() != lines[0]
    text = "\n".join((["if 1:"] if indented else []) + lines) + "\n"
    try:
        module = libcst.parse_module(text)
    except libcst.ParserSyntaxError as error:
        raise ValueError(f"libcst cannot parse line {first}: {error.message}") from None
    outer = module.body[0]
    if not indented:
        return outer
    return outer.body.body[0] if isinstance(outer, libcst.If) else outer  # type: ignore[return-value]
