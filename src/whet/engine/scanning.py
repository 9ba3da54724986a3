"""Loops that go through a lasting collection to find the elements with one key, in whatever form: for advice.

:mod:`whet.engine.searching` finds those that edits can change.
"""

from __future__ import annotations

import ast

from whet.engine.context import Context
from whet.engine.places import PlaceKind
from whet.engine.targets import Target, keeping_loops, outlives_call, read_target, shown_types
from whet.records import dataclass

_WRAPPING = frozenset({"builtins.enumerate", "builtins.iter", "builtins.list", "builtins.reversed", "builtins.tuple"})
_VIEWS = frozenset({"items", "values"})
_ENDING = (ast.Return, ast.Break, ast.Raise)
_WRITTEN = 12
"""Elements of a literal in the source up to which going through it is not reported."""


@dataclass(frozen=True, slots=True)
class Scan:
    """A loop over ``target`` for the elements whose ``key`` equals ``probe``; ``test`` is the comparison."""

    loop: ast.For | ast.comprehension
    target: Target
    key: str
    probe: ast.expr
    test: ast.expr


def find_scan(context: Context, loop: ast.For | ast.comprehension, *, by_identity: bool = False) -> Scan | None:
    """Return what ``loop`` searches for, if it does so again and again in the same collection.

    ``by_identity``: with ``is``, not with ``==``.
    """
    over = _strip(context, loop.iter)
    target = read_target(context, over) if over is not None else None
    tests = _find_tests(loop)
    if target is None or not tests or shown_types(context, target.node) == {"builtins.str"}:
        return None
    if not _is_repeated(context, loop, target) or _is_written_out(target):
        return None
    elements = context.names_in(loop.target)
    changed = context.written_in(loop)
    for test in tests:
        compared = _list_compared(loop, test, by_identity=by_identity)
        for key, probe in (compared, compared[::-1]) if compared else ():
            if not _is_key(key, elements) or not _is_probe(probe):
                continue
            if not elements.isdisjoint(context.names_in(probe)) or not changed.isdisjoint(context.names_in(probe)):
                continue
            if not isinstance(key, ast.Name) and ast.unparse(key) in changed:
                continue
            if _is_same_search(context, loop, target, probe) or (by_identity and not _is_own(context, probe)):
                continue
            return Scan(loop, target, ast.unparse(key), probe, test)
    return None


def _list_compared(
    loop: ast.For | ast.comprehension, test: ast.expr, *, by_identity: bool
) -> tuple[ast.expr, ast.expr] | None:
    """Return what a test compares, as far as an element is found where both are the same."""
    match test:
        case ast.Compare(left=left, ops=[ast.Is() | ast.Eq() as how], comparators=[right]):
            return (left, right) if isinstance(how, ast.Is) is by_identity else None
        case ast.Compare(left=left, ops=[ast.NotEq()], comparators=[right]) if _is_skipped(loop, test):
            return None if by_identity else (left, right)
        case ast.Call(func=ast.Attribute(value=left, attr="__eq__"), args=[right], keywords=[]):
            return None if by_identity else (left, right)
        case _:
            return None


def _strip(context: Context, node: ast.expr) -> ast.expr | None:
    """Return what is gone through: without ``enumerate``, and without ``items`` of a dict."""
    while isinstance(node, ast.Call):
        match node:
            case ast.Call(func=ast.Attribute(value=inner, attr=name), args=[], keywords=[]) if name in _VIEWS:
                node = inner
            case ast.Call(func=function, args=[inner, *_]) if context.resolve(function) in _WRAPPING:
                node = inner
            case _:
                return None
    return node


def _find_tests(loop: ast.For | ast.comprehension) -> list[ast.expr]:
    """Return the conditions, all of which an element must meet for the loop to do anything."""
    match loop:
        case ast.For(body=[ast.If(test=test, orelse=[])], orelse=[]):
            tests = [test]
        case ast.For(body=[ast.If(test=test, body=body, orelse=[]), *_]) if isinstance(body[-1], _ENDING):
            tests = [test]
        case ast.For(
            body=[ast.If(test=ast.Compare(ops=[ast.NotEq()]) as test, body=[ast.Continue()], orelse=[]), *_, last]
        ) if isinstance(last, _ENDING):
            return [test]
        case ast.comprehension(ifs=[_, *_] as tests, is_async=0):
            pass
        case _:
            return []
    return [
        part
        for test in tests
        for part in (test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test])
    ]


def _is_skipped(loop: ast.For | ast.comprehension, test: ast.expr) -> bool:
    """Return whether a loop goes on with the next element where a test holds."""
    first = loop.body[0] if isinstance(loop, ast.For) else None
    return isinstance(first, ast.If) and first.test is test and isinstance(first.body[0], ast.Continue)


def _is_key(node: ast.expr, elements: frozenset[str]) -> bool:
    """Return whether ``node`` is an element, or something that it holds: not what another object holds for it."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        if isinstance(node, ast.Call) and (node.args or node.keywords):
            return False
        node = node.func if isinstance(node, ast.Call) else node.value
    return isinstance(node, ast.Name) and node.id in elements


def _is_probe(node: ast.expr) -> bool:
    """Return whether something is searched for that the source does not fix: not a constant, or one's own class."""
    plain = ast.Name | ast.Attribute | ast.Subscript | ast.Constant | ast.Tuple | ast.expr_context
    parts = [*ast.walk(node)]
    return all(isinstance(part, plain) for part in parts) and any(isinstance(part, ast.Name) for part in parts)


def _is_own(context: Context, probe: ast.expr) -> bool:
    """Return whether a function holds what is searched for itself: a module's are marks, such as ``UNSET``."""
    names = (part for part in ast.walk(probe) if isinstance(part, ast.Name))
    return all(context.facts.lookup(name) not in (None, context.facts.module) for name in names)


def _is_repeated(context: Context, loop: ast.For | ast.comprehension, target: Target) -> bool:
    if keeping_loops(context, loop.iter, target):
        return True
    if context.loops(loop.iter) or not context.measured:
        return False
    if outlives_call(context, target):
        return True
    # A helper that searches what it is given: its callers give it the same again and again.
    place = target.place
    given = place is not None and place.kind is PlaceKind.PARAMETER and target.node is target.root
    return given and isinstance(loop, ast.For) and any(isinstance(part, ast.Return) for part in ast.walk(loop))


def _is_written_out(target: Target) -> bool:
    values = [binding.value for binding in target.place.bindings] if target.place is not None else []
    return bool(values) and all(
        isinstance(value, ast.List | ast.Tuple) and 0 < len(value.elts) <= _WRITTEN for value in values
    )


def _is_same_search(context: Context, loop: ast.For | ast.comprehension, target: Target, probe: ast.expr) -> bool:
    """Return whether the loops around search for the same each time, so that once, before them, is enough."""
    loops = keeping_loops(context, loop.iter, target)
    wanted = context.names_in(probe)
    return bool(loops) and all(wanted.isdisjoint(context.written_in(outer)) for outer in loops)
