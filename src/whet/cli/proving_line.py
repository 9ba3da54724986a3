"""The live line of ``whet prove``: where the session stands. The runs have no terminal, so it is whet's own."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from whet.prove.sides import Step


class ProvingLine:
    """Draws steps over one another; use as a context manager. Off a terminal it does nothing."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream if stream is not None else sys.stderr
        self.is_drawn = False
        self.usable = _is_terminal(self.stream)

    def __enter__(self) -> ProvingLine:
        return self

    def __exit__(self, *_: object) -> None:
        if self.is_drawn:
            self._write("\r\x1b[2K")
            self.is_drawn = False

    def __call__(self, step: Step) -> None:
        """Show where the session stands."""
        if self.usable:
            of = f" of at most {step.most}" if step.most else ""
            text = f"whet: execution {step.run}{of}, {step.seconds:.0f} s: {step.doing}"
            self.is_drawn = True
            self._write(f"\r\x1b[2K{text[: shutil.get_terminal_size().columns - 1]}")

    def _write(self, text: str) -> None:
        try:
            self.stream.write(text)
            self.stream.flush()
        except (OSError, ValueError):
            self.usable = False


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    except ValueError:
        return False
