"""What a ``for`` loop leaves behind, and whether its partial results are visible: for rules that replace a loop."""

from __future__ import annotations

import ast
from collections.abc import Collection
from typing import cast

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
        if not isinstance(part, ast.Name):
            continue
        place = find_place(facts, part, function)
        if place is None or place.kind is not PlaceKind.LOCAL:
            return False
        references = _list_by_loop(facts, place)
        around: ast.AST | None = loop
        while around is not None:
            if any(not _is_in_turns(facts, one, loop) for one in references.get(around, ())):
                return False
            around = facts.parent(around)
    return True


def _is_in_turns(facts: Facts, reference: ast.expr, loop: ast.For) -> bool:
    return facts.is_inside(reference, loop) and not facts.is_inside(reference, loop.iter)


def _list_by_loop(facts: Facts, place: Place) -> dict[ast.AST, list[ast.expr]]:
    """Return the references to a local by the innermost loop around each that binds it, or by the file's tree.

    Those of loops that are not around another one do not matter to that: they are bound anew first. So a function with
    thousands of loops over one variable takes no longer than the sum of them.
    """
    key = "references by loop", place.name, place.owner
    if key not in facts.memo:
        found: dict[ast.AST, list[ast.expr]] = {}
        for reference in place.references:
            found.setdefault(_find_binding_loop(facts, reference) or facts.tree, []).append(reference)
        facts.memo[key] = found
    return cast("dict[ast.AST, list[ast.expr]]", facts.memo[key])


def _find_binding_loop(facts: Facts, reference: ast.expr) -> ast.For | None:
    """Return the innermost loop around a name, in the same function, that binds it in each turn."""
    here: ast.AST = reference
    above = facts.parent(here)
    while above is not None and not isinstance(above, ast.FunctionDef | ast.AsyncFunctionDef):
        if isinstance(above, ast.For) and isinstance(reference, ast.Name) and here is not above.iter:
            bound = {part.id for part in ast.walk(above.target) if isinstance(part, ast.Name)}
            if reference.id in bound and not any(here is statement for statement in above.orelse):
                return above
        here, above = above, facts.parent(above)
    return None


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
