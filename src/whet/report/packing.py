"""Compact data for scripts that need no escaping: base64 of gzipped JSON."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

_LEVEL = 6
"""Compression level, 1 to 9; 9 takes three times as long for two percent."""


def pack(data: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return ``data`` as text; the same data give the same text."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True)
    return base64.b64encode(gzip.compress(text.encode("ascii"), _LEVEL, mtime=0)).decode("ascii")
