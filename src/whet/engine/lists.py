"""Evidence that a place holds a list: its initial values, and its annotation."""

from __future__ import annotations

import ast

from whet.engine.context import Context
from whet.engine.places import Place, PlaceKind
from whet.engine.scopes import Binding, BindingKind

_LIST_ANNOTATIONS = frozenset({"list", "List", "Sequence", "MutableSequence", "Collection", "Iterable", "Container"})


def find_new_lists(context: Context, place: Place) -> list[ast.expr]:
    """Return the values of the place, if each is a new list without other references; else none."""
    values: list[ast.expr] = []
    for binding in place.bindings:
        match binding.kind, binding.node:
            case BindingKind.AUGMENTED, ast.AugAssign(op=ast.Add()):
                continue
            case BindingKind.DECLARED, _:
                return []
            case BindingKind.VALUE, ast.Assign(targets=[_]) | ast.AnnAssign():
                pass
            case BindingKind.PARAMETER, _ if _is_copied_first(context, place, binding):
                continue
            case _:
                return []
        if binding.value is None or context.makes_new(binding.value) != "builtins.list":
            return []
        values.append(binding.value)
    return values


def _is_copied_first(context: Context, place: Place, parameter: Binding) -> bool:
    """Return whether a parameter is only read to build a list of the same name, in the function's own block."""
    body = getattr(place.owner.node, "body", None)
    for binding in place.bindings:
        match binding.node, binding.value:
            case ast.Assign() as start, ast.Call(args=[ast.Name() as old]) if isinstance(body, list) and start in body:
                earlier = [r for r in place.references if (r.lineno, r.col_offset) <= (old.lineno, old.col_offset)]
                return parameter.annotation is None and all(r is old or r in start.targets for r in earlier)
    return False


def find_parameter_behind(context: Context, place: Place) -> Binding | None:
    """Return the parameter that an attribute is set from once, as in ``self.allowed = allowed``."""
    if place.kind is not PlaceKind.ATTRIBUTE or len(place.bindings) != 1:
        return None
    value = place.bindings[0].value
    if not isinstance(value, ast.Name):
        return None
    binding = context.facts.only_binding(value)
    return binding if binding is not None and binding.kind is BindingKind.PARAMETER else None


def allows_list(annotation: ast.expr) -> bool:
    """Return whether an annotation allows a list, also as a sequence or collection of any kind."""
    match annotation:
        case ast.Subscript(value=base):
            return allows_list(base)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in _LIST_ANNOTATIONS
        case ast.Constant(value=str(text)):
            return text.partition("[")[0].rpartition(".")[2] in _LIST_ANNOTATIONS
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return allows_list(left) or allows_list(right)
        case _:
            return False
