"""Strings kept in pieces: the edits by which each step appends, and the pieces are joined after the loop or on read."""

from __future__ import annotations

import ast

from whet.engine.context import Context
from whet.engine.deferring import Loop, find_empty_start, find_obstacle, is_seen_after_exception
from whet.engine.growing import Growth, read_growth, take_piece
from whet.engine.places import Place
from whet.engine.rewrite import Rewrite
from whet.engine.scopes import BindingKind

_SPECIAL = frozenset({"__slots__", "__getattr__", "__getattribute__", "__setattr__", "__getstate__", "__reduce__"})
_PROPERTY = """
@property
def {name}(self):
    return "".join(self.{parts})

@{name}.setter
def {name}(self, text):
    self.{parts} = [text]"""


def collect_in_loop(context: Context, place: Place, loop: Loop, steps: list[Growth], rewrite: Rewrite) -> None:
    """Let the ``steps`` in ``loop`` append to a list, which is joined when the loop ends."""
    target = steps[0].target if isinstance(steps[0], ast.AugAssign) else steps[0].targets[0]
    obstacle = find_obstacle(context, place, loop)
    if obstacle:
        rewrite.refuse(obstacle)
        return
    parts = rewrite.fresh(f"{place.name.rpartition('.')[2].strip('_')}_parts")
    ends = set()
    for step in steps:
        in_front, piece = take_piece(context, step, rewrite)
        ends.add(in_front)
        rewrite.replace(step, f"{parts}.append({piece})")
    if len(ends) > 1:
        rewrite.refuse("it grows at both ends")
    text = rewrite.text(target)
    start = find_empty_start(context, place, loop)
    if start is not None:
        rewrite.replace(start, f"{parts} = []")
    else:
        rewrite.insert_before(loop, f"{parts} = [{text}]")
        if context.may_be_none(place):
            rewrite.refuse(f"{place.name} may be None in a run that never adds to it")
    collected = f"reversed({parts})" if True in ends else parts
    if True in ends and not context.has_builtin("reversed"):
        rewrite.refuse("`reversed` is shadowed in this file")
    joined = f'{text} = "".join({collected})'
    if is_seen_after_exception(context, place, loop):
        rewrite.enclose(loop, "try:", f"finally:\n    {joined}")
    else:
        rewrite.insert_after(loop, joined)


def collect_in_attribute(context: Context, place: Place, rewrite: Rewrite) -> None:
    """Let a private attribute hold the pieces: each step appends, each read joins."""
    _refuse_copies(context, rewrite)
    done: list[ast.AST] = []
    for binding in place.bindings:
        node = binding.node
        target = node.target if isinstance(node, ast.AugAssign) else getattr(node, "targets", [None])[0]
        if isinstance(node, Growth) and target is not None and read_growth(node, target) is not None:
            in_front, piece = take_piece(context, node, rewrite)
            if in_front:
                rewrite.refuse("the pieces are added in front")
            rewrite.replace(node, f"{rewrite.text(target)}.append({piece})")
            done.append(node)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and len(node.targets) == 1:
            rewrite.replace(node.value, "[]" if node.value.value == "" else f"[{rewrite.text(node.value)}]")
            done.append(node)
        else:
            rewrite.refuse(f"{place.name} is initialized in an unsupported way")
    for reference in (*place.references, *place.strangers):
        if context.facts.statement(reference) in done:
            continue
        if not isinstance(getattr(reference, "ctx", None), ast.Load) or context.facts.loops(reference):
            rewrite.refuse(f"{place.name} is read repeatedly, or changed elsewhere")
        rewrite.replace(reference, f'"".join({rewrite.text(reference)})')


def collect_behind_property(context: Context, place: Place, rewrite: Rewrite) -> None:
    """Turn a public attribute into a property: each step appends to a list, each read joins.

    A read leaves the list as it is: another thread may be appending to it.
    """
    _refuse_copies(context, rewrite)
    name, start = place.name.rpartition(".")[2], _find_plain_init(place)
    if start is None:
        rewrite.refuse(f"{place.name} grows over many calls, and its class does not allow a property")
        return
    parts = rewrite.fresh(f"_{name}_parts", f"the pieces of {name}")
    for binding in place.bindings:
        node = binding.node
        target = node.target if isinstance(node, ast.AugAssign) else getattr(node, "targets", [None])[0]
        if not isinstance(node, Growth) or not isinstance(target, ast.Attribute) or read_growth(node, target) is None:
            continue
        in_front, piece = take_piece(context, node, rewrite)
        if in_front:
            rewrite.refuse("the pieces are added in front")
        rewrite.replace(node, f"{rewrite.text(target.value)}.{parts}.append({piece})")
    if any(isinstance(getattr(reference, "ctx", None), ast.Del) for reference in (*place.references, *place.strangers)):
        rewrite.refuse(f"{place.name} is deleted elsewhere")
    rewrite.insert_after(start, _PROPERTY.format(name=name, parts=parts))


def _refuse_copies(context: Context, rewrite: Rewrite) -> None:
    """Refuse where the file makes shallow copies of objects: original and copy would share the list."""
    facts = context.facts
    named = (node for node, _ in facts.attributes("copy"))
    imported = (b.origin for bindings in facts.module.bindings.values() for b in bindings)
    if any(facts.resolve(node) == "copy.copy" for node in named) or "copy.copy" in imported:
        rewrite.refuse("this file copies objects with copy.copy, and the copies would share the list of pieces")


def _find_plain_init(place: Place) -> ast.FunctionDef | None:
    """Return the ``__init__`` that initializes an attribute, of a class without bases, metaclass or similar."""
    node, bound = place.owner.node, place.owner.bindings
    if not isinstance(node, ast.ClassDef) or node.bases or node.keywords or node.decorator_list:
        return None
    if place.name.rpartition(".")[2] in bound or not _SPECIAL.isdisjoint(bound):
        return None
    starts = [binding.node for binding in place.bindings if binding.kind is BindingKind.VALUE]
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and each.name == "__init__" and not each.decorator_list:
            return each if any(start in each.body for start in starts) else None
    return None
