"""Reads the pickles that profilers write without running anything: a pickle is a program, and this interprets little.

Made are ``None``, booleans, integers, floats, strings, tuples, lists and dictionaries. A class may be named only if it
is one of ``classes``; what is made of it is its dictionary of attributes. All other instructions are refused.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Collection

from whet.errors import FormatError
from whet.formats._marshal import is_flat

MOST_INSTRUCTIONS = 20_000_000
_MARK = object()
_CONSTANTS: dict[str, object] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_ARGUMENT = frozenset(
    (
        "BINFLOAT", "BININT", "BININT1", "BININT2", "INT", "FLOAT", "LONG1", "LONG", "SHORT_BINUNICODE", "BINUNICODE",
        "UNICODE", "BINUNICODE8",
    )
)  # fmt: skip
"""Instructions whose value is their argument."""
_MAKERS: dict[str, Callable[[], object]] = {"EMPTY_TUPLE": tuple, "EMPTY_LIST": list, "EMPTY_DICT": dict}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class Made(dict[str, object]):
    """An object of an allowed class, as its attributes; ``name`` is the class's."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


def load(data: bytes, classes: Collection[str]) -> object:
    """Return the object in ``data``; ``classes`` are allowed, as in ``module LineStats``. Raises ``FormatError``."""
    machine = _Machine(classes)
    position: int | None = 0
    try:
        for count, (instruction, argument, position) in enumerate(pickletools.genops(data)):
            if count > MOST_INSTRUCTIONS:
                raise FormatError(f"more than {MOST_INSTRUCTIONS:,} instructions", where=f"byte {position}")
            if instruction.name == "STOP":
                return machine.pop()
            machine.run(instruction.name, argument)
    except _Wrong as wrong:
        raise FormatError(str(wrong), where=f"byte {position}") from None
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, UnicodeError, NotImplementedError) as error:
        raise FormatError(f"a pickle that is damaged or breaks off: {error!s:.100}", where=f"byte {position}") from None
    raise FormatError("a pickle that breaks off", where=f"byte {position}")


class _Wrong(Exception):  # noqa: N818  never seen by users
    """An instruction that is not run."""


class _Machine:
    """The stack and the memory of the pickle's program."""

    def __init__(self, classes: Collection[str]) -> None:
        self.classes = classes
        self.stack: list[object] = []
        self.memory: dict[int, object] = {}

    def pop(self) -> object:
        """Return what is on top."""
        value = self.stack.pop()
        if value is _MARK:
            raise _Wrong("a mark where a value should be")
        return value

    def pop_to_mark(self) -> list[object]:
        """Return what is above the last mark."""
        at = len(self.stack) - 1 - self.stack[::-1].index(_MARK)
        values = self.stack[at + 1 :]
        del self.stack[at:]
        return values

    def run(self, name: str, argument: object) -> None:  # noqa: PLR0912, PLR0915  one branch an instruction
        """Run one instruction."""
        stack = self.stack
        match name:
            case "PROTO" | "FRAME":
                pass
            case "MARK":
                stack.append(_MARK)
            case "POP":
                self.pop()
            case "MEMOIZE":
                self.memory[len(self.memory)] = stack[-1]
            case "BINPUT" | "LONG_BINPUT" | "PUT":
                self.memory[int(str(argument))] = stack[-1]
            case "BINGET" | "LONG_BINGET" | "GET":
                stack.append(self.memory[int(str(argument))])
            case "TUPLE":
                stack.append(tuple(self.pop_to_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                values = [self.pop() for _ in range(_TUPLES[name])]
                stack.append(tuple(reversed(values)))
            case "APPEND":
                value = self.pop()
                self._list().append(value)
            case "APPENDS":
                values = self.pop_to_mark()
                self._list().extend(values)
            case "SETITEM":
                value, key = self.pop(), self.pop()
                self._put([key], [value])
            case "SETITEMS":
                values = self.pop_to_mark()
                self._put(values[::2], values[1::2])
            case "GLOBAL":
                self._name_class(str(argument))
            case "STACK_GLOBAL":
                last, first = self.pop(), self.pop()
                if not (isinstance(first, str) and isinstance(last, str)):
                    raise _Wrong("a class without a name")
                self._name_class(f"{first} {last}")
            case "NEWOBJ" | "REDUCE":
                arguments, kind = self.pop(), self.pop()
                if not isinstance(kind, Made) or kind or arguments != ():
                    raise _Wrong("a call that is not run")
                stack.append(Made(kind.name))
            case "BUILD":
                state, made = self.pop(), stack[-1]
                if not isinstance(made, Made) or not isinstance(state, dict):
                    raise _Wrong("a state that belongs to nothing")
                made.update(state)
            case _ if name in _CONSTANTS:
                stack.append(_CONSTANTS[name])
            case _ if name in _MAKERS:
                stack.append(_MAKERS[name]())
            case _ if name in _ARGUMENT:
                stack.append(argument)
            case _:
                raise _Wrong(f"the instruction {name}, which no such profile has")

    def _list(self) -> list[object]:
        if not isinstance(self.stack[-1], list):
            raise _Wrong("a list that is none")
        return self.stack[-1]

    def _put(self, keys: list[object], values: list[object]) -> None:
        if not isinstance(self.stack[-1], dict):
            raise _Wrong("a dictionary that is none")
        if not all(map(is_flat, keys)):
            raise _Wrong("a key that holds tuples or lists")
        self.stack[-1].update(zip(keys, values, strict=True))

    def _name_class(self, name: str) -> None:
        if name not in self.classes:
            raise _Wrong(f"the class {name[:80]!a}, which no such profile has")
        self.stack.append(Made(name))
