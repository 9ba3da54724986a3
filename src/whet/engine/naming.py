"""Names that a rewrite introduces, or that are already imported."""

from __future__ import annotations

import ast
import builtins
import keyword
from collections.abc import Iterator
from itertools import count

from whet.engine.facts import Facts
from whet.engine.scopes import Scope, ScopeKind

_TAKEN = frozenset((*dir(builtins), *keyword.kwlist, *keyword.softkwlist))


class Namer:
    """The names of one file. New ones are recorded in the facts, so that all rewrites of the file fit together."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def fresh(self, wanted: str, function: Scope) -> str:
        """Return a name like ``wanted`` that nothing in ``function`` and around it uses, and record it."""
        root = function
        while root.parent is not None and root.parent.kind is not ScopeKind.MODULE:
            root = root.parent
        if root.kind is not ScopeKind.FUNCTION:
            name = next(name for name in self._variants(wanted) if self._is_free(name))
            self._facts.issued[name] = ""
            return name
        used, module = self._used_in(root), self._facts.module.bindings
        taken = (_TAKEN, used, module, self._facts.issued)
        name = next(name for name in _number(wanted) if not any(name in names for names in taken))
        used.add(name)
        self._locals.add(name)
        return name

    @property
    def _locals(self) -> set[str]:
        """The names that were introduced into functions of the file."""
        known = self._facts.memo.setdefault("made up for functions", set())
        return known if isinstance(known, set) else set()

    def _used_in(self, root: Scope) -> set[str]:
        """Return the names that a function and those inside it use, and those that were introduced into it."""
        known = self._facts.memo.get(("names in", root))
        if isinstance(known, set):
            return known
        used: set[str] = set()
        scopes = [root]
        while scopes:
            scope = scopes.pop()
            used.update(scope.bindings, scope.global_names, scope.nonlocal_names)
            used.update(node.id for node in scope.nodes.get(ast.Name, ()) if isinstance(node, ast.Name))
            scopes += scope.children
        self._facts.memo["names in", root] = used
        return used

    def fresh_for(self, wanted: str, purpose: str) -> str:
        """Return a name like ``wanted`` that nothing uses except for the same ``purpose``, and record it."""
        known = self._by_purpose.get(purpose)
        if known is None:
            known = next(name for name in self._variants(wanted) if self._is_free(name))
            self._record(known, purpose)
        return known

    @property
    def _by_purpose(self) -> dict[str, str]:
        """The introduced names by their purpose."""
        known = self._facts.memo.setdefault("introduced names", {})
        return known if isinstance(known, dict) else {}

    def _record(self, name: str, purpose: str) -> None:
        self._facts.issued[name] = purpose
        self._by_purpose.setdefault(purpose, name)

    def fresh_import(self, wanted: str, origin: str) -> str:
        """Return a name for an import of ``origin``: ``wanted``, unless it means anything else in the file."""
        issued = self._facts.issued.get(wanted)
        if issued == f"import {origin}" or (issued is None and self._facts.is_only_import(wanted, origin)):
            self._record(wanted, f"import {origin}")
            return wanted
        return self.fresh_for(wanted, f"import {origin}")

    def imported(self, module: str, name: str, function: Scope) -> str:
        """Return how ``function`` can refer to ``module`` or its ``name`` with the existing imports, else nothing."""
        top = self._facts.module
        if top.star_import:
            return ""
        wanted = [(f"{module}.{name}", ""), (module, f".{name}")] if name else [(module, "")]
        for origin, rest in wanted:
            for bound in self._facts.imported_as.get(origin, ()):
                early = self._facts.parent(top.bindings[bound][0].node) is self._facts.tree
                if early and self._facts.lookup_name(bound, function) is top:
                    return bound + rest
        return ""

    def _is_free(self, name: str) -> bool:
        return (
            name not in _TAKEN
            and name not in self._locals
            and name not in self._facts.all_names
            and not self._facts.attributes(name)
            and name not in self._facts.issued
        )

    def _variants(self, wanted: str) -> Iterator[str]:
        """Yield ``wanted`` and ``wanted_2`` and so on, without those that an earlier search of the file passed."""
        passed = self._facts.memo.setdefault("passed variants", {})
        if not isinstance(passed, dict):
            raise TypeError
        first = passed.get(wanted, 1)
        for number, name in enumerate(_number(wanted, first), start=first):
            passed[wanted] = number
            yield name


def _number(wanted: str, first: int = 1) -> Iterator[str]:
    """Yield ``wanted``, ``wanted_2``, ``wanted_3`` and so on, from the ``first`` of these."""
    yield from (wanted if number == 1 else f"{wanted}_{number}" for number in count(first))
