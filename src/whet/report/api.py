"""The seam for renderers: one format of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from whet.report.view import ReportView

DEFAULT_NAME = "whet-report.html"
"""Default file of the HTML report."""


class Renderer(Protocol):
    """One rendering of the view model.

    A renderer may have a ``mark``, a compiled bytes pattern that matches the first 4096 bytes of its own output and
    of no other: ``-o`` replaces only files that match it.
    """

    extension: str

    def render(self, view: ReportView, sink: BinaryIO) -> None:
        """Write ``view`` to ``sink``."""
