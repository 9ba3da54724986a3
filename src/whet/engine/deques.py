"""A deque instead of a list: whether it behaves the same for all uses, and the edits."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.context import Context
from whet.engine.places import Place, PlaceKind
from whet.engine.rewrite import Rewrite

_KEPT = frozenset({"append", "clear", "count", "extend", "remove", "reverse"})
"""Methods that a deque has too, with the same effect."""
_EAGER = frozenset(f"builtins.{name}" for name in ("all", "any", "bool", "frozenset", "len", "list", "max", "min",
                                                   "set", "sorted", "sum", "tuple"))  # fmt: skip
"""Builtins that consume it completely and do not depend on its type."""


def find_front(step: ast.AST | None) -> ast.expr | None:
    """Return the list whose first element a call or statement removes, or in front of which it inserts."""
    match step:
        case ast.Call(func=ast.Attribute(value=queue, attr="pop"), args=[first], keywords=[]) if _is_zero(first):
            return queue
        case ast.Call(func=ast.Attribute(value=queue, attr="insert"), args=[first, ast.expr() as new], keywords=[]):
            return queue if _is_zero(first) and not isinstance(new, ast.Starred) else None
        case ast.Delete(targets=[ast.Subscript(value=queue, slice=first)]) if _is_zero(first):
            return queue
        case _:
            return None


def _is_zero(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 0 and type(node.value) is int


def may_become_deque(context: Context, place: Place) -> bool:
    """Return whether nothing needs what a deque lacks: slices, its middle, sorting, or being a list."""
    return all(_allows(context, place, reference) for reference in _uses(context, place))


def _uses(context: Context, place: Place) -> Iterator[ast.expr]:
    """Yield every reference that may see the list, those of other objects' attributes of the same name included."""
    starts = [binding.node for binding in place.bindings]
    for reference in (*place.references, *place.strangers):
        stored = isinstance(getattr(reference, "ctx", None), ast.Store)
        if not (stored and context.facts.parent(reference) in starts and reference in place.references):
            yield reference


def _allows(context: Context, place: Place, reference: ast.expr) -> bool:  # noqa: PLR0911, PLR0912 - a kind of use each
    """Return whether a deque does the same for one reference, after the rewrite."""
    above = context.facts.parent(reference)
    outer = context.facts.parent(above) if above is not None else None
    stranger = reference not in place.references
    match above:
        case ast.Attribute(attr=name) if isinstance(outer, ast.Call) and outer.func is above:
            if name == "pop" and not outer.args and not outer.keywords:
                return True
            return name in _KEPT or (find_front(outer) is reference and not stranger)
        case ast.Subscript(ctx=ast.Load(), slice=index):
            return _is_end(index)
        case ast.Subscript(ctx=ast.Store(), slice=index):
            return _is_end(index) and isinstance(outer, ast.Assign)
        case ast.Subscript():
            return find_front(outer) is reference and not stranger
        case ast.AugAssign(op=ast.Add()):
            return above.target is reference
        case ast.Call(func=function, keywords=[]) if function is not reference and context.resolve(function) in _EAGER:
            return above.args == [reference]
        case ast.While() | ast.If() | ast.IfExp() | ast.Assert():
            return above.test is reference
        case ast.UnaryOp(op=ast.Not()) | ast.Starred():
            return True
        case ast.BoolOp():
            return _is_condition(context, above)
        case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[container]):
            return container is reference
        case ast.For() | ast.comprehension():
            return above.iter is reference and _is_still(context, place, above)
        case _:
            return False


def _is_end(index: ast.expr) -> bool:
    match index:
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1)):
            return True
        case _:
            return _is_zero(index)


def _is_condition(context: Context, node: ast.AST) -> bool:
    above = context.facts.parent(node)
    match above:
        case ast.BoolOp() | ast.UnaryOp(op=ast.Not()):
            return isinstance(above, ast.UnaryOp) or _is_condition(context, above)
        case ast.While() | ast.If() | ast.IfExp() | ast.Assert():
            return above.test is node
        case _:
            return False


def _is_still(context: Context, place: Place, loop: ast.For | ast.comprehension) -> bool:
    """Return whether nothing can change the list while a loop iterates over it."""
    outer = loop if isinstance(loop, ast.For) else context.facts.parent(loop)
    if outer is None or isinstance(outer, ast.GeneratorExp):
        return False
    inside = [r for r in place.references if r is not loop.iter and context.is_inside(r, outer)]
    shared = place.kind is not PlaceKind.LOCAL
    return not inside and not (shared and context.runs_unknown_code(outer))


def turn_into_deque(context: Context, place: Place, starts: list[ast.expr], rewrite: Rewrite) -> None:
    """Make the edits so that each of ``starts`` creates a deque, and every operation at the front is a deque's."""
    deque = rewrite.add_import("collections", "deque")
    for start in starts:
        match start:
            case ast.List(elts=[]):
                rewrite.replace(start, f"{deque}()")
            case ast.Call(func=ast.Name(id="list") as function):
                rewrite.replace(function, deque)
            case _:
                rewrite.wrap(start, f"{deque}(", ")")
    for binding in place.bindings:
        match binding.annotation:
            case None:
                pass
            case ast.Subscript(value=ast.Name(id="list") as base) | (ast.Name(id="list") as base):
                rewrite.replace(base, deque)
            case _:
                rewrite.refuse(f"{place.name} has an annotation that does not fit a deque")
    for reference in place.references:
        _move_front(context, reference, rewrite)


def _move_front(context: Context, reference: ast.expr, rewrite: Rewrite) -> None:
    above = context.facts.parent(reference)
    outer = context.facts.parent(above) if above is not None else None
    if find_front(outer) is not reference:
        return
    match outer:
        case ast.Call(func=ast.Attribute() as method, args=[first, *_]):
            rewrite.rename_attribute(method, "popleft" if method.attr == "pop" else "appendleft")
            rewrite.delete_argument(outer, first)
        case ast.Delete():
            rewrite.replace(outer, f"{rewrite.operand(reference)}.popleft()")
