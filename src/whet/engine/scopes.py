"""Scopes and the names bound in them: what Python's compiler knows of names, kept with the nodes.

``symtable`` knows the scopes too, but not which node binds a name to what; so
one walk over the tree records both. The walk keeps its own stack: a source may
be nested deeper than Python recurses.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum


class ScopeKind(StrEnum):
    """What opens a scope."""

    MODULE = "module"
    CLASS = "class"
    FUNCTION = "function"
    LAMBDA = "lambda"
    COMPREHENSION = "comprehension"


class BindingKind(StrEnum):
    """How a name comes to its value."""

    PARAMETER = "parameter"
    VALUE = "value"
    """Assigned alone from an expression: ``x = …``, ``x: T = …``, ``(x := …)``."""
    AUGMENTED = "augmented"
    IMPORT = "import"
    DEFINITION = "definition"
    DECLARED = "declared"
    """Annotated without a value."""
    OTHER = "other"
    """Loop targets, unpacking, ``with``, ``except``, ``match``, ``del``."""


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
    ``nodes`` holds by type what stands in it, in source order, with its
    comprehensions but without nested functions and classes.
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
        """Where ``def``, ``class`` or ``lambda`` stands; ``line`` is that of the first decorator."""
        return getattr(self.node, "lineno", self.line)


class ScopeTree:
    """All scopes of a file, the parents of its nodes, and where each name and attribute stands."""

    def __init__(self, tree: ast.Module, end_line: int) -> None:
        self.module = Scope(ScopeKind.MODULE, tree, "<module>", "<module>", 1, end_line)
        self.scopes = [self.module]
        self.parents: dict[ast.AST, ast.AST] = {}
        self.names: dict[str, list[ast.Name]] = {}
        self.scope_of: dict[ast.Name, Scope] = {}
        self.attributes: dict[str, list[tuple[ast.Attribute, Scope]]] = {}
        self.imports: set[str] = set()
        self._values: dict[ast.AST, Binding] = {}
        self._walk(tree)
        self._settle_nonlocals()

    def lookup(self, name: str, scope: Scope) -> Scope | None:
        """Return the scope whose ``name`` is meant in ``scope``; ``None`` when no scope binds it."""
        here: Scope | None = scope
        while here is not None:
            if name in here.global_names:
                return self.module if name in self.module.bindings else None
            visible = here.kind is not ScopeKind.CLASS or here is scope
            if visible and name in here.bindings and name not in here.nonlocal_names:
                return here
            here = here.parent
        return None

    def _walk(self, tree: ast.Module) -> None:
        self._values.clear()
        stack: list[_Visit] = [(child, tree, self.module) for child in reversed(tree.body)]
        while stack:
            node, parent, scope = stack.pop()
            self.parents[node] = parent
            scope.owner.nodes.setdefault(type(node), []).append(node)
            stack.extend(reversed(list(self._enter(node, scope))))

    def _enter(self, node: ast.AST, scope: Scope) -> Iterator[_Visit]:
        """Record what ``node`` binds; yield what stands in it, with its parent and the scope that evaluates it."""
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from self._enter_function(node, scope)
            case ast.Lambda():
                inner = self._open(ScopeKind.LAMBDA, node, "<lambda>", scope)
                self._bind_parameters(node.args, inner)
                yield node.args, node, scope
                yield node.body, node, inner
            case ast.ClassDef():
                yield from self._enter_class(node, scope)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                yield from self._enter_comprehension(node, scope)
            case _:
                self._record(node, scope)
                for child in ast.iter_child_nodes(node):
                    yield child, node, scope

    def _enter_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> Iterator[_Visit]:
        self._bind(scope, node.name, Binding(BindingKind.DEFINITION, node))
        inner = self._open(ScopeKind.FUNCTION, node, node.name, scope)
        self._bind_parameters(node.args, inner)
        for decorator in node.decorator_list:
            yield decorator, node, scope
        yield node.args, node, scope
        if node.returns is not None:
            yield node.returns, node, scope
        yield from self._enter_body(node, inner)

    def _enter_class(self, node: ast.ClassDef, scope: Scope) -> Iterator[_Visit]:
        self._bind(scope, node.name, Binding(BindingKind.DEFINITION, node))
        inner = self._open(ScopeKind.CLASS, node, node.name, scope)
        for child in (*node.decorator_list, *node.bases, *node.keywords):
            yield child, node, scope
        yield from self._enter_body(node, inner)

    def _enter_body(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, inner: Scope
    ) -> Iterator[_Visit]:
        for parameter in getattr(node, "type_params", ()):  # from 3.12
            self._bind(inner, parameter.name, Binding(BindingKind.OTHER, parameter))
            yield parameter, node, inner
        for child in node.body:
            yield child, node, inner

    def _enter_comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, scope: Scope
    ) -> Iterator[_Visit]:
        name = _GENERATOR if isinstance(node, ast.GeneratorExp) else "<comprehension>"
        inner = self._open(ScopeKind.COMPREHENSION, node, name, scope)
        for index, generator in enumerate(node.generators):
            self.parents[generator] = node
            inner.owner.nodes.setdefault(ast.comprehension, []).append(generator)
            # The first iterable is evaluated outside, before the comprehension's own scope exists.
            yield generator.iter, generator, (scope if index == 0 else inner)
            yield generator.target, generator, inner
            for condition in generator.ifs:
                yield condition, generator, inner
        if isinstance(node, ast.DictComp):
            yield node.key, node, inner
            yield node.value, node, inner
        else:
            yield node.elt, node, inner

    def _record(self, node: ast.AST, scope: Scope) -> None:  # noqa: PLR0912 - one branch a kind of node
        match node:
            case ast.Name():
                self.names.setdefault(node.id, []).append(node)
                self.scope_of[node] = scope
                if not isinstance(node.ctx, ast.Load):
                    self._bind(scope, node.id, self._values.pop(node, Binding(BindingKind.OTHER, node)))
            case ast.Attribute():
                self.attributes.setdefault(node.attr, []).append((node, scope))
            case ast.Assign():
                for target in node.targets:
                    self._values[target] = Binding(BindingKind.VALUE, node, node.value)
            case ast.AnnAssign():
                kind = BindingKind.DECLARED if node.value is None else BindingKind.VALUE
                self._values[node.target] = Binding(kind, node, node.value, annotation=node.annotation)
            case ast.NamedExpr():
                self._values[node.target] = Binding(BindingKind.VALUE, node, node.value)
            case ast.AugAssign():
                self._values[node.target] = Binding(BindingKind.AUGMENTED, node, node.value)
            case ast.Global():
                scope.global_names.update(node.names)
            case ast.Nonlocal():
                scope.nonlocal_names.update(node.names)
            case ast.Import() | ast.ImportFrom():
                self._record_import(node, scope)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                self._bind(scope, name, Binding(BindingKind.OTHER, node))
            case ast.MatchMapping(rest=str(name)):
                self._bind(scope, name, Binding(BindingKind.OTHER, node))
            case _:
                pass

    def _record_import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        for alias in node.names:
            if isinstance(node, ast.Import):
                name, origin = alias.asname or alias.name.partition(".")[0], alias.name
                origin = alias.name if alias.asname else name
                self.imports.add(alias.name)
            else:
                module = "." * node.level + (node.module or "")
                self.imports.add(module)
                if alias.name == "*":
                    self.module.star_import = True
                    continue
                name, origin = alias.asname or alias.name, f"{module}.{alias.name}"
            self._bind(scope, name, Binding(BindingKind.IMPORT, node, origin=origin))

    def _open(self, kind: ScopeKind, node: _Opener, name: str, parent: Scope) -> Scope:
        around = parent
        # As CPython 3.12+ names them: only generator expressions are code of their own.
        while around.kind is ScopeKind.COMPREHENSION and around.name != _GENERATOR and around.parent is not None:
            around = around.parent
        match around.kind:
            case ScopeKind.MODULE:
                qualified = name
            case ScopeKind.CLASS:
                qualified = f"{around.qualified_name}.{name}"
            case _:
                qualified = f"{around.qualified_name}.<locals>.{name}"
        first = min((d.lineno for d in getattr(node, "decorator_list", ())), default=node.lineno)
        body_line = node.body[0].lineno if isinstance(node, _BLOCKS) else node.lineno
        scope = Scope(kind, node, name, qualified, first, node.end_lineno or first, parent, body_line)
        parent.children.append(scope)
        self.scopes.append(scope)
        return scope

    def _bind_parameters(self, spec: ast.arguments, scope: Scope) -> None:
        for arg in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs):
            self._bind(scope, arg.arg, Binding(BindingKind.PARAMETER, arg, annotation=arg.annotation))
        for packed in (spec.vararg, spec.kwarg):
            if packed is not None:
                self._bind(scope, packed.arg, Binding(BindingKind.OTHER, packed))

    def _bind(self, scope: Scope, name: str, binding: Binding) -> None:
        if isinstance(binding.node, ast.NamedExpr):  # a walrus binds outside its comprehension
            scope = scope.owner
        if name in scope.global_names:
            scope = self.module
        scope.bindings.setdefault(name, []).append(binding)

    def _settle_nonlocals(self) -> None:
        """Hand what was bound under ``nonlocal`` to the function that owns the name."""
        for scope in self.scopes:
            for name in scope.nonlocal_names:
                bound = scope.bindings.pop(name, [])
                owner = self.lookup(name, scope)
                if owner is not None:
                    owner.bindings[name].extend(bound)


_GENERATOR = "<genexpr>"
_Visit = tuple[ast.AST, ast.AST, Scope]
_Opener = (
    ast.FunctionDef
    | ast.AsyncFunctionDef
    | ast.Lambda
    | ast.ClassDef
    | ast.ListComp
    | ast.SetComp
    | ast.GeneratorExp
    | ast.DictComp
)
_BLOCKS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
