"""Files of others: what is read of them is bounded, and whatever goes wrong becomes an error that names the file."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from whet.errors import FormatError, WhetError

MOST_SETTINGS = 4_000_000
"""Bytes of a file that people write, such as ``pyproject.toml`` and ``.gitignore``."""
MOST_DATA = 64_000_000
"""Bytes of a file that a program wrote."""

_OF_OUTPUT = frozenset({errno.EPIPE, errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})
_NOT_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def read_file(path: Path | str, most: int) -> bytes:
    """Return the bytes of a regular file; raises ``OSError`` for anything else, and for more than ``most`` bytes.

    A pipe is not waited for, and a device never ends.
    """
    handle = os.open(path, os.O_RDONLY | _NOT_WAITING)
    with os.fdopen(handle, "rb") as file:
        mode = os.fstat(handle).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it is longer than {most:,} bytes", str(path))
    return data


@contextlib.contextmanager
def named_errors(what: str, hint: str) -> Iterator[None]:
    """Turn whatever is raised while ``what`` is read, or used, into a ``FormatError`` that names it.

    whet's own errors pass, and so do those of the output, and what is no error, such as Ctrl-C.
    """
    try:
        yield
    except WhetError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _OF_OUTPUT:
            raise
        raise FormatError(f"{what}: {describe_error(error)}", hint=hint) from error


def describe_error(error: BaseException) -> str:
    """Return in a few words what went wrong, for a message."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, MemoryError):
        return "it needs more memory than there is"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    place = f", at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"it holds what whet cannot use ({name_error(error)}{place})"


def name_error(error: BaseException) -> str:
    """Return the error's kind and text, as at the end of a traceback."""
    try:
        text = str(error)[:200]
    except Exception:  # the error's own code may be what is wrong
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def is_folder(path: Path) -> bool:
    """Return whether there is such a folder; ``False`` too for what cannot be one, such as a name that is too long."""
    try:
        return path.is_dir()
    except OSError:
        return False
