"""Records what a program can read from standard input, so that it can be run again with the same."""

from __future__ import annotations

import base64
import os
import stat
import sys

from whet.fix.files import hash_bytes
from whet.model.run import StandardInput

SMALL = 1_000_000
"""Bytes of standard input that are kept with a run."""


def record_input(descriptor: int = 0) -> StandardInput:
    """Return what a program finds on standard input: a file that can be read again, or not."""
    try:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode):
            is_stream = stat.S_ISFIFO(info.st_mode) or stat.S_ISSOCK(info.st_mode)
            return StandardInput("stream" if is_stream else "nothing")
        path = os.path.realpath(f"/proc/self/fd/{descriptor}") if sys.platform.startswith("linux") else ""
        if info.st_size > SMALL:
            return StandardInput("file", path)
        data = os.pread(descriptor, SMALL, 0) if hasattr(os, "pread") else b""
    except OSError:
        return StandardInput()
    return StandardInput("file", path, hash_bytes(data), base64.b64encode(data).decode("ascii"))
