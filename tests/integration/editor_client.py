"""An editor, as far as it speaks with a language server: pygls's own client, and what it was sent."""

from __future__ import annotations

import ast
import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.client import LanguageClient

SECONDS = 120
"""After which something that does not come is a failure."""
EVERYTHING = types.Range(types.Position(0, 0), types.Position(100_000, 0))


class Editor:
    """One editor with a folder open."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.client = LanguageClient("editor", "1")
        self.diagnostics: dict[str, types.PublishDiagnosticsParams] = {}
        self.messages: list[str] = []
        self.progress: list[Any] = []
        self.refreshed = 0
        self.initialized: types.InitializeResult | None = None
        self._register()

    def _register(self) -> None:
        @self.client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def take_diagnostics(params: types.PublishDiagnosticsParams) -> None:
            self.diagnostics[params.uri] = params

        @self.client.feature(types.WINDOW_SHOW_MESSAGE)
        def take_message(params: types.ShowMessageParams) -> None:
            self.messages.append(params.message)

        @self.client.feature(types.WORKSPACE_INLAY_HINT_REFRESH)
        def take_refresh(_params: Any) -> None:
            self.refreshed += 1

        @self.client.feature(types.WINDOW_WORK_DONE_PROGRESS_CREATE)
        def take_progress_bar(_params: Any) -> None:
            pass

        @self.client.feature(types.PROGRESS)
        def take_progress(params: types.ProgressParams) -> None:
            self.progress.append(params.value)

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The server's."""
        assert self.client._server is not None
        return self.client._server

    def open(self, name: str, text: str | None = None) -> str:
        """Open a file and return its URI; with a ``text``, one that is not saved."""
        path = Path(self.folder, name)
        uri = path.as_uri()
        shown = path.read_bytes().decode() if text is None else text
        item = types.TextDocumentItem(uri, "python", 1, shown)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return uri

    def change(self, uri: str, version: int, text: str) -> None:
        """Have another text, not saved."""
        changes = [types.TextDocumentContentChangeWholeDocument(text)]
        named = types.VersionedTextDocumentIdentifier(version=version, uri=uri)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(named, changes))

    async def find_diagnostics(self, uri: str, version: int = 1) -> list[types.Diagnostic]:
        """Return the diagnostics of a version, once they are there."""
        await until(lambda: uri in self.diagnostics and self.diagnostics[uri].version == version)
        return list(self.diagnostics[uri].diagnostics)

    async def find_hints(self, uri: str) -> list[types.InlayHint]:
        """Return the hints of a whole file."""
        params = types.InlayHintParams(types.TextDocumentIdentifier(uri), EVERYTHING)
        return list(await self.client.text_document_inlay_hint_async(params) or ())

    async def find_hover(self, uri: str, line: int) -> str:
        """Return the text shown for a line, which counts from 0; empty for nothing."""
        params = types.HoverParams(types.TextDocumentIdentifier(uri), types.Position(line, 0))
        hover = await self.client.text_document_hover_async(params)
        assert hover is None or isinstance(hover.contents, types.MarkupContent)
        return hover.contents.value if hover is not None else ""

    async def find_actions(
        self, uri: str, place: types.Range = EVERYTHING, only: Sequence[types.CodeActionKind] | None = None
    ) -> dict[str, Any]:
        """Return by title what can be done in a range: an edit, or the arguments of the command that proves it."""
        context = types.CodeActionContext([], only=only)
        params = types.CodeActionParams(types.TextDocumentIdentifier(uri), place, context)
        found: dict[str, Any] = {}
        for action in await self.client.text_document_code_action_async(params) or ():
            if isinstance(action, types.CodeAction):
                found[action.title] = action.edit
            else:
                # lsprotocol's client takes each action with a command for a command, and writes what it names as text.
                found[action.title] = ast.literal_eval(action.command)["arguments"]
        return found

    async def execute(self, command: str, *arguments: Any) -> None:
        """Run a command of the server's."""
        params = types.ExecuteCommandParams(command, arguments=list(arguments))
        await self.client.workspace_execute_command_async(params)


@asynccontextmanager
async def open_editor(
    command: Sequence[str],
    folder: Path,
    *,
    encodings: Sequence[types.PositionEncodingKind] | None = None,
    versioned: bool = True,
    root: Path | None = None,
    **variables: str,
) -> AsyncIterator[Editor]:
    """Start a server for an editor that has a folder open; at the end it has ended with status 0."""
    editor = Editor(folder)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    await editor.client.start_io(*command, cwd=folder, env=kept | variables, limit=1 << 26)
    hints = types.InlayHintWorkspaceClientCapabilities(refresh_support=True)
    edits = types.WorkspaceEditClientCapabilities(document_changes=versioned)
    capabilities = types.ClientCapabilities(
        workspace=types.WorkspaceClientCapabilities(inlay_hint=hints, workspace_edit=edits),
        window=types.WindowClientCapabilities(work_done_progress=True),
        general=types.GeneralClientCapabilities(position_encodings=encodings),
    )
    options = {"proveSeconds": 60}
    params = types.InitializeParams(capabilities, root_uri=(root or folder).as_uri(), initialization_options=options)
    editor.initialized = await editor.client.initialize_async(params)
    editor.client.initialized(types.InitializedParams())
    try:
        yield editor
    finally:
        await asyncio.wait_for(editor.client.shutdown_async(None), SECONDS)
        editor.client.exit(None)
        await asyncio.wait_for(editor.client.stop(), SECONDS)
    assert editor.process.returncode == 0
    assert editor.process.stderr is not None
    said = (await editor.process.stderr.read()).decode("utf-8", "replace")
    assert "Traceback" not in said, said


async def until(is_so: Callable[[], object]) -> None:
    """Wait until something is so."""
    ends = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < ends, "it did not come"
        await asyncio.sleep(0.02)


def apply_edits(text: str, edits: Sequence[types.TextEdit], encoding: str) -> str:
    """Return a text with edits made as an editor makes them, its columns in ``encoding``'s units."""
    data = text.split("\n")
    size = {"utf-16": 2, "utf-32": 4}.get(encoding, 1)
    coded = f"{encoding}-le" if size > 1 else encoding

    def offset(place: types.Position) -> int:
        column = len(data[place.line].encode(coded)[: place.character * size].decode(coded))
        return sum(len(line) + 1 for line in data[: place.line]) + column

    spans = sorted((offset(edit.range.start), offset(edit.range.end), edit.new_text) for edit in edits)
    for start, end, new in reversed(spans):
        text = text[:start] + new + text[end:]
    return text
