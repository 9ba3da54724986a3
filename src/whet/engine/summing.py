"""Loops that add up the elements of a sequence, by element or by index."""

from __future__ import annotations

import ast

from whet.engine.arrays import array_state, range_stop
from whet.engine.context import Context
from whet.engine.places import PlaceKind
from whet.engine.scopes import BindingKind
from whet.engine.targets import remember
from whet.model.finding import Ask, Question

_NUMBERS = ("builtins.int", "builtins.float", "builtins.bool")


def find_summed(
    context: Context, loop: ast.For, value: ast.expr, kept: ast.expr, *, numpy: bool
) -> tuple[ast.expr, str, bool] | None:
    """Return what is added up if it may be a list of numbers, and is not ``kept``, which the loop changes.

    These are the sequence, the source of its slice, and whether the source shows that the slice is in range.
    """
    part = _find_part(context, loop, value)
    if part is None or array_state(context, part[0]) == "yes":
        return None
    sequence = part[0]
    if numpy and context.type_of(sequence) != {"builtins.list"}:
        return None
    if {one for one in context.element_of(sequence) if one not in _NUMBERS}:
        return None
    same = context.place(sequence) is context.place(kept)
    return None if same or context.facts.resolve(sequence) is not None else part


def _find_part(context: Context, loop: ast.For, value: ast.expr) -> tuple[ast.expr, str, bool] | None:
    """Return the sequence, the source of what is added up, and whether the source shows that it is in range."""
    counter = loop.target.id if isinstance(loop.target, ast.Name) else ""
    if isinstance(value, ast.Name) and value.id == counter:
        known = isinstance(loop.iter, ast.Name | ast.Attribute)
        return (loop.iter, ast.unparse(loop.iter), True) if known and context.place(loop.iter) is not None else None
    stop = range_stop(context, loop.iter)
    if stop is None or not isinstance(value, ast.Subscript) or context.place(value.value) is None:
        return None
    sequence = ast.unparse(value.value)
    match value.slice:
        case ast.Name(id=name) if name == counter:
            whole = ast.unparse(stop) == f"len({sequence})"
            known = isinstance(context.constant(stop), int)
            return (
                (value.value, sequence if whole else f"{sequence}[:{ast.unparse(stop)}]", whole)
                if (whole or known)
                else None
            )
        case ast.BinOp(left=ast.Name() as left, op=ast.Add(), right=ast.Name() as right) if (left.id == counter) != (
            right.id == counter
        ):
            base = right if left.id == counter else left
            count = context.constant(stop)
            if not isinstance(count, int) or count < 1 or base.id in context.written_in(loop):
                return None
            text = ast.unparse(stop)
            sure = _is_window(context, loop, base, sequence, text)
            return value.value, f"{sequence}[{base.id}:{base.id} + {text}]", sure
    return None


def _is_window(context: Context, loop: ast.For, base: ast.Name, sequence: str, count: str) -> bool:
    """Return whether ``base`` iterates over the starts of all windows of the sequence in an outer loop."""
    for outer in context.loops(loop):
        if not isinstance(outer, ast.For) or ast.unparse(outer.target) != base.id:
            continue
        stop = range_stop(context, outer.iter)
        text = ast.unparse(stop) if stop is not None else ""
        stores = [n for n in context.nodes(ast.Name) if n.id == base.id and isinstance(n.ctx, ast.Store)]
        unchanged = sequence not in context.written_in(outer) and len(stores) == 1
        return unchanged and text in (f"len({sequence}) - {count} + 1", f"len({sequence}) - {count}")
    return False


def ask_numbers(context: Context, sequence: ast.expr, *, indexed: bool) -> tuple[Question, ...]:
    """Return what to ask about a sequence that should be of numbers, and not a dict if it is ``indexed``."""
    place = context.place(sequence)
    if place is None:
        return ()
    kinds = ("builtins.list", "builtins.tuple", "builtins.bytes", "array.array") if indexed else ()
    return (
        context.ask(place, Ask.TYPES, expects=kinds, excludes=("numpy.ndarray", "builtins.dict")),
        context.ask(place, Ask.ELEMENTS, expects=_NUMBERS),
    )


def is_number(context: Context, node: ast.expr) -> bool:
    """Return whether a local starts as a number and is only ever added to."""
    place = context.place(node)
    if place is None or place.kind is not PlaceKind.LOCAL:
        return False

    def starts_as_number() -> bool:
        values = [binding.value for binding in place.bindings if binding.kind is not BindingKind.AUGMENTED]
        numbers = (isinstance(value, ast.Constant) and type(value.value) in (int, float) for value in values)
        return bool(values) and all(numbers)

    return remember(context, ("starts as a number", place.name, place.owner), starts_as_number)


def is_read_outside(context: Context, total: ast.Name, loop: ast.For) -> bool:
    """Return whether anything but ``loop`` reads ``total``."""
    place = context.place(total)
    return place is None or any(
        isinstance(getattr(reference, "ctx", None), ast.Load) and not context.is_inside(reference, loop)
        for reference in place.references
    )
