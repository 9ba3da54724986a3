"""Protocol buffers on the wire: fields of a message, without a schema.

A field is a key (number times 8 plus wire type) and a value: 0 a number of up to 64 bits, 1 and 5 eight and four bytes,
2 a length and as many bytes. Groups (3, 4) are not in use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

from whet.errors import FormatError

MOST_MESSAGE = 64 * 1024 * 1024
"""Bytes of one field."""
_CHUNK = 1024 * 1024
_LONGEST = 10
_MOST_SHIFT = 63
_FIXED = {1: 8, 5: 4}


class Truncated(Exception):  # noqa: N818  never seen by users: more is read, or it becomes a FormatError
    """The data end inside a field."""


def read_number(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at ``at`` and where it ends. Raises ``Truncated``, and ``ValueError`` for more than 64 bits."""
    value = shift = 0
    for end in range(at, at + _LONGEST):
        if end >= len(data):
            raise Truncated
        byte = data[end]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, end + 1
        shift += 7
    raise ValueError("a number of more than 64 bits")


def read_numbers(data: bytes) -> list[int]:
    """Return the numbers of a packed field. Raises ``Truncated``, and ``ValueError`` for more than 64 bits."""
    values = []
    value = shift = 0
    for byte in data:
        if byte < 0x80:
            if shift > _MOST_SHIFT:
                raise ValueError("a number of more than 64 bits")
            values.append((value | byte << shift) & 0xFFFF_FFFF_FFFF_FFFF)
            value = shift = 0
        else:
            value |= (byte & 0x7F) << shift
            shift += 7
    if shift:
        raise Truncated
    return values


def to_signed(value: int) -> int:
    """Return a number as an ``int64``."""
    return value - 2**64 if value >= 2**63 else value


def read_field(data: bytes, at: int) -> tuple[int, int | bytes, int]:
    """Return number and value of the field at ``at``, and where it ends. Raises ``Truncated`` and ``ValueError``."""
    key, at = read_number(data, at)
    wire, number = key & 7, key >> 3
    if not number:
        raise ValueError("a field without a number")
    if wire == 0:
        value, at = read_number(data, at)
        return number, value, at
    if wire == 2:
        size, at = read_number(data, at)
    elif wire in _FIXED:
        size = _FIXED[wire]
    else:
        raise ValueError(f"a field of wire type {wire}")
    if size > MOST_MESSAGE:
        raise ValueError(f"a field of {size:,} bytes")
    if at + size > len(data):
        raise Truncated
    return number, data[at : at + size], at + size


def read_message(data: bytes, where: str) -> list[tuple[int, int | bytes]]:
    """Return the fields of a message that lies in memory. Raises ``FormatError``."""
    fields: list[tuple[int, int | bytes]] = []
    at = 0
    try:
        while at < len(data):
            number, value, at = read_field(data, at)
            fields.append((number, value))
    except Truncated:
        raise FormatError("a message breaks off", where=where) from None
    except ValueError as error:
        raise FormatError(str(error), where=where) from None
    return fields


def read_stream(
    file: BinaryIO, skip: Callable[[bytes, int, int], int] = lambda data, at, before: at
) -> Iterator[tuple[int, int | bytes, int]]:
    """Yield the fields of the message that ``file`` is, and the byte at which each starts. Raises ``FormatError``.

    ``skip`` is asked at each field, with what is read, where the field stands in it and what stood before: it returns
    where the fields that it took itself end.
    """
    data, at, before = b"", 0, 0
    while True:
        start = at
        try:
            while at < len(data):
                start = at = skip(data, at, before)
                if at < len(data):
                    number, value, at = read_field(data, at)
                    yield number, value, before + start
            start = at
        except Truncated:
            pass
        except ValueError as error:
            raise FormatError(str(error), where=f"byte {before + start}") from None
        more = file.read(_CHUNK)
        if not more:
            if start < len(data):
                raise FormatError("a message breaks off", where=f"byte {before + start}")
            return
        data, at, before = data[start:] + more, 0, before + start


def write_number(value: int) -> bytes:
    """Return a number on the wire; a negative one as an ``int64``."""
    value &= 0xFFFF_FFFF_FFFF_FFFF
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def write_field(number: int, value: int | bytes) -> bytes:
    """Return a field on the wire; none for 0, which is what an absent field means."""
    if isinstance(value, bytes):
        return write_number(number << 3 | 2) + write_number(len(value)) + value
    return write_number(number << 3) + write_number(value) if value else b""


def write_packed(number: int, values: Iterable[int]) -> bytes:
    """Return a field of several numbers on the wire."""
    return write_field(number, b"".join(map(write_number, values)))
