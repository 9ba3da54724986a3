"""Counts how often code is passed, at a third of what an addition costs.

A :class:`Count` is an endless iterator, and to count is to take one item from it: the
interpreter calls one function in C for that, and makes no object. In the tree this is ``None in COUNT``,
which takes items until one is ``None``, as the first is. In the bytecode compiled of
that the search becomes the taking itself, which is cheaper still::

    LOAD_CONST None; LOAD_CONST count; CONTAINS_OP;         POP_TOP
    LOAD_CONST count; FOR_ITER;        POP_TOP (the item);  POP_TOP

Where the bytecode is not as thought it stays as it is, and counts as well; so too where a tool
watches which branches are taken, as taking an item is one (coverage would find branches that the source lacks).
"""

from __future__ import annotations

import ast
import opcode
import re
import sys
import types
from itertools import repeat
from typing import Any

from .code_tree import find_beginning
from .monitoring import name_other_tool

_ENDLESS = sys.maxsize
_LOAD, _NOP, _POP, _SEARCH, _TAKE, _NEGATIVE = (
    opcode.opmap[name] for name in ("LOAD_CONST", "NOP", "POP_TOP", "CONTAINS_OP", "FOR_ITER", "UNARY_NEGATIVE")
)
_CAN_TURN = (3, 11) <= sys.version_info < (3, 15) and _ENDLESS > 2**60
"""Whether this interpreter's ``FOR_ITER`` is known to want an iterator on the stack and nothing else."""
_NEEDS_ROOM = (3, 12) <= sys.version_info < (3, 13)
"""Whether the search is one word shorter than taking is."""
_SEARCH_WORDS = bytes((_SEARCH, 0)) + bytes(2 * (sys.version_info >= (3, 13)))
"""With its caches."""
_REST = (bytes((_NEGATIVE, 0)) if _NEEDS_ROOM else b"") + bytes((_POP, 0))
# Where it would go on if there were no more items is read by who moves a frame to another line, as debuggers do: up to
# 3.11 it has dropped the iterator there, later not.
_TAKING = bytes((_TAKE, 0, 0, 0) if sys.version_info >= (3, 12) else (_TAKE, 2)) + bytes((_POP, 0, _POP, 0))
# Looked ahead for: what is found at odd places must not hide what stands at even ones.
_SEARCHES = re.compile(
    b"(?s)(?=%b.%b)" % (re.escape(bytes((_LOAD,))), re.escape(_SEARCH_WORDS + _REST)),
)


class Count(repeat):  # type: ignore[type-arg]  # at run time it takes no parameter
    """A number that grows by one with each item taken. Pickled with the code that it stands in it counts for nobody."""

    __slots__ = ("does", "of", "since")

    def __new__(cls, of: Any, does: str) -> Count:
        """Make a counter for field ``does`` of the anchor ``of``."""
        return super().__new__(cls, None, _ENDLESS)

    def __init__(self, of: Any, does: str) -> None:
        self.of = of
        self.does = does
        self.since = _ENDLESS

    @property
    def taken(self) -> int:
        """How many items have been taken since it was made or began anew."""
        return self.since - self.__length_hint__()

    def begin_anew(self) -> None:
        """Start from nothing, in a forked child."""
        self.since = self.__length_hint__()

    def __reduce__(self) -> tuple[Any, ...]:
        return (repeat, (None,))


def make_count(mark: ast.expr) -> ast.Expr:
    """Make the statement that takes an item from what stands for ``mark``."""
    search: ast.expr = ast.Compare(ast.Constant(None), [ast.In()], [mark])
    return ast.Expr(ast.UnaryOp(ast.USub(), search) if _NEEDS_ROOM else search)


def turn_counts(code: types.CodeType, marks: frozenset[str]) -> types.CodeType:
    """Return ``code``, and all code inside it, with the searches in ``marks`` turned.

    It must not run before :class:`Count` objects stand in the marks' places.
    """
    if not _CAN_TURN or name_other_tool():
        return code
    constants = tuple(turn_counts(each, marks) if isinstance(each, types.CodeType) else each for each in code.co_consts)
    words = bytearray(code.co_code)
    for found in _SEARCHES.finditer(code.co_code):
        at = found.start()
        if at % 2:
            continue
        begin, constant = _read_load(words, at, constants)
        if type(constant) is str and constant in marks and begin >= 2 and words[begin - 2] == _LOAD:
            first, sought = _read_load(words, begin - 2, constants)
            end = at + 2 + len(_SEARCH_WORDS + _REST)
            load = words[begin : at + 2]
            fill = bytes((_NOP, 0)) * ((end - first - len(load) - len(_TAKING)) // 2)
            if sought is None and len(load + fill + _TAKING) == end - first:
                words[first:end] = load + fill + _TAKING
    return code.replace(co_consts=constants, co_code=bytes(words))


def _read_load(words: bytearray, at: int, constants: tuple[object, ...]) -> tuple[int, object]:
    """Return where the instruction at ``at`` begins, its prefixes included, and the constant that it loads."""
    begin = find_beginning(words, at)
    index = int.from_bytes(words[begin + 1 : at + 2 : 2], "big")
    return begin, constants[index] if index < len(constants) else ...
