"""Changes to several files as one transaction that can be finished after a crash, and undone.

Each file is the old or the new one at any moment. Before the first one is
written, a journal with both is saved: with it an interrupted change can be
finished, and a finished one undone.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from whet.atomic import PRIVATE, write_atomically
from whet.errors import StoreError
from whet.fix.files import hash_bytes, replace_file
from whet.reading import read_file
from whet.records import dataclass

SCHEMA = 1
_MOST_BYTES = 200_000_000

Known = Callable[[Path], bool]
"""Whether a file may be written because a journal names it: a journal may have come from elsewhere."""


@dataclass(frozen=True, slots=True)
class Change:
    """A file's contents before and after."""

    path: Path
    before: bytes
    after: bytes


@dataclass(frozen=True, slots=True)
class Journal:
    """The last changes, and ``names``, which identify them to the caller."""

    changes: tuple[Change, ...] = ()
    names: tuple[str, ...] = ()
    is_done: bool = True


def write_changes(changes: list[Change], journal: Path, names: Sequence[str] = ()) -> None:
    """Make all changes. Raises ``StoreError`` if a file has changed, or cannot be written.

    Files written by then are restored.
    """
    for change in changes:
        if _read(change.path) != change.before:
            raise StoreError(f"{change.path} has changed, nothing was written", "re-run `whet run`")
    _write_journal(journal, Journal(tuple(changes), tuple(names), is_done=False))
    done: list[Change] = []
    try:
        for change in changes:
            replace_file(change.path, hash_bytes(change.before), change.after)
            done.append(change)
    except StoreError as error:
        for change in reversed(done):
            with contextlib.suppress(StoreError):
                replace_file(change.path, hash_bytes(change.after), change.before)
        with contextlib.suppress(OSError):
            journal.unlink()
        raise StoreError(f"{error.message}; nothing was changed", error.hint) from error
    _write_journal(journal, Journal(tuple(changes), tuple(names)))


def finish_changes(journal: Path, known: Known) -> list[Path]:
    """Finish an interrupted change, and return the files that this wrote; nothing if there is none.

    Files edited since are left alone, and so are those that are not ``known``. Raises ``StoreError``.
    """
    last = read_journal(journal, known)
    if last.is_done or not last.changes:
        return []
    left = [change for change in last.changes if _read(change.path) == change.before]
    for change in left:
        replace_file(change.path, hash_bytes(change.before), change.after)
    _write_journal(journal, replace(last, is_done=True))
    return [change.path for change in left]


def take_back(journal: Path, known: Known) -> list[Path]:
    """Undo the last changes to ``known`` files, and return these.

    Raises ``StoreError`` if there is nothing to undo, and for files edited since.
    """
    changes = read_journal(journal, known).changes
    if not changes:
        raise StoreError("there is nothing to undo", "only the last `whet apply` can be undone")
    now = {change.path: _read(change.path) for change in changes}
    edited = [change.path for change in changes if now[change.path] not in {change.after, change.before}]
    if edited:
        raise StoreError(f"{edited[0]} was edited since, nothing was undone", "undo the rewrites by hand, or with git")
    for change in changes:
        replace_file(change.path, hash_bytes(now[change.path] or b""), change.before)
    with contextlib.suppress(OSError):
        journal.unlink()
    return [change.path for change in changes]


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _write_journal(journal: Path, last: Journal) -> None:
    """Write the journal. If it cannot be marked as done, finishing later finds nothing left to do."""
    changes = last.changes
    files = [
        {"path": _relate(each.path, journal), "before": _pack(each.before), "after": _pack(each.after)}
        for each in changes
    ]
    document = {"schema": SCHEMA, "done": last.is_done, "names": last.names, "files": files}
    data = json.dumps(document).encode("ascii")
    try:
        journal.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(journal, data, mode=PRIVATE)
    except OSError as error:
        if not last.is_done:
            message = f"{journal} cannot be written, so nothing was changed: {error.strerror or error}"
            raise StoreError(message, "free some space, or fix the permissions of the folder") from error


def _relate(path: Path, journal: Path) -> str:
    """Return a path relative to the folder of the journal, so that it holds in a project that is moved or copied."""
    try:
        return str(path.relative_to(journal.parent.parent))
    except ValueError:
        return str(path)


def _pack(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def read_journal(journal: Path, known: Known) -> Journal:
    """Return the last changes to ``known`` files; none for a file that is not a journal."""
    try:
        document = json.loads(read_file(journal, _MOST_BYTES))
        rows = document["files"] if document["schema"] == SCHEMA else []
        unpacked = [(row["path"], base64.b64decode(row["before"]), base64.b64decode(row["after"])) for row in rows]
        changes = [Change(journal.parent.parent / path, before, after) for path, before, after in unpacked]
        names = tuple(map(str, document.get("names", ())))
        return Journal(tuple(each for each in changes if known(each.path)), names, document["done"] is True)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Journal()
