"""Makes a ``for`` loop show what it iterates over to an anchor, in a way that can be switched off by one jump.

``for x in items`` becomes ``for x in (-items) + (-MARK)`` in the tree, and in the bytecode
compiled of that the first negation becomes nothing and the second a swap::

    <items>; UNARY_NEGATIVE; LOAD_CONST mark; UNARY_NEGATIVE; BINARY_OP +
    <items>; NOP;            LOAD_CONST mark; SWAP 2;         BINARY_OP +

So ``anchor + items`` is computed, which is ``items`` (see :meth:`anchors.Anchor.__add__`), after
``items`` has been evaluated and with nothing of it left on the stack. A call could not do this: what
is called is on the stack while its arguments are evaluated, and a frame may stand
there when the call is to be switched off.
"""

from __future__ import annotations

import ast
import opcode
import types

from .code_tree import find_beginning

_NOP, _SWAP, _NEGATIVE = (opcode.opmap[name] for name in ("NOP", "SWAP", "UNARY_NEGATIVE"))
_LOAD, _BINARY, _EXTENDED = (opcode.opmap[name] for name in ("LOAD_CONST", "BINARY_OP", "EXTENDED_ARG"))


class GateError(Exception):
    """The bytecode is not what was expected; the module is to be compiled without gates."""


def has_gate(iterable: ast.expr) -> bool:
    """Tell whether a gate can stand behind ``iterable``: the compiler must not compute its negation beforehand."""
    return not (isinstance(iterable, ast.Constant) and isinstance(iterable.value, (int, float, complex)))


def make_gate(iterable: ast.expr, mark: ast.Constant) -> ast.expr:
    """Return what takes the place of ``iterable`` in the tree, with its position."""
    shown = ast.copy_location(ast.UnaryOp(ast.USub(), iterable), iterable)
    anchor = ast.copy_location(ast.UnaryOp(ast.USub(), ast.copy_location(mark, iterable)), iterable)
    for part in (mark, anchor):
        part.end_lineno, part.end_col_offset = iterable.lineno, iterable.col_offset
    return ast.copy_location(ast.BinOp(shown, ast.Add(), anchor), iterable)


def turn_gates(code: types.CodeType, marks: frozenset[str]) -> types.CodeType:
    """Return ``code``, and all code inside it, with the negations around ``marks`` turned. Raises ``GateError``."""
    constants = tuple(turn_gates(each, marks) if isinstance(each, types.CodeType) else each for each in code.co_consts)
    if not any(type(each) is str and each in marks for each in constants):
        return code.replace(co_consts=constants)
    words = bytearray(code.co_code)
    high = 0
    for at in range(0, len(words) - 4, 2):
        operation, argument = words[at], words[at + 1] | high
        if operation == _EXTENDED:
            high = argument << 8
            continue
        high = 0
        if operation == _LOAD and words[at + 2] == _NEGATIVE:
            constant = constants[argument]
            if type(constant) is str and constant in marks:
                _turn(words, at)
    return code.replace(co_consts=constants, co_code=bytes(words))


def _turn(words: bytearray, at: int) -> None:
    before = find_beginning(words, at) - 2
    if before < 0 or words[before] != _NEGATIVE or words[at + 4] != _BINARY:
        raise GateError
    words[before : before + 2] = bytes((_NOP, 0))
    words[at + 2 : at + 4] = bytes((_SWAP, 2))
