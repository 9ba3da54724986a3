"""All code inside a module's."""

from __future__ import annotations

import types
from collections.abc import Iterator


def walk_code(code: types.CodeType) -> Iterator[types.CodeType]:
    """Yield ``code`` and all code objects inside it, however deep: by a list of its own, as nesting has no limit."""
    todo = [code]
    while todo:
        one = todo.pop()
        yield one
        todo += [each for each in one.co_consts if isinstance(each, types.CodeType)]
