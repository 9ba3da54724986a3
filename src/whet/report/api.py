"""The seam for renderers: one way that a report is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from whet.report.view import ReportView

DEFAULT_NAME = "whet-report.html"
"""Where the HTML report goes unless another place is named."""


class Renderer(Protocol):
    """One rendering of the view model.

    A renderer may have a ``mark``, a compiled pattern of bytes that matches the first 4096 bytes of what it writes
    and of nothing that others write: ``-o`` replaces files that bear it, and no others.
    """

    extension: str

    def render(self, view: ReportView, sink: BinaryIO) -> None:
        """Write ``view`` to ``sink``."""
