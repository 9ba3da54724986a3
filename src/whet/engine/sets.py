"""A set instead of a list, or in addition to it: the edits for lists that are searched."""

from __future__ import annotations

import ast

from whet.engine.context import Context
from whet.engine.hashing import may_be_hashable
from whet.engine.places import Place, PlaceKind, Use
from whet.engine.rewrite import Rewrite
from whet.engine.scopes import Binding, BindingKind, ScopeKind


def may_become_set(context: Context, place: Place) -> bool:
    """Return whether nothing needs what a set lacks: order, duplicates, positions, or being a list."""
    private = place.name.rpartition(".")[2].startswith("_")
    if place.strangers or place.kind is PlaceKind.GLOBAL or (place.kind is PlaceKind.ATTRIBUTE and not private):
        return False
    binding = _starting(place)
    if binding is None or not isinstance(binding.node, ast.Assign):
        return False
    match binding.value:
        case ast.List() | ast.ListComp() | ast.Call(func=ast.Name(id="list"), keywords=[], args=[] | [_]):
            pass
        case _:
            return False
    for reference in place.references:
        use = context.use(reference)
        stored = isinstance(getattr(reference, "ctx", None), ast.Store)
        if use in (Use.TEST, Use.BIND) and (not stored or context.facts.parent(reference) is binding.node):
            continue
        if use not in (Use.APPEND, Use.EXTEND) or stored:
            return False
        call = _call_of(context, reference)
        if call is None or len(call.args) != 1 or call.keywords:
            return False
    return True


def _starting(place: Place) -> Binding | None:
    """Return the one binding that creates the list."""
    made = [binding for binding in place.bindings if binding.kind is BindingKind.VALUE]
    return made[0] if len(made) == 1 else None


def _call_of(context: Context, reference: ast.expr) -> ast.Call | None:
    """Return the call of a method of ``reference``."""
    call = context.facts.parent(context.facts.parent(reference) or reference)
    return call if isinstance(call, ast.Call) else None


def turn_into_set(context: Context, place: Place, rewrite: Rewrite) -> None:
    """Make the edits that turn the place into a set: its initial value, and its growth."""
    if not context.has_builtin("set"):
        rewrite.refuse("`set` is shadowed in this file")
    for binding in place.bindings:
        match binding.value if binding.kind is BindingKind.VALUE else None:
            case ast.List(elts=[]) as value:
                rewrite.replace(value, "set()")
            case ast.List() | ast.ListComp() as value:
                rewrite.rebracket(value, "{", "}")
            case ast.Call() as value:
                rewrite.replace(value.func, "set")
    for reference in place.references:
        method = context.facts.parent(reference)
        new = {Use.APPEND: "add", Use.EXTEND: "update"}.get(context.use(reference))
        if new is not None and isinstance(method, ast.Attribute):
            rewrite.rename_attribute(method, new)


def keep_set_beside(context: Context, place: Place, rewrite: Rewrite) -> None:
    """Make the edits that add a set next to the list, keep both in step, and test membership on the set."""
    binding = _starting(place)
    if binding is None or not _can_have_twin(context, place, binding):
        rewrite.refuse(f"there is no single place where {place.name} and a set could be created")
        return
    start = binding.node
    target = place.name if place.kind is not PlaceKind.ATTRIBUTE else _target_of(binding)
    twin = _name_twin(place, rewrite, binding)
    empty = binding.value is not None and ast.unparse(binding.value) in ("[]", "list()")
    made = _beside(context, target, twin)
    if isinstance(start, ast.stmt):
        rewrite.insert_after(start, f"{made} = {'set()' if empty else f'set({target})'}")
    for reference in place.references:
        use = context.use(reference)
        beside = _beside(context, rewrite.text(reference), twin)
        if use is Use.TEST:
            rewrite.replace(reference, beside)
        elif use in (Use.APPEND, Use.EXTEND):
            _add_to_twin(context, reference, beside, rewrite)
        elif use is Use.BIND and not isinstance(getattr(reference, "ctx", None), ast.Store):
            statement = context.facts.parent(_call_of(context, reference) or reference)
            if isinstance(statement, ast.Expr):
                rewrite.insert_after(statement, f"{beside}.clear()")
            else:
                rewrite.refuse(f"{place.name} is emptied in the middle of an expression")


