"""``Prove this``: a rewrite tried on the program of the latest run, with progress, until it is done or cancelled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from whet.agents.commands import Tell
from whet.editors.issues import Issue
from whet.editors.measured import Measured
from whet.editors.project import Project, read_error
from whet.errors import UsageError
from whet.fix.decoding import decode_source
from whet.fix.edits import edit_source
from whet.reading import MOST_DATA, read_file
from whet.scratch import scratch_folder
from whet.trust import HINT, is_trusted

BUDGET_SECONDS = 600.0
"""As of `whet prove`."""


async def prove_issue(
    project: Project, measured: Measured, path: Path, text: str, issue: Issue, tell: Tell, seconds: float
) -> Mapping[str, Any]:
    """Return the proof of a rewrite, as ``whet prove --format json`` prints it. Nothing of the project is changed.

    ``text`` is the editor's. Raises :class:`whet.errors.WhetError`.
    """
    patch = make_patch(measured, path, text, issue)
    refuse_untrusted(project, measured)
    with scratch_folder("lsp") as folder:
        file = folder / "rewrite.patch"
        file.write_bytes(patch)
        words = ["prove", str(measured.path), "--patch", str(file), "--format", "json", "--budget", f"{seconds:g}s"]
        done = await project.commands.measure(words, tell, doing="proving", seconds=seconds)
    try:
        proof: Mapping[str, Any] = json.loads(bytes(done.stdout.data))
    except ValueError:
        raise UsageError(read_error(done)) from None
    return proof


def make_patch(measured: Measured, path: Path, text: str, issue: Issue) -> bytes:
    """Return a rewrite as a unified diff of the file on disk. Raises ``UsageError`` where the editor has another text.

    The program reads the file, and a proof of another text would say nothing of this one.
    """
    from whet.pipeline.check.fix import show_changes

    try:
        before = read_file(path, MOST_DATA)
    except OSError as error:
        raise UsageError(f"{path.name} cannot be read: {error.strerror or error}", "save the file") from error
    if not _is_text_of(before, text):
        raise UsageError(f"{path.name} is not saved", "save it first: the program reads the file on disk")
    base = Path(measured.project)
    if not path.is_relative_to(base):
        raise UsageError(f"{path.name} is outside {base}, the project of the run", "run the program of its project")
    after = edit_source(before, issue.edits)
    return show_changes(path.relative_to(base).as_posix(), before, after).encode("utf-8", "surrogateescape")


def refuse_untrusted(project: Project, measured: Measured) -> None:
    """Raise ``UsageError`` where the run, or what it would start, is another user's and not trusted."""
    for path in (project.root, measured.path, Path(measured.python)):
        if not is_trusted(path):
            raise UsageError(f"{path} belongs to another user, and is not run", HINT.format(project.root))


def _is_text_of(data: bytes, text: str) -> bool:
    """Whether an editor shows a file as ``text``: line ends and a byte order mark may be its own."""

    def plain(source: str) -> str:
        return source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")

    return plain(decode_source(data)[0]) == plain(text)
