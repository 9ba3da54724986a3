"""Which functions other compilers read as bytecode: in these, nothing of whet's may stand.

Numba compiles functions that are decorated or handed to it, and nothing else that these call.
PyTorch's compiler follows calls into whatever module, and a module does not say what another one has compiled;
so all functions beside an import of it are left alone.
"""

from __future__ import annotations

import ast

_GIVEN = frozenset(("numba",))
"""Packages that compile what they are given, also where their name is an argument, as pandas' ``engine="numba"``."""
_FOLLOWING = frozenset(("torch",))
"""Packages that also compile what that calls."""

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Readers:
    """What may be read as bytecode in one module."""

    def __init__(self, tree: ast.Module, text: str | bytes) -> None:
        self.all = self.some = False
        self.values: set[str] = set()
        """Names that stand for values, and not only for what is called."""
        data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        # Most modules name neither, and need not be walked through.
        if any(name.encode() in data for name in _GIVEN | _FOLLOWING):
            self._read(tree)

    def _read(self, tree: ast.Module) -> None:
        called: set[int] = set()
        # From the outside inwards, so that a call is met before what it calls.
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                self._note_imports([alias.name for alias in node.names])
            elif isinstance(node, ast.ImportFrom):
                self._note_imports([node.module or ""])
            elif isinstance(node, ast.Constant):
                self.some = self.some or (type(node.value) is str and node.value in _GIVEN)
            elif isinstance(node, ast.Call):
                called.add(id(node.func))
            elif isinstance(node, (ast.Name, ast.Attribute)) and id(node) not in called:
                self.values.add(node.id if isinstance(node, ast.Name) else node.attr)

    def _note_imports(self, names: list[str]) -> None:
        packages = {name.split(".")[0] for name in names}
        self.some = self.some or not _GIVEN.isdisjoint(packages)
        self.all = self.all or not _FOLLOWING.isdisjoint(packages)

    def may_read(self, definition: Definition) -> bool:
        """Tell whether a function, or the methods of a class, may be read."""
        return self.all or (self.some and (bool(definition.decorator_list) or definition.name in self.values))
