"""One line on a terminal that is overwritten with each step, and removed at the end."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Self, TextIO

from whet.cli.shared import manner


class TerminalLine:
    """Shows texts in one line of ``stream`` (default stderr); use as a context manager.

    Does nothing off a terminal, on a dumb one, and once the terminal is gone.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream if stream is not None else sys.stderr
        self.usable = not manner.quiet and _can_be_written_over(self.stream)
        self._is_shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def show(self, text: str) -> None:
        """Show ``text`` instead of the current one, cut at the terminal's width."""
        self._is_shown = True
        self.write(f"\r\x1b[2K{text[: shutil.get_terminal_size().columns - 1]}")

    def clear(self) -> None:
        """Remove the line."""
        if self._is_shown:
            self.write("\r\x1b[2K")
            self._is_shown = False

    def write(self, text: str) -> None:
        """Write ``text`` unchanged; after an error the terminal is left alone."""
        if not self.usable:
            return
        try:
            self.stream.write(text)
            self.stream.flush()
        except (OSError, ValueError):
            self.usable = False


def _can_be_written_over(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    except ValueError:  # closed
        return False
