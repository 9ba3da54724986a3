"""Reads part of a file byte by byte, decompressed or as it stands, with one chunk in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Protocol

from whet.errors import FormatError

_CHUNK = 1024 * 1024
_LONGEST = 10
"""Bytes of the longest number: 64 bits, 7 in each."""


class Decompressor(Protocol):
    """What the zstd modules bring."""

    eof: bool

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Return the next part, at most ``max_length`` bytes; what is left is kept for the next call."""


class Region:
    """The ``size`` bytes of ``file`` from where it stands. Errors name the byte, counted from ``start``.

    A ``decompressor`` may make at most ``most`` bytes of them.
    """

    def __init__(
        self, file: BinaryIO, start: int, size: int, decompressor: Decompressor | None = None, most: int = 0
    ) -> None:
        self._chunks = _read(file, size) if decompressor is None else _decompress(file, size, decompressor, most)
        self._start = start
        self._before = 0
        self._data = b""
        self._at = 0

    @property
    def position(self) -> str:
        """Where reading stands, in words."""
        return f"byte {self._start + self._before + self._at}"

    def is_at_end(self) -> bool:
        """Whether nothing is left."""
        return self._at == len(self._data) and not self._fill(1)

    def take(self, size: int) -> bytes:
        """Return the next ``size`` bytes. Raises ``FormatError`` where there are fewer."""
        if len(self._data) - self._at < size and not self._fill(size):
            raise FormatError("it breaks off inside an entry", where=self.position)
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self) -> int:
        """Return the next number, seven bits a byte, the lowest first."""
        value = shift = 0
        for _ in range(_LONGEST):
            if self._at == len(self._data) and not self._fill(1):
                raise FormatError("it breaks off inside a number", where=self.position)
            byte = self._data[self._at]
            self._at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
        raise FormatError("a number of more than 64 bits", where=self.position)

    def signed(self) -> int:
        """Return the next number that may be negative: its lowest bit is the sign."""
        value = self.number()
        return (value >> 1) ^ -(value & 1)

    def _fill(self, size: int) -> bool:
        """Read on until ``size`` bytes are there; ``False`` where the region ends before."""
        parts, have = [self._data[self._at :]], len(self._data) - self._at
        while have < size and (chunk := next(self._chunks, b"")):
            parts.append(chunk)
            have += len(chunk)
        self._before += self._at
        self._data, self._at = b"".join(parts), 0
        return have >= size


def _read(file: BinaryIO, size: int) -> Iterator[bytes]:
    while size and (chunk := file.read(min(size, _CHUNK))):
        size -= len(chunk)
        yield chunk


def _decompress(file: BinaryIO, size: int, decompressor: Decompressor, most: int) -> Iterator[bytes]:
    made = 0
    for chunk in _read(file, size):
        given = chunk
        while True:
            try:
                part = decompressor.decompress(given, _CHUNK)
            except Exception as error:  # each module has a class of its own
                raise FormatError(f"the compressed part is damaged: {error}", where="its samples") from error
            given = b""
            made += len(part)
            if made > most:
                raise FormatError(f"the compressed part holds more than {most:,} bytes", where="its samples")
            if part:
                yield part
            if decompressor.eof:
                return
            if not part:
                break
