"""Statements that extend a string or container, and the piece that each adds."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from whet.engine.context import Context
from whet.engine.rewrite import Rewrite

Growth = ast.Assign | ast.AugAssign

_TEXT_METHODS = frozenset({"join", "format", "replace", "strip", "lstrip", "rstrip", "lower", "upper", "title",
                           "ljust", "rjust", "center", "zfill"})  # fmt: skip
_TEXT_BUILTINS = frozenset(f"builtins.{name}" for name in ("str", "repr", "ascii", "chr", "hex", "format"))


def list_growths(context: Context) -> Iterator[tuple[Growth, ast.expr]]:
    """Yield the statements that may extend something, in source order, each with its one target."""
    statements: list[Growth] = [*context.nodes(ast.AugAssign), *context.nodes(ast.Assign)]
    for statement in sorted(statements, key=lambda node: (node.lineno, node.col_offset)):
        if isinstance(statement, ast.AugAssign):
            yield statement, statement.target
        elif len(statement.targets) == 1:
            yield statement, statement.targets[0]


def read_growth(statement: Growth, target: ast.expr) -> tuple[str, list[ast.expr]] | None:
    """Return how a statement extends ``target`` (empty: in place, for a local) and the pieces added."""
    how, value = "", statement.value
    if isinstance(statement, ast.AugAssign):
        others = [value] if isinstance(statement.op, ast.Add) else []
    elif isinstance(value, ast.JoinedStr):
        others = [part for part in value.values if not _is_plain_field(part, target)]
        others = others if len(others) == len(value.values) - 1 else []
        in_front = len(value.values) > 1 and _is_plain_field(value.values[-1], target)
        how = "the piece is added in front" if in_front else "an f-string creates a new string"
    else:
        operands = flatten_sum(value)
        others = [operand for operand in operands if not is_same_place(operand, target)]
        others = others if len(others) == len(operands) - 1 else []
        how = "two pieces are added in one statement" if len(others) > 1 else ""
        how = how if not operands or is_same_place(operands[0], target) else "the piece is added in front"
    # A piece that is built from the string needs it at each step.
    needs_text = any(
        isinstance(node, ast.expr) and is_same_place(node, target) for piece in others for node in ast.walk(piece)
    )
    return (how, others) if others and not needs_text else None


def read_addition(statement: Growth, target: ast.expr) -> ast.expr | None:
    """Return what a statement adds to ``target``: an operand, or a dict of the new entries."""
    if isinstance(statement, ast.AugAssign):
        return statement.value if isinstance(statement.op, ast.Add) else None
    match statement.value:
        case ast.BinOp(left=left, op=ast.Add() | ast.BitOr(), right=right):
            return right if is_same_place(left, target) else None
        case ast.Dict(keys=[None, *keys], values=[first, *values]):
            return ast.Dict(keys, values) if values and is_same_place(first, target) else None
        case _:
            return None


def is_grown(statement: ast.AST | None, reference: ast.expr) -> bool:
    """Return whether a reference is what grows, not part of what is added."""
    match statement:
        case ast.AugAssign(target=target):
            return reference is target
        case ast.Assign(targets=[target], value=ast.BinOp(left=left)):
            return reference is target or reference is left
        case ast.Assign(targets=[target], value=ast.Dict(values=[first, *_])):
            return reference is target or reference is first
        case _:
            return False


def flatten_sum(value: ast.expr) -> list[ast.expr]:
    """Return the operands of ``a + b + c`` in order; parentheses on the right stay one operand."""
    operands: list[ast.expr] = []
    while isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        operands.append(value.right)
        value = value.left
    return [value, *reversed(operands)] if operands else []


def _is_plain_field(part: ast.expr, target: ast.expr) -> bool:
    if not isinstance(part, ast.FormattedValue) or part.format_spec is not None:
        return False
    return part.conversion in (-1, ord("s")) and is_same_place(part.value, target)


def is_same_place(a: ast.expr, b: ast.expr) -> bool:
    """Return whether both are the same name, or the same attribute of it."""
    match a, b:
        case (ast.Name(id=first), ast.Name(id=second)):
            return first == second
        case (ast.Attribute(value=ast.Name(id=x), attr=first), ast.Attribute(value=ast.Name(id=y), attr=second)):
            return x == y and first == second
        case _:
            return False


def take_piece(context: Context, step: Growth, rewrite: Rewrite) -> tuple[bool, str]:
    """Return whether a step adds its piece in front, and the source of the piece."""
    value = step.value
    if isinstance(value, ast.Yield | ast.YieldFrom):
        rewrite.refuse("a step yields")
    if isinstance(step, ast.AugAssign):
        return False, rewrite.text(value)
    target = step.targets[0]
    if isinstance(value, ast.JoinedStr):
        text, name = rewrite.text(value), re.escape(context.source_of(target))
        field = rf"\{{\s*{name}\s*(?:!s)?\s*\}}"
        start = re.match(rf"([a-zA-Z]+)(\"\"\"|\'\'\'|\"|\'){field}", text)
        if start is not None:
            return False, f"{start[1]}{start[2]}{text[start.end() :]}"
        end = re.search(rf"{field}(\"\"\"|\'\'\'|\"|\')$", text)
        if end is None:
            rewrite.refuse("the string is between the pieces")
            return False, text
        return True, text[: end.start()] + end[1]
    operands = flatten_sum(value)
    others = [operand for operand in operands if not is_same_place(operand, target)]
    in_front = is_same_place(operands[-1], target)
    if not in_front and not is_same_place(operands[0], target):
        rewrite.refuse("the string is between the pieces")
    if len(others) == 1:
        return in_front, rewrite.text(others[0])
    return in_front, " + ".join(rewrite.operand(other) for other in others)


def is_text(context: Context, node: ast.expr) -> bool:  # noqa: PLR0911 - one return a kind of node
    """Return whether the source shows that ``node`` is a string, or fails."""
    match node:
        case ast.JoinedStr():
            return True
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return is_text(context, left) or is_text(context, right)
        case ast.BinOp(left=left, op=ast.Mod() | ast.Mult()):
            return is_text(context, left)
        case ast.IfExp(body=body, orelse=orelse):
            return is_text(context, body) and is_text(context, orelse)
        case ast.Call(func=ast.Attribute(value=base, attr=name)):
            return name in _TEXT_METHODS and is_text(context, base)
        case ast.Call(func=ast.Name() as function):
            return context.resolve(function) in _TEXT_BUILTINS
        case _:
            return isinstance(context.constant(node), str)


def grow_in_place(step: ast.Assign, kind: str, rewrite: Rewrite) -> None:
    """Make the edit by which ``step`` extends a container of the type ``kind`` in place instead of copying it."""
    target = rewrite.text(step.targets[0])
    match step.value:
        case ast.BinOp(right=ast.List(elts=[item])) if kind == "builtins.list" and not isinstance(item, ast.Starred):
            rewrite.replace(step, f"{target}.append({rewrite.text(item)})")
        case ast.BinOp(op=operator, right=right):
            sign = "+=" if isinstance(operator, ast.Add) else "|="
            rewrite.replace(step, f"{target} {sign} {rewrite.text(right)}")
        case ast.Dict(keys=[_, ast.Name() | ast.Constant() as key], values=[_, value]):
            rewrite.replace(step, f"{target}[{rewrite.text(key)}] = {rewrite.text(value)}")
        case ast.Dict(keys=[_, None], values=[_, value]):
            rewrite.replace(step, f"{target}.update({rewrite.text(value)})")
        case ast.Dict(keys=keys, values=values):
            pairs = [
                f"**{rewrite.operand(value)}" if key is None else f"{rewrite.text(key)}: {rewrite.text(value)}"
                for key, value in zip(keys[1:], values[1:], strict=True)
            ]
            rewrite.replace(step, f"{target}.update({{{', '.join(pairs)}}})")
