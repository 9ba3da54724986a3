"""Which values may be set elements or dict keys, as far as the source shows."""

from __future__ import annotations

import ast

from whet.engine.arrays import ARRAY_MAKERS
from whet.engine.context import Context
from whet.engine.places import Place
from whet.engine.scopes import BindingKind, Scope, ScopeKind
from whet.engine.targets import remember

UNHASHABLE = (
    *("builtins.list", "builtins.dict", "builtins.set", "builtins.bytearray", "collections.Counter"),
    *("collections.OrderedDict", "collections.defaultdict", "collections.deque", "numpy.ndarray"),
    *("pandas.core.frame.DataFrame", "pandas.core.series.Series"),
)
_MAKING = ARRAY_MAKERS | {"pandas.DataFrame", "pandas.Series", "pandas.concat", "pandas.read_csv", "copy.deepcopy"}
"""Functions whose results are usually not hashable."""
_LISTING = frozenset({"findall", "readlines", "rsplit", "split", "splitlines", "tolist", "to_dict"})
_CHANGING = frozenset({"append", "appendleft", "extend", "insert", "setdefault", "sort", "update"})
_MAPPING = frozenset({"items", "keys", "values"})
"""Methods that only mutable containers have, and only mappings."""
_DEPTH = 4
"""Maximum number of names that are followed in a chain."""


def makes_hashable_list(context: Context, value: ast.expr, depth: int = 0) -> bool:
    """Return whether ``value`` creates a new list of elements that may be hashable."""
    match value:
        case ast.List(elts=items):
            return all(may_be_hashable(context, item, depth) for item in items)
        case ast.ListComp(elt=item):
            return may_be_hashable(context, item, depth)
        case ast.BinOp(left=ast.List() as items, op=ast.Mult()):
            return makes_hashable_list(context, items, depth)
        case ast.Call(func=function):
            name = context.resolve(function)
            if name == "dataclasses.field":
                factories = [keyword.value for keyword in value.keywords if keyword.arg == "default_factory"]
                return bool(factories) and context.resolve(factories[0]) == "builtins.list"
            made = name in ("builtins.list", "builtins.sorted")
            return made and not context.element_of(value) & set(UNHASHABLE)
        case _:
            return False


def may_be_hashable(context: Context, node: ast.expr, depth: int = 0) -> bool:
    """Return whether ``node`` may be hashable, with an equality that agrees with its hash, according to the source."""
    types = context.type_of(node)
    if types & set(UNHASHABLE) or any(_is_class_with_equality(context, name) for name in types):
        return False
    match node:
        case ast.Tuple(elts=items):
            return all(may_be_hashable(context, item, depth) for item in items)
        case ast.Call(func=function):
            return not _makes_unhashable(context, function)
        case ast.Name() if depth < _DEPTH:
            return _is_hashable_name(context, node, depth)
        case _:
            return True


def _is_hashable_name(context: Context, name: ast.Name, depth: int) -> bool:
    """Return whether nothing that a name is bound to, and no use of it, shows that its value is not hashable."""
    owner = context.facts.lookup(name)
    if owner is None or owner.kind is ScopeKind.CLASS:
        return True

    def find() -> bool:
        bindings = owner.bindings[name.id]
        values = [binding.value for binding in bindings if binding.kind is BindingKind.VALUE]
        if not all(value is None or may_be_hashable(context, value, depth + 1) for value in values):
            return False
        uses = context.facts.references(name.id, owner)
        if any(_is_mutable(context, use) or _is_of_unhashable_class(context, use) for use in uses):
            return False
        looped = (_looped_over(context, binding.node) for binding in bindings)
        return depth == _DEPTH or all(one is None or holds_hashable(context, one, depth + 1) for one in looped)

    return remember(context, ("hashable", name.id, owner, depth), find)


def holds_hashable(context: Context, place: Place, depth: int = 0) -> bool:
    """Return whether neither what a list is made of nor a loop over it shows elements that are not hashable."""

    def find() -> bool:
        made = (binding.value for binding in place.bindings if isinstance(binding.value, ast.List | ast.ListComp))
        if not all(makes_hashable_list(context, value, depth) for value in made):
            return False
        names = (_element_name(context, reference) for reference in place.references)
        return all(name is None or _is_hashable_name(context, name, depth) for name in names)

    return remember(context, ("elements hashable", place.name, place.kind, place.owner, depth), find)


