"""Switches counters off where they cost too much, and on again for short phases: how.

Whether what a counter costs shows depends on how often it is passed, which only
running tells. So counters stand wherever they tell something, and one that is
passed too often has a jump written over its first instruction, in the
bytecode of the function that is there already: frames that run, closures and
generators included. (Giving functions another code object would do the same, but
from 3.13 on the interpreter never again specialises calls of such a function.)

The jump is written only while no thread can stand between the counter's
instructions: there is no point among them where the interpreter gives way, but where
:mod:`gates` calls an anchor, after which the counter is over. And
only over an instruction that is the one that was compiled: what tracing has put
there is left alone. :func:`can_toggle` tries it all out before it is relied on.

Which counters are on, and what is made of the others: :mod:`counting`.
"""

from __future__ import annotations

import dis
import opcode
import sys
import types
from collections.abc import Iterator
from time import perf_counter_ns

from .anchors import Anchor
from .code_tree import find_beginning, walk_code
from .counts import Count

# Not when it is needed: by then a module of the program's may have the name.
try:
    import ctypes
except ImportError:
    ctypes = None  # type: ignore[assignment]

_JUMP = opcode.opmap["JUMP_FORWARD"]
_BASE = types.CodeType.__basicsize__
"""Where the bytecode stands in a code object."""
_EXTENDED = opcode.opmap["EXTENDED_ARG"]
_BEGINNINGS = frozenset(
    code
    for name, code in {**opcode.opmap, **getattr(opcode, "_specialized_opmap", {})}.items()
    if "LOAD_CONST" in name or name == "LOAD_COMMON_CONSTANT"
) | {_EXTENDED, opcode.opmap["NOP"]}
"""Instructions that a counter begins with."""


class Toggle:
    """The place of one counter in the bytecode."""

    __slots__ = ("_low", "anchor", "code", "distance", "does", "is_on", "on_word")

    def __init__(self, anchor: Anchor, code: types.CodeType, start: int, end: int, does: str) -> None:
        assert ctypes is not None  # can_toggle
        self.anchor = anchor
        self.does = does
        """Which field of the anchor it counts (``n``, ``passed``), or what it has it do (``gate``, ``leave``)."""
        self.code = code
        self.distance = (end - start) // 2 - 1
        self._low = (ctypes.c_ubyte * 2).from_address(id(code) + _BASE + start)
        self.is_on = True
        self.on_word = (0, 0)

    def set(self, on: bool) -> None:
        """Switch the counter; leaves it as it is where something else stands in its place."""
        if on is self.is_on:
            return
        word = self._low
        if not on and word[0] in _BEGINNINGS:
            self.on_word = (word[0], word[1])
            # The argument first: tracing may replace the instruction, never its argument.
            word[1], word[0] = self.distance, _JUMP
            self.is_on = False
        elif on and word[0] == _JUMP and word[1] == self.distance:
            word[0], word[1] = self.on_word
            self.is_on = True


def find_toggles(code: types.CodeType) -> Iterator[Toggle]:
    """Yield the counters in ``code`` and in all code inside it."""
    for one in walk_code(code):
        if any(type(each) is Anchor or type(each) is Count for each in one.co_consts):
            yield from _find_own(one)


def _find_own(code: types.CodeType) -> Iterator[Toggle]:
    instructions = [each for each in dis.get_instructions(code) if each.opname not in ("EXTENDED_ARG", "CACHE")]
    ends = [each.offset for each in instructions]
    # Where an instruction begins, its prefixes included: where the one before it, with its caches, is over.
    bytecode = code.co_code
    begins = [find_beginning(bytecode, end) for end in ends]
    for at, each in enumerate(instructions):
        if "LOAD_CONST" not in each.opname:
            continue
        if type(each.argval) is Anchor:
            anchor = each.argval
            first, last, does = _find_call(instructions, at)
        elif type(each.argval) is Count:
            anchor, does = each.argval.of, each.argval.does
            first, last = _find_counting(instructions, at)
        else:
            continue
        if last + 1 < len(instructions) and 0 < (begins[last + 1] - begins[first]) // 2 - 1 < 256:
            yield Toggle(anchor, code, begins[first], begins[last + 1], does)


