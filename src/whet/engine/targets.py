"""What code grows, searches or copies, in any form: a name, an attribute, an item; and what the file shows of it.

A :class:`whet.engine.places.Place` is a name or an attribute of ``self``, all of whose uses are known: what edits need.
Advice needs less: that the code meets the same value again, and that nothing in the file speaks against its type.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar, cast

from whet.engine import known
from whet.engine.context import Context
from whet.engine.places import Place, PlaceKind
from whet.engine.scopes import Binding, BindingKind, Scope, ScopeKind
from whet.model.finding import Ask, Question
from whet.records import dataclass

_TEXT_ONLY = frozenset(
    (
        *("casefold", "decode", "encode", "endswith", "find", "format", "isdigit", "isspace", "ljust", "lower"),
        *("lstrip", "partition", "replace", "rfind", "rjust", "rpartition", "rstrip", "split", "splitlines"),
        *("startswith", "strip", "title", "translate", "upper"),
    )
)
_LIST_ONLY = frozenset({"append", "extend", "insert", "reverse", "sort"})
_MOST_BINDINGS = 4
"""Bindings of a name from which its values are not followed: those of a long script refer to one another."""
Known = TypeVar("Known")
_LOOP = ast.For | ast.AsyncFor | ast.While


@dataclass(frozen=True, slots=True)
class Target:
    """An expression that means one value each time: ``names``, ``self.names``, ``self.names[key]``, ``last.text``."""

    node: ast.expr
    text: str
    """Its source, white space normalised."""
    root: ast.Name
    place: Place | None
    """Its place, if it is one: then values seen can answer questions about it."""


def read_target(context: Context, node: ast.expr) -> Target | None:
    """Return the target that ``node`` is; ``None`` for results of calls, literals, and what belongs to a module.

    What ``get`` and ``setdefault`` return is an item of a container.
    """
    root = node
    while not isinstance(root, ast.Name):
        match root:
            case ast.Subscript(slice=ast.Slice()):
                return None
            case ast.Attribute(value=inner) | ast.Subscript(value=inner):
                root = inner
            case ast.Call(func=ast.Attribute(value=inner, attr="get" | "setdefault"), args=[_, *_]):
                root = inner
            case _:
                return None
    # An item of a table that another module holds is met again as one of this module's is.
    is_item = root.id.isupper() and isinstance(node, ast.Subscript) and node.value is root
    if context.resolve(root) is not None and not is_item:
        return None
    return Target(node, ast.unparse(node), root, context.place(node))


def meets_again(context: Context, node: ast.AST, target: Target) -> bool:
    """Return whether ``node`` runs again on the same value: in a loop that keeps it, or in a hot function's next call.

    Another item of the same container counts as the same value: keys come again.
    """
    return bool(keeping_loops(context, node, target)) or outlives_call(context, target)


def keeping_loops(context: Context, node: ast.AST, target: Target) -> tuple[ast.AST, ...]:
    """Return the loops that repeat ``node``, innermost first, up to the first that makes the value anew."""
    kept: list[ast.AST] = []
    for loop in context.loops(node):
        if _starts_anew(context, loop, target):
            break
        kept.append(loop)
    return tuple(kept)


def outlives_call(context: Context, target: Target) -> bool:
    """Return whether a hot function may see the same value in its next call: others hold it too."""
    function = context.function
    if not context.measured or function.kind is not ScopeKind.FUNCTION:
        return False
    owner = context.facts.lookup(target.root)
    if (target.node is not target.root or owner is not function) and _is_bound_in(context, function.node, target):
        return False
    if owner is not function:
        return owner is not None
    bindings = owner.bindings[target.root.id]
    if all(binding.kind is BindingKind.PARAMETER for binding in bindings):
        return target.node is not target.root
    # A local is another name of something that lasts: `last = self.parts[-1]`.
    if target.node is target.root:
        return all(_is_held(context, binding.value) for binding in bindings)
    looped = (binding.kind is BindingKind.OTHER and isinstance(binding.node, ast.Name) for binding in bindings)
    return any(looped) or any(_is_held(context, binding.value) for binding in bindings)


def _is_held(context: Context, value: ast.expr | None, *, by_method: bool = True) -> bool:
    """Return whether a value is an attribute or an item: by itself, or handed out by a method of the same class."""
    match value:
        case ast.Attribute() | ast.Subscript():
            return True
        case ast.Call(func=ast.Attribute(attr="get" | "setdefault"), args=[_, *_]):
            return True
        case ast.Call(func=ast.Attribute(value=base, attr=name)) if by_method:
            owner = context.facts.class_of_self(base)
            methods = [binding.node for binding in owner.bindings.get(name, ())] if owner is not None else []
            parts = [part for method in methods[:1] for part in ast.walk(method)]
            returned = [part.value for part in parts if isinstance(part, ast.Return)]
            one = len(methods) == 1 and isinstance(methods[0], ast.FunctionDef) and bool(returned)
            return one and all(_is_held(context, part, by_method=False) for part in returned)
        case _:
            return False


def _starts_anew(context: Context, loop: ast.AST, target: Target) -> bool:
    root = target.root.id
    if isinstance(loop, ast.For | ast.AsyncFor | ast.comprehension) and root in context.names_in(loop.target):
        return True
    if not isinstance(loop, _LOOP):
        return False
    if target.node is not target.root and root in _list_stored_names(context, loop):
        return True
    return _is_bound_in(context, loop, target)


def _list_stored_names(context: Context, loop: ast.AST) -> frozenset[str]:
    def find() -> frozenset[str]:
        names = (part for part in ast.walk(loop) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store))
        return frozenset(name.id for name in names)

    return remember(context, ("stored names", loop), find)


def remember(context: Context, key: tuple[object, ...], find: Callable[[], Known]) -> Known:
    """Return what ``find`` returned for ``key`` in this file: all of a file is read once, not once per target."""
    memo = context.facts.memo
    if key not in memo:
        memo[key] = find()
    return cast("Known", memo[key])


def _is_bound_in(context: Context, block: ast.AST, target: Target) -> bool:
    """Return whether a statement of a block gives the target a value that does not depend on the one before."""

    def find() -> dict[str, list[ast.expr]]:
        bound: dict[str, list[ast.expr]] = {}
        for statement in getattr(block, "body", ()) if not isinstance(block, ast.Lambda) else ():
            if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
                targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                for one in targets:
                    for part in one.elts if isinstance(one, ast.Tuple | ast.List) else [one]:
                        bound.setdefault(ast.unparse(part), []).append(statement.value)
        return bound

    values = remember(context, ("bound in", block), find).get(target.text, [])
    return any(not _reads(value, target) for value in values)


def _reads(value: ast.expr, target: Target) -> bool:
    parts = (part for part in ast.walk(value) if isinstance(part, ast.expr))
    return any(is_same_value(part, target.node) or _is_written_as(part, target) for part in parts)


def _is_written_as(part: ast.expr, target: Target) -> bool:
    return type(part) is type(target.node) and ast.unparse(part) == target.text


def is_same_value(node: ast.expr, target: ast.expr) -> bool:
    """Return whether ``node`` reads ``target``: the same source, ``d.get(k, …)`` for ``d[k]``, a call of one of these.

    A class that wraps a dict reads itself: ``self[k]`` counts for ``self._items[k]``.
    """
    match node, target:
        case ast.Call(func=ast.Attribute(value=held, attr="get"), args=[key, *_]), ast.Subscript():
            return _is_item(held, key, target)
        case ast.Call(func=ast.Name(), args=[inner], keywords=[]), _:
            return is_same_value(inner, target)
        case ast.Subscript(value=held, slice=key), ast.Subscript():
            return _is_item(held, key, target)
        case ((ast.Name() | ast.Attribute()), (ast.Name() | ast.Attribute())):
            return type(node) is type(target) and ast.unparse(node) == ast.unparse(target)
        case _:
            return False


def _is_item(held: ast.expr, key: ast.expr, target: ast.Subscript) -> bool:
    if isinstance(key, ast.Slice) or ast.unparse(key) != ast.unparse(target.slice):
        return False
    wanted = ast.unparse(target.value)
    return ast.unparse(held) == wanted or (isinstance(held, ast.Name) and wanted.startswith(f"{held.id}._"))


def shown_types(context: Context, node: ast.expr) -> frozenset[str]:
    """Return the types that the file shows for some values of ``node``; empty if it shows none.

    Unlike :meth:`Context.type_of` this is no promise: of an attribute, the values count that any object of the file
    gets under this name; of an item, those that are stored in the container; else what is called on it.
    """
    match node:  # of one place all references have the same types
        case ast.Name(id=name):
            owner = context.facts.lookup(node)
            if owner is not None and _is_bound_often(context, name, owner):
                return _used_types(context, node)
            key: tuple[object, ...] = "exact types", name, owner
        case ast.Attribute(attr=name, value=ast.Name() as base) if context.facts.class_of_self(base) is not None:
            key = "exact types", name, context.facts.class_of_self(base)
        case _:
            key = "exact types", node
    exact = remember(context, key, lambda: context.type_of(node))
    if exact:
        return exact - {known.NONE} or exact
    return _assigned_types(context, node) or _used_types(context, node)


def _is_bound_often(context: Context, name: str, owner: Scope) -> bool:
    """Return whether a name gets new values, other than by growing, in more places than are followed."""
    kinds = (binding.kind for binding in owner.bindings[name])
    often = ("bound often", name, owner)
    return remember(context, often, lambda: sum(kind is not BindingKind.AUGMENTED for kind in kinds) > _MOST_BINDINGS)


def _assigned_types(context: Context, node: ast.expr) -> frozenset[str]:
    match node:
        case ast.Name(id=name):
            key: tuple[object, ...] = "shown types", name, context.facts.lookup(node)
        case ast.Attribute(attr=name):
            key = "shown types", name
        case _:
            key = "shown types", "", ast.unparse(node)
    memo = context.facts.memo
    if key not in memo:
        memo[key] = frozenset()  # what is found of a value that is computed from itself
        found = (one for types in _list_assigned(context, node) for one in types)
        memo[key] = frozenset(one for one in found if one != known.NONE)
    types = memo[key]
    return types if isinstance(types, frozenset) else frozenset()


def _list_assigned(context: Context, node: ast.expr) -> Iterator[frozenset[str]]:
    match node:
        case ast.Name():
            place = context.place(node)
            yield from (_type_bound(context, binding) for binding in (place.bindings if place is not None else ()))
        case ast.Attribute(attr=name):
            yield from (_type_bound(context, binding) for binding in list_class_bindings(context, name))
            for one, _ in context.facts.attributes(name):
                match context.facts.parent(one):
                    case ast.Assign(targets=targets, value=value) if any(one is target for target in targets):
                        yield context.type_of(value)
                    case ast.AnnAssign(annotation=annotation, target=target) if target is one:
                        yield context.typing.of_annotation(annotation)
        case ast.Call(func=ast.Attribute(attr="setdefault"), args=[_, default]):
            yield context.type_of(default)
        case ast.Subscript(value=held):
            yield from _list_stored(context, ast.unparse(held))


def _type_bound(context: Context, binding: Binding) -> frozenset[str]:
    if binding.annotation is not None:
        return context.typing.of_annotation(binding.annotation)
    value = binding.value
    if value is None or (types := context.type_of(value)):
        return types if value is not None else frozenset()
    if isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Slice):
        value = value.value
    return shown_types(context, value) if isinstance(value, ast.Attribute) else frozenset()


def list_class_bindings(context: Context, name: str) -> list[Binding]:
    """Return the bindings of a name in the bodies of the file's classes."""

    def find() -> dict[str, list[Binding]]:
        found: dict[str, list[Binding]] = {}
        for scope in context.facts.functions:
            for key, bindings in scope.bindings.items() if scope.kind is ScopeKind.CLASS else ():
                found.setdefault(key, []).extend(bindings)
        return found

    return remember(context, ("class bindings",), find).get(name, [])


