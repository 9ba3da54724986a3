"""whet's own messages: on stderr, never on the program's stdout."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TextIO

from whet.cli.shared import manner

STDOUT = Path("-")
"""What ``-o`` takes for stdout."""
_COLORS = {"red": 31, "green": 32, "yellow": 33, "bold": 1, "dim": 2}


def say(text: str) -> None:
    """Write a line to stderr, sanitised for terminals, unless whet is quiet; a closed stderr is not an error."""
    if not manner.quiet:
        write_line(text, sys.stderr)


def say_always(text: str) -> None:
    """Write a line to stderr, as :func:`say` does, quiet or not: a result, or an error."""
    write_line(text, sys.stderr)


def write_line(text: str, stream: TextIO | None) -> None:
    """Write a line to ``stream``; characters outside its encoding are escaped. Errors of stderr are ignored."""
    if stream is None:  # started without one, as by pythonw
        return
    line = fit_encoding(sanitise(text), stream)
    if stream is sys.stderr:
        with contextlib.suppress(OSError, ValueError):
            stream.write(line + "\n")
            stream.flush()
    else:
        stream.write(line + "\n")


def print_line(text: str = "") -> None:
    """Write a line to stdout as it is, but for what its encoding lacks: that is escaped."""
    if sys.stdout is not None:
        sys.stdout.write(fit_encoding(f"{text}\n", sys.stdout))


def fit_encoding(text: str, stream: TextIO) -> str:
    """Return ``text`` with characters outside the encoding of ``stream`` escaped."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def begin_line() -> None:
    """Move a terminal's cursor to the start of a line, wherever the program has left it.

    As some shells do before their prompt: as many spaces as there are columns
    move it to the next line unless it was at the start of one.
    """
    stream = sys.stderr
    if stream is None or manner.quiet or os.environ.get("TERM", "dumb") == "dumb":
        return
    with contextlib.suppress(OSError, ValueError):
        if stream.isatty():
            stream.write(" " * os.get_terminal_size(stream.fileno()).columns + "\r")
            stream.flush()


def sanitise(text: str) -> str:
    r"""Return ``text`` with control and invisible characters escaped; line ends and tabs stay.

    Messages contain foreign paths and words: ``\x1b`` could repaint the screen, a bidirectional
    override could make one name look like another.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode("ascii") for c in text)


def paint(text: str, color: str, stream: TextIO | None) -> str:
    """Return ``text`` sanitised, in ``color`` if ``stream`` is a terminal that shows colours.

    Write it unchanged: sanitising it again would escape the colour codes.
    """
    clean = sanitise(text)
    return f"\x1b[{_COLORS[color]}m{clean}\x1b[0m" if may_color(stream) else clean


def may_color(stream: TextIO | None) -> bool:
    """Whether colours may go to ``stream``: a terminal, neither ``NO_COLOR`` nor a dumb one; or as `--color` says."""
    if manner.color != "auto":
        return manner.color == "always"
    if stream is None or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False
