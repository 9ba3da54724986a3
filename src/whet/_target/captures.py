"""Captures are written whole or not at all: the program may be killed at any moment."""

from __future__ import annotations

import json
import os
from typing import Any

_open = open
"""Programs put others in its place, as tests with a made-up file system do."""


def write_capture(file: str, data: Any, *, in_ascii: bool = False) -> None:
    """Write ``data`` as JSON. Raises ``OSError``."""
    # Whole, not piece by piece into the file: the encoder in C does only that.
    text = json.dumps(data, ensure_ascii=in_ascii)
    temporary = f"{file}.tmp"
    # "surrogatepass" is for file names that are not UTF-8.
    with _open(temporary, "w", encoding="utf-8", errors="surrogatepass") as sink:
        sink.write(text)
    os.replace(temporary, file)