def _find_call(instructions: list[dis.Instruction], at: int) -> tuple[int, int, str]:
    """Return the first and the last instruction of what has the anchor at ``at`` do something, and what that is."""
    if instructions[at + 1].opname == "SWAP":
        return at - 1, at + 2, "gate"
    return at, _find_next(instructions, at, "POP_TOP"), "leave"


def _find_counting(instructions: list[dis.Instruction], at: int) -> tuple[int, int]:
    """Return the first and the last instruction of what counts by the counter at ``at``."""
    last = _find_next(instructions, at, "POP_TOP")
    if any(each.opname == "FOR_ITER" for each in instructions[at:last]):
        return at, last + 1
    return at - 1, last


def _find_next(instructions: list[dis.Instruction], at: int, name: str) -> int:
    found = (index for index in range(at, len(instructions)) if instructions[index].opname == name)
    return next(found, len(instructions))


def can_toggle() -> bool:  # noqa: PLR0911
    """Tell whether this interpreter's bytecode lies as thought, by switching a counter of a made-up function."""
    try:
        from .anchors import can_patch, install_anchors
        from .placing import compile_with_anchors

        if not can_patch() or sys.implementation.name != "cpython" or _has_jit():
            return False
        text = (
            "def f(items):\n    total = 0\n    while items:\n        total += items.pop()\n"
            "    for _ in (total, total):\n        total += 1\n    return total\n"
        )
        code, found = compile_with_anchors(text, "<whet>", 10, togglable=True)
        namespace: dict[str, types.FunctionType] = {}
        exec(install_anchors(code, found), namespace)
        function = namespace["f"]
        toggles = list(find_toggles(function.__code__))
        if len(toggles) != 6 or _live(function.__code__) != function.__code__._co_code_adaptive:  # type: ignore[attr-defined]
            return False
        for on in (True, False, True, False):
            before = [_count(each) for each in toggles]
            for each in toggles:
                each.set(on)
                if each.is_on is not on:
                    return False
            # Often enough for the interpreter to specialise it.
            if any(function([1, 2, 3]) != 8 for _ in range(50)):
                return False
            grown = [_count(each) - was for each, was in zip(toggles, before, strict=True)]
            # The passes of the function and those that get through, of both loops, and the lengths and ends of one.
            if sorted(grown) != ([50, 50, 50, 100, 100, 150] if on else [0] * 6):
                return False
    except Exception:  # whatever it is, it is not as thought
        return False
    return True


def _count(toggle: Toggle) -> int:
    return toggle.anchor.passed if toggle.does == "passed" else toggle.anchor.n


def _live(code: types.CodeType) -> bytes:
    assert ctypes is not None  # can_toggle
    return ctypes.string_at(id(code) + _BASE, len(code.co_code))


def _has_jit() -> bool:
    """Whether machine code made of the bytecode may run in its place."""
    jit = getattr(sys, "_jit", None)
    return jit is not None and bool(jit.is_enabled())


def measure_cost() -> float:
    """Return what one count costs here, in nanoseconds."""
    from .anchors import install_anchors
    from .placing import compile_with_anchors

    text = "def f(n):\n    i = 0\n    while i < n:\n        i += 1\n"
    code, found = compile_with_anchors(text, "<whet>", 10, togglable=True)
    namespace: dict[str, types.FunctionType] = {}
    exec(install_anchors(code, found), namespace)
    function, rounds = namespace["f"], 5_000
    toggles = [each for each in find_toggles(function.__code__) if each.anchor.kind == "loop"]
    best = {True: float("inf"), False: float("inf")}
    for on in (True, False) * 6:
        for each in toggles:
            each.set(on)
        began = perf_counter_ns()
        function(rounds)
        best[on] = min(best[on], (perf_counter_ns() - began) / rounds)
    return min(60.0, max(2.0, best[True] - best[False]))
