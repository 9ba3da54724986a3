"""Types inferred from the source: literals, annotations, constructors, return types of builtins, joined over bindings.

A type is written as in evidence (``builtins.list``, ``re.Pattern``); a class of
the file itself starts with a dot (``.Feed``). Several mean "one of these".
:data:`UNKNOWN`, the empty set, is the top of the lattice: joined with anything
it stays unknown.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from whet.engine import known
from whet.engine.facts import Facts
from whet.engine.places import Place, PlaceKind, Use, find_place, use_of
from whet.engine.scopes import Binding, BindingKind, Scope, ScopeKind

Types = frozenset[str]
UNKNOWN: Types = frozenset()
_DEPTH = 12
"""Maximum number of names that are followed in a chain; longer ones are unknown."""
_MOST = 4
"""Maximum number of types of a value; more are unknown."""
_MOST_BINDINGS = 50
"""Maximum number of bindings of a name that are followed; a loop variable of a long script has hundreds."""


def join(types: Iterable[Types]) -> Types:
    """Return the join of ``types``; unknown if one of them is, if there are none, or too many."""
    found: set[str] = set()
    for one in types:
        if not one:
            return UNKNOWN
        found |= one
    return frozenset(found) if len(found) <= _MOST else UNKNOWN


class Typing:
    """The types of one file. Answers are cached: a rule may ask again.

    Without ``trusting``, types are exact: an annotation allows subclasses, which may override anything, and a global or
    an attribute may be set by other files, a subclass, a property or ``__setattr__``. Then none of these counts.
    """

    def __init__(self, facts: Facts, *, trusting: bool = True) -> None:
        self._facts = facts
        self._trusting = trusting
        self._known: dict[ast.AST, Types] = {}
        self._open: set[object] = set()

    def type_of(self, node: ast.expr) -> Types:
        """Return the types that ``node`` can have; unknown if the source does not determine it."""
        if node in self._known:
            return self._known[node]
        if node in self._open or len(self._open) > _DEPTH:
            return UNKNOWN
        self._open.add(node)
        try:
            found = self._find(node)
        finally:
            self._open.discard(node)
        if not self._open:  # a result from within a cycle may be incomplete
            self._known[node] = found
        return found

    def element_of(self, node: ast.expr) -> Types:  # noqa: PLR0911 - one return a kind of node
        """Return the types of the elements of ``node``."""
        match node:
            case ast.List(elts=items) | ast.Set(elts=items) | ast.Tuple(elts=items):
                return join(self._of_item(item) for item in items)
            case ast.ListComp(elt=item) | ast.SetComp(elt=item) | ast.GeneratorExp(elt=item):
                return self.type_of(item)
            case ast.Dict(keys=keys):
                return join(self.type_of(key) if key is not None else UNKNOWN for key in keys)
            case ast.Call(func=function, args=[first, *_]) if self._facts.resolve(function) in _PASSING_ON:
                return self.element_of(first)
            case ast.Call(func=ast.Attribute(value=file, attr="readlines")) if self.type_of(file) <= _FILES:
                return self.element_of(file)
            case ast.BinOp(left=left, op=ast.Mult()) if known.LIST in self.type_of(left):
                return self.element_of(left)
            case _:
                pass
        if isinstance(node, ast.Name | ast.Attribute):
            held = self._held_by(node)
            if held:
                return held
        return join(frozenset({_ELEMENTS[one]}) if one in _ELEMENTS else UNKNOWN for one in self.type_of(node))

    def of_annotation(self, node: ast.expr | None) -> Types:  # noqa: PLR0911 - one return a kind of node
        """Return the types that an annotation allows; unknown for abstract ones."""
        match node:
            case None:
                return UNKNOWN
            case ast.Constant(value=None):
                return frozenset({known.NONE})
            case ast.Constant(value=str(text)):
                try:
                    inner = ast.parse(text, mode="eval").body
                except (SyntaxError, ValueError):
                    return UNKNOWN
                return self._of_quoted(inner)
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return join((self.of_annotation(left), self.of_annotation(right)))
            case ast.Subscript(value=base, slice=inside):
                name = self._facts.resolve(base)
                if name == "typing.Optional":
                    return join((self.of_annotation(inside), frozenset({known.NONE})))
                if name in ("typing.Final", "typing.Annotated", "typing.ClassVar"):
                    return self.of_annotation(inside.elts[0] if isinstance(inside, ast.Tuple) else inside)
                if name == "typing.Union":
                    parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
                    return join(self.of_annotation(part) for part in parts)
                return self.of_annotation(base)
            case ast.Name() | ast.Attribute():
                name = self._facts.resolve(node) or ""
                return frozenset({known.ANNOTATIONS[name]}) if name in known.ANNOTATIONS else self._own_class(node)
            case _:
                return UNKNOWN

    def _of_quoted(self, node: ast.expr) -> Types:
        """Return the types of a quoted annotation, by names of builtins that nothing in the file binds."""
        match node:
            case ast.Name(id=name) if f"builtins.{name}" in known.CONSTRUCTORS and self._facts.has_builtins((name,)):
                return frozenset({f"builtins.{name}"})
            case ast.Subscript(value=base):
                return self._of_quoted(base)
            case ast.Constant(value=None):
                return frozenset({known.NONE})
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return join((self._of_quoted(left), self._of_quoted(right)))
            case _:
                return UNKNOWN

    def _find(self, node: ast.expr) -> Types:  # noqa: PLR0911, PLR0912 - one return a kind of node
        if not self._trusting and self._hands_on_text(node):
            return UNKNOWN
        simple = _SIMPLE.get(type(node))
        if simple is not None:
            return frozenset({simple})
        match node:
            case ast.Constant(value=value):
                return frozenset({f"builtins.{type(value).__name__}"})
            case ast.BinOp(left=left, op=operator, right=right):
                return self._of_operation(self.type_of(left), operator, self.type_of(right))
            case ast.UnaryOp(op=ast.Not()):
                return frozenset({known.BOOL})
            case ast.UnaryOp(operand=operand):
                types = self.type_of(operand)
                numbers = types <= {known.INT, known.FLOAT}
                return types if numbers else UNKNOWN
            case ast.Compare(ops=operators):
                if all(isinstance(op, ast.Is | ast.IsNot | ast.In | ast.NotIn) for op in operators):
                    return frozenset({known.BOOL})
                sides = join(self.type_of(side) for side in (node.left, *node.comparators))
                plain = bool(sides) and all(one.startswith("builtins.") for one in sides)
                return frozenset({known.BOOL}) if plain else UNKNOWN
            case ast.BoolOp(values=values):
                return join(self.type_of(value) for value in values)
            case ast.IfExp(body=body, orelse=orelse):
                return join((self.type_of(body), self.type_of(orelse)))
            case ast.NamedExpr(value=value):
                return self.type_of(value)
            case ast.Call():
                return self._of_call(node)
            case ast.Subscript(value=value, slice=index):
                return self._of_subscript(self.type_of(value), index)
            case ast.Name() | ast.Attribute():
                return self._of_place(node)
            case _:
                return UNKNOWN

    def _hands_on_text(self, node: ast.expr) -> bool:
        """Return whether the result may be what a ``__str__`` or ``__format__`` returns: a text of a subclass.

        Such as one that escapes what is added to it. With more around it, a new text is made.
        """
        match node:
            case ast.JoinedStr(values=[ast.FormattedValue(value=shown)]):
                shows = [shown]
            case ast.Call(func=function, args=args) if self._facts.resolve(function) in _HANDING_ON:
                shows = args
            case ast.Call(func=ast.Attribute(attr="format"), args=args, keywords=keywords):
                shows = [*args, *(keyword.value for keyword in keywords)]
            case ast.Call(func=ast.Attribute(attr="format_map"), args=args):
                return True
            case ast.BinOp(op=ast.Mod(), right=ast.Tuple(elts=items)):
                shows = items
            case ast.BinOp(op=ast.Mod(), right=shown):
                shows = [shown]
            case _:
                return False
        types = [self.type_of(one) for one in shows]
        return not all(one and one <= _PLAIN for one in types)

    def _of_item(self, item: ast.expr) -> Types:
        return self.element_of(item.value) if isinstance(item, ast.Starred) else self.type_of(item)

    def _of_call(self, call: ast.Call) -> Types:
        name = self._facts.resolve(call.func) or ""
        if name in known.CONSTRUCTORS:
            return frozenset({name})
        if name in known.RETURNS:
            return frozenset({known.RETURNS[name]})
        if name in ("builtins.min", "builtins.max") and len(call.args) == 1:
            return self.element_of(call.args[0])
        if name == "builtins.open":
            return self._of_open(call)
        if isinstance(call.func, ast.Attribute):
            owners = self.type_of(call.func.value)
            methods = [known.METHODS.get(owner, {}).get(call.func.attr) for owner in owners]
            return join(frozenset({method}) if method is not None else UNKNOWN for method in methods)
        return self._own_class(call.func)

    def _of_open(self, call: ast.Call) -> Types:
        named = [keyword.value for keyword in call.keywords if keyword.arg == "mode"]
        mode = call.args[1] if len(call.args) > 1 else (named or [ast.Constant("r")])[0]
        if not isinstance(mode, ast.Constant) or not isinstance(mode.value, str):
            return UNKNOWN
        return frozenset({"io.BufferedReader" if "b" in mode.value else "io.TextIOWrapper"})

    def _own_class(self, node: ast.expr) -> Types:
        """Return the class of the file that a name refers to, if that is certain."""
        if not isinstance(node, ast.Name):
            return UNKNOWN
        owner, binding = self._facts.lookup(node), self._facts.only_binding(node)
        hidden = owner is self._facts.module and self._facts.module.star_import
        if binding is None or hidden or not isinstance(binding.node, ast.ClassDef):
            return UNKNOWN
        return frozenset({f".{node.id}"}) if not binding.node.decorator_list else UNKNOWN

    def _of_operation(self, left: Types, operator: ast.operator, right: Types) -> Types:
        if not left or not right:
            return UNKNOWN
        return join(_operate(one, operator, other) for one in left for other in right)

    def _of_subscript(self, types: Types, index: ast.expr) -> Types:
        if isinstance(index, ast.Slice):
            return types if types <= {known.TEXT, known.BYTES, known.LIST, known.TUPLE} else UNKNOWN
        by_index = {known.TEXT: known.TEXT, known.BYTES: known.INT}
        return join(frozenset({by_index[one]}) if one in by_index else UNKNOWN for one in types)

    def _of_place(self, node: ast.Name | ast.Attribute) -> Types:
        bindings = self._bindings(node)
        if not bindings:
            return UNKNOWN
        types = join(self._of_binding(binding) for binding in bindings if binding.kind is not BindingKind.AUGMENTED)
        for binding in bindings:
            if binding.kind is BindingKind.AUGMENTED and isinstance(binding.node, ast.AugAssign):
                grown = self._of_operation(types, binding.node.op, self.type_of(binding.node.value))
                types = join((types, grown)) if grown else self._after_growth(types)
        return types

    def _after_growth(self, types: Types) -> Types:
        # A list accepts any iterable; the others might become another type.
        return types if types == {known.LIST} else UNKNOWN

    def _bindings(self, node: ast.Name | ast.Attribute) -> tuple[Binding, ...]:
        if isinstance(node, ast.Name):
            owner = self._facts.lookup(node)
            if owner is None or (owner is self._facts.module and (owner.star_import or not self._trusting)):
                return ()
            bindings = owner.bindings[node.id]
            return tuple(bindings) if len(bindings) <= _MOST_BINDINGS else ()
        place = find_place(self._facts, node, self._facts.module) if self._trusting else None
        if place is None or any(not isinstance(stranger.ctx, ast.Load) for stranger in place.strangers):
            return ()
        return place.bindings

    def _of_binding(self, binding: Binding) -> Types:  # noqa: PLR0911 - one return a kind of binding
        if binding.annotation is not None and self._trusting:
            declared = self.of_annotation(binding.annotation)
            if declared and binding.kind is BindingKind.PARAMETER and self._defaults_to_none(binding):
                return declared | {known.NONE}
            if declared:
                return declared
        if binding.kind is BindingKind.DEFINITION:
            return frozenset({"builtins.type" if isinstance(binding.node, ast.ClassDef) else "builtins.function"})
        if binding.kind in (BindingKind.VALUE, BindingKind.OTHER) and binding.value is not None:
            return self.type_of(binding.value)
        if binding.kind is BindingKind.OTHER and isinstance(binding.node, ast.Name):
            above = self._facts.parent(binding.node)
            if isinstance(above, ast.For | ast.comprehension) and above.target is binding.node:
                return self.element_of(above.iter)
            match above:
                case ast.withitem(context_expr=ast.Call(func=function) as opened, optional_vars=name):
                    known_file = name is binding.node and self._facts.resolve(function) == "builtins.open"
                    return self.type_of(opened) if known_file else UNKNOWN
        return UNKNOWN

    def _defaults_to_none(self, binding: Binding) -> bool:
        default = self._facts.default_of(binding.node)
        return isinstance(default, ast.Constant) and default.value is None

    def _held_by(self, node: ast.Name | ast.Attribute) -> Types:
        """Return the element types of a container of one function or class whose growth is all visible."""
        declared = [binding.annotation for binding in self._bindings(node) if binding.annotation is not None]
        if declared and self._trusting:
            return join(self._element_of_annotation(annotation) for annotation in declared)
        place = find_place(self._facts, node, self._scope(node))
        if place is None or place.name in self._open or place.strangers:
            return UNKNOWN
        if not self._trusting and place.kind is not PlaceKind.LOCAL:
            return UNKNOWN  # other code may add elements
        self._open.add(place.name)
        try:
            return self._grown(place)
        finally:
            self._open.discard(place.name)

    def _grown(self, place: Place) -> Types:
        if len(place.bindings) > _MOST_BINDINGS:
            return UNKNOWN
        found: list[Types] = []
        for binding in place.bindings:
            if binding.kind is not BindingKind.VALUE or binding.value is None:
                return UNKNOWN
            empty = isinstance(binding.value, ast.List | ast.Tuple) and not binding.value.elts
            called = isinstance(binding.value, ast.Call) and not binding.value.args
            if not empty and not called:
                found.append(self.element_of(binding.value))
        for reference in place.references:
            use = use_of(self._facts, reference)
            method = self._facts.parent(reference)
            call = self._facts.parent(method) if method is not None else None
            if use is Use.APPEND and isinstance(call, ast.Call) and len(call.args) == 1:
                found.append(self.type_of(call.args[0]))
            elif use not in _LEAVING_ALONE:
                return UNKNOWN
        return join(found)

    def _element_of_annotation(self, node: ast.expr) -> Types:
        if not isinstance(node, ast.Subscript):
            return UNKNOWN
        inside = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) else node.slice
        return self.of_annotation(inside)

    def _scope(self, node: ast.expr) -> Scope:
        while isinstance(node, ast.Attribute):
            node = node.value
        scope = self._facts.scope_of(node) if isinstance(node, ast.Name) else self._facts.module
        return scope.owner if scope.kind is ScopeKind.COMPREHENSION else scope


_SIMPLE: dict[type[ast.AST], str] = {
    ast.JoinedStr: known.TEXT,
    ast.List: known.LIST,
    ast.ListComp: known.LIST,
    ast.Tuple: known.TUPLE,
    ast.Dict: known.DICT,
    ast.DictComp: known.DICT,
    ast.Set: known.SET,
    ast.SetComp: known.SET,
    ast.GeneratorExp: "builtins.generator",
    ast.Lambda: "builtins.function",
}
_ELEMENTS = {
    known.TEXT: known.TEXT,
    known.BYTES: known.INT,
    "builtins.range": known.INT,
    "builtins.enumerate": known.TUPLE,
    "builtins.zip": known.TUPLE,
    "builtins.dict_items": known.TUPLE,
    "io.TextIOWrapper": known.TEXT,
    "io.BufferedReader": known.BYTES,
}
_HANDING_ON = frozenset(f"builtins.{name}" for name in ("ascii", "bytes", "format", "repr", "str"))
_PLAIN = frozenset((known.TEXT, known.BYTES, known.INT, known.FLOAT, known.BOOL, known.NONE))
"""Types of which a text is shown that is no subclass's."""
_FILES = frozenset({"io.TextIOWrapper", "io.BufferedReader"})
_PASSING_ON = frozenset(
    f"builtins.{name}" for name in ("list", "tuple", "set", "frozenset", "sorted", "reversed", "iter")
)
_LEAVING_ALONE = frozenset({Use.BIND, Use.TEST, Use.ITERATE, Use.READ, Use.ORDER, Use.RETURN})


