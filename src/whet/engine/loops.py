"""What a ``for`` loop leaves behind, and who can see what it makes: for rules that write a loop as one call."""

from __future__ import annotations

import ast
from collections.abc import Collection

from whet.engine.facts import Facts
from whet.engine.places import Place, PlaceKind, find_place
from whet.engine.scopes import Scope

_LAZY = frozenset(f"builtins.{name}" for name in ("generator", "map", "filter", "zip", "enumerate", "reversed"))
"""What may run code of the program in each turn, which may look at the target."""


def keeps_its_variables(facts: Facts, function: Scope, loop: ast.For) -> bool:
    """Tell whether nothing but the loop itself knows what its variables were bound to."""
    for part in ast.walk(loop.target):
        if isinstance(part, ast.Attribute | ast.Subscript):
            return False
        place = find_place(facts, part, function) if isinstance(part, ast.Name) else None
        if isinstance(part, ast.Name) and (place is None or place.kind is not PlaceKind.LOCAL):
            return False
        outside = [] if place is None else [r for r in place.references if not facts.is_inside(r, loop)]
        if not all(
            isinstance(reference, ast.Name) and _is_of_other_loop(facts, reference, loop) for reference in outside
        ):
            return False
    return True


def _is_of_other_loop(facts: Facts, reference: ast.Name, loop: ast.For) -> bool:
    """Tell whether a name outside of ``loop`` is bound by a loop that it stands in, or is bound anew there."""
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
    """Tell whether nobody can see ``place`` half made by the loop: a local, and what is raised leaves the function."""
    if place is None or place.kind is not PlaceKind.LOCAL:
        return False
    above = facts.parent(loop)
    while above is not None and not isinstance(above, ast.FunctionDef | ast.AsyncFunctionDef):
        if isinstance(above, ast.Try | ast.With | ast.AsyncWith | ast.ClassDef):
            return False
        above = facts.parent(above)
    return True


def reads_nothing_of(target: ast.expr, loop: ast.For, known: Collection[str]) -> bool:
    """Tell whether going through the loop's source, of the types ``known``, neither reads ``target`` nor can."""
    if ast.unparse(target) in {ast.unparse(part) for part in ast.walk(loop.iter) if isinstance(part, ast.expr)}:
        return False
    return bool(known) and all(name.startswith("builtins.") and name not in _LAZY for name in known)
