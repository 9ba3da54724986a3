"""Sources as bytes and as text: in their declared encoding (PEP 263), otherwise unchanged."""

from __future__ import annotations

from whet.errors import WhetError


class DecodingError(WhetError):
    """A source that is not text in the encoding that it declares."""


def decode_source(data: bytes, *, to_write: bool = False) -> tuple[str, str]:
    """Return the text of a source, with its newlines and byte order mark, and its encoding.

    Raises :class:`DecodingError`, whose message continues "the file …"; with ``to_write`` also if
    ``text.encode(encoding)`` does not give ``data`` again: some encodings are ambiguous.
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
        raise DecodingError(f"is not text in {encoding}, its declared encoding") from None
    if not is_kept:
        raise DecodingError(f"uses a form of {encoding} that Python does not write")
    return text, encoding


def _find_encoding(data: bytes) -> str:
    if data.isascii() and b"coding" not in data[:400]:
        return "utf-8"
    import io
    import tokenize

    encoding, _ = tokenize.detect_encoding(io.BytesIO(data[:100_000]).readline)
    # The mark is kept in the text, so that it is written again.
    return "utf-8" if encoding == "utf-8-sig" else encoding


def encode_source(text: str, encoding: str) -> bytes:
    """Return ``text`` as bytes. Raises :class:`DecodingError` for characters outside the encoding."""
    try:
        return text.encode(encoding)
    except ValueError:
        raise DecodingError(f"is in {encoding}, which cannot encode the new code") from None