def _operate(left: str, operator: ast.operator, right: str) -> Types:
    """Return the type of a binary operation on two builtin types."""
    found = ""
    if left in known.NUMBERS and right in known.NUMBERS:
        rank = max(known.NUMBERS.index(left), known.NUMBERS.index(right), 1)
        if isinstance(operator, ast.Div):
            rank = max(rank, 2)
        if not isinstance(operator, ast.Pow):  # 2 ** -1 is a float, (-1) ** 0.5 is complex
            found = known.NUMBERS[rank]
    elif isinstance(operator, ast.Add) and left == right and left in _JOINABLE:
        found = left
    elif isinstance(operator, ast.Mult) and {left, right} & {known.INT, known.BOOL}:
        other = right if left in (known.INT, known.BOOL) else left
        found = other if other in _JOINABLE else ""
    elif isinstance(operator, ast.Mod):
        found = left if left in (known.TEXT, known.BYTES) else ""
    elif isinstance(operator, ast.BitOr | ast.BitAnd | ast.BitXor | ast.Sub):
        merged = isinstance(operator, ast.BitOr) and left == right == known.DICT
        found = left if merged or (left in _SETS and right in _SETS) else ""
    return frozenset({found}) if found else UNKNOWN


_JOINABLE = frozenset({known.TEXT, known.BYTES, known.LIST, known.TUPLE})
_SETS = frozenset({known.SET, known.FROZEN})