def _list_stored(context: Context, container: str) -> Iterator[frozenset[str]]:
    """Yield the types of what this file stores in a container: ``c[k] = v``, ``c.setdefault(k, v)``, a defaultdict."""

    def find() -> dict[str, list[ast.expr | str]]:
        found: dict[str, list[ast.expr | str]] = {}
        for text, value in _find_stored(context):
            found.setdefault(text, []).append(value)
        return found

    for value in remember(context, ("stored in",), find).get(container, []):
        yield frozenset({value}) if isinstance(value, str) else context.type_of(value)


def _find_stored(context: Context) -> Iterator[tuple[str, ast.expr | str]]:
    """Yield each container that the file stores something in, with the value, or its type by name."""
    for scope in context.facts.functions:
        for part in scope.nodes.get(ast.Assign, ()):
            match part:
                case ast.Assign(targets=[ast.Subscript(value=held)], value=value):
                    yield ast.unparse(held), value
                case ast.Assign(targets=[target], value=ast.Call(func=function, args=[made, *_])):
                    if context.resolve(function) != "collections.defaultdict":
                        continue
                    name = context.resolve(made)
                    if name is not None:
                        yield ast.unparse(target), name
                    elif isinstance(made, ast.Lambda):
                        yield ast.unparse(target), made.body
        for part in scope.nodes.get(ast.Call, ()):
            match part:
                case ast.Call(func=ast.Attribute(value=held, attr="setdefault"), args=[_, value]):
                    yield ast.unparse(held), value


