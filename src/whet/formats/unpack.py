"""Opens files of profiles that may be packed with gzip or zstd, and names what they begin with."""

from __future__ import annotations

import io
import zlib
from importlib import import_module
from typing import BinaryIO, cast

from whet.errors import FormatError
from whet.formats._region import Decompressor

HEAD = 64 * 1024
MOST_BYTES = 4 * 1024**3
"""Bytes of a packed file when unpacked: more is refused."""
_CHUNK = 256 * 1024
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def open_unpacked(file: BinaryIO) -> BinaryIO:
    """Return ``file`` (which can seek) from its start, unpacked if it is gzip or zstd.

    Raises ``FormatError``, also while it is read, for what is damaged, breaks off or unpacks to too much.
    """
    file.seek(0)
    magic = file.read(4)
    file.seek(0)
    if magic.startswith(_GZIP):
        return io.BufferedReader(_Unpacked(file, "gzip"), _CHUNK)
    if magic == _ZSTD:
        return io.BufferedReader(_Unpacked(file, "zstd"), _CHUNK)
    return file


def read_head(file: BinaryIO) -> bytes:
    """Return the first bytes of ``file``, unpacked, and stand at its start again."""
    unpacked = open_unpacked(file)
    parts, size = [], 0
    while size < HEAD and (part := unpacked.read(HEAD - size)):
        parts.append(part)
        size += len(part)
    file.seek(0)
    return b"".join(parts)


_ZSTD_HINT = "unpack it with `zstd -d`, run whet on Python 3.14 or newer, or install backports.zstd"


def find_zstd(where: str = "byte 0", hint: str = _ZSTD_HINT) -> Decompressor:
    """Return a decompressor of zstd. Raises ``FormatError`` where this Python has none."""
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return cast(Decompressor, import_module(name).ZstdDecompressor())
        except ImportError:
            continue
    raise FormatError(
        "it is compressed with zstd, which Python reads from 3.14 on",
        where=where,
        hint=hint,
    )


class _Unpacked(io.RawIOBase):
    """A stream of the unpacked bytes; one chunk is in memory."""

    def __init__(self, file: BinaryIO, kind: str) -> None:
        self._file = file
        self._kind = kind
        self._stream = zlib.decompressobj(31) if kind == "gzip" else None
        self._zstd = find_zstd() if kind == "zstd" else None
        self._rest = b""
        self._taken = 0
        self._made = 0
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, target: object) -> int:
        view = memoryview(target).cast("B")  # type: ignore[arg-type]
        while not self._ended:
            part = self._next(min(len(view), _CHUNK))
            if part:
                self._made += len(part)
                if self._made > MOST_BYTES:
                    raise FormatError(f"it unpacks to more than {MOST_BYTES:,} bytes", where=self._where)
                view[: len(part)] = part
                return len(part)
        return 0

    @property
    def _where(self) -> str:
        return f"byte {self._taken} of the {self._kind} file"

    def _next(self, size: int) -> bytes:
        """Return up to ``size`` bytes; none where more of the file has to be read, or at its end."""
        fed = False
        if not self._rest and (self._stream is not None or self._zstd_needs_input):
            self._rest = self._file.read(_CHUNK)
            self._taken += len(self._rest)
            fed = bool(self._rest)
            if not fed:
                self._end()
                return b""
        try:
            if self._stream is not None:
                part = self._stream.decompress(self._rest, size)
                self._rest = self._stream.unconsumed_tail
                if self._stream.eof:
                    self._open_next(self._stream.unused_data)
                return part
            assert self._zstd is not None
            given, self._rest = self._rest, b""
            part = self._zstd.decompress(given, size)
            if self._zstd.eof:
                self._open_next(cast("bytes", getattr(self._zstd, "unused_data", b"")))
            return part
        except FormatError:
            raise
        except Exception as error:  # each module has a class of its own
            raise FormatError(f"the {self._kind} data are damaged: {error}", where=self._where) from error

    @property
    def _zstd_needs_input(self) -> bool:
        return self._zstd is not None and bool(getattr(self._zstd, "needs_input", True))

    def _open_next(self, rest: bytes) -> None:
        """Go on with what follows a member: files that were appended to one another."""
        self._rest = rest or self._file.read(_CHUNK)
        magic = _GZIP if self._stream is not None else _ZSTD
        if not self._rest.startswith(magic):
            # Zeros pad files on tapes; anything else is no part of this one either.
            self._ended = True
        elif self._stream is not None:
            self._stream = zlib.decompressobj(31)
        else:
            self._zstd = find_zstd()

    def _end(self) -> None:
        self._ended = True
        raise FormatError(f"the {self._kind} data break off", where=self._where)
