"""Places that hold a value: a local, a module's global, an attribute of ``self``; and how they are used."""

from __future__ import annotations

import ast
from dataclasses import field
from enum import StrEnum

from whet.engine.facts import Facts
from whet.engine.scopes import Binding, BindingKind, Scope, ScopeKind
from whet.records import dataclass


class PlaceKind(StrEnum):
    """The kind of a place, seen from the examined function."""

    LOCAL = "local"
    PARAMETER = "parameter"
    ENCLOSING = "enclosing"
    """A local of an enclosing function, or a local shared with a nested one."""
    GLOBAL = "global"
    ATTRIBUTE = "attribute"


@dataclass(frozen=True, slots=True)
class Place:
    """One place: every node of the file that refers to it, and everything that it is bound to.

    ``name`` is as a question calls it (``seen``, ``self.seen``).
    ``strangers`` are attributes of the same name on other objects: they may be
    this one by another way.
    """

    name: str
    kind: PlaceKind
    owner: Scope
    bindings: tuple[Binding, ...]
    references: tuple[ast.expr, ...]
    strangers: tuple[ast.Attribute, ...] = ()
    starts: tuple[ast.AST, ...] = field(init=False, compare=False)
    """Bindings that replace its value, rather than extending it."""

    def __post_init__(self) -> None:
        growing = (BindingKind.AUGMENTED, BindingKind.PARAMETER)
        object.__setattr__(self, "starts", tuple(b.node for b in self.bindings if b.kind not in growing))


class Use(StrEnum):
    """How one reference uses the value of a place."""

    BIND = "bind"
    DELETE = "delete"
    TEST = "test"
    """Right side of ``in``."""
    ITERATE = "iterate"
    READ = "read"
    """``len``, ``x[i]``, truth, a method or builtin that leaves it as it is."""
    APPEND = "append"
    EXTEND = "extend"
    ORDER = "order"
    """``sort`` and ``reverse``."""
    MUTATE = "mutate"
    RETURN = "return"
    ESCAPE = "escape"
    """Passed to code that may keep or change it."""


_READING_BUILTINS = frozenset(
    f"builtins.{name}"
    for name in (
        *("all", "any", "bool", "dict", "enumerate", "filter", "frozenset", "isinstance", "iter", "len", "list", "map"),
        *("max", "min", "print", "range", "repr", "reversed", "set", "sorted", "str", "sum", "tuple", "type", "zip"),
    )
)
_CHOOSING = frozenset({"builtins.max", "builtins.min"})
_CONSUMING = frozenset(
    f"builtins.{name}"
    for name in ("all", "any", "dict", "frozenset", "list", "max", "min", "set", "sorted", "sum", "tuple")
)
_METHODS = {
    "append": Use.APPEND,
    "clear": Use.BIND,
    "copy": Use.READ,
    "count": Use.READ,
    "extend": Use.EXTEND,
    "index": Use.READ,
    "join": Use.READ,
    "reverse": Use.ORDER,
    "sort": Use.ORDER,
}


def find_place(facts: Facts, node: ast.expr, function: Scope) -> Place | None:
    """Return the place that ``node`` refers to in ``function``; ``None`` for others and a class's own name."""
    if isinstance(node, ast.Attribute):
        of = facts.class_of_self(node.value)
        if of is None or not isinstance(node.value, ast.Name):
            return None
        key: object = (node.value.id, node.attr, of)
        if key not in facts.memo:
            facts.memo[key] = _find_attribute(facts, node, of, node.value.id)
    elif isinstance(node, ast.Name):
        owner = facts.lookup(node)
        if owner is None:
            return None
        key = (node.id, owner, function)
        if key not in facts.memo:
            facts.memo[key] = _find_name(facts, node, owner, function)
    else:
        return None
    place = facts.memo[key]
    return place if isinstance(place, Place) else None


def _find_name(facts: Facts, node: ast.Name, owner: Scope, function: Scope) -> Place | None:
    if owner.kind in (ScopeKind.CLASS, ScopeKind.COMPREHENSION):
        return None
    if owner is facts.module and facts.module.star_import:
        return None
    bindings = tuple(owner.bindings[node.id])
    references = facts.references(node.id, owner)
    # `nonlocal` needs the binding, even where the function that declares it does not use the name.
    declared = node.id in facts.nonlocal_names
    shared = declared or any(facts.scope_of(reference).owner is not owner for reference in references)
    if owner is facts.module:
        kind = PlaceKind.GLOBAL
    elif owner is not function or shared:
        kind = PlaceKind.ENCLOSING
    elif any(binding.kind is BindingKind.PARAMETER for binding in bindings):
        kind = PlaceKind.PARAMETER
    else:
        kind = PlaceKind.LOCAL
    return Place(node.id, kind, owner, bindings, references)


def _find_attribute(facts: Facts, node: ast.Attribute, owner: Scope, self_name: str) -> Place:
    own, strangers = facts.split_attributes(node.attr, owner)
    bindings = [*owner.bindings.get(node.attr, ())]
    stores = (node for node in own if isinstance(node.ctx, ast.Store))
    bindings.extend(_attribute_binding(facts, node) for node in stores)
    return Place(f"{self_name}.{node.attr}", PlaceKind.ATTRIBUTE, owner, tuple(bindings), tuple(own), tuple(strangers))


