"""What a ``for`` loop leaves behind, and whether its partial results are visible: for rules that replace a loop."""

from __future__ import annotations

import ast
from collections.abc import Collection

from whet.engine.facts import Facts
from whet.engine.handlers import may_catch
from whet.engine.places import Place, PlaceKind, find_place, runs_later
from whet.engine.scopes import Scope

_PLAIN = frozenset(
    f"builtins.{name}"
    for name in (
        *("NoneType", "bytearray", "bytes", "dict", "dict_items", "dict_keys", "dict_values", "frozenset", "list"),
        *("range", "set", "str", "tuple"),
    )
)
"""Types over which iterating runs none of the program's code: not lazy ones, nor classes, such as an enum."""


def keeps_its_variables(facts: Facts, function: Scope, loop: ast.For) -> bool:
    """Return whether the loop variables are used only in the loop's turns.

    What it goes through is evaluated before the first turn, with values of an earlier loop.
    """
    for part in ast.walk(loop.target):
        if isinstance(part, ast.Attribute | ast.Subscript):
            return False
        place = find_place(facts, part, function) if isinstance(part, ast.Name) else None
        if isinstance(part, ast.Name) and (place is None or place.kind is not PlaceKind.LOCAL):
            return False
        if place is not None and any(facts.is_inside(reference, loop.iter) for reference in place.references):
            return False
        outside = [] if place is None else [r for r in place.references if not facts.is_inside(r, loop)]
        if not all(
            isinstance(reference, ast.Name) and _is_of_other_loop(facts, reference, loop) for reference in outside
        ):
            return False
    return True


def _is_of_other_loop(facts: Facts, reference: ast.Name, loop: ast.For) -> bool:
    """Return whether a name outside of ``loop`` is bound by a loop around it, or rebound there."""
    here: ast.AST = reference
    above = facts.parent(here)
    while above is not None and not isinstance(above, ast.FunctionDef | ast.AsyncFunctionDef):
        if isinstance(above, ast.For) and not facts.is_inside(loop, above) and here is not above.iter:
            bound = {part.id for part in ast.walk(above.target) if isinstance(part, ast.Name)}
            if reference.id in bound and not any(here is statement for statement in above.orelse):
                return True
        here, above = above, facts.parent(above)
    return False


def hides_half_made(facts: Facts, place: Place | None, loop: ast.For) -> bool:
    """Return whether partial results in ``place`` stay invisible: a local, and exceptions leave the function."""
    if place is None or place.kind is not PlaceKind.LOCAL:
        return False
    if any(runs_later(facts, reference) for reference in place.references):
        return False
    above = facts.parent(loop)
    while above is not None and not isinstance(above, ast.FunctionDef | ast.AsyncFunctionDef):
        if isinstance(above, ast.ClassDef) or may_catch(facts, above):
            return False
        above = facts.parent(above)
    return True


def reads_nothing_of(target: ast.expr, loop: ast.For, known: Collection[str]) -> bool:
    """Return whether iterating over the loop's source, of the types ``known``, cannot read ``target``."""
    if ast.unparse(target) in {ast.unparse(part) for part in ast.walk(loop.iter) if isinstance(part, ast.expr)}:
        return False
    return bool(known) and _PLAIN.issuperset(known)
