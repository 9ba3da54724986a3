"""The facts from one parse of a file, shared by all rules: scopes, loops, and what names refer to."""

from __future__ import annotations

import ast
import builtins
import re
import sys
import warnings
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property

from whet.engine.limits import ELEMENT_LIMIT, EVERY_LINE, SIZE_LIMIT, TooLargeError, UnreadableError
from whet.engine.newer import find_needed_python
from whet.engine.scope_tree import ScopeTree
from whet.engine.scopes import Binding, BindingKind, Scope, ScopeKind
from whet.engine.source import SourceText

_SEPARATORS = ",\n.;:=+-*/%@&|^<>~([{"
_STRINGS_AND_COMMENTS = re.compile(r"""("{3}|'{3})[\s\S]*?\1|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|#[^\n]*""")

_BUILTINS = frozenset(dir(builtins))
_NAMESPACES = ("globals", "locals", "vars")
"""Builtins that return the names of the module, where it calls them."""


class Facts:
    """The facts of one file."""

    def __init__(self, source: SourceText, tree: ast.Module) -> None:
        self.source = source
        self.tree = tree
        self._scopes = ScopeTree(tree, len(source.lines))
        self.imports = frozenset(self._scopes.imports)
        self.module = self._scopes.module
        self.module.star_import |= any(map(self._binds_unseen, self._scopes.names.get("exec", ()))) or any(
            self._binds_unseen(node) for name in _NAMESPACES for node in self._scopes.names.get(name, ())
        )
        self.functions = tuple(s for s in self._scopes.scopes if s.kind is not ScopeKind.COMPREHENSION)
        """All scopes with a code object of their own, the module first, in source order."""
        self._owners: dict[tuple[str, Scope], Scope | None] = {}
        self._resolved: dict[ast.expr, str | None] = {}
        self._references: dict[str, dict[Scope | None, tuple[ast.Name, ...]]] = {}
        self._classes: dict[ast.Name, Scope | None] = {}
        self._attributes_of: dict[str, tuple[list[ast.Attribute], dict[Scope | None, list[int]]]] = {}
        self._places: dict[ast.stmt, tuple[list[ast.stmt], int]] = {}
        self.memo: dict[object, object] = {}
        """Cached answers about the whole file, by query."""
        self.issued: dict[str, str] = {}
        """Names that rewrites have introduced into this file, each with its purpose."""

    @classmethod
    def of(cls, text: str) -> Facts:
        """Parse ``text``. Raises :class:`UnreadableError` for code that does not compile, and for huge files."""
        if len(text) > SIZE_LIMIT:
            raise TooLargeError(f"is longer than {SIZE_LIMIT:,} characters")
        if _count_parts(text) > ELEMENT_LIMIT and _count_parts(_STRINGS_AND_COMMENTS.sub("", text)) > ELEMENT_LIMIT:
            raise TooLargeError(f"has more than {ELEMENT_LIMIT:,} elements: it is data, or generated")
        source = SourceText(text.removeprefix("\ufeff"))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about the user's string escapes
                tree = ast.parse(source.text)
        except SyntaxError as error:
            where = "" if error.lineno is None else f" (line {error.lineno})"
            running = f"{sys.version_info[0]}.{sys.version_info[1]}"
            needed = find_needed_python(source.text, error)
            if needed is not None:
                version = f"{needed[0]}.{needed[1]}"
                raise UnreadableError(
                    f"needs Python {version}, and whet runs on {running}{where}", f"install whet for Python {version}"
                ) from None
            raise UnreadableError(f"does not parse as Python {running}: {error.msg}{where}") from None
        except UnicodeError:
            raise UnreadableError("is not text in the encoding that it declares") from None
        except ValueError as error:
            raise UnreadableError(f"does not parse: {error}") from None
        except (RecursionError, MemoryError):
            raise UnreadableError("is nested too deeply to be parsed") from None
        return cls(source, tree)

    @cached_property
    def words(self) -> frozenset[str]:
        """Every name that the file uses or binds by a name, every attribute, and every imported name."""
        imported = (
            part
            for scope in self._scopes.scopes
            for bindings in scope.bindings.values()
            for binding in bindings
            for part in binding.origin.split(".")
        )
        return frozenset((*self._scopes.names, *self._scopes.attributes, *imported))

    def using(self, names: Iterable[str]) -> set[Scope] | None:
        """Return the functions that use one of ``names``; ``None``: any may, under another name."""
        wanted = [each for name in names for each in (self._list_ending(name[1:]) if name.startswith("*") else (name,))]
        if not self._renamed.isdisjoint(wanted):
            return None
        scopes = self._scopes
        found: set[Scope] = set()
        for name in wanted:
            if name in scopes.attributes:
                found.update(scope.owner for _, scope in scopes.attributes[name])
            if name in scopes.names:
                found.update(scopes.scope_of[node].owner for node in scopes.names[name])
        return found

    def _list_ending(self, end: str) -> list[str]:
        every = (self._scopes.names, self._scopes.attributes, self._renamed)
        return [name for names in every for name in names if name.endswith(end)]

    @cached_property
    def _renamed(self) -> frozenset[str]:
        """The parts of what is imported under another name: ``from re import compile as make``."""
        return frozenset(
            part
            for scope in self._scopes.scopes
            for name, bindings in scope.bindings.items()
            for binding in bindings
            if binding.origin and binding.origin.rpartition(".")[2] != name
            for part in binding.origin.split(".")
        )

    @cached_property
    def nonlocal_names(self) -> frozenset[str]:
        """Every name that some function of the file declares ``nonlocal``."""
        return frozenset(name for scope in self._scopes.scopes for name in scope.nonlocal_names)

    @cached_property
    def texts(self) -> frozenset[str]:
        """Every string literal of the file: it may be a name, as in ``__all__``."""
        constants = (node for scope in self._scopes.scopes for node in scope.nodes.get(ast.Constant, ()))
        return frozenset(n.value for n in constants if isinstance(n, ast.Constant) and isinstance(n.value, str))

    @cached_property
    def all_names(self) -> frozenset[str]:
        """Every name that the file uses or binds, in any scope."""
        names = set(self._scopes.names)
        for scope in self._scopes.scopes:
            names.update(scope.bindings, scope.global_names, scope.nonlocal_names)
        return frozenset(names)

    def _binds_unseen(self, name: ast.Name) -> bool:
        """Return whether ``name``, of a builtin, is called to bind names of the module, as a star import does."""
        call = self.parent(name)
        at_top = self.scope_of(name).owner is self.module
        if not isinstance(call, ast.Call) or call.func is not name or not (at_top or name.id == "globals"):
            return False
        if name.id == "exec":
            return len(call.args) == 1 and not call.keywords
        match self.parent(call):
            case ast.Subscript(ctx=ast.Store() | ast.Del()):
                return True
            case ast.Attribute(attr="update" | "setdefault" | "pop"):
                return not call.args
            case _:
                return False

    def release(self) -> None:
        """Break reference cycles at the end of use, so that everything is freed without the garbage collector."""
        self._scopes.release()
        self.memo.clear()

    def parent(self, node: ast.AST) -> ast.AST | None:
        """Return the parent of ``node``."""
        return self._scopes.parents.get(node)

    def hot_functions(self, lines: Iterable[int]) -> tuple[Scope, ...]:
        """Return the functions that own one of ``lines``; a nested function's own lines are not its parent's."""
        if lines == EVERY_LINE:
            return self.functions  # each owns its first line
        wanted = lines if isinstance(lines, range) else sorted(lines)
        found: list[Scope] = []
        for scope in self.functions:
            first, last = bisect_left(wanted, scope.line), bisect_right(wanted, scope.end_line)
            if _owns_any(scope, wanted[first:last]):
                found.append(scope)
        return tuple(found)

    def lookup(self, name: ast.Name) -> Scope | None:
        """Return the scope that binds ``name``; ``None`` for builtins and names that nothing binds."""
        return self.lookup_name(name.id, self.scope_of(name))

    def is_only_import(self, name: str, origin: str) -> bool:
        """Return whether ``name`` is bound in some scope of the file, everywhere by importing ``origin``."""
        if self._origins.get(name) != {origin}:
            return False
        self.references(name, self.module)  # fills the table of owners
        return None not in self._references[name]

    @cached_property
    def _origins(self) -> dict[str, set[str]]:
        """The origins of the imports that bind each name, in any scope; an empty one for other bindings."""
        origins: dict[str, set[str]] = {}
        for scope in self._scopes.scopes:
            for name, bindings in scope.bindings.items():
                origins.setdefault(name, set()).update(binding.origin for binding in bindings)
        return origins

    @cached_property
    def imported_as(self) -> dict[str, list[str]]:
        """The names that the module itself binds, only by imports, by their origin (``os.path``)."""
        names: dict[str, list[str]] = {}
        for name, bindings in self.module.bindings.items():
            origins = {binding.origin if binding.kind is BindingKind.IMPORT else "" for binding in bindings}
            if len(origins) == 1 and "" not in origins:
                names.setdefault(origins.pop(), []).append(name)
        return names

    def has_builtins(self, names: Iterable[str]) -> bool:
        """Return whether ``names`` are builtins in all functions of the file; methods do not see class names."""
        if self.module.star_import:
            return False
        return all(name in _BUILTINS and name not in self._bound for name in names)

    @cached_property
    def _bound(self) -> frozenset[str]:
        """Every name that a module or function binds."""
        return frozenset(
            name for scope in self._scopes.scopes if scope.kind is not ScopeKind.CLASS for name in scope.bindings
        )

    def lookup_name(self, name: str, scope: Scope) -> Scope | None:
        """Return the scope that binds ``name`` as seen from ``scope``; ``None`` if no scope does."""
        key = name, scope
        if key not in self._owners:
            self._owners[key] = self._scopes.lookup(name, scope)
        return self._owners[key]

    def scope_of(self, name: ast.Name) -> Scope:
        """Return the scope that a name is evaluated in."""
        return self._scopes.scope_of.get(name, self.module)

    def resolve(self, node: ast.expr) -> str | None:
        """Return what ``node`` refers to as a dotted name, such as ``builtins.list`` or ``re.compile``.

        ``None`` for everything that the source does not determine: names bound
        here, imported from two places, bound twice, or hidden by a star import.
        """
        if node not in self._resolved:
            self._resolved[node] = self._resolve(node)
        return self._resolved[node]

    def origins(self, node: ast.expr) -> frozenset[str]:
        """Return the dotted names that ``node`` may refer to, which is enough for advice.

        Besides what it certainly is: each of the places that it is imported from, where a star import may hide it, or
        the module tries one after the other.
        """
        known = self.resolve(node)
        name, trail = _split_path(node)
        if known is not None or name is None:
            return frozenset() if known is None else frozenset({known})
        owner = self.lookup(name)
        if owner is None and name.id in _BUILTINS and not trail:
            return frozenset({f"builtins.{name.id}"})
        bindings = self.module.bindings.get(name.id, ()) if owner is self.module else ()
        if not all(binding.kind is BindingKind.IMPORT or _is_none(binding.value) for binding in bindings):
            return frozenset()
        return frozenset(".".join((binding.origin, *trail)) for binding in bindings if binding.origin)

    def _resolve(self, node: ast.expr) -> str | None:
        name, trail = _split_path(node)
        if name is None:
            return None
        owner = self.lookup(name)
        if (owner is None or owner is self.module) and self.module.star_import:
            return None
        if owner is None:
            return f"builtins.{name.id}" if name.id in _BUILTINS and not trail else None
        bindings = owner.bindings[name.id]
        if not all(binding.kind is BindingKind.IMPORT for binding in bindings):
            return None
        origins = {binding.origin for binding in bindings}
        return ".".join((*origins, *trail)) if len(origins) == 1 else None

    def references(self, name: str, owner: Scope) -> tuple[ast.Name, ...]:
        """Return every node that refers to the ``name`` bound in ``owner``, in any scope, in source order."""
        by_owner = self._references.get(name)
        if by_owner is None:
            # All owners at once: in a file of thousands of functions, each has a local of the same name.
            found: dict[Scope | None, list[ast.Name]] = {}
            for node in self._scopes.names.get(name, ()):
                owner_here = self.lookup(node)
                found.setdefault(owner_here, []).append(node)
                outer = self._outer(node, owner_here)
                if outer is not None:
                    found.setdefault(outer, []).append(node)
            by_owner = self._references[name] = {scope: tuple(nodes) for scope, nodes in found.items()}
        return by_owner.get(owner, ())

    def _outer(self, node: ast.Name, owner: Scope | None) -> Scope | None:
        """Return where else a name is looked up: a class body reads the name of a method that it has not yet defined.

        Python looks in the module then.
        """
        if owner is None or owner.kind is not ScopeKind.CLASS or not isinstance(node.ctx, ast.Load):
            return None
        return self.lookup_name(node.id, owner.parent) if owner.parent is not None else None

    def attributes(self, name: str) -> tuple[tuple[ast.Attribute, Scope], ...]:
        """Return every attribute access ``….name`` of the file with its scope."""
        return tuple(self._scopes.attributes.get(name, ()))

    def class_of_self(self, node: ast.expr) -> Scope | None:
        """Return the class whose instance ``node`` is: the first parameter of a method, never rebound."""
        if not isinstance(node, ast.Name):
            return None
        if node not in self._classes:
            self._classes[node] = self._find_class_of(node)
        return self._classes[node]

    def _find_class_of(self, node: ast.Name) -> Scope | None:
        method = self.lookup(node)
        if method is None or not isinstance(method.node, ast.FunctionDef | ast.AsyncFunctionDef):
            return None
        owner, spec = method.parent, method.node.args
        first = [*spec.posonlyargs, *spec.args][:1]
        if owner is None or owner.kind is not ScopeKind.CLASS or not first or first[0].arg != node.id:
            return None
        static = {"staticmethod", "classmethod"}
        if any(isinstance(d, ast.Name) and d.id in static for d in method.node.decorator_list):
            return None
        return owner if len(method.bindings[node.id]) == 1 else None

    def split_attributes(self, name: str, owner: Scope) -> tuple[list[ast.Attribute], list[ast.Attribute]]:
        """Return the accesses ``….name`` that are of ``self`` in the class ``owner``, and all others."""
        if name not in self._attributes_of:
            by_class: dict[Scope | None, list[int]] = {}
            every = [node for node, _ in self.attributes(name)]
            for at, node in enumerate(every):
                by_class.setdefault(self.class_of_self(node.value), []).append(at)
            self._attributes_of[name] = every, by_class
        every, by_class = self._attributes_of[name]
        own = by_class.get(owner, [])
        others: list[ast.Attribute] = []
        start = 0
        for at in own:  # few among many, if all classes of a file have this attribute
            others += every[start:at]
            start = at + 1
        return [every[at] for at in own], others + every[start:]

    @cached_property
    def written_attributes(self) -> dict[ast.AST | None, set[str]]:
        """The attributes that the file sets or deletes, by the class whose ``self`` they are of; ``None``: others."""
        written: dict[ast.AST | None, set[str]] = {}
        for name, found in self._scopes.attributes.items():
            for node, _ in found:
                if not isinstance(node.ctx, ast.Load):
                    owner = self.class_of_self(node.value)
                    written.setdefault(None if owner is None else owner.node, set()).add(name)
        return written

    def loops(self, node: ast.AST) -> tuple[ast.AST, ...]:
        """Return the loops of the same function that repeat ``node``, innermost first.

        Loops are ``for`` and ``while`` statements and the ``comprehension``
        nodes of comprehensions. What a loop evaluates once (the iterable, the
        ``else`` branch) is not inside it.
        """
        found: list[ast.AST] = []
        below: ast.AST | None = None
        child, parent = node, self.parent(node)
        while parent is not None:
            match parent:
                case ast.For() | ast.AsyncFor():
                    if child is parent.target or self._is_in_body(child, parent.body):
                        found.append(parent)
                case ast.While():
                    if child is parent.test or self._is_in_body(child, parent.body):
                        found.append(parent)
                case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                    found.extend(_repeating_generators(parent, child, below))
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() if isinstance(child, ast.stmt):
                    break
                case ast.Lambda():
                    if child is parent.body:
                        break
                case _:
                    pass
            below, child, parent = child, parent, self.parent(parent)
        return tuple(found)

    def _is_in_body(self, node: ast.AST, body: list[ast.stmt]) -> bool:
        return isinstance(node, ast.stmt) and self.block(node) is body

    def statement(self, node: ast.AST) -> ast.stmt | None:
        """Return the statement that ``node`` is part of."""
        here: ast.AST | None = node
        while here is not None and not isinstance(here, ast.stmt):
            here = self.parent(here)
        return here

    def is_inside(self, node: ast.AST, outer: ast.AST) -> bool:
        """Return whether ``node`` is part of ``outer``, or is it."""
        here: ast.AST | None = node
        while here is not None and here is not outer:
            here = self.parent(here)
        return here is not None

    def block(self, node: ast.stmt) -> list[ast.stmt]:
        """Return the block of statements that contains ``node``."""
        return self._place(node)[0]

    def next_statement(self, node: ast.stmt, step: int = 1) -> ast.stmt | None:
        """Return the statement ``step`` after ``node`` in its block; -1 is the previous one."""
        block, at = self._place(node)
        return block[at + step] if 0 <= at + step < len(block) else None

    def _place(self, node: ast.stmt) -> tuple[list[ast.stmt], int]:
        """Return the block of ``node`` and its index there; all of the block are recorded, as it may be long."""
        if node not in self._places:
            parent = self.parent(node)
            self._places[node] = [node], 0
            for field in ("body", "orelse", "finalbody"):
                statements = getattr(parent, field, None)
                if isinstance(statements, list):
                    self._places.update((statement, (statements, at)) for at, statement in enumerate(statements))
        return self._places[node]

    def default_of(self, argument: ast.AST) -> ast.expr | None:
        """Return the default value of a parameter, by its ``ast.arg``."""
        spec = self.parent(argument)
        if not isinstance(spec, ast.arguments):
            return None
        positional = [*spec.posonlyargs, *spec.args]
        given = [*zip(positional[len(positional) - len(spec.defaults) :], spec.defaults, strict=True)]
        for one, default in (*given, *zip(spec.kwonlyargs, spec.kw_defaults, strict=True)):
            if one is argument:
                return default
        return None

    def only_binding(self, name: ast.Name) -> Binding | None:
        """Return the one binding of ``name`` if it has exactly one."""
        owner = self.lookup(name)
        bindings = owner.bindings[name.id] if owner is not None else []
        return bindings[0] if len(bindings) == 1 and self._outer(name, owner) is None else None


