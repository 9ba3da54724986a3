"""A progress line at the bottom of the terminal while the program runs, removed when it has ended.

The terminal belongs to the program. So the line has a row of its own below a
scrolling region, as in package managers; it is not drawn in the first second,
and never while the program controls the terminal (a full-screen program, a
password prompt).
"""

from __future__ import annotations

import shutil
from time import monotonic
from typing import TextIO

from whet.cli.terminal_line import TerminalLine
from whet.pipeline.run.options import Step

FIRST_AFTER = 1.0
EVERY = 0.25


class LiveLine(TerminalLine):
    """Draws steps; use as a context manager. Off a terminal it does nothing."""

    def __init__(self, rate: int, stream: TextIO | None = None) -> None:
        super().__init__(stream)
        self.rate = rate
        self.rows = 0
        self.drawn_at = 0.0

    def __call__(self, step: Step) -> None:
        """Show the progress of the measurement."""
        now = monotonic()
        if not self.usable or step.seconds < FIRST_AFTER or now - self.drawn_at < EVERY:
            return
        if _is_taken_over(self.stream):
            self.clear()
            return
        self.drawn_at = now
        columns, rows = shutil.get_terminal_size()
        if rows < 3:
            return
        start = ""
        if rows != self.rows:
            # A line feed first, so that a cursor in the last row is not left inside the reserved one.
            start = f"\n\x1b7\x1b[1;{rows - 1}r\x1b8\x1b[1A"
            self.rows = rows
        samples = f", about {round(step.seconds * self.rate):,} samples" if step.purpose == "time" else ""
        what = f"execution {step.execution} of {step.of} ({step.purpose}): {step.seconds:.0f} s{samples}"
        if step.purpose == "attach":
            what = f"sampling for {step.seconds:.0f} s; Ctrl-C ends it with a report"
        text = f"whet: {what}"
        self.write(f"{start}\x1b7\x1b[{rows};1H\x1b[2K{text[: columns - 1]}\x1b8")

    def clear(self) -> None:
        """Remove the line and release the whole screen."""
        if self.rows:
            self.write(f"\x1b7\x1b[r\x1b[{self.rows};1H\x1b[2K\x1b8")
            self.rows = 0


def _is_taken_over(stream: TextIO) -> bool:
    """Return whether the program has switched the terminal out of its line mode."""
    try:
        import termios

        flags: int = termios.tcgetattr(stream.fileno())[3]
    except (ImportError, OSError, ValueError):
        return False
    except termios.error:
        return False
    return not (flags & termios.ICANON and flags & termios.ECHO)
