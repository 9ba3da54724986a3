"""Functions that another compiler translates: it knows a part of Python only, and its loops have other costs."""

from __future__ import annotations

import ast

from whet.engine.facts import Facts
from whet.engine.scopes import Scope

_COMPILING = ("cupyx.jit.", "numba.", "taichi.", "tensorflow.function", "torch.jit.", "triton.", "warp.")
"""How decorators begin whose functions are compiled from their source or bytecode."""
_PACKAGES = frozenset(name.partition(".")[0] for name in _COMPILING)


def is_compiled(facts: Facts, scope: Scope) -> bool:
    """Return whether a decorator has another compiler translate the function of ``scope``, or one around it."""
    if _PACKAGES.isdisjoint(name.partition(".")[0] for name in facts.imports):
        return False
    here: Scope | None = scope
    while here is not None:
        for decorator in getattr(here.node, "decorator_list", ()):
            name = facts.resolve(decorator.func if isinstance(decorator, ast.Call) else decorator) or ""
            if name.startswith(_COMPILING):
                return True
        here = here.parent
    return False
