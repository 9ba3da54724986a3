"""The walk that finds the scopes of a file, and the positions of its names.

``symtable`` knows the scopes too, but not which node binds a name to what; so
one walk over the tree records both. It is the engine's inner loop, over each
node of each file: pure containers are handled inline, nodes that bind a name or
open a scope by a method. It keeps its own stack, since a source may be nested
deeper than Python's recursion limit.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from whet.engine.scopes import Binding, BindingKind, Scope, ScopeKind

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
_Opener = _Function | ast.Lambda | ast.ClassDef | _Comprehension
_DISPLAYS = (ast.Tuple, ast.List)
_BLOCKS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_GENERATOR = "<genexpr>"
_NO_NODES = frozenset(
    (
        *(
            "arg",
            "asname",
            "attr",
            "conversion",
            "ctx",
            "id",
            "is_async",
            "is_lazy",
            "kind",
            "kwd_attrs",
            "level",
            "module",
            "name",
        ),
        *("op", "ops", "rest", "simple", "str", "tag", "type_comment", "type_ignores"),
    )
)
"""Fields without nodes of their own: all nodes share one ``Load``, and one ``Add``."""
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {
    ast.Global: (),
    ast.Nonlocal: (),
    ast.MatchSingleton: (),
    **({ast.TypeAlias: ("value", "type_params", "name")} if hasattr(ast, "TypeAlias") else {}),
}


class ScopeTree:
    """All scopes of a file, the parents of its nodes, and the positions of its names and attributes."""

    def __init__(self, tree: ast.Module, end_line: int) -> None:
        self.module = Scope(ScopeKind.MODULE, tree, "<module>", "<module>", 1, end_line)
        self.scopes = [self.module]
        self.parents: dict[ast.AST, ast.AST] = {}
        self.names: defaultdict[str, list[ast.Name]] = defaultdict(list)
        self.scope_of: dict[ast.AST, Scope] = {}
        self.attributes: defaultdict[str, list[tuple[ast.Attribute, Scope]]] = defaultdict(list)
        self.imports: set[str] = set()
        self._values: dict[ast.AST, Binding] = {}
        self._stack: list[Any] = []
        self._walk(tree)
        self._values.clear()
        self._settle_nonlocals()

    def release(self) -> None:
        """Break the references between the scopes: nothing can be looked up afterwards."""
        for scope in self.scopes:
            scope.parent = None
            scope.children.clear()

    def lookup(self, name: str, scope: Scope) -> Scope | None:
        """Return the scope that binds ``name`` as seen from ``scope``; ``None`` if no scope does."""
        here: Scope | None = scope
        while here is not None:
            if name in here.global_names:
                return self.module if name in self.module.bindings else None
            visible = here.kind is not ScopeKind.CLASS or here is scope
            if visible and name in here.bindings and name not in here.nonlocal_names:
                return here
            here = here.parent
        return None

    def _walk(self, tree: ast.Module) -> None:  # noqa: PLR0912 - the inner loop, kept in one piece for speed
        """Visit each node once, in source order. The stack holds nodes, and scopes where a new one begins."""
        stack, parents, names, scope_of, attributes = (
            self._stack, self.parents, self.names, self.scope_of, self.attributes
        )  # fmt: skip
        values, openers, recorders = self._values, self._find_openers(), self._find_recorders()
        scope, buckets = self.module, self.module.nodes
        self._push(tree.body, tree)
        while stack:
            node = stack.pop()
            kind = type(node)
            if kind is Scope:
                scope, buckets = node, node.owner.nodes
                continue
            if kind in buckets:
                buckets[kind].append(node)
            else:
                buckets[kind] = [node]
            if kind is ast.Name:
                names[node.id].append(node)
                scope_of[node] = scope
                if type(node.ctx) is not ast.Load:
                    self._bind(scope, node.id, values.pop(node) if node in values else Binding(BindingKind.OTHER, node))
                continue
            if kind is ast.Constant:
                continue
            if kind is ast.Attribute:
                attributes[node.attr].append((node, scope))
                parents[node.value] = node
                stack.append(node.value)
                continue
            if kind in openers:
                openers[kind](node, scope)
                continue
            if kind in recorders:
                recorders[kind](node, scope)
            for field in _FIELDS[kind] if kind in _FIELDS else _find_fields(kind):
                child = getattr(node, field, None)
                if type(child) is list:
                    for item in reversed(child):
                        if item is not None:
                            parents[item] = node
                            stack.append(item)
                elif child is not None:
                    parents[child] = node
                    stack.append(child)

    def _push(self, nodes: Iterable[ast.AST], parent: ast.AST) -> None:
        """Put nodes on the stack, the first one on top."""
        for node in reversed(list(nodes)):
            self.parents[node] = parent
            self._stack.append(node)

    def _find_openers(self) -> dict[type[ast.AST], Callable[[Any, Scope], None]]:
        return {
            ast.FunctionDef: self._open_function,
            ast.AsyncFunctionDef: self._open_function,
            ast.Lambda: self._open_lambda,
            ast.ClassDef: self._open_class,
            **dict.fromkeys((ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp), self._open_comprehension),
        }

    def _find_recorders(self) -> dict[type[ast.AST], Callable[[Any, Scope], None]]:
        named = (ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping)
        return {
            ast.Assign: self._record_assign,
            ast.AnnAssign: self._record_annotated,
            ast.NamedExpr: self._record_walrus,
            ast.AugAssign: self._record_augmented,
            ast.Global: lambda node, scope: scope.global_names.update(node.names),
            ast.Nonlocal: lambda node, scope: scope.nonlocal_names.update(node.names),
            ast.Import: self._record_import,
            ast.ImportFrom: self._record_import,
            **dict.fromkeys(named, self._record_name),
            **dict.fromkeys((ast.BinOp, ast.UnaryOp, ast.BoolOp), self._record_operator),
            ast.Compare: self._record_comparison,
        }

    def _open_function(self, node: _Function, scope: Scope) -> None:
        self._bind(scope, node.name, Binding(BindingKind.DEFINITION, node))
        inner = self._open(ScopeKind.FUNCTION, node, node.name, scope)
        self._bind_parameters(node.args, inner)
        self._push_body(node, inner, scope)
        if node.returns is not None:
            self._push((node.returns,), node)
        self._push((*node.decorator_list, node.args), node)

    def _open_lambda(self, node: ast.Lambda, scope: Scope) -> None:
        inner = self._open(ScopeKind.LAMBDA, node, "<lambda>", scope)
        self._bind_parameters(node.args, inner)
        self._stack.append(scope)
        self._push((node.body,), node)
        self._stack.append(inner)
        self._push((node.args,), node)

    def _open_class(self, node: ast.ClassDef, scope: Scope) -> None:
        self._bind(scope, node.name, Binding(BindingKind.DEFINITION, node))
        inner = self._open(ScopeKind.CLASS, node, node.name, scope)
        self._push_body(node, inner, scope)
        self._push((*node.decorator_list, *node.bases, *node.keywords), node)

    def _push_body(self, node: _Function | ast.ClassDef, inner: Scope, scope: Scope) -> None:
        parameters = getattr(node, "type_params", ())  # from 3.12
        for parameter in parameters:
            self._bind(inner, parameter.name, Binding(BindingKind.OTHER, parameter))
        self._stack.append(scope)
        self._push((*parameters, *node.body), node)
        self._stack.append(inner)

    def _open_comprehension(self, node: _Comprehension, scope: Scope) -> None:
        name = _GENERATOR if isinstance(node, ast.GeneratorExp) else "<comprehension>"
        inner = self._open(ScopeKind.COMPREHENSION, node, name, scope)
        inner.owner.nodes.setdefault(ast.comprehension, []).extend(node.generators)
        self._stack.append(scope)
        # ``{**each for each in many}`` (3.15) has no value.
        made = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
        self._push([part for part in made if part is not None], node)
        for index, generator in reversed(list(enumerate(node.generators))):
            self.parents[generator] = node
            self._push((generator.target, *generator.ifs), generator)
            if index == 0:
                self._stack.append(inner)
            # The first iterable is evaluated outside, before the comprehension's own scope exists.
            self._push((generator.iter,), generator)

    def _record_assign(self, node: ast.Assign, scope: Scope) -> None:
        for target in node.targets:
            if type(target) is ast.Name:
                self._values[target] = Binding(BindingKind.VALUE, node, node.value)
            elif isinstance(target, _DISPLAYS) and isinstance(node.value, _DISPLAYS):
                self._record_pairs(target.elts, node.value.elts)

    def _record_pairs(self, targets: list[ast.expr], values: list[ast.expr]) -> None:
        """Note the value of each name of ``a, b = x, y``."""
        starred = any(isinstance(each, ast.Starred) for each in (*targets, *values))
        for target, value in zip(targets, values, strict=True) if len(targets) == len(values) and not starred else ():
            if isinstance(target, ast.Name):
                self._values[target] = Binding(BindingKind.OTHER, target, value)

    def _record_annotated(self, node: ast.AnnAssign, scope: Scope) -> None:
        kind = BindingKind.DECLARED if node.value is None else BindingKind.VALUE
        self._values[node.target] = Binding(kind, node, node.value, annotation=node.annotation)

    def _record_walrus(self, node: ast.NamedExpr, scope: Scope) -> None:
        self._values[node.target] = Binding(BindingKind.VALUE, node, node.value)

    def _record_augmented(self, node: ast.AugAssign, scope: Scope) -> None:
        self._values[node.target] = Binding(BindingKind.AUGMENTED, node, node.value)
        self._record_operator(node, scope)

    def _record_operator(self, node: ast.BinOp | ast.UnaryOp | ast.BoolOp | ast.AugAssign, scope: Scope) -> None:
        scope.owner.nodes.setdefault(type(node.op), [node.op])

    def _record_comparison(self, node: ast.Compare, scope: Scope) -> None:
        buckets = scope.owner.nodes
        for operator in node.ops:
            buckets.setdefault(type(operator), [operator])

    def _record_name(
        self, node: ast.ExceptHandler | ast.MatchAs | ast.MatchStar | ast.MatchMapping, scope: Scope
    ) -> None:
        name = node.rest if isinstance(node, ast.MatchMapping) else node.name
        if name is not None:
            self._bind(scope, name, Binding(BindingKind.OTHER, node))

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
        if type(binding.node) is ast.NamedExpr:  # a walrus binds outside its comprehension
            scope = scope.owner
        if name in scope.global_names:
            scope = self.module
        scope.bindings.setdefault(name, []).append(binding)

    def _settle_nonlocals(self) -> None:
        """Move bindings under ``nonlocal`` to the function that owns the name."""
        for scope in self.scopes:
            for name in scope.nonlocal_names:
                bound = scope.bindings.pop(name, [])
                owner = self.lookup(name, scope)
                if owner is not None:
                    owner.bindings[name].extend(bound)


def _find_fields(kind: type[ast.AST]) -> tuple[str, ...]:
    """Return the fields of a node type that contain nodes, in reverse, the order for a stack."""
    fields = tuple(field for field in reversed(kind._fields) if field not in _NO_NODES)
    _FIELDS[kind] = fields
    return fields
