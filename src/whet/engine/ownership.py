"""Which objects have one name only: a container that an expression creates, and that nothing else can refer to."""

from __future__ import annotations

import ast

from whet.engine import known
from whet.engine.facts import Facts
from whet.engine.places import Place, PlaceKind
from whet.engine.scopes import BindingKind
from whet.engine.types import Typing

_MAKING = {f"builtins.{name}": f"builtins.{name}" for name in ("bytes", "dict", "list", "set", "tuple")}
_MAKING["builtins.sorted"] = known.LIST
_DISPLAYS: dict[type[ast.expr], str] = {
    **dict.fromkeys((ast.List, ast.ListComp), known.LIST),
    **dict.fromkeys((ast.Dict, ast.DictComp), known.DICT),
    **dict.fromkeys((ast.Set, ast.SetComp), known.SET),
    ast.Tuple: known.TUPLE,
}


def makes_new(facts: Facts, typing: Typing, node: ast.expr) -> str:
    """Return the type of a new container that ``node`` creates, without other references; else empty."""
    match node:
        case ast.Call(func=ast.Name() as function):
            return _MAKING.get(facts.resolve(function) or "", "")
        case ast.Call(func=ast.Attribute(value=owner)):
            owners, made = typing.type_of(owner), typing.type_of(node)
            builtin = bool(owners) and all(name.startswith("builtins.") for name in owners)
            return next(iter(made)) if builtin and len(made) == 1 and made <= set(_MAKING.values()) else ""
        case ast.BinOp(left=ast.List(), op=ast.Mult()):
            return known.LIST
        case ast.Constant(value=bytes()):
            return known.BYTES
        case _:
            return _DISPLAYS.get(type(node), "")


def is_owned(facts: Facts, typing: Typing, place: Place) -> bool:
    """Return whether a local is only ever bound to containers created for it: where it came from, it has no other name.

    Where it goes is another question: see ``Effects.escapes``.
    """
    if place.kind is not PlaceKind.LOCAL:
        return False
    for binding in place.bindings:
        match binding.kind, binding.node:
            case BindingKind.AUGMENTED, _:
                continue  # in place, or a new object
            case BindingKind.VALUE, ast.Assign(targets=[_]) | ast.AnnAssign():
                pass
            case _:
                return False
        if binding.value is None or not makes_new(facts, typing, binding.value):
            return False
    return bool(place.bindings)
