"""Results by file content, so that only changed files are checked again.

The results for the files of one folder are one small file, in a folder of the user's: a result contains edits, so one
that came with a repository must never be trusted. It is written to a temporary file and renamed, and contains its own
checksum: concurrent runs do not disturb each other, and a damaged file is no file.

A source whose state is the one that was seen when it was read is not read again: its times, size and number on disk.
Times tell changes apart only as finely as the file system keeps them, so a file that was read within moments of its
last change is compared by its content the next time.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import sys
import time
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whet import __version__
from whet.atomic import read_checked, write_checked
from whet.engine.outcome import Outcome
from whet.model.finding import Ask, Edit, Finding, Frees, Question, Safety, Speed, Speedup
from whet.model.source import Notice
from whet.records import dataclass

if TYPE_CHECKING:
    from whet.engine.loading import RuleModule

_KEPT_SECONDS = 30 * 86_400
_TIDY_SECONDS = 86_400
_SETTLED_NS = 2_000_000_000
"""The coarsest times of a file system in use, FAT's."""

State = tuple[int, ...]
"""What tells that a file has not changed: modified, changed (both in ns), bytes, number."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept for a file."""

    state: State
    """Empty where the file had only just changed when it was read."""
    sha256: str
    commented: bool
    """The file may hold comments that suppress findings: its text is needed."""
    skipped: str
    """Why the file was skipped; its outcome is that of an empty one."""
    outcome: Outcome


