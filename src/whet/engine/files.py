"""Runs rules over files: read, looked up in the cache, checked in several processes, in the order given.

The result for a file depends only on its bytes, the rules, whet and Python; so it
is the same whatever the order and the number of processes.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path

from whet.engine.cache import ResultCache
from whet.engine.facts import SIZE_LIMIT
from whet.engine.loading import RuleModule
from whet.engine.pool import Outcome, Task, examine_tasks
from whet.fix.decoding import decode_source
from whet.fix.files import hash_bytes
from whet.model.finding import Finding
from whet.model.source import Notice
from whet.reading import read_file
from whet.records import dataclass

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
    data: bytes = field(default=b"", repr=False)

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
) -> Iterator[FileResult]:
    """Yield the findings of ``rules`` in each of ``paths``, in their order; findings name files as ``str(path)``.

    Shown paths are relative to ``root`` where they lie inside. ``hot`` maps ``str(path)`` to hot lines: then only
    functions that own one are checked, and they count as called many times. ``python`` is the version that the code
    is for; rules that do not help there are not run. ``workers`` is the number of processes, by default up to the
    number of cores; ``cache`` the folder for results, ``None`` for none.
    """
    useful = sorted((r for r in rules if python is None or r.rule.applies_to(python)), key=lambda r: r.rule.slug)
    store = ResultCache(cache, useful) if cache is not None else None
    results = [_read(path, root) for path in paths]
    known: dict[int, Outcome] = {}
    tasks: dict[int, Task] = {}
    for index, result in enumerate(results):
        lines = hot.get(result.file, frozenset()) if hot is not None else None
        if result.unreadable or result.too_large or result.skipped or (lines is not None and not lines):
            known[index] = Outcome(unreadable=result.unreadable, too_large=result.too_large)
            continue
        task = Task(result.file, result.shown, result.data, lines, python)
        found = store.find(task, result.sha256) if store is not None else None
        if found is None:
            tasks[index] = task
        else:
            known[index] = found
    outcomes = examine_tasks(tuple(tasks.values()), useful, workers)
    for index, result in enumerate(results):
        outcome = known[index] if index in known else next(outcomes)
        if store is not None and index in tasks:
            store.keep(tasks[index], result.sha256, outcome)
        yield replace(
            result,
            findings=outcome.findings,
            notices=outcome.notices,
            unreadable=outcome.unreadable,
            remedy=outcome.remedy,
            too_large=outcome.too_large,
        )
    if store is not None:
        store.tidy()


def _read(path: Path, root: Path) -> FileResult:
    try:
        shown = path.relative_to(root).as_posix()
    except ValueError:
        shown = str(path)
    file = str(path)
    try:
        data = read_file(path, SIZE_LIMIT)
    except OSError as error:
        if error.errno == errno.EFBIG:
            return FileResult(file, shown, too_large=f"is longer than {SIZE_LIMIT:,} bytes")
        return FileResult(file, shown, unreadable=f"cannot be read: {error.strerror or error}")
    digest = hash_bytes(data)
    skipped = "is marked as generated: change its generator instead" if _is_generated(data) else ""
    return FileResult(file, shown, digest, skipped=skipped, data=data)


def _is_generated(data: bytes) -> bool:
    header = data[:1000].splitlines()[:_HEADER_LINES]
    return any(line.lstrip().startswith(b"#") and _GENERATED.search(line) for line in header)