def _used_types(context: Context, node: ast.expr) -> frozenset[str]:
    """Return the types that have all methods that the file calls on values of this name."""
    called = methods_called(context, node)
    if called & _LIST_ONLY:
        return frozenset() if called & {"popleft", "appendleft", "decode"} else frozenset({known.LIST})
    return frozenset({known.TEXT, known.BYTES}) if called & _TEXT_ONLY else frozenset()


def methods_called(context: Context, node: ast.expr) -> frozenset[str]:
    """Return the methods that the file calls on a name, on attributes of this name, or on this item."""
    match node:
        case ast.Name():
            owner = context.facts.lookup(node)
            references: Iterable[ast.AST] = context.facts.references(node.id, owner) if owner is not None else ()
            key: tuple[object, ...] = ("called on", node.id, owner)
        case ast.Attribute(attr=name):
            references = (one for one, _ in context.facts.attributes(name))
            key = ("called on", name)
        case _:
            references, key = (
                _list_items(context, ast.unparse(node)),
                ("called on", ast.unparse(node), context.function),
            )
    return remember(context, key, lambda: frozenset(_list_methods(context, references)))


def _list_items(context: Context, text: str) -> list[ast.AST]:
    """Return the subscripts of the function that are written so."""

    def find() -> dict[str, list[ast.AST]]:
        found: dict[str, list[ast.AST]] = {}
        for one in context.nodes(ast.Subscript):
            found.setdefault(ast.unparse(one), []).append(one)
        return found

    return remember(context, ("items", context.function), find).get(text, [])


def _list_methods(context: Context, references: Iterable[ast.AST]) -> Iterator[str]:
    for reference in references:
        method = context.facts.parent(reference)
        call = context.facts.parent(method) if isinstance(method, ast.Attribute) else None
        if isinstance(method, ast.Attribute) and isinstance(call, ast.Call) and call.func is method:
            yield method.attr


def ask_target(
    context: Context, target: Target, types: tuple[str, ...], at_least: int = 0, *, needed: bool = False
) -> tuple[Question, ...]:
    """Return the questions for the type of a target's value, and its length; none where no samples can answer."""
    place = target.place
    if place is None or place.kind is PlaceKind.ENCLOSING:
        return ()
    asked = [context.ask(place, Ask.TYPES, expects=types, needed=needed)]
    if at_least:
        asked.append(context.ask(place, Ask.LENGTH, at_least=at_least))
    return tuple(asked)
