"""The live line of ``whet prove``: where the session stands. The runs have no terminal, so it is whet's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whet.cli.terminal_line import TerminalLine

if TYPE_CHECKING:
    from whet.prove.variants import Step


class ProvingLine(TerminalLine):
    """Draws steps over one another; use as a context manager. Off a terminal it does nothing."""

    def __call__(self, step: Step) -> None:
        """Show where the session stands."""
        of = f" of at most {step.most}" if step.most else ""
        self.show(f"whet: execution {step.run}{of}, {step.seconds:.0f} s: {step.doing}")
