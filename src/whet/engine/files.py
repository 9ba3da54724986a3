"""Runs rules over files: read, looked up in the cache, checked in several processes, in the order given.

The result for a file depends only on its bytes, the rules, whet and Python; so it
is the same whatever the order and the number of processes.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from whet.engine.cache import Kept, ResultCache, State, read_state
from whet.engine.limits import SIZE_LIMIT
from whet.engine.outcome import Outcome, Task
from whet.engine.suppress import may_suppress
from whet.fix.decoding import decode_source
from whet.fix.files import hash_bytes
from whet.model.finding import Finding
from whet.model.source import Notice
from whet.reading import read_file
from whet.records import dataclass

if TYPE_CHECKING:
    from whet.engine.loading import RuleModule

_GENERATED = re.compile(rb"@generated\b|\bdo not edit\b|\bauto(?:matically)?[- ]?generated\b", re.IGNORECASE)
_HEADER_LINES = 5


@dataclass(frozen=True, slots=True)
class FileResult:
    """The result for one file: ``findings`` by line, column and rule; ``notices`` name rules that failed on it."""

    file: str
    shown: str
    sha256: str = ""
    """Hash of the checked bytes: edits apply to these only."""
    findings: tuple[Finding, ...] = ()
    notices: tuple[Notice, ...] = ()
    unreadable: str = ""
    """Why the file could not be checked; continues "FILE …". Empty if it could."""
    remedy: str = "fix it"
    """What to do about an unreadable file."""
    too_large: str = ""
    """Why it was not checked though it may be valid, in the same form: it would take too much memory."""
    skipped: str = ""
    """Why the file was skipped, in the same form: it is generated."""
    data: bytes = field(default=b"", repr=False, compare=False)
    """What was read; empty for a file that was not."""

    @property
    def text(self) -> str:
        """The source, with its newlines and byte order mark. Only for files that were read."""
        return decode_source(self.data)[0]


def examine_files(
    paths: Iterable[Path],
    rules: Sequence[RuleModule],
    *,
    root: Path,
    hot: Mapping[str, Collection[int]] | None = None,
    python: tuple[int, int] | None = None,
    workers: int | None = None,
    cache: Path | None = None,
    with_data: bool = True,
) -> Iterator[FileResult]:
    """Yield the findings of ``rules`` in each of ``paths``, in their order; findings name files as ``str(path)``.

    Shown paths are relative to ``root`` where they lie inside. ``hot`` maps ``str(path)`` to hot lines: then only
    functions that own one are checked, and they count as called many times. ``python`` is the version that the code
    is for; rules that do not help there are not run. ``workers`` is the number of processes, by default up to the
    number of cores; ``cache`` the folder for results, ``None`` for none. Without ``with_data``, files that have not
    changed since their result was cached are not read, unless they hold comments that may suppress findings.
    """
    useful = sorted((r for r in rules if python is None or r.rule.applies_to(python)), key=lambda r: r.rule.slug)
    store = ResultCache(cache, useful, root, python) if cache is not None else None
    reader = _Reader(root, store, with_data=with_data)
    results: list[FileResult] = []
    tasks: dict[int, Task] = {}
    states: dict[int, State] = {}
    for index, path in enumerate(paths):
        file = str(path)
        lines = hot.get(file, frozenset()) if hot is not None else None
        result, state, is_known = reader.read(file, lines)
        results.append(result)
        if not is_known:
            tasks[index] = Task(result.file, result.shown, result.data, lines, python)
            states[index] = state
    outcomes = _examine(tuple(tasks.values()), useful, workers)
    try:
        for index, result in enumerate(results):
            if index in tasks:
                outcome = next(outcomes)
                result = _complete(result, outcome)  # noqa: PLW2901
                if store is not None:
                    kept = Kept(states[index], result.sha256, may_suppress(result.data), "", outcome)
                    store.keep(result.file, tasks[index].lines, kept)
            yield result
    finally:
        if store is not None:
            store.save()


def _examine(tasks: Sequence[Task], rules: Sequence[RuleModule], workers: int | None) -> Iterator[Outcome]:
    if not tasks:
        return iter(())
    # Parser, rules' queries and processes: nothing of that is loaded where nothing has changed.
    from whet.engine.pool import examine_tasks

    return examine_tasks(tasks, rules, workers)


def _complete(result: FileResult, outcome: Outcome) -> FileResult:
    return FileResult(
        result.file,
        result.shown,
        result.sha256,
        outcome.findings,
        outcome.notices,
        outcome.unreadable,
        outcome.remedy,
        outcome.too_large,
        result.skipped,
        result.data,
    )


class _Reader:
    """Reads files, or what is kept of them."""

    def __init__(self, root: Path, store: ResultCache | None, *, with_data: bool) -> None:
        self._root = root
        self._prefix = os.path.join(root, "")  # noqa: PTH118 - for thousands of paths
        self._store = store
        self._with_data = with_data

    def read(self, file: str, lines: Collection[int] | None) -> tuple[FileResult, State, bool]:
        """Return a file with its result, if that is known, its state before it was read, and whether it is."""
        shown = self._show(file)
        store = self._store
        state = read_state(file) if store is not None else ()
        if store is not None and not self._with_data:
            kept = store.find(file, lines, state)
            if kept is not None and not kept.commented:
                result = FileResult(file, shown, kept.sha256, skipped=kept.skipped)
                return _complete(result, kept.outcome), state, True
        try:
            data = read_file(file, SIZE_LIMIT)
        except OSError as error:
            if error.errno == errno.EFBIG:
                return FileResult(file, shown, too_large=f"is longer than {SIZE_LIMIT:,} bytes"), state, True
            return FileResult(file, shown, unreadable=f"cannot be read: {error.strerror or error}"), state, True
        skipped = "is marked as generated: change its generator instead" if _is_generated(data) else ""
        result = FileResult(file, shown, hash_bytes(data), skipped=skipped, data=data)
        if skipped or (lines is not None and not lines):
            if store is not None and state and store.find(file, lines, state) is None:
                store.keep(file, lines, Kept(state, result.sha256, may_suppress(data), skipped, Outcome()))
            return result, state, True
        kept = store.find_content(file, lines, result.sha256) if store is not None else None
        if store is None or kept is None:
            return result, state, False
        if state != kept.state:
            store.keep(file, lines, Kept(state, kept.sha256, kept.commented, "", kept.outcome))
        return _complete(result, kept.outcome), state, True

    def _show(self, file: str) -> str:
        if file.startswith(self._prefix):
            return file[len(self._prefix) :].replace(os.sep, "/")
        try:
            return Path(file).relative_to(self._root).as_posix()
        except ValueError:
            return file


def _is_generated(data: bytes) -> bool:
    header = data[:1000].splitlines()[:_HEADER_LINES]
    return any(line.lstrip().startswith(b"#") and _GENERATED.search(line) for line in header)
