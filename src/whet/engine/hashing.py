"""Which values may be set elements or dict keys, as far as the source shows."""

from __future__ import annotations

import ast

from whet.engine.context import Context

UNHASHABLE = ("builtins.list", "builtins.dict", "builtins.set", "builtins.bytearray")


def makes_hashable_list(context: Context, value: ast.expr) -> bool:
    """Return whether ``value`` creates a new list of elements that may be hashable."""
    match value:
        case ast.List(elts=items):
            return all(may_be_hashable(context, item) for item in items)
        case ast.ListComp(elt=item):
            return may_be_hashable(context, item)
        case ast.BinOp(left=ast.List() as items, op=ast.Mult()):
            return makes_hashable_list(context, items)
        case ast.Call(func=function):
            name = context.resolve(function)
            if name == "dataclasses.field":
                factories = [keyword.value for keyword in value.keywords if keyword.arg == "default_factory"]
                return bool(factories) and context.resolve(factories[0]) == "builtins.list"
            return name in ("builtins.list", "builtins.sorted")
        case _:
            return False


def may_be_hashable(context: Context, node: ast.expr) -> bool:
    """Return whether ``node`` may be hashable, with an equality that agrees with its hash, according to the source."""
    match node:
        case ast.List() | ast.Dict() | ast.Set() | ast.ListComp() | ast.DictComp() | ast.SetComp():
            return False
        case ast.Tuple(elts=items):
            return all(may_be_hashable(context, item) for item in items)
        case ast.Call(func=ast.Name() as function):
            if context.resolve(function) in UNHASHABLE:
                return False
            binding = context.facts.only_binding(function)
            made = binding.node if binding is not None else None
            return not (isinstance(made, ast.ClassDef) and _defines_equality(made))
        case _:
            return True


def _defines_equality(node: ast.ClassDef) -> bool:
    return any(isinstance(item, ast.FunctionDef) and item.name == "__eq__" for item in node.body)


def adds_hashable(context: Context, reference: ast.expr) -> bool:
    """Return whether what `append`, `extend` or `+=` adds to the list ``reference`` may be hashable."""
    method = context.facts.parent(reference)
    if isinstance(method, ast.AugAssign) and isinstance(method.value, ast.List | ast.ListComp):
        return makes_hashable_list(context, method.value)
    call = context.facts.parent(method) if isinstance(method, ast.Attribute) else None
    if not isinstance(call, ast.Call) or not isinstance(method, ast.Attribute):
        return True
    if method.attr == "append":
        return all(may_be_hashable(context, argument) for argument in call.args)
    displays = (argument for argument in call.args if isinstance(argument, ast.List | ast.ListComp))
    return method.attr == "extend" and all(makes_hashable_list(context, display) for display in displays)
