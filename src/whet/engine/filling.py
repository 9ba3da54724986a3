"""Loops that fill a list or set element by element."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.context import Context
from whet.engine.deferring import is_surely_bound
from whet.engine.rewrite import Rewrite
from whet.model.finding import Question, Safety
from whet.records import dataclass


@dataclass(frozen=True, slots=True)
class Filling:
    """A loop that only passes ``element`` to a method of ``target``, if all ``conditions`` hold."""

    loop: ast.For
    target: ast.Name | ast.Attribute
    element: ast.expr
    conditions: tuple[ast.expr, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether each element of the source is passed unchanged."""
        turn = self.loop.target
        same = isinstance(turn, ast.Name) and isinstance(self.element, ast.Name) and turn.id == self.element.id
        return same and not self.conditions


@dataclass(frozen=True, slots=True)
class EmptyStart:
    """The statement just before a loop that sets ``name`` to an empty list, with ``value``."""

    statement: ast.Assign | ast.AnnAssign
    name: ast.Name
    value: ast.expr


def list_fillings(context: Context, method: str) -> Iterator[Filling]:
    """Yield the loops of the function that only pass something to ``method`` (``append``) in each iteration."""
    for loop in context.nodes(ast.For):
        filling = _read_filling(loop, method)
        if filling is not None:
            yield filling


def _read_filling(loop: ast.For, method: str) -> Filling | None:
    match loop:
        case ast.For(body=[ast.If(test=test, body=[ast.Expr(value=handing)], orelse=[])], orelse=[]):
            conditions: tuple[ast.expr, ...] = (test,)
        case ast.For(body=[ast.Expr(value=handing)], orelse=[]):
            conditions = ()
        case _:
            return None
    match handing:
        case ast.Call(func=ast.Attribute(value=ast.Name() | ast.Attribute() as target, attr=name), args=[element],
                      keywords=[]) if name == method and not isinstance(element, ast.Starred):  # fmt: skip
            return Filling(loop, target, element, conditions)
        case _:
            return None


def find_empty_list(context: Context, filling: Filling) -> EmptyStart | None:
    """Return the statement just before the loop that sets its target, a name, to an empty list; ``None`` for others."""
    before = context.previous(filling.loop)
    match before:
        case (
            ast.Assign(targets=[ast.Name() as name], value=value)
            | ast.AnnAssign(target=ast.Name() as name, value=ast.expr() as value)
        ) if isinstance(filling.target, ast.Name) and name.id == filling.target.id:
            pass
        case _:
            return None
    match value:
        case ast.List(elts=[]):
            return EmptyStart(before, name, value)
        case ast.Call(func=function, args=[], keywords=[]) if context.resolve(function) == "builtins.list":
            return EmptyStart(before, name, value)
        case _:
            return None


def hand_over_all(context: Context, filling: Filling, kind: str, method: str) -> Rewrite | None:
    """Return the edit that calls ``method`` once; ``None`` unless the target is a ``kind``, which its source leaves."""
    loop, target = filling.loop, filling.target
    if not filling.is_plain or context.type_of(target) != {kind} or context.is_dynamic:
        return None
    if not context.keeps_its_variables(loop) or not context.is_apart(target, loop):
        return None
    place = context.place(target)
    if place is None or not is_surely_bound(context, place, loop):
        return None  # an empty source does not ask for the target
    rewrite = context.rewrite()
    rewrite.replace(loop, f"{rewrite.text(target)}.{method}({write_source(rewrite, loop)})")
    return rewrite


def rest_on_source(context: Context, filling: Filling, kind: str) -> tuple[Safety, tuple[Question, ...], str]:
    """Return how far :func:`hand_over_all` may be trusted, the questions that it asks, and the remark on it.

    It is safe if target and source have exactly the types that they seem to have. A subclass may override the method
    that is no longer called, or iterate in its own way.
    """
    exactly = context.exactly
    if exactly.type_of(filling.target) == {kind} and exactly.is_apart(filling.target, filling.loop):
        return Safety.SAFE, (), ""
    of_target = context.ask_exact(filling.target, (kind,))
    of_source = context.ask_exact(filling.loop.iter, context.type_of(filling.loop.iter))
    safety = max(of_target[0], of_source[0], key=list(Safety).index)
    remark = " A subclass must not override the method that is called, nor how it is iterated over."
    return safety, (*of_target[1], *of_source[1]), remark


def write_source(rewrite: Rewrite, loop: ast.For) -> str:
    """Return the source of the iterable of ``loop`` as one argument of a call."""
    source = rewrite.text(loop.iter)
    return f"({source})" if isinstance(loop.iter, ast.Tuple) and not source.startswith("(") else source
