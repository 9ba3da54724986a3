"""The server of ``whet lsp``: cost, findings and rewrites in the text that an editor shows.

What takes time is a command of whet's, run in a process of its own; answers are made from what is known by then, and
the editor is asked to ask again when there is more.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, BinaryIO

from lsprotocol import types
from pygls import uris
from pygls.lsp.server import LanguageServer

from whet import __version__
from whet.config import find_root
from whet.editors import answers, show
from whet.editors.answers import PROVE
from whet.editors.document import Document
from whet.editors.issues import Issue, read_findings
from whet.editors.progress import PROOF, ProgressBar
from whet.editors.project import Project
from whet.editors.proving import BUDGET_SECONDS, prove_issue
from whet.editors.text import Text
from whet.engine.limits import SIZE_LIMIT
from whet.errors import WhetError
from whet.fix.decoding import DecodingError, decode_source, encode_source

_LOG = logging.getLogger(__name__)
CANCEL = "whet.cancelProof"
PAUSE_SECONDS = 0.3
"""Of typing, after which a text is checked."""
WATCH_SECONDS = 2.0
"""How often it is looked whether there is a new run."""


class EditorServer:
    """Handlers of one connection. Each is done at once; what takes longer is a task."""

    def __init__(self) -> None:
        self.server = LanguageServer(
            "whet", __version__, text_document_sync_kind=types.TextDocumentSyncKind.Full
        )  # pygls splits lines where editors do not, so that it would apply partial changes to the wrong ones
        self.documents: dict[str, Document] = {}
        self.projects: dict[Path, Project] = {}
        self.budget = BUDGET_SECONDS
        self._proof: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._said: set[str] = set()
        self._register()

    def _register(self) -> None:
        kinds = types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix])
        handlers: list[tuple[str, Callable[..., Any], Any]] = [
            (types.INITIALIZE, self.on_initialize, None),
            (types.INITIALIZED, self.on_initialized, None),
            (types.WORKSPACE_DID_CHANGE_CONFIGURATION, self.on_configuration, None),
            (types.TEXT_DOCUMENT_DID_OPEN, self.on_open, None),
            (types.TEXT_DOCUMENT_DID_CHANGE, self.on_change, None),
            (types.TEXT_DOCUMENT_DID_CLOSE, self.on_close, None),
            (types.TEXT_DOCUMENT_INLAY_HINT, self.list_hints, types.InlayHintOptions(resolve_provider=False)),
            (types.TEXT_DOCUMENT_HOVER, self.hover, None),
            (types.TEXT_DOCUMENT_CODE_ACTION, self.list_actions, kinds),
            (types.WINDOW_WORK_DONE_PROGRESS_CANCEL, self.on_progress_cancel, None),
        ]
        for name, handler, options in handlers:
            self.server.feature(name, options)(_as_function(handler))
        self.server.command(PROVE)(_as_function(self.prove))
        self.server.command(CANCEL)(_as_function(self.cancel_proof))

    # --- the connection

    def on_initialize(self, params: types.InitializeParams) -> None:
        """Take the options."""
        self._take_options(params.initialization_options)

    def on_configuration(self, params: types.DidChangeConfigurationParams) -> None:
        """Take them again: Helix sends them so too, other editors what was changed, under the server's name."""
        settings = params.settings
        self._take_options(settings.get("whet", settings) if isinstance(settings, dict) else None)

    def _take_options(self, options: object) -> None:
        """Take ``proveSeconds``, the time for a proof."""
        seconds = options.get("proveSeconds") if isinstance(options, dict) else None
        if isinstance(seconds, int | float) and not isinstance(seconds, bool) and 1 <= seconds <= 3600:
            self.budget = float(seconds)

    def on_initialized(self, _params: types.InitializedParams) -> None:
        """Begin to look for new runs."""
        self._watch = self._begin(self._look_for_runs())

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        task.add_done_callback(self._report)
        return task

    def _report(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _LOG.error("a bug in whet; please report it with the lines below", exc_info=error)

    def end_all(self) -> None:
        """End the commands that run."""
        for project in self.projects.values():
            project.commands.end_all()

    # --- documents

    def on_open(self, params: types.DidOpenTextDocumentParams) -> None:
        """Examine a file that was opened."""
        item = params.text_document
        path = self._find_path(item.uri)
        if path is None:
            return
        root = find_root(path.parent)
        project = self.projects.setdefault(root, Project(root))
        text = Text(item.text, item.version, self._count)
        document = self.documents[item.uri] = Document(item.uri, path, project, text)
        self._examine_soon(document, 0.0)

    def on_change(self, params: types.DidChangeTextDocumentParams) -> None:
        """Take the new text, and examine it when the typing pauses."""
        document = self.documents.get(params.text_document.uri)
        if document is not None:
            source = self.server.workspace.get_text_document(document.uri).source
            document.text = Text(source, params.text_document.version, self._count)
            self._examine_soon(document, PAUSE_SECONDS)

    def on_close(self, params: types.DidCloseTextDocumentParams) -> None:
        """Forget a file."""
        document = self.documents.pop(params.text_document.uri, None)
        if document is not None:
            if document.task is not None:
                document.task.cancel()
            self._publish(document, closed=True)

    def _find_path(self, uri: str) -> Path | None:
        """Return the resolved path of a document; ``None`` for no file, and one outside the open folders."""
        path = uris.to_fs_path(uri) if uri.startswith("file:") else None
        if not path or "\0" in path:
            return None
        resolved = Path(os.path.realpath(path))
        workspace = self.server.workspace
        opened = [uris.to_fs_path(folder) for folder in workspace.folders] or [workspace.root_path]
        folders = [os.path.realpath(folder) for folder in opened if folder]
        return resolved if not folders or any(map(resolved.is_relative_to, folders)) else None

    def _count(self, text: str) -> int:
        return len(text) if text.isascii() else int(self.server.workspace.position_codec.client_num_units(text))

    def _examine_soon(self, document: Document, seconds: float) -> None:
        if document.task is not None:
            document.task.cancel()
        document.task = self._begin(self._examine(document, document.text, seconds))

    async def _examine(self, document: Document, text: Text, seconds: float) -> None:
        """Find out what there is to say of a text, and tell the editor; a newer text cancels it."""
        await asyncio.sleep(seconds)
        project = document.project
        if await project.refresh():
            self._refresh(project)
        data = _encode(text.text)
        if data is not None and len(data) <= SIZE_LIMIT:
            findings = read_findings(await project.check(str(document.path), data))
            findings += await self._check_hot(document, data)
            hot = project.hot
            found = await asyncio.to_thread(hot.list_statements, str(document.path), data) if hot is not None else {}
            if document.text is not text:
                return
            document.findings, document.hot, document.checked = findings, found, text.version
        self._tell_troubles(project)
        self._publish(document)
        self._ask_for_hints()

    async def _check_hot(self, document: Document, data: bytes) -> list[Issue]:
        """Return the run's suggestions for a file that changed since, as findings of the text as it is now.

        What rules find in hot code is a suggestion only where values and counts of the run do not speak against it.
        """
        costs, measured = document.costs, document.project.measured
        if costs is None or measured is None or not costs.advice or document.find_lines(costs).is_same:
            return []
        suggested = {row["id"] for row in costs.advice}
        found = read_findings(await document.project.check(str(document.path), data, measured.path))
        return [issue for issue in found if issue.id in suggested]

    async def _look_for_runs(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            for project in {document.project.root: document.project for document in self.documents.values()}.values():
                if await project.refresh():
                    self._tell_troubles(project)
                    self._refresh(project)

    def _refresh(self, project: Project) -> None:
        """Tell the editor what a new run or profile says of the files that are open."""
        for document in self.documents.values():
            if document.project is project and (document.task is None or document.task.done()):
                self._examine_soon(document, 0.0)
        self._ask_for_hints()

    def _ask_for_hints(self) -> None:
        workspace = self.server.client_capabilities.workspace
        if workspace and workspace.inlay_hint and workspace.inlay_hint.refresh_support:
            self.server.workspace_inlay_hint_refresh(None)

    # --- what is shown

    def _publish(self, document: Document, *, closed: bool = False) -> None:
        made = [] if closed else answers.make_diagnostics(document)
        self.server.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(document.uri, made, version=document.text.version)
        )

    def list_hints(self, params: types.InlayHintParams) -> list[types.InlayHint]:
        """Return what lines in a range cost."""
        document = self.documents.get(params.text_document.uri)
        return answers.list_hints(document, *_lines_of(params.range)) if document is not None else []

    def hover(self, params: types.HoverParams) -> types.Hover | None:
        """Return what is known of a line."""
        document = self.documents.get(params.text_document.uri)
        return answers.make_hover(document, params.position.line + 1) if document is not None else None

    def list_actions(self, params: types.CodeActionParams) -> list[types.CodeAction]:
        """Return the rewrites of the lines in a range, and for each how to prove it."""
        document = self.documents.get(params.text_document.uri)
        wanted = params.context.only
        if document is None or (wanted is not None and not any(map(_is_quick_fix, wanted))):
            return []
        workspace = self.server.client_capabilities.workspace
        versioned = bool(workspace and workspace.workspace_edit and workspace.workspace_edit.document_changes)
        return answers.list_actions(document, *_lines_of(params.range), versioned=versioned)

    # --- proving

    def prove(self, *arguments: Any) -> None:  # noqa: ANN401  as the editor sends them
        """Begin to prove a rewrite, named by document, version and id. What comes of it is shown as a message."""
        uri, version, id_ = arguments if len(arguments) == 3 else ("", 0, "")
        document = self.documents.get(uri) if isinstance(uri, str) else None
        issue = None
        if document is not None and document.text.version == version:
            issue = next((each for each in document.list_issues() if each.id == id_ and each.is_rewrite), None)
        if document is None or issue is None:
            self._say("the text changed since this rewrite was offered; ask for it again")
        elif self._proof is not None and not self._proof.done():
            self._say("a proof is running: cancel it, or wait for its end")
        else:
            self._proof = self._begin(self._prove(document, issue))

    def cancel_proof(self, *_: object) -> None:
        """End the proof that runs, and its programs."""
        if self._proof is not None and not self._proof.done():
            self._proof.cancel()

    def on_progress_cancel(self, params: types.WorkDoneProgressCancelParams) -> None:
        """Take the editor's own button for it."""
        if params.token == PROOF:
            self.cancel_proof()

    async def _prove(self, document: Document, issue: Issue) -> None:
        measured, text = document.project.measured, document.text
        if measured is None:
            self._say("no run is saved any more: prove runs the program of the latest one", types.MessageType.Error)
            return
        progress = ProgressBar(self.server, f"whet: proving {issue.title}")
        words = "cancelled"
        try:
            await progress.begin(f"running {show.name_program(measured.command)}")
            proof = await prove_issue(
                document.project, measured, document.path, text.text, issue, progress.tell, self.budget
            )
            words = show.describe_proof(proof)
            document.proofs[issue.id] = (text.text, words)
            self._say(f"{issue.title}: {words}")
            if document.uri in self.documents:
                self._publish(document)
        except WhetError as error:
            words = error.message
            self._say(f"{error.message}{f'; {error.hint}' if error.hint else ''}", types.MessageType.Error)
        finally:
            progress.end(words)

    # --- messages

    def _say(self, message: str, kind: types.MessageType = types.MessageType.Info) -> None:
        self.server.window_show_message(types.ShowMessageParams(kind, f"whet: {message}"))

    def _tell_troubles(self, project: Project) -> None:
        """Show each thing that is wrong with a project once."""
        for trouble in project.troubles:
            if trouble not in self._said:
                self._said.add(trouble)
                self._say(trouble, types.MessageType.Warning)
        project.troubles.clear()


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Serve an editor on two streams, until it says that it is done or goes away."""
    editors = EditorServer()

    def end(number: int, _frame: object) -> None:
        editors.end_all()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), end)
    try:
        editors.server.start_io(source, sink)
    finally:
        editors.end_all()


def _as_function(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Return a handler as pygls wants it: it sets attributes on it."""

    def handle(*arguments: Any) -> Any:  # noqa: ANN401  of the protocol
        return handler(*arguments)

    return handle


def _encode(text: str) -> bytes | None:
    """Return a text as the bytes of its file, in the encoding that it declares; ``None`` where it has none."""
    try:
        data = text.encode("utf-8", "surrogatepass")
        return encode_source(text, decode_source(data)[1])
    except (DecodingError, UnicodeError):
        return None


def _is_quick_fix(kind: str) -> bool:
    """Whether an editor that asks for ``kind`` wants what is offered: kinds name their parts after dots."""
    return kind == types.CodeActionKind.QuickFix or not kind


def _lines_of(place: types.Range) -> tuple[int, int]:
    """Return the first and the last line, from 1."""
    return place.start.line + 1, place.end.line + 1
