"""The progress line of ``whet prove``. The runs have no terminal, so it is whet's alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whet.cli.terminal_line import TerminalLine

if TYPE_CHECKING:
    from whet.prove.variants import Step


class ProvingLine(TerminalLine):
    """Draws each step over the previous one; use as a context manager. Off a terminal it does nothing."""

    def __call__(self, step: Step) -> None:
        """Show the progress of the session."""
        of = f" of at most {step.most}" if step.most else ""
        known = f", {step.known}" if step.known else ""
        self.show(f"whet: execution {step.run}{of}, {step.seconds:.0f} s: {step.doing}{known}")
