"""All code inside a module's, and where instructions begin."""

from __future__ import annotations

import opcode
import types
from collections.abc import Iterator

_EXTENDED = opcode.opmap["EXTENDED_ARG"]


def walk_code(code: types.CodeType) -> Iterator[types.CodeType]:
    """Yield ``code`` and all code objects inside it, however deep: by a list of its own, as nesting has no limit."""
    todo = [code]
    while todo:
        one = todo.pop()
        yield one
        todo += [each for each in one.co_consts if isinstance(each, types.CodeType)]


def find_beginning(bytecode: bytes | bytearray, at: int) -> int:
    """Return where the instruction whose operation stands at ``at`` begins: its prefixes lengthen its argument."""
    while at >= 2 and bytecode[at - 2] == _EXTENDED:
        at -= 2
    return at
