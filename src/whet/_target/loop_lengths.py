"""What the source says of the length of what a loop iterates over: whether it has one, and whether it may change."""

from __future__ import annotations

import ast

from .anchors import Check
from .claims import REPEATS, bound_names, local_names, may_change, plain_names, walk_scope
from .gates import has_gate

Function = ast.FunctionDef | ast.AsyncFunctionDef

_WITHOUT_LENGTH = frozenset(
    ("enumerate", "zip", "map", "filter", "reversed", "iter", "chain", "islice", "count", "cycle", "open", "finditer")
)


def may_have_length(iterable: ast.expr) -> bool:
    """Tell whether the source leaves it possible that this has a length."""
    if isinstance(iterable, ast.Set):
        # The compiler makes a constant of it, with an order of its own.
        return False
    if isinstance(iterable, ast.Call):
        name = iterable.func.id if isinstance(iterable.func, ast.Name) else getattr(iterable.func, "attr", "")
        return name not in _WITHOUT_LENGTH
    return not isinstance(iterable, ast.GeneratorExp) and has_gate(iterable)


def choose_check(loop: ast.For, function: Function | None, *, in_module: bool) -> Check:
    """Choose how to find out whether what is iterated over changes its length meanwhile."""
    iterated = loop.iter
    # What the loop itself binds is one of the elements.
    plain = bound_names([loop.target]) | (plain_names(function) if function is not None else set())
    if not may_change(loop, plain):
        return Check.NEEDLESS
    if isinstance(iterated, ast.Name):
        if in_module:
            return Check.GLOBAL
        bound = bound_names([*loop.body, loop.target])
        is_local = function is not None and iterated.id in local_names(function) - bound
        return Check.LOCAL if is_local else Check.UNSURE
    # Others (a or b, x if y else z) may be a variable after all, to which the stack need not own a reference.
    owned = (ast.Call, ast.Attribute, ast.Subscript, ast.BinOp, ast.List, ast.ListComp, ast.SetComp, ast.DictComp)
    return Check.OWNED if isinstance(iterated, owned) else Check.UNSURE


def has_whole_header(loop: ast.For) -> bool:
    """Tell whether the header of a loop runs once an iteration and once more, and has no parts that run by themselves.

    Parts on other lines do, and comprehensions.
    """
    parts = walk_scope([loop.iter])
    return loop.iter.end_lineno == loop.lineno and not any(isinstance(part, (*REPEATS, ast.Lambda)) for part in parts)


def cannot_fail(iterated: ast.expr) -> bool:
    """Tell whether the header runs only where the loop begins."""
    parts = walk_scope([iterated])
    return all(isinstance(part, (ast.Name, ast.Constant, ast.List, ast.Tuple, ast.expr_context)) for part in parts)
