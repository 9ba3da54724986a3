"""Reads the marshal data that profilers write, and nothing else that marshal could hold.

``marshal.loads`` of a hostile file can crash the interpreter. Read here are ``None``, booleans, integers, floats,
strings, bytes, tuples, dictionaries and references to earlier ones; code objects and all other types are refused.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from whet.errors import FormatError

MOST_DEPTH = 50
"""Tuples and dictionaries inside one another; pstats have four."""
_FLAG = 0x80
_NULL = object()
_SCALARS = (type(None), bool, int, float, str, bytes)


def load(data: bytes) -> object:
    """Return the one value in ``data``. Raises ``FormatError`` with the byte that is wrong."""
    reader = _Reader(data)
    value = reader.read(0)
    if value is _NULL:
        raise FormatError("no value", where="byte 0")
    return value


def is_flat(key: object) -> bool:
    """Return whether ``key`` is a scalar or a tuple of them.

    To hash one that refers to others, which refer to others, may take forever, or all of the C stack.
    """
    return all(isinstance(each, _SCALARS) for each in (key if isinstance(key, tuple) else (key,)))


class _Reader:
    """Reads value after value. ``refs`` are those that may be referred to."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.refs: list[object] = []
        self.readers: dict[str, Callable[[], object]] = {
            "N": lambda: None,
            "T": lambda: True,
            "F": lambda: False,
            "i": lambda: int.from_bytes(self.take(4), "little", signed=True),
            "I": lambda: int.from_bytes(self.take(8), "little", signed=True),
            "l": self.read_long,
            "g": lambda: struct.unpack("<d", self.take(8))[0],
            "f": self.read_float_text,
            "s": lambda: self.take(self.size(4)),
            "z": lambda: self.take(self.size(1)).decode("latin-1"),
            "Z": lambda: self.take(self.size(1)).decode("latin-1"),
            "a": lambda: self.take(self.size(4)).decode("latin-1"),
            "A": lambda: self.take(self.size(4)).decode("latin-1"),
            "u": lambda: self.take(self.size(4)).decode("utf-8", "surrogatepass"),
            "t": lambda: self.take(self.size(4)).decode("utf-8", "surrogatepass"),
        }

    def take(self, size: int) -> bytes:
        """Return the next bytes."""
        if size > len(self.data) - self.at:
            raise FormatError("it breaks off", where=f"byte {self.at}")
        self.at += size
        return self.data[self.at - size : self.at]

    def size(self, width: int) -> int:
        """Return a length of ``width`` bytes; one that the data cannot have is refused before anything is made."""
        size = int.from_bytes(self.take(width), "little")
        if size > len(self.data) - self.at:
            raise FormatError("it breaks off, or a length is wrong", where=f"byte {self.at}")
        return size

    def read_long(self) -> int:
        """Return an integer of 15-bit digits; one of more than 128 bits is refused."""
        count = int.from_bytes(self.take(4), "little", signed=True)
        if abs(count) > 9:
            raise FormatError("an integer of more than 128 bits", where=f"byte {self.at}")
        value = sum(int.from_bytes(self.take(2), "little") << 15 * digit for digit in range(abs(count)))
        return -value if count < 0 else value

    def read_float_text(self) -> float:
        """Return a float of version 1, as text."""
        where = self.at
        try:
            return float(self.take(self.size(1)))
        except ValueError:
            raise FormatError("a number that is none", where=f"byte {where}") from None

    def read(self, depth: int) -> object:
        """Return the value that comes next, or ``_NULL``, which ends a dictionary."""
        where = self.at
        if depth > MOST_DEPTH:
            raise FormatError("nested too deeply", where=f"byte {where}")
        code = self.take(1)[0]
        kind = chr(code & ~_FLAG)
        if kind == "0":
            return _NULL
        if kind == "r":
            index = int.from_bytes(self.take(4), "little")
            if index >= len(self.refs) or self.refs[index] is _NULL:
                raise FormatError(f"a reference to value {index}, which is not there", where=f"byte {where}")
            return self.refs[index]
        place = len(self.refs)
        if code & _FLAG:
            self.refs.append(_NULL)
        if kind in "()":
            count = self.size(4 if kind == "(" else 1)
            value: object = tuple(self.need(depth) for _ in range(count))
        elif kind == "{":
            value = self.read_dict(depth)
        elif kind in self.readers:
            try:
                value = self.readers[kind]()
            except UnicodeDecodeError:
                raise FormatError("a string that is not UTF-8", where=f"byte {where}") from None
        else:
            raise FormatError(f"a value of type {kind!a}, which no profile has", where=f"byte {where}")
        if code & _FLAG:
            self.refs[place] = value
        return value

    def need(self, depth: int) -> object:
        """Return a value that must be there."""
        value = self.read(depth + 1)
        if value is _NULL:
            raise FormatError("an end where a value should be", where=f"byte {self.at}")
        return value

    def read_dict(self, depth: int) -> dict[object, object]:
        """Return a dictionary, whose keys must be flat."""
        found: dict[object, object] = {}
        while (key := self.read(depth + 1)) is not _NULL:
            if not is_flat(key):
                raise FormatError("a key that holds tuples or dictionaries", where=f"byte {self.at}")
            found[key] = self.need(depth)
        return found
