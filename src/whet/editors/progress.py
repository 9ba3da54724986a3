"""The progress of a proof, as editors show it."""

from __future__ import annotations

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

PROOF = "whet.prove"


class ProgressBar:
    """The editor's progress of a proof, where it has one."""

    def __init__(self, server: LanguageServer, title: str) -> None:
        window = server.client_capabilities.window
        self._progress = server.work_done_progress if window and window.work_done_progress else None
        self._title = title
        self._began = False

    async def begin(self, message: str) -> None:
        """Show it, with a way to cancel; an editor that refuses goes without."""
        if self._progress is None:
            return
        try:
            await self._progress.create_async(PROOF)
        except JsonRpcException:
            self._progress = None
            return
        begin = types.WorkDoneProgressBegin(self._title, cancellable=True, message=message, percentage=0)
        self._progress.begin(PROOF, begin)
        self._began = True

    async def tell(self, done: float, total: float | None, message: str) -> None:
        """Show how far it is."""
        if self._progress is not None and self._began:
            percentage = min(99, int(done / total * 100)) if total else 0
            self._progress.report(
                PROOF, types.WorkDoneProgressReport(cancellable=True, message=message, percentage=percentage)
            )

    def end(self, message: str) -> None:
        """Take it away."""
        if self._progress is not None and self._began:
            self._progress.end(PROOF, types.WorkDoneProgressEnd(message=message))
            self._progress.tokens.pop(PROOF, None)