def _split_path(node: ast.expr) -> tuple[ast.Name | None, list[str]]:
    """Return the name that a chain of attributes begins with, and their names; ``None`` if it is another expression."""
    trail: list[str] = []
    while isinstance(node, ast.Attribute):
        trail.insert(0, node.attr)
        node = node.value
    return (node, trail) if isinstance(node, ast.Name) else (None, [])


def _is_none(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _count_parts(text: str) -> int:
    """Return about how many nodes the tree of a source has, by its separators; 0 for a short one."""
    if len(text) < ELEMENT_LIMIT:
        return 0
    return sum(map(text.count, _SEPARATORS)) + text.count("\n")  # a line is a statement with its expression


def _owns_any(scope: Scope, lines: Sequence[int]) -> bool:
    """Return whether one of ``lines``, sorted and all within ``scope``, can run code of ``scope`` itself."""
    if not lines:
        return False
    of_children: set[int] = set()
    for child in _nested(scope):
        # A nested function's header, and a body on the same line, is run by its parent too.
        before = max(child.body_line - 1, child.definition_line)
        of_children.update(lines[bisect_right(lines, before) : bisect_right(lines, child.end_line)])
    return any(line not in of_children for line in lines)


def _nested(scope: Scope) -> list[Scope]:
    """Return the functions and classes directly in ``scope``, those in its comprehensions included."""
    found: list[Scope] = []
    for child in scope.children:
        if child.kind is ScopeKind.COMPREHENSION:
            found.extend(_nested(child))
        else:
            found.append(child)
    return found


def _repeating_generators(
    node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, child: ast.AST, below: ast.AST | None
) -> list[ast.AST]:
    """Return the generators of ``node`` that repeat ``child``, innermost first."""
    count = len(node.generators)
    for index, generator in enumerate(node.generators):
        if child is generator:
            count = index if below is generator.iter else index + 1
    return list(reversed(node.generators[:count]))