def _attribute_binding(facts: Facts, target: ast.Attribute) -> Binding:
    match facts.parent(target):
        case ast.Assign() as node if target in node.targets:
            return Binding(BindingKind.VALUE, node, node.value)
        case ast.AnnAssign(value=ast.expr() as value) as node:
            return Binding(BindingKind.VALUE, node, value, annotation=node.annotation)
        case ast.AnnAssign() as node:
            return Binding(BindingKind.DECLARED, node, annotation=node.annotation)
        case ast.AugAssign() as node:
            return Binding(BindingKind.AUGMENTED, node, node.value)
        case _:
            return Binding(BindingKind.OTHER, target)


def use_of(facts: Facts, reference: ast.expr) -> Use:  # noqa: PLR0911, PLR0912 - one return a kind of node
    """Return how ``reference`` uses the value of its place."""
    parent = facts.parent(reference)
    context = getattr(reference, "ctx", None)
    if isinstance(context, ast.Del):
        return Use.DELETE
    if isinstance(context, ast.Store):
        if isinstance(parent, ast.AugAssign):
            return Use.EXTEND if isinstance(parent.op, ast.Add) else Use.MUTATE
        return Use.BIND
    while isinstance(parent, ast.BoolOp) or (isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not)):
        if isinstance(parent, ast.UnaryOp):
            return Use.READ
        reference, parent = parent, facts.parent(parent)
    match parent:
        case ast.Compare():
            return _use_in_comparison(parent, reference)
        case ast.For() | ast.AsyncFor() | ast.comprehension() if parent.iter is reference:
            return Use.ITERATE
        case ast.Starred():
            return Use.READ
        case ast.If() | ast.While() | ast.IfExp() | ast.Assert() if parent.test is reference:
            return Use.READ
        case ast.comprehension() if any(condition is reference for condition in parent.ifs):
            return Use.READ
        case ast.FormattedValue():
            return Use.READ
        case ast.Subscript() if parent.value is reference:
            return Use.READ if isinstance(parent.ctx, ast.Load) else Use.MUTATE
        case ast.Return():
            return Use.RETURN
        case ast.Attribute():
            call = facts.parent(parent)
            if isinstance(call, ast.Call) and call.func is parent:
                return _METHODS.get(parent.attr, Use.MUTATE)
            return Use.ESCAPE
        case ast.Call() if parent.func is not reference:
            return _use_in_call(facts, parent, reference)
        case ast.BinOp(op=ast.Add()):
            return Use.READ
        case ast.Expr():
            return Use.READ
        case _:
            return Use.ESCAPE


def _use_in_comparison(node: ast.Compare, reference: ast.expr) -> Use:
    for operator, right in zip(node.ops, node.comparators, strict=True):
        if right is reference and isinstance(operator, ast.In | ast.NotIn):
            return Use.TEST
    # `x in nested` looks for the list itself; `==` may call anything, but keeps nothing.
    return Use.READ


def _use_in_call(facts: Facts, call: ast.Call, reference: ast.expr) -> Use:
    function = facts.resolve(call.func)
    first, *others = call.args
    if (others and function in _CHOOSING) or (first is not reference and function == "builtins.sum"):
        return Use.ESCAPE  # it may itself be the result
    if function in _READING_BUILTINS:
        return Use.READ
    if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Constant) and call.func.attr == "join":
        return Use.READ
    return Use.ESCAPE


def runs_later(facts: Facts, node: ast.AST) -> bool:
    """Return whether ``node`` is in a generator expression that may run after its statement, and so see later values.

    One that a builtin consumes, such as ``any``, ends with the statement. The first iterable is evaluated at once.
    """
    below, here, above = node, node, facts.parent(node)
    while above is not None and not isinstance(above, ast.stmt):
        if isinstance(above, ast.GeneratorExp) and not _is_first_iterable(above, here, below):
            call = facts.parent(above)
            if not (isinstance(call, ast.Call) and _consumes(facts, call)):
                return True
        below, here, above = here, above, facts.parent(above)
    return False


def _is_first_iterable(generator: ast.GeneratorExp, child: ast.AST, below: ast.AST) -> bool:
    first = generator.generators[0]
    return child is first and below is first.iter


def _consumes(facts: Facts, call: ast.Call) -> bool:
    """Return whether a call takes all from an iterator that it is given before it returns."""
    if isinstance(call.func, ast.Attribute) and call.func.attr == "join":
        return isinstance(call.func.value, ast.Constant)
    return facts.resolve(call.func) in _CONSUMING


def may_be_none(facts: Facts, place: Place) -> bool:
    """Return whether a parameter, or an attribute set from one, may be None by default, annotation or comparison.

    Nothing is known of other places, or of callers that violate the signature.
    """
    parameters = [binding for binding in place.bindings if binding.kind is BindingKind.PARAMETER]
    for binding in place.bindings:
        behind = facts.only_binding(binding.value) if isinstance(binding.value, ast.Name) else None
        if place.kind is PlaceKind.ATTRIBUTE and behind is not None and behind.kind is BindingKind.PARAMETER:
            parameters.append(behind)
    for parameter in parameters:
        default, annotation = facts.default_of(parameter.node), parameter.annotation
        if isinstance(default, ast.Constant) and default.value is None:
            return True
        if annotation is not None and ("None" in ast.unparse(annotation) or "Optional" in ast.unparse(annotation)):
            return True
    return bool(parameters) and any(_is_asked_whether_there(facts, reference) for reference in place.references)


def _is_asked_whether_there(facts: Facts, reference: ast.expr) -> bool:
    """Return whether ``reference`` is compared with None, or its truth decides."""
    match facts.parent(reference):
        case ast.Compare(ops=[ast.Is() | ast.IsNot()]) | ast.BoolOp() | ast.UnaryOp(op=ast.Not()):
            return True
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            return test is reference
        case _:
            return False