def _target_of(binding: Binding) -> str:
    match binding.node:
        case ast.Assign(targets=[target]) | ast.AnnAssign(target=target):
            return ast.unparse(target)
        case _:
            return ""


def _beside(context: Context, text: str, twin: str) -> str:
    """Return the source of the set where the source of the list is ``text``."""
    owner, dot, _ = text.rpartition(".")
    return f"{owner}{dot}{twin}"


def _name_twin(place: Place, rewrite: Rewrite, binding: Binding) -> str:
    name = place.name.rpartition(".")[2]
    plain = name.strip("_")
    if place.kind is PlaceKind.GLOBAL:
        wanted = f"_{plain}_SET" if name.isupper() else f"_{plain}_set"
    elif place.kind is PlaceKind.ATTRIBUTE:
        wanted = f"__{plain}_set" if name.startswith("__") else f"_{plain}_set"
    else:
        return rewrite.fresh(f"{name}_set")
    return rewrite.fresh(wanted, f"set for {place.name} {getattr(binding.node, 'lineno', 0)}")


def _can_have_twin(context: Context, place: Place, binding: Binding) -> bool:
    """Return whether a set can be created just after the list, in the same scope, with the same lifetime."""
    match binding.node:
        case ast.Assign(targets=[_]) | ast.AnnAssign(value=ast.expr()):
            pass
        case _:
            return False
    home: ast.AST | None = context.facts.parent(binding.node)
    while home is not None and not isinstance(home, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
        home = context.facts.parent(home)
    if place.kind is not PlaceKind.ATTRIBUTE:
        return home is place.owner.node
    if isinstance(home, ast.ClassDef) and "set" in place.owner.bindings:
        return False
    made_anew = isinstance(binding.value, ast.Call) and context.resolve(binding.value.func) == "dataclasses.field"
    return not made_anew and not is_closed(place.owner.node)


def is_closed(node: ast.AST) -> bool:
    """Return whether a class controls its instances' attributes: slots, or its own copying and pickling."""
    if not isinstance(node, ast.ClassDef):
        return True
    special = {"__slots__", "__getstate__", "__setstate__", "__reduce__", "__reduce_ex__", "__copy__", "__deepcopy__"}
    named = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
    for item in node.body:
        if isinstance(item, ast.Assign | ast.AnnAssign):
            targets = item.targets if isinstance(item, ast.Assign) else [item.target]
            named.update(target.id for target in targets if isinstance(target, ast.Name))
    return bool(special & named) or any("slots" in ast.unparse(decorator) for decorator in node.decorator_list)


def _add_to_twin(context: Context, reference: ast.expr, twin: str, rewrite: Rewrite) -> None:
    """Add to the set whatever is added to the list; the added value is evaluated once."""
    parent = context.facts.parent(reference)
    grows_by_one = context.use(reference) is Use.APPEND
    if isinstance(parent, ast.AugAssign):
        statement: ast.AST | None = parent
        added = parent.value
    else:
        call = _call_of(context, reference)
        statement = context.facts.parent(call) if call is not None else None
        if call is None or len(call.args) != 1 or call.keywords or isinstance(call.args[0], ast.Starred):
            rewrite.refuse("it grows in an unsupported way")
            return
        added = call.args[0]
    if not isinstance(statement, ast.Expr | ast.AugAssign):
        rewrite.refuse("it grows in the middle of an expression")
        return
    text = rewrite.text(added)
    if not grows_by_one or not isinstance(added, ast.Name | ast.Constant):
        new = rewrite.fresh("added")
        display = grows_by_one or isinstance(added, ast.List | ast.ListComp)
        made = f"list{text}" if isinstance(added, ast.GeneratorExp) else f"list({text})"
        rewrite.insert_before(statement, f"{new} = {text if display else made}")
        rewrite.replace(added, new)
        text = new
    rewrite.insert_after(statement, f"{twin}.{'add' if grows_by_one else 'update'}({text})")


def groups_may_be_sets(context: Context, place: Place) -> bool:
    """Return whether the place is a dict of lists that are only added to and searched, so that sets would do."""
    private = place.name.rpartition(".")[2].startswith("_")
    start = _starting(place)
    if place.strangers or start is None or not isinstance(start.node, ast.Assign) or len(place.bindings) != 1:
        return False
    if place.kind is not PlaceKind.LOCAL and not (place.kind is PlaceKind.ATTRIBUTE and private):
        return False
    match start.value:
        case ast.Dict(keys=[]):
            pass
        case ast.Call(func=function, args=[ast.Name() as factory], keywords=[]):
            if context.resolve(function) != "collections.defaultdict" or context.resolve(factory) != "builtins.list":
                return False
        case _:
            return False
    kinds = [_use_of_group(context, r) for r in place.references if context.facts.parent(r) is not start.node]
    return "adds" in kinds and "" not in kinds


def _use_of_group(context: Context, reference: ast.expr) -> str:
    """Return how a dict of lists, or one of them, is used: ``adds``, ``asks``, or unknown."""
    above = context.facts.parent(reference)
    outer = context.facts.parent(above) if above is not None else None
    match above, outer:
        case ast.Subscript(ctx=ast.Load()), ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[group]):
            return "asks" if group is above else ""
        case ast.Subscript(ctx=ast.Load()), ast.Attribute():
            return "adds" if _adds_one(context, outer) else ""
        case ast.Subscript(ctx=ast.Store()), ast.Assign(targets=[_], value=ast.List(elts=[])):
            return "asks"
        case ast.Attribute(attr="setdefault"), ast.Call(args=[_, ast.List(elts=[])], keywords=[]):
            method = context.facts.parent(outer)
            return "adds" if isinstance(method, ast.Attribute) and _adds_one(context, method) else ""
        case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[container]), _:
            return "asks" if container is reference else ""
        case _:
            return ""


