"""What catches exceptions around a node: ``try`` of both kinds, and context managers, which may suppress them."""

from __future__ import annotations

import ast
import builtins

from whet.engine.facts import Facts

_LETTING_THROUGH = frozenset({"builtins.open", "io.open", "gzip.open", "bz2.open", "lzma.open"})
"""Calls whose result never suppresses an exception as a context manager."""
_NAMING = frozenset({"contextlib.suppress", "pytest.raises", "unittest.TestCase.assertRaises"})
_Types = tuple[type[BaseException], ...]


def may_catch(facts: Facts, node: ast.AST) -> bool:
    """Return whether ``node`` may stop an exception from its body, or run code on its way out.

    Partial results are seen there.
    """
    match node:
        case ast.Try() | ast.TryStar():
            return True
        case ast.With() | ast.AsyncWith():
            return not all(_lets_through(facts, item.context_expr) for item in node.items)
        case _:
            return False


def _lets_through(facts: Facts, manager: ast.expr) -> bool:
    return isinstance(manager, ast.Call) and facts.resolve(manager.func) in _LETTING_THROUGH


def tells_apart(facts: Facts, node: ast.AST, within: ast.AST, *raised: type[BaseException]) -> bool:
    """Return whether something around ``node``, up to ``within``, may catch one of ``raised`` and not the others.

    What names no builtin exceptions may catch any.
    """
    below, here = node, facts.parent(node)
    while here is not None and below is not within:
        if isinstance(here, ast.Try | ast.TryStar) and any(below is statement for statement in here.body):
            caught = [_named(facts, handler.type) for handler in here.handlers]
        elif isinstance(here, ast.With | ast.AsyncWith) and any(below is statement for statement in here.body):
            caught = [_suppressed(facts, item.context_expr) for item in here.items]
        else:
            caught = []
        for types in caught:
            if types is None or len({issubclass(one, types) for one in raised}) > 1:
                return True
        below, here = here, facts.parent(here)
    return False


def falls_back(facts: Facts, node: ast.AST, within: ast.AST, raised: type[BaseException]) -> bool:
    """Return whether ``node`` is in a ``try`` statement that names ``raised``: it is expected, or has happened."""
    here = facts.parent(node)
    while here is not None and here is not within:
        if isinstance(here, ast.Try | ast.TryStar):
            named = [_named(facts, handler.type) or () for handler in here.handlers if handler.type is not None]
            if any(raised in types for types in named):
                return True
        here = facts.parent(here)
    return False


def _named(facts: Facts, node: ast.expr | None) -> _Types | None:
    """Return the builtin exceptions that ``node`` names; ``None`` if they are not known."""
    if node is None:
        return (BaseException,)
    found: list[type[BaseException]] = []
    for each in node.elts if isinstance(node, ast.Tuple) else (node,):
        name = facts.resolve(each) or ""
        one = getattr(builtins, name.removeprefix("builtins."), None) if name.startswith("builtins.") else None
        if not (isinstance(one, type) and issubclass(one, BaseException)):
            return None
        found.append(one)
    return tuple(found)


def _suppressed(facts: Facts, manager: ast.expr) -> _Types | None:
    """Return the exceptions that a context manager names, and may suppress; none for one that names nothing."""
    if not isinstance(manager, ast.Call) or _lets_through(facts, manager):
        return ()
    named = [_named(facts, argument) for argument in manager.args]
    if facts.resolve(manager.func) in _NAMING:
        return None if None in named else tuple(one for types in named if types is not None for one in types)
    return tuple(one for types in named if types is not None for one in types)
