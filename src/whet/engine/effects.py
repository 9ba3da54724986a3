"""Effects and dependencies of expressions: purity, and loop invariance.

Operators, comparisons and attribute reads are assumed to have no effect of their
own; ``exact=True`` requires operands of builtin types instead. Calls have effects
unless they are known.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine import known
from whet.engine.facts import Facts
from whet.engine.ownership import is_owned
from whet.engine.places import Place, PlaceKind, Use, find_place, runs_later, use_of
from whet.engine.scopes import Scope
from whet.engine.types import Types, Typing

_TRANSPARENT = (
    *(ast.Tuple, ast.List, ast.Set, ast.Dict, ast.IfExp, ast.BoolOp, ast.JoinedStr, ast.FormattedValue, ast.Starred),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.comprehension, ast.Slice, ast.keyword, ast.Load, ast.Store),
    *(ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context),
)
_OPERATING = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.Subscript)
_TARGETS = (ast.Name, ast.Attribute, ast.Subscript)
_READING = frozenset({Use.TEST, Use.ITERATE, Use.READ, Use.RETURN})


class Effects:
    """The effects of the expressions of one function."""

    def __init__(self, facts: Facts, typing: Typing, function: Scope) -> None:
        self._facts = facts
        self._typing = typing
        self._function = function

    def is_pure(self, node: ast.expr, *, exact: bool = False) -> bool:
        """Return whether evaluating ``node`` twice, or not at all, only affects time and exceptions."""
        return all(self._has_no_effect(part, exact=exact) for part in _walk(node))

    def is_invariant(self, node: ast.expr, loop: ast.AST) -> bool:
        """Return whether ``node`` is pure and has the same value in each iteration of ``loop``."""
        if not self.is_pure(node):
            return False
        # What a comprehension inside binds itself.
        own = {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and _is_written(part)}
        return self._is_same(node, loop, own)

    def keeps_elements(self, node: ast.Name | ast.Attribute, loop: ast.AST) -> bool:
        """Return whether ``node`` is one container with the same elements throughout ``loop``: they may change."""
        return self._is_same(node, loop, set(), deeply=False)

    def is_only_name(self, place: Place) -> bool:
        """Return whether a local's containers have no other name: created for it, and at most returned."""
        return is_owned(self._facts, self._typing, place) and not any(map(self._is_given, place.references))

    def _is_given(self, reference: ast.expr) -> bool:
        """Return whether other code gets a value: what it is passed to, a generator that runs later, an operator."""
        if use_of(self._facts, reference) is Use.ESCAPE or runs_later(self._facts, reference):
            return True
        here, above = reference, self._facts.parent(reference)
        while isinstance(above, ast.BoolOp):
            here, above = above, self._facts.parent(above)
        match above:
            case ast.BinOp(left=left, right=right):
                others = [left, right]
            case ast.Compare(left=left, comparators=right) if use_of(self._facts, reference) is not Use.TEST:
                others = [left, *right]
            case _:
                return False
        # Operators that a class defines may keep their operands.
        return not all(self._is_of_builtins(other) for other in others if other is not here)

    def _is_of_builtins(self, node: ast.expr) -> bool:
        types = self._typing.type_of(node)
        return bool(types) and all(name.startswith("builtins.") for name in types)

    def may_raise_stop(self, node: ast.AST) -> bool:
        """Return whether evaluating ``node`` may raise StopIteration, which ends iterators in silence.

        Any code of the program may, as in a method or property that calls ``next``. Operators are trusted not to.
        """
        return self.runs_unknown_code(node) or any(
            isinstance(part, ast.Attribute) and not self._is_quiet_attribute(part) for part in ast.walk(node)
        )

    def written_in(self, node: ast.AST) -> frozenset[str]:
        """Return the names and attributes that code in ``node`` binds, by their text: ``x``, ``self.total``."""
        written = (part for part in ast.walk(node) if isinstance(part, _TARGETS) and _is_written(part))
        return frozenset(ast.unparse(part) for part in written)

    def escapes(self, place: Place, within: ast.AST | None = None) -> bool:
        """Return whether the value of ``place`` is passed to code that may keep or change it."""
        leaving = (Use.ESCAPE, Use.RETURN)
        return any(
            use_of(self._facts, reference) in leaving
            for reference in place.references
            if within is None or self._facts.is_inside(reference, within)
        )

    def runs_unknown_code(self, node: ast.AST) -> bool:
        """Return whether something in ``node`` may run any code: unknown calls, ``await``, ``yield``."""
        for part in ast.walk(node):
            if isinstance(part, ast.Await | ast.Yield | ast.YieldFrom | ast.AsyncFor | ast.AsyncWith | ast.With):
                return True
            if isinstance(part, ast.Call) and not self._is_known_call(part):
                return True
        return False

    def _is_quiet_attribute(self, node: ast.Attribute) -> bool:
        """Return whether reading an attribute runs no code of the program: of a module, or of builtin values."""
        if self._facts.resolve(node) is not None:
            return True
        owners = self._typing.type_of(node.value)
        return bool(owners) and all(owner.startswith("builtins.") for owner in owners)

    def _is_same(self, node: ast.AST, loop: ast.AST, own: set[str], *, deeply: bool = True) -> bool:
        """Return whether each name and attribute in ``node`` has the same value throughout ``loop``."""
        match node:
            case ast.Name(id=name):
                return name in own or self._stays(node, loop, deeply=deeply)
            case ast.Attribute(value=base):
                above = self._facts.parent(node)
                if isinstance(above, ast.Call) and above.func is node and self._facts.resolve(node) is None:
                    return self._is_same(base, loop, own)
                placed = self._facts.class_of_self(base) is not None
                # Of an attribute's owner only the attribute matters, and that it is the same object.
                based = placed or isinstance(base, ast.Name) or self._is_same(base, loop, own)
                same = isinstance(base, ast.Attribute) or ast.unparse(base) not in self.written_in(loop)
                return self._stays(node, loop, deeply=deeply) and based and same
            case ast.Lambda():
                return False
            case _:
                return all(self._is_same(child, loop, own) for child in ast.iter_child_nodes(node))

    def _has_no_effect(self, part: ast.AST, *, exact: bool) -> bool:
        match part:
            case ast.Constant() | ast.Name() | ast.Lambda():
                return True
            case ast.Call():
                return self._is_pure_call(part)
            case ast.Attribute():
                return not exact or bool(self._typing.type_of(part.value) & set(known.METHODS))
            case _ if isinstance(part, _OPERATING):
                return not exact or self._is_builtin(part)
            case _:
                return isinstance(part, _TRANSPARENT)

    def _is_builtin(self, part: ast.AST) -> bool:
        operands = [child for child in ast.iter_child_nodes(part) if isinstance(child, ast.expr)]
        operands = [child for child in operands if not isinstance(child, ast.Slice)]
        types = [self._typing.type_of(child) for child in operands]
        return all(one and all(name.startswith("builtins.") for name in one) for one in types)

    def _is_pure_call(self, call: ast.Call) -> bool:
        name = self._facts.resolve(call.func)
        arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
        types = [self._typing.type_of(argument) for argument in arguments]
        builtin = all(one and all(part.startswith("builtins.") for part in one) for one in types)
        if name in known.PURE:
            return builtin
        if name in known.PURE_OVER_SEQUENCES or name in known.CONSTRUCTORS:
            return builtin and not any(one & known.ITERATORS for one in types) and not call.keywords
        if isinstance(call.func, ast.Attribute):
            owners = self._typing.type_of(call.func.value)
            pure = bool(owners) and all(call.func.attr in known.METHODS.get(owner, {}) for owner in owners)
            return pure and builtin
        return False

    def _is_known_call(self, call: ast.Call) -> bool:
        """Return whether a call runs no code of the program except methods that operators would run too."""
        name = self._facts.resolve(call.func) or ""
        if name in known.PURE | known.PURE_OVER_SEQUENCES | known.CONSTRUCTORS or name in known.RETURNS:
            return not any(isinstance(part, ast.Lambda | ast.Name) and keyword.arg == "key"
                           for keyword in call.keywords for part in ast.walk(keyword.value))  # fmt: skip
        if isinstance(call.func, ast.Attribute):
            owners = self._typing.type_of(call.func.value)
            return bool(owners) and all(owner.startswith("builtins.") for owner in owners)
        return False

    def _stays(  # noqa: PLR0911 - one return a reason
        self, node: ast.Name | ast.Attribute, loop: ast.AST, *, deeply: bool
    ) -> bool:
        """Return whether a name or attribute refers to the same object with the same content throughout ``loop``.

        ``deeply``: its elements do not change either.
        """
        if self._facts.resolve(node) is not None:
            return True
        place = find_place(self._facts, node, self._function)
        if place is None:
            return self._stays_unplaced(node, loop)
        if any(self._facts.is_inside(binding.node, loop) for binding in place.bindings):
            return False
        if any(_is_written(reference) and self._facts.is_inside(reference, loop) for reference in place.references):
            return False
        shared = place.kind in (PlaceKind.GLOBAL, PlaceKind.ENCLOSING, PlaceKind.ATTRIBUTE)
        if shared and self._is_written_elsewhere(place) and self.runs_unknown_code(loop):
            return False
        types = self._typing.type_of(node)
        if types and types <= known.IMMUTABLE:
            return True
        uses = {
            use_of(self._facts, reference) for reference in place.references if self._facts.is_inside(reference, loop)
        }
        if uses - _READING:
            return False
        # Through another name or reference it may change: one that it came from, or one that it was given.
        kept = not self.is_only_name(place) or (deeply and not self._holds_immutables(node, types))
        return not (kept and (self.runs_unknown_code(loop) or self._changes_anything(loop)))

    def _holds_immutables(self, node: ast.Name | ast.Attribute, types: Types) -> bool:
        """Return whether no element can change without the container; the values of a dict are not known."""
        elements = self._typing.element_of(node)
        return known.DICT not in types and bool(elements) and elements <= known.IMMUTABLE

    def _stays_unplaced(self, node: ast.Name | ast.Attribute, loop: ast.AST) -> bool:
        if isinstance(node, ast.Attribute):
            written = any(
                isinstance(part, ast.Attribute) and part.attr == node.attr and _is_written(part)
                for part in ast.walk(loop)
            )
            return not written and not self.runs_unknown_code(loop)
        return self._facts.lookup(node) is None and self._facts.has_builtins((node.id,))

    def _is_written_elsewhere(self, place: Place) -> bool:
        """Return whether another function than this one, and than the constructor, binds the place."""
        for binding in place.bindings:
            here: ast.AST | None = binding.node
            while here is not None and not isinstance(here, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                here = self._facts.parent(here)
            constructor = isinstance(here, ast.FunctionDef) and here.name == "__init__"
            if here is not None and here is not self._function.node and not constructor:
                return True
        return any(_is_written(stranger) for stranger in place.strangers)

    def _changes_anything(self, loop: ast.AST) -> bool:
        """Return whether the loop changes the content of some object, which may have another name here."""
        for part in ast.walk(loop):
            if isinstance(part, ast.Subscript | ast.Attribute) and _is_written(part):
                return True
            if isinstance(part, ast.AugAssign):
                types = self._typing.type_of(part.target)
                if not types or not types <= known.IMMUTABLE:
                    return True
            if isinstance(part, ast.Call) and not self.is_pure(part):
                return True
        return False


def _is_written(node: ast.AST) -> bool:
    return isinstance(getattr(node, "ctx", None), ast.Store | ast.Del)


def _walk(node: ast.expr) -> Iterator[ast.AST]:
    """Yield the parts of an expression that evaluating it evaluates: not the body of a lambda."""
    stack: list[ast.AST] = [node]
    while stack:
        part = stack.pop()
        yield part
        if not isinstance(part, ast.Lambda):
            stack.extend(ast.iter_child_nodes(part))
