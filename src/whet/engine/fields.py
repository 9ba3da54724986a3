"""Code inside f-strings, t-strings and annotations, where not every rewrite is possible."""

from __future__ import annotations

import ast
import re

from whet.engine.facts import Facts

_TEMPLATE = getattr(ast, "TemplateStr", None)  # from 3.14
_BEFORE_3_12 = re.compile(r"[\\#\n]")


def refuse_in_field(facts: Facts, node: ast.AST, text: str) -> str:
    """Return why ``node``, in a string or an annotation, cannot be replaced with ``text``; empty if it can."""
    child, parent = node, facts.parent(node)
    while parent is not None and not isinstance(child, ast.stmt):
        if child is getattr(parent, "annotation", None) or child is getattr(parent, "returns", None):
            return "the program can read the source of an annotation"
        if _TEMPLATE is not None and isinstance(parent, _TEMPLATE):
            return "a t-string holds the source of its expressions"
        if isinstance(parent, ast.JoinedStr) and isinstance(child, ast.FormattedValue):
            reason = _refuse_in_f_string(facts, parent, child, node, text)
            if reason:
                return reason
        child, parent = parent, facts.parent(parent)
    return ""


def _refuse_in_f_string(
    facts: Facts, string: ast.JoinedStr, field: ast.FormattedValue, node: ast.AST, text: str
) -> str:
    if _is_shown(string, field):
        return "the f-string prints the source of the expression"
    if not is_at_its_place(facts, node):
        return "its place in the f-string is not known"
    whole = facts.source.segment(string)
    quotes = re.search(r"[\"']", whole)
    # Before 3.12 the expressions of an f-string hold neither its quotes, nor backslashes, comments, line ends.
    if _BEFORE_3_12.search(text) or (quotes is not None and quotes[0] in text):
        return "the new code would not fit into the f-string on Python 3.11"
    return ""


def _is_shown(string: ast.JoinedStr, field: ast.FormattedValue) -> bool:
    """Return whether the field is of the form ``{expression=}``, or has such a text before it."""
    at = next(index for index, part in enumerate(string.values) if part is field)
    before = string.values[at - 1] if at else None
    if not isinstance(before, ast.Constant) or not isinstance(before.value, str):
        return False
    text = before.value.rstrip().removesuffix("=")
    if text == before.value.rstrip():
        return False
    # Compared as code: before 3.12 the places of fields are not certain.
    wanted = ast.dump(field.value)
    return len(text) > _LONG or any(_dump(text[start:]) == wanted for start in range(len(text)))


_LONG = 300
"""Characters of a text before a field that are searched for its expression."""


def _dump(text: str) -> str:
    try:
        return ast.dump(ast.parse(f"({text})", mode="eval").body)
    except (SyntaxError, ValueError):
        return ""


def is_at_its_place(facts: Facts, node: ast.AST) -> bool:
    """Return whether the position of ``node`` is right: CPython before 3.12 guesses those in f-strings."""
    above = node
    while not isinstance(above, ast.FormattedValue):
        parent = facts.parent(above)
        if parent is None or isinstance(above, ast.stmt):
            return True
        above = parent
    if not isinstance(node, ast.expr):
        return True
    return _dump(facts.source.segment(node)) == ast.dump(node)
