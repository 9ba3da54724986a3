"""Growth by copying, on any target: what is advised where no edit can be made."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeGuard

from whet.engine import known
from whet.engine.context import Context
from whet.engine.growing import Growth, flatten_sum, is_text, list_growths
from whet.engine.places import PlaceKind, Use
from whet.engine.scopes import BindingKind, ScopeKind
from whet.engine.targets import (
    Target,
    is_same_value,
    keeping_loops,
    meets_again,
    read_target,
    remember,
    shown_types,
)
from whet.records import dataclass

TEXTS = frozenset({known.TEXT, known.BYTES})
_COPIED = TEXTS | {known.TUPLE}
"""Types that ``+=`` copies; ``a = a + b`` copies lists, too."""
_KEEPING = frozenset({Use.ESCAPE, Use.RETURN, Use.ITERATE})
_JOINING = frozenset({"format", "join"})
_PADDING = frozenset({"center", "ljust", "rjust", "zfill"})


@dataclass(frozen=True, slots=True)
class Copying:
    """A statement that gives ``target`` a longer copy of its value. ``kinds`` are types that it may have."""

    statement: Growth
    target: Target
    pieces: tuple[ast.expr, ...]
    kinds: frozenset[str]
    shown: bool
    """Whether the source shows the kinds; else values seen have to."""
    reassembled: bool = False
    """Whether the value is put together again from parts that it was taken apart into."""


def list_copying(context: Context) -> list[Copying]:
    """Return the statements of a function that copy a growing value, and that meet it again."""
    return remember(context, ("copying", context.function), lambda: [*_find_copying(context)])


def _find_copying(context: Context) -> Iterator[Copying]:
    if context.function.kind is ScopeKind.CLASS or context.is_dynamic:
        return
    for statement, node in list_growths(context):
        parts = _reassembled(context, statement, node)
        if parts is not None and (whole := read_target(context, node)) is not None:
            yield Copying(statement, whole, tuple(parts), frozenset({known.LIST}), shown=False, reassembled=True)
            continue
        rest = _kept_rest(context, statement)
        if rest is not None and (kept := read_target(context, rest)) is not None:
            kinds = shown_types(context, rest) & TEXTS
            if kinds:
                yield Copying(statement, kept, (rest,), kinds, shown=True)
            continue
        pieces = _read_pieces(statement, node)
        target = read_target(context, node) if pieces is not None else None
        if pieces is None or target is None:
            continue
        alias = node is target.root and context.facts.lookup(target.root) is context.function
        again = keeping_loops(context, statement, target) if alias else meets_again(context, statement, target)
        if not again or _grows_in_place(context, statement, target, pieces):
            continue
        if _is_needed_each_time(context, statement, target):
            continue
        kinds, shown = _find_kinds(context, statement, target, pieces)
        if kinds:
            yield Copying(statement, target, tuple(pieces), kinds, shown)


def _kept_rest(context: Context, statement: Growth) -> ast.Attribute | None:
    """Return the attribute that keeps what is left of the input, where what comes is put behind it.

    ``data = self.rest + data``, of a parameter, in a class that stores such data in ``self.rest``.
    """
    match statement if context.measured else None:
        case ast.Assign(
            targets=[ast.Name()], value=ast.BinOp(left=ast.Attribute() as rest, op=ast.Add(), right=ast.Name() as new)
        ):
            pass
        case _:
            return None
    owner = context.facts.lookup(new)
    given = owner.bindings[new.id] if owner is context.function else []
    if not any(binding.kind is BindingKind.PARAMETER for binding in given):
        return None
    place = context.place(rest)
    stored = (binding.value for binding in (place.bindings if place is not None else ()))
    return rest if any(isinstance(value, ast.Name | ast.Subscript) for value in stored) else None


def _is_needed_each_time(context: Context, statement: Growth, target: Target) -> bool:
    """Return whether something keeps the value between two steps, so that there must be a copy for each."""
    place = target.place
    if place is None:
        return False

    def find() -> tuple[bool, list[ast.expr]]:
        shared = any(len(getattr(binding.node, "targets", ())) > 1 for binding in place.bindings)
        return shared, [reference for reference in place.references if context.use(reference) in _KEEPING]

    shared, kept = remember(context, ("kept", place.name, place.owner), find)
    if shared:
        return True
    loops = keeping_loops(context, statement, target)
    around = loops[-1] if loops else context.function.node
    for reference in kept:
        inside = context.is_inside(reference, around) and not context.is_inside(reference, statement)
        if inside and context.scope_of(reference) is context.function and not _is_last(context, reference, target):
            return True
    return False


def _is_last(context: Context, reference: ast.expr, target: Target) -> bool:
    """Return whether the value is started anew after a use of it, in the same block: that one use needs one copy."""
    statement: ast.stmt | None = context.facts.statement(reference)
    while statement is not None and (statement := context.facts.next_statement(statement)) is not None:
        match statement:
            case ast.Assign(targets=[one], value=ast.Constant()) if ast.unparse(one) == target.text:
                return True
    return False


def _read_pieces(statement: Growth, target: ast.expr) -> list[ast.expr] | None:  # noqa: PLR0911 - one return a form
    """Return what a statement adds to ``target``; ``None`` if it does not extend it."""
    value = statement.value
    if isinstance(statement, ast.AugAssign):
        return [value] if isinstance(statement.op, ast.Add) else None
    match value:
        case ast.BinOp(op=ast.Add()):
            return _without(flatten_sum(value), target) or _spliced(flatten_sum(value), target)
        case ast.JoinedStr(values=parts):
            fields = [part.value if _is_plain(part) else part for part in parts]
            return _without(fields, target)
        case ast.BinOp(left=ast.Constant(value=str() | bytes()), op=ast.Mod(), right=ast.Tuple(elts=items)):
            return _without(items, target)
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str() | bytes()), attr=name), args=args) if (
            name in _JOINING
        ):
            inside = args[0].elts if name == "join" and args and isinstance(args[0], ast.List | ast.Tuple) else args
            return _without(inside, target)
        case ast.Call(func=ast.Attribute(value=padded, attr=name)) if name in _PADDING:
            return [value] if is_same_value(padded, target) else None
        case ast.List(elts=items) | ast.Tuple(elts=items) if any(isinstance(item, ast.Starred) for item in items):
            return _without([item.value if isinstance(item, ast.Starred) else item for item in items], target)
        case ast.Dict(keys=[None, *_], values=[first, *others]) if others and is_same_value(first, target):
            return others
        case _:
            return None


def _spliced(operands: list[ast.expr], target: ast.expr) -> list[ast.expr] | None:
    """Return what is put into the target: ``x = x[:i] + new + x[j:]``."""
    kept = [part for part in operands if isinstance(part, ast.Subscript) and isinstance(part.slice, ast.Slice)]
    own = [part for part in kept if is_same_value(part.value, target)]
    others = [part for part in operands if not any(part is one for one in own)]
    return others if len(own) == 2 and others else None


def _reassembled(context: Context, statement: Growth, target: ast.expr) -> list[ast.expr] | None:
    """Return the parts that a loop takes a container apart into and puts together again: ``a, b = f(x); x = a + b``."""
    loops = context.loops(statement)
    if not loops or isinstance(statement, ast.AugAssign) or not isinstance(target, ast.Name):
        return None
    operands = flatten_sum(statement.value)
    parted = (_is_part(context, operand, target, loops[0]) for operand in operands)
    return operands if operands and all(parted) and _has_length(context, target) else None


def _is_part(context: Context, operand: ast.expr, target: ast.Name, loop: ast.AST) -> bool:
    """Return whether a loop binds a name to a part of what it gets by passing the target to a call."""
    place = context.place(operand) if isinstance(operand, ast.Name) and operand.id != target.id else None
    for binding in place.bindings if place is not None else ():
        match context.facts.statement(binding.node):
            case ast.Assign(targets=[ast.Tuple() | ast.List()], value=ast.Call(args=args)) as parting:
                given = any(is_same_value(argument, target) for argument in args)
                return given and context.is_inside(parting, loop)
    return False


def _has_length(context: Context, target: ast.Name) -> bool:
    """Return whether the function takes the length of a value, which is no number then."""
    calls = context.nodes(ast.Call)
    return any(
        len(call.args) == 1
        and is_same_value(call.args[0], target)
        and context.resolve(call.func) in ("builtins.len", "builtins.iter")
        for call in calls
    )


def _is_plain(part: ast.expr) -> TypeGuard[ast.FormattedValue]:
    """Return whether an f-string has the text itself there, not a representation of it."""
    return isinstance(part, ast.FormattedValue) and part.format_spec is None and part.conversion in (-1, ord("s"))


def _without(operands: list[ast.expr], target: ast.expr) -> list[ast.expr] | None:
    """Return the operands other than the target; ``None`` if it is not one of them, or more than one."""
    others = [operand for operand in operands if not is_same_value(operand, target)]
    return others if others and len(others) == len(operands) - 1 else None


def _grows_in_place(context: Context, statement: Growth, target: Target, pieces: list[ast.expr]) -> bool:
    """Return whether CPython extends a string in place: a local, in the one form that it knows."""
    place = target.place
    if place is None or place.kind not in (PlaceKind.LOCAL, PlaceKind.PARAMETER):
        return False
    if not isinstance(statement, ast.AugAssign) and _spliced(flatten_sum(statement.value), target.node):
        return False
    if isinstance(statement, ast.AugAssign):
        types = shown_types(context, target.node)
        return known.BYTES not in types and types != {known.TUPLE}
    first = flatten_sum(statement.value)[:1]
    return len(pieces) == 1 and bool(first) and is_same_value(first[0], target.node) and not (
        shown_types(context, target.node) & {known.BYTES, known.LIST, known.TUPLE}
    )  # fmt: skip


def _find_kinds(
    context: Context, statement: Growth, target: Target, pieces: list[ast.expr]
) -> tuple[frozenset[str], bool]:
    """Return the types that are copied here, and whether the source shows them."""
    made = _find_made(statement)
    if made:
        return frozenset({made}), True
    written = frozenset(one for piece in pieces for one in _written_type(context, piece))
    copied = _COPIED if isinstance(statement, ast.AugAssign) else _COPIED | {known.LIST}
    types = shown_types(context, target.node)
    if not types <= copied and not (written and types & copied):
        return frozenset(), True
    return (written or types) & copied, bool(written or types)


def _find_made(statement: Growth) -> str:
    """Return the type that an assignment makes in any case, by its form; empty if it depends on the operands."""
    if isinstance(statement, ast.AugAssign):
        return ""
    match statement.value:
        case ast.JoinedStr() | ast.Call() | ast.BinOp(op=ast.Mod()):
            return known.TEXT
        case ast.Dict():
            return known.DICT
        case ast.List():
            return known.LIST
        case ast.Tuple():
            return known.TUPLE
        case _:
            return ""


def _written_type(context: Context, piece: ast.expr) -> frozenset[str]:
    if is_text(context, piece):
        return frozenset({known.TEXT})
    if isinstance(piece, ast.Name) and context.facts.only_binding(piece) is None:
        return frozenset()  # a loop variable of a long script has hundreds of bindings
    types = context.type_of(piece)
    return types if len(types) == 1 and types <= {*_COPIED, known.LIST} else frozenset()
