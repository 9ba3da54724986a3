"""Scopes and the names bound in them: the compiler's symbol information, kept with the nodes."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from enum import StrEnum


class ScopeKind(StrEnum):
    """Kinds of scopes."""

    MODULE = "module"
    CLASS = "class"
    FUNCTION = "function"
    LAMBDA = "lambda"
    COMPREHENSION = "comprehension"


class BindingKind(StrEnum):
    """How a name gets its value."""

    PARAMETER = "parameter"
    VALUE = "value"
    """A single target of an assignment: ``x = …``, ``x: T = …``, ``(x := …)``."""
    AUGMENTED = "augmented"
    IMPORT = "import"
    DEFINITION = "definition"
    DECLARED = "declared"
    """Annotated without a value."""
    OTHER = "other"
    """Loop targets, unpacking (with a value where each name has its own), ``with``, ``except``, ``match``, ``del``."""


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """One place where a name is bound. ``value`` is the expression, ``origin`` the dotted name of an import."""

    kind: BindingKind
    node: ast.AST
    value: ast.expr | None = None
    origin: str = ""
    annotation: ast.expr | None = None


@dataclass(slots=True, eq=False)
class Scope:
    """A module, class body, function, lambda or comprehension.

    ``line`` is where its code object starts, decorators included;
    ``nodes`` maps types to the nodes in it, in source order, with its
    comprehensions but without nested functions and classes. ``star_import``:
    names may be bound that the source does not show.
    """

    kind: ScopeKind
    node: ast.AST
    name: str
    qualified_name: str
    line: int
    end_line: int
    parent: Scope | None = None
    body_line: int = 1
    children: list[Scope] = field(default_factory=list)
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    global_names: set[str] = field(default_factory=set)
    nonlocal_names: set[str] = field(default_factory=set)
    nodes: dict[type[ast.AST], list[ast.AST]] = field(default_factory=dict)
    star_import: bool = False

    @property
    def owner(self) -> Scope:
        """The scope with a code object of its own that this one runs in: itself, unless a comprehension."""
        scope = self
        while scope.kind is ScopeKind.COMPREHENSION and scope.parent is not None:
            scope = scope.parent
        return scope

    @property
    def definition_line(self) -> int:
        """The line of ``def``, ``class`` or ``lambda``; ``line`` is that of the first decorator."""
        return getattr(self.node, "lineno", self.line)
