"""The seam for renderers: one way that a report is shown."""

from __future__ import annotations

from typing import BinaryIO, Protocol

from whet.report.view import ReportView


class Renderer(Protocol):
    """One rendering of the view model."""

    extension: str

    def render(self, view: ReportView, sink: BinaryIO) -> None:
        """Write ``view`` to ``sink``."""