def _looped_over(context: Context, name: ast.AST) -> Place | None:
    """Return the list whose elements a loop gives to the variable that is bound at ``name``."""
    loop = context.facts.parent(name)
    if isinstance(loop, ast.Tuple):  # enumerate's
        loop = context.facts.parent(loop)
    if not isinstance(loop, ast.For | ast.comprehension):
        return None
    listed = loop.iter.args[0] if isinstance(loop.iter, ast.Call) and loop.iter.args else loop.iter
    return context.place(listed) if _element_name(context, listed) is name else None


def _element_name(context: Context, reference: ast.expr) -> ast.Name | None:
    """Return the variable that a loop over ``reference``, numbered or sorted perhaps, gives its elements."""
    name, looped = None, reference
    match context.facts.parent(reference):
        case ast.Call(func=ast.Name() as function, args=[first, *_]) as call if first is reference:
            name, looped = context.resolve(function), call
    loop = context.facts.parent(looped)
    if not isinstance(loop, ast.For | ast.comprehension) or loop.iter is not looped:
        return None
    match name, loop.target:
        case "builtins.enumerate", ast.Tuple(elts=[_, ast.Name() as element]):
            return element
        case None | "builtins.reversed" | "builtins.sorted" | "builtins.list", ast.Name() as element:
            return element
        case _:
            return None


def _is_mutable(context: Context, reference: ast.expr) -> bool:
    """Return whether a reference is a mutable container's: an item is set, or a method called that only these have."""
    above = context.facts.parent(reference)
    match above:
        case ast.Subscript(value=value, ctx=ast.Store() | ast.Del()):
            return value is reference
        case ast.Attribute(attr=name):
            call = context.facts.parent(above)
            return name in _CHANGING | _MAPPING and isinstance(call, ast.Call) and call.func is above
        case _:
            return False


def _is_of_unhashable_class(context: Context, reference: ast.expr) -> bool:
    """Return whether a reference is asked for an attribute that only classes without a hash have in this file."""
    above, facts = context.facts.parent(reference), context.facts
    if not isinstance(above, ast.Attribute):
        return False
    owners = {facts.class_of_self(each.value) for each, _ in facts.attributes(above.attr) if not _is_read(each)}
    owners |= {scope for scope in facts.functions if scope.kind is ScopeKind.CLASS and above.attr in scope.bindings}
    owners.discard(None)
    return bool(owners) and all(scope is not None and _has_no_hash(context, scope) for scope in owners)


def _is_read(attribute: ast.Attribute) -> bool:
    return isinstance(attribute.ctx, ast.Load)


def _has_no_hash(context: Context, scope: Scope) -> bool:
    hashes = [binding.value for binding in scope.bindings.get("__hash__", ())]
    if hashes:
        return all(isinstance(value, ast.Constant) and value.value is None for value in hashes)
    return _compares_itself(context, scope.node)


def _makes_unhashable(context: Context, function: ast.expr) -> bool:
    """Return whether what a function returns is usually not hashable, or compares in a way of its own."""
    if isinstance(function, ast.Attribute) and function.attr in _LISTING:
        return True
    binding = context.facts.only_binding(function) if isinstance(function, ast.Name) else None
    return context.resolve(function) in _MAKING or (binding is not None and _compares_itself(context, binding.node))


def _is_class_with_equality(context: Context, name: str) -> bool:
    bindings = context.facts.module.bindings.get(name.removeprefix("."), []) if name.startswith(".") else []
    return any(_compares_itself(context, binding.node) for binding in bindings)


def _compares_itself(context: Context, made: ast.AST) -> bool:
    """Return whether a class of the file has an equality of its own, whose hash need not agree or is missing."""
    if not isinstance(made, ast.ClassDef):
        return False
    if any(isinstance(item, ast.FunctionDef) and item.name == "__eq__" for item in made.body):
        return True
    return any(_makes_equality(context, decorator) for decorator in made.decorator_list)


def _makes_equality(context: Context, decorator: ast.expr) -> bool:
    """Return whether a decorator is ``dataclass``, which adds an equality and, unless it is frozen, no hash."""
    options = {keyword.arg for keyword in decorator.keywords} if isinstance(decorator, ast.Call) else set()
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    known = context.resolve(called) in ("dataclasses.dataclass", "attr.s", "attr.attrs", "attrs.define")
    return known and options.isdisjoint({"frozen", "eq", "unsafe_hash"})


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
