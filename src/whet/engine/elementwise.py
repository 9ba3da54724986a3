"""Loops over arrays: the one whole-array operation that replaces the loop."""

from __future__ import annotations

import ast

from whet.engine.arrays import ARRAY_MAKERS, Whole
from whet.engine.context import Context
from whet.engine.summing import is_number, is_read_outside


def is_fixed_count(context: Context, stop: ast.expr, loop: ast.AST) -> bool:
    """Return whether ``stop`` is a count that ``loop`` does not change, and surely not negative."""
    match stop:
        case ast.Constant(value=int(count)):
            return count > 0
        case ast.Name(id=name):
            return name not in context.written_in(loop) and _is_length(context, name)
        case ast.Call(func=function, args=[ast.Name(id=name)]):
            return context.resolve(function) == "builtins.len" and name not in context.written_in(loop)
        case _:
            return False


def _is_length(context: Context, name: str) -> bool:
    """Return whether the function creates an array of this length, so that it is not negative."""
    return any(
        context.resolve(call.func) in ARRAY_MAKERS
        and any(isinstance(argument, ast.Name) and argument.id == name for argument in call.args)
        for call in context.nodes(ast.Call)
    )


def write_operation(context: Context, loop: ast.For, whole: Whole, numpy: str) -> tuple[str, str]:
    """Return the statement that replaces ``loop``, and a phrase for what it does; empty for others."""
    return _write_steps(context, loop, whole, numpy) or _write_turns(context, loop.body, whole, numpy)


def _write_steps(context: Context, loop: ast.For, whole: Whole, numpy: str) -> tuple[str, str] | None:
    """Return the statement for a loop that fills an array with partial sums, and a phrase for it."""
    match loop.body:
        case [
            ast.AugAssign(target=ast.Name() as total, op=ast.Add(), value=value),
            ast.Assign(targets=[ast.Subscript(value=ast.Name() as out, slice=ast.Name(id=index))],
                       value=ast.Name(id=kept)),
        ] if kept == total.id and index == whole.index and is_number(context, total):  # fmt: skip
            if is_read_outside(context, total, loop):
                return None
            before = total.id
        case [ast.Assign(
                targets=[ast.Subscript(value=ast.Name() as out, slice=ast.Name(id=index))],
                value=ast.BinOp(left=ast.Subscript(value=ast.Name(id=again), slice=earlier), op=ast.Add(), right=value),
        )] if index == whole.index and whole.start == "1":  # fmt: skip
            if again != out.id or ast.unparse(earlier) != f"{index} - 1" or out.id in context.names_in(value):
                return None
            before = f"{out.id}[:1]"
        case _:
            return None
    text = whole.text_of(value, numpy)
    if whole.failed or not whole.used:
        return None
    whole.used.setdefault(out.id, out)
    return f"{whole.part_of(out.id)} = {before} + {numpy}.cumsum({text})", "fills an array with partial sums"


def _write_turns(context: Context, body: list[ast.stmt], whole: Whole, numpy: str) -> tuple[str, str]:  # noqa: PLR0911
    """Return the statement for independent iterations, and a phrase for what it does."""
    match body:
        case [ast.AugAssign(target=ast.Name() as total, op=ast.Add(), value=value)] if is_number(context, total):
            return f"{total.id} += {numpy}.sum({whole.text_of(value, numpy)})", "sums up an array"
        case [ast.If(test=ast.Compare() as test, orelse=[], body=[ast.AugAssign(target=ast.Name() as total,
              op=ast.Add(), value=value)])] if is_number(context, total):  # fmt: skip
            mask = whole.text_of(test, numpy)
            if isinstance(value, ast.Constant) and value.value == 1:
                return f"{total.id} += {numpy}.count_nonzero({mask})", "counts in an array"
            return f"{total.id} += {numpy}.sum({numpy}.where({mask}, {whole.text_of(value, numpy)}, 0))", "sums up"
        case [ast.Assign(targets=[ast.Subscript() as target], value=value)]:
            return _elementwise(target, "=", value, whole, numpy)
        case [ast.AugAssign(target=ast.Subscript() as target, op=ast.Add(), value=value)]:
            return _elementwise(target, "+=", value, whole, numpy)
        case [ast.If(test=ast.Compare() as test, body=[ast.Assign(targets=[ast.Subscript() as target], value=value)],
                     orelse=[ast.Assign(targets=[ast.Subscript() as other], value=otherwise)])] if (
            ast.unparse(target) == ast.unparse(other)
        ):  # fmt: skip
            return _elementwise(target, "=", ast.IfExp(test, value, otherwise), whole, numpy)
        case _:
            return "", ""


def _elementwise(target: ast.Subscript, sign: str, value: ast.expr, whole: Whole, numpy: str) -> tuple[str, str]:
    match target:
        case ast.Subscript(value=ast.Name() as out, slice=ast.Name(id=index)) if whole.index and index == whole.index:
            text = whole.text_of(value, numpy)
            if not whole.used:
                return "", ""
            whole.used.setdefault(out.id, out)
            part = whole.part_of(out.id)
            return f"{part if part != out.id else f'{part}[:]'} {sign} {text}", "fills an array"
        case _:
            return "", ""
