"""Keeps unbuffered output whole.

A ``write`` to a pipe that a signal or a sampler's stop interrupts returns early,
having written a part. Buffered streams carry on; unbuffered ones (``python -u``,
``PYTHONUNBUFFERED``) lose the rest, in the text layer as in programs that
trust the return value. A plain run is hardly ever interrupted; a measured
one is, a hundred times a second.
"""

from __future__ import annotations

import io
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _WholeFile(io.FileIO):
    """A raw file whose ``write`` comes back when everything is written."""

    def write(self, data: Any) -> Any:
        written = super().write(data)
        if written is None:
            return None
        view = memoryview(data).cast("B")
        while written < len(view):
            more = super().write(view[written:])
            if more is None:
                return written
            written += more
        return written


# What it does is the program's own writing, in profiles and in tracebacks: it shows as a part of the interpreter.
_WholeFile.write.__code__ = _WholeFile.write.__code__.replace(co_filename="<frozen io>", co_qualname="FileIO.write")


def keep_writes_whole() -> None:
    """Put such files under ``sys.stdout`` and ``sys.stderr`` where these are unbuffered."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if type(stream) is not io.TextIOWrapper or type(stream.buffer) is not io.FileIO:
            continue
        raw = _WholeFile(stream.fileno(), stream.buffer.mode, closefd=False)
        raw.name = stream.buffer.name
        whole: Any = io.TextIOWrapper(
            raw,
            encoding=stream.encoding,
            errors=stream.errors,
            newline="\n" if sys.platform != "win32" else None,
            line_buffering=stream.line_buffering,
            write_through=True,
        )
        whole.mode = "w"
        # The interpreter's own stays referenced, so that it closes nothing.
        setattr(sys, f"__{name}__", whole)
        _kept.append(stream)
        setattr(sys, name, whole)


_kept: list[Any] = []
