"""Sources as bytes and as text: the encoding that they declare (PEP 263), nothing else changed on the way."""

from __future__ import annotations

import io
import tokenize

from whet.errors import WhetError


class DecodingError(WhetError):
    """A source that is not text in the encoding that it declares."""


def decode_source(data: bytes, *, to_write: bool = False) -> tuple[str, str]:
    """Return the text of a source, newlines and byte order mark as they are, and its encoding.

    Raises :class:`DecodingError`, whose message goes on "the file …"; with ``to_write`` also where
    ``text.encode(encoding)`` does not give ``data`` again: some encodings have several bytes for one character.
    """
    encoding = "utf-8"
    try:
        encoding = _find_encoding(data)
        text = data.decode(encoding)
        is_kept = not to_write or text.encode(encoding) == data
    except (SyntaxError, LookupError) as error:
        if isinstance(error, SyntaxError) and "unknown encoding" not in str(error.msg):
            raise DecodingError("is not text in utf-8, and declares no other encoding") from None
        raise DecodingError("declares an encoding that Python does not know") from None
    except ValueError:
        raise DecodingError(f"is not text in {encoding}, the encoding that it is to be in") from None
    if not is_kept:
        raise DecodingError(f"is written in {encoding} in another way than Python writes that")
    return text, encoding


def _find_encoding(data: bytes) -> str:
    if data.isascii() and b"coding" not in data[:400]:
        return "utf-8"
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data[:100_000]).readline)
    # With the mark kept in the text, so that it is there again afterwards.
    return "utf-8" if encoding == "utf-8-sig" else encoding


def encode_source(text: str, encoding: str) -> bytes:
    """Return ``text`` as bytes. Raises :class:`DecodingError` for what the encoding cannot say."""
    try:
        return text.encode(encoding)
    except ValueError:
        raise DecodingError(f"is written in {encoding}, which cannot say what is to be put in") from None
