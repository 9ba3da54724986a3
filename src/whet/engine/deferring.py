"""Whether a loop's effect on a place can be deferred to its end: no code may read the place before."""

from __future__ import annotations

import ast

from whet.engine.context import Context
from whet.engine.handlers import may_catch
from whet.engine.places import Place, PlaceKind
from whet.engine.scopes import BindingKind, ScopeKind

Loop = ast.For | ast.AsyncFor | ast.While


def find_obstacle(context: Context, place: Place, loop: Loop) -> str:  # noqa: PLR0911 - one return an obstacle
    """Return why the pieces cannot be joined at the end of ``loop``; empty if they can."""
    inside = list(ast.walk(loop))
    if any(reference in list(ast.walk(branch)) for branch in loop.orelse for reference in place.references):
        return "the else branch of the loop uses the string"
    if any(isinstance(node, ast.Yield | ast.YieldFrom) and _holds(context, place, node) for node in inside):
        return "a step yields"
    if not is_surely_bound(context, place, loop):
        return "it may be unbound before the loop"
    if place.kind in (PlaceKind.LOCAL, PlaceKind.PARAMETER):
        return ""
    own = context.function
    seen_elsewhere = any(context.scope_of(reference) is not own for reference in place.references)
    if not seen_elsewhere and place.kind is not PlaceKind.ATTRIBUTE:
        return ""
    if any(isinstance(node, ast.Yield | ast.YieldFrom | ast.Await | ast.AsyncFor | ast.AsyncWith) for node in inside):
        return "the loop lets other code run, which may use the string"
    calls = [node for node in inside if isinstance(node, ast.Call)]
    if any(_may_reach(context, call, place) for call in calls):
        return "code called in the loop may use the string"
    return ""


def is_surely_bound(context: Context, place: Place, loop: ast.stmt) -> bool:
    """Return whether the place is bound wherever ``loop`` starts, so that it can be read before the first step."""
    around: set[ast.AST] = {loop}
    here = context.facts.parent(loop)
    while here is not None:
        around.add(here)
        here = context.facts.parent(here)
    for binding in place.bindings:
        node = binding.node
        if binding.kind is BindingKind.PARAMETER:
            return True
        if binding.value is None or not isinstance(node, ast.stmt):
            continue
        block = context.facts.block(node)
        if any(statement in around for statement in block) and node.lineno < loop.lineno:
            return True
        home = context.facts.parent(node)
        outer = home is place.owner.node or (isinstance(home, ast.FunctionDef) and home.name == "__init__")
        if outer and place.kind is not PlaceKind.LOCAL:
            return True
    return False


def _holds(context: Context, place: Place, node: ast.AST) -> bool:
    """Return whether ``node`` is part of a statement that uses the place."""
    statement = context.facts.statement(node)
    return statement is not None and any(context.facts.statement(r) is statement for r in place.references)


def _may_reach(context: Context, call: ast.Call, place: Place) -> bool:
    """Return whether a call may run code of this file that uses the place."""
    owner = place.name.partition(".")[0] if place.kind is PlaceKind.ATTRIBUTE else ""
    handed = (*call.args, *(keyword.value for keyword in call.keywords))
    if owner and any(isinstance(value, ast.Name) and value.id == owner for value in handed):
        return True
    function = call.func
    if isinstance(function, ast.Name):
        return context.resolve(function) is None
    while isinstance(function, ast.Attribute | ast.Subscript | ast.Call):
        function = function.func if isinstance(function, ast.Call) else function.value
    return bool(owner) and isinstance(function, ast.Name) and function.id == owner


def is_seen_after_exception(context: Context, place: Place, loop: ast.stmt) -> bool:
    """Return whether a partial value is visible if the loop ends early."""
    if place.kind not in (PlaceKind.LOCAL, PlaceKind.PARAMETER) and context.function.kind is not ScopeKind.MODULE:
        return True
    here: ast.AST | None = context.facts.parent(loop)
    while here is not None and here is not context.function.node:
        if may_catch(context.facts, here):
            return True
        here = context.facts.parent(here)
    return False


def find_empty_start(context: Context, place: Place, loop: Loop) -> ast.stmt | None:
    """Return the statement that sets a local to the empty string, if it is the last one before ``loop``."""
    if place.kind is not PlaceKind.LOCAL:
        return None
    before = context.previous(loop)
    match before:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value="")) if name == place.name:
            return before
        case _:
            return None
