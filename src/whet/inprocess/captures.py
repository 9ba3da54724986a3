"""Captures are written whole or not at all: the program may be killed at any moment."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

_FLAGS = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
# Programs put others in the place of these, as tests with a made-up file system do.
_open, _write, _close, _replace = os.open, os.write, os.close, os.replace


def _find_encoder() -> Callable[[object], str]:
    """Return what makes ASCII JSON of an object: json's encoder in C, without the package around it."""
    try:
        from _json import encode_basestring_ascii, make_encoder

        nothing: Any = None
        encode = make_encoder(None, nothing, encode_basestring_ascii, None, ":", ",", False, False, True)
        if "".join(encode({"a": [1, "\udc80", None, 0.5]}, 0)) == '{"a":[1,"\\udc80",null,0.5]}':
            return lambda data: "".join(encode(data, 0))
    except (ImportError, TypeError, ValueError):
        pass
    import json

    return json.dumps


encode = _find_encoder()


class LinesFile:
    """A capture of one JSON object a line, written piece by piece. All of it raises ``OSError``.

    It is open only for a moment at a time: a descriptor that stayed open could be closed by the program, and its
    number be given to a file of the program's.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.how = os.O_TRUNC

    def write(self, lines: Iterable[str]) -> None:
        """Add objects, each as :func:`encode` gives it."""
        data = "".join([f"{line}\n" for line in lines]).encode("ascii")
        number = _open(f"{self.file}.tmp", _FLAGS | self.how, 0o600)
        self.how = os.O_APPEND
        try:
            while data:
                data = data[_write(number, data) :]
        finally:
            _close(number)

    def finish(self) -> None:
        """Put the file in its place."""
        _replace(f"{self.file}.tmp", self.file)


def write_capture(file: str, *data: Any) -> None:
    """Write objects as JSON, a line each. Raises ``OSError``."""
    capture = LinesFile(file)
    capture.write(map(encode, data))
    capture.finish()