class ResultCache:
    """The results of one set of rules. Nothing here raises: a cache that cannot be read or written is ignored.

    ``root`` is the folder that shown paths are relative to, ``python`` the version that the code is for.
    """

    def __init__(self, folder: Path, rules: Sequence[RuleModule], root: Path, python: tuple[int, int] | None) -> None:
        self._folder = folder / "results"
        self._rules = {module.rule.slug: module.rule for module in rules}
        self._key = f"{_fingerprint(rules)}\0{root}\0{python}"
        self._rows: dict[str, dict[str, _Row]] = {}
        """By folder and name."""
        self._changed: set[str] = set()

    def find(self, file: str, lines: Collection[int] | None, state: State) -> Kept | None:
        """Return what is kept for a file that is in this state; ``None`` if nothing is."""
        row = self._find_row(file, lines)
        return self._read(file, row) if row is not None and state and row[0] == state else None

    def find_content(self, file: str, lines: Collection[int] | None, sha256: str) -> Kept | None:
        """Return what is kept for a file that has these bytes; ``None`` if nothing is."""
        row = self._find_row(file, lines)
        return self._read(file, row) if row is not None and row[1] == sha256 else None

    def keep(self, file: str, lines: Collection[int] | None, kept: Kept) -> None:
        """Keep the result for a file, to be written by :meth:`save`."""
        folder, name = os.path.split(file)
        outcome = kept.outcome
        self._open(folder)[name] = (
            kept.state,
            kept.sha256,
            _name_lines(lines),
            kept.commented,
            kept.skipped,
            tuple(map(self._write_finding, outcome.findings)),
            tuple(map(_write_notice, outcome.notices)),
            outcome.unreadable,
            outcome.remedy,
            outcome.too_large,
        )
        self._changed.add(folder)

    def save(self) -> None:
        """Write what is new; once a day, remove what was not written for a month."""
        for folder in self._changed:
            with suppress(OSError, ValueError):
                there = set(os.listdir(folder))  # noqa: PTH208 - names are enough
                rows = {name: row for name, row in self._rows[folder].items() if name in there}
                place = self._place(folder)
                place.parent.mkdir(parents=True, exist_ok=True)
                write_checked(place, marshal.dumps(rows))
        self._changed.clear()
        self._tidy()

    def _find_row(self, file: str, lines: Collection[int] | None) -> _Row | None:
        folder, name = os.path.split(file)
        row = self._open(folder).get(name)
        return row if row is not None and row[2] == _name_lines(lines) else None

    def _open(self, folder: str) -> dict[str, _Row]:
        """Return what is kept for the files of a folder, by name."""
        rows = self._rows.get(folder)
        if rows is None:
            try:
                rows = marshal.loads(read_checked(self._place(folder)))  # noqa: S302 - written by this user's whet
            except (OSError, ValueError, TypeError, EOFError):
                rows = {}
            self._rows[folder] = rows
        return rows

    def _read(self, file: str, row: _Row) -> Kept:
        state, sha256, _, commented, skipped, findings, notices, *words = row
        found = tuple(self._read_finding(file, each) for each in findings)
        return Kept(state, sha256, commented, skipped, Outcome(found, tuple(Notice(*each) for each in notices), *words))

    def _write_finding(self, finding: Finding) -> _Row:
        """Return a finding without what all of its file's or its rule's have in common."""
        rule = self._rules.get(finding.rule)
        return (
            *_read_plain(finding),
            str(finding.safety),
            str(finding.speed),
            tuple(finding.lines),
            tuple(map(_write_question, finding.questions)),
            tuple(map(_read_edit, finding.edits)),
            None if rule is not None and finding.title == rule.title else finding.title,
            None
            if rule is not None and finding.speedups == rule.speedups
            else tuple(map(_read_speedup, finding.speedups)),
            None if finding.frees is None else _read_frees(finding.frees),
            finding.saves_calls,
        )

    def _read_finding(self, file: str, row: _Row) -> Finding:
        slug, line, end_line, column, function, function_line, message, snippet = row[:8]
        safety, speed, lines, questions, edits, title, speedups, frees, saves_calls = row[8:]
        return Finding(
            slug,
            file,
            line,
            end_line,
            column,
            function,
            function_line,
            self._rules[slug].title if title is None else title,
            message,
            _SAFETIES[safety],
            _SPEEDS[speed],
            lines,
            tuple(map(_read_question, questions)),
            tuple(Edit(*each) for each in edits),
            snippet,
            self._rules[slug].speedups if speedups is None else tuple(Speedup(*each) for each in speedups),
            None if frees is None else Frees(*frees),
            saves_calls,
        )

    def _tidy(self) -> None:
        stamp = self._folder / "tidied"
        now = time.time()
        with suppress(OSError):
            if stamp.exists() and now - stamp.stat().st_mtime < _TIDY_SECONDS:
                return
            stamp.touch()
            for file in self._folder.glob("??/*"):
                with suppress(OSError):
                    if now - file.stat().st_mtime > _KEPT_SECONDS:
                        file.unlink()

    def _place(self, folder: str) -> Path:
        name = hashlib.blake2b(f"{self._key}\0{folder}".encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()
        return self._folder / name[:2] / name[2:]


def read_state(file: str) -> State:
    """Return the state of a file; empty for none, and for one that changed so lately that its times cannot tell."""
    try:
        state = os.stat(file)  # noqa: PTH116 - many times, and a text is at hand
    except (OSError, ValueError):
        return ()
    settled = time.time_ns() - max(state.st_mtime_ns, state.st_ctime_ns) > _SETTLED_NS
    return (state.st_mtime_ns, state.st_ctime_ns, state.st_size, state.st_ino) if settled else ()


def _write_notice(notice: Notice) -> _Row:
    return notice.about, notice.message, notice.hint


def _write_question(question: Question) -> _Row:
    name, ask, *rest = _read_fields(question)
    return (name, str(ask), *rest)


def _read_question(row: _Row) -> Question:
    name, ask, *rest = row
    return Question(name, _ASKS[ask], *rest)


def _name_lines(lines: Collection[int] | None) -> str:
    if lines is None:
        return "cold"
    return str(lines) if isinstance(lines, range) else ",".join(map(str, sorted(lines)))


def _fingerprint(rules: Iterable[RuleModule]) -> str:
    """Return what a result depends on apart from the file: the rules, whet and Python."""
    digest = hashlib.blake2b(digest_size=20)
    digest.update(f"{__version__} {sys.version} ".encode())
    for module in rules:
        digest.update(f"{module.rule.slug} {module.origin} ".encode("utf-8", "surrogatepass"))
        own = module.origin == "whet"
        digest.update((_stamp(module.file) if own else _content(module.file)) if module.file else b"?")
    engine = os.path.dirname(__file__)  # noqa: PTH120 - as the paths in it
    for folder in (engine, os.path.join(os.path.dirname(engine), "model")):  # noqa: PTH118, PTH120
        for name in sorted(os.listdir(folder)):  # noqa: PTH208 - in a checkout, they change without the version
            if name.endswith(".py"):
                digest.update(name.encode() + _stamp(os.path.join(folder, name)))  # noqa: PTH118
    return digest.hexdigest()


def _content(file: str) -> bytes:
    try:
        return hashlib.blake2b(Path(file).read_bytes()).digest()
    except OSError:
        return b"?"


def _stamp(file: str) -> bytes:
    try:
        state = os.stat(file)  # noqa: PTH116
    except OSError:
        return b"?"
    return f"{state.st_mtime_ns} {state.st_size} ".encode()


_Row = tuple[Any, ...]
_SAFETIES = {each.value: each for each in Safety}
_SPEEDS = {each.value: each for each in Speed}
_ASKS = {each.value: each for each in Ask}
_read_plain = attrgetter("rule", "line", "end_line", "column", "function", "function_line", "message", "snippet")
_read_fields = attrgetter(*(field.name for field in fields(Question)))
_read_edit = attrgetter(*(field.name for field in fields(Edit)))
_read_speedup = attrgetter(*(field.name for field in fields(Speedup)))
_read_frees = attrgetter(*(field.name for field in fields(Frees)))