def _adds_one(context: Context, method: ast.Attribute) -> bool:
    call = context.facts.parent(method)
    if method.attr != "append" or not isinstance(call, ast.Call) or len(call.args) != 1 or call.keywords:
        return False
    return isinstance(context.facts.parent(call), ast.Expr) and may_be_hashable(context, call.args[0])


def turn_groups_into_sets(context: Context, place: Place, rewrite: Rewrite) -> None:
    """Make the edits that turn a dict of lists into one of sets."""
    if not context.has_builtin("set"):
        rewrite.refuse("`set` is shadowed in this file")
    for binding in place.bindings:
        if isinstance(binding.value, ast.Call):
            rewrite.replace(binding.value.args[0], "set")
    for reference in place.references:
        above = context.facts.parent(reference)
        outer = context.facts.parent(above) if above is not None else None
        match above, outer:
            case ast.Subscript(), ast.Attribute():
                rewrite.rename_attribute(outer, "add")
            case ast.Subscript(), ast.Assign(value=empty):
                rewrite.replace(empty, "set()")
            case ast.Attribute(), ast.Call(args=[_, empty]):
                rewrite.replace(empty, "set()")
                method = context.facts.parent(outer)
                if isinstance(method, ast.Attribute):
                    rewrite.rename_attribute(method, "add")


def build_set_before_loop(context: Context, place: Place, test: ast.Compare, rewrite: Rewrite) -> None:
    """Make the edits that build a set of the list before the outermost loop around ``test``, and test on that."""
    loops = context.loops(test)
    statement = context.facts.statement(loops[-1]) if loops else None
    if statement is None or context.function.kind is not ScopeKind.FUNCTION:
        rewrite.refuse("the caller has to pass a set")
        return
    statement = context.whole_if(statement)
    known = rewrite.fresh(f"{place.name}_set")
    for reference in place.references:
        use = context.use(reference)
        inside = context.is_inside(reference, statement)
        if use in (Use.APPEND, Use.EXTEND) or (inside and use in (Use.BIND, Use.DELETE, Use.ESCAPE)):
            rewrite.refuse(f"{place.name} changes while it is tested")
        if use is Use.TEST and inside:
            rewrite.replace(reference, known)
    rewrite.insert_before(statement, f"{known} = set({place.name})")
