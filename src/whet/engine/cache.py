"""Results by file content, so that only changed files are checked again.

One small file per result, in a folder of the user's: a result contains edits, so
one that came with a repository must never be trusted. Each is written to a
temporary file and renamed, and contains its own checksum: concurrent runs do not
disturb each other, and a damaged result is computed again.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from whet import __version__
from whet.atomic import read_checked, write_checked
from whet.engine.loading import RuleModule
from whet.engine.pool import Outcome, Task
from whet.model._codec_fields import WrongValue, find_codec
from whet.model.finding import Finding

_KEPT_SECONDS = 30 * 86_400
_TIDY_SECONDS = 86_400
_ENCODE, _DECODE = find_codec(Outcome)


class ResultCache:
    """The results of one set of rules. Nothing here raises: a cache that cannot be read or written is ignored."""

    def __init__(self, folder: Path, rules: Sequence[RuleModule]) -> None:
        self._folder = folder / "results"
        self._speedups = {module.rule.slug: module.rule.speedups for module in rules}
        self._key = _fingerprint(rules)

    def find(self, task: Task, sha256: str) -> Outcome | None:
        """Return the result of ``task`` for these rules and the same bytes; ``None`` if it is not cached."""
        try:
            rows = json.loads(read_checked(self._place(task, sha256)))
            outcome: Outcome = _DECODE(rows)
        except (OSError, WrongValue, ValueError, RecursionError):
            return None
        return replace(outcome, findings=tuple(map(self._complete, outcome.findings, rows["findings"])))

    def keep(self, task: Task, sha256: str, outcome: Outcome) -> None:
        """Save the result of ``task``."""
        place = self._place(task, sha256)
        rows = _ENCODE(outcome)
        for finding, row in zip(outcome.findings, rows["findings"], strict=True):
            if finding.speedups == self._speedups.get(finding.rule):
                del row["speedups"]  # most of a result's text, and the same in each finding
        body = json.dumps(rows, separators=(",", ":")).encode()
        with suppress(OSError):
            place.parent.mkdir(parents=True, exist_ok=True)
            write_checked(place, body)

    def _complete(self, finding: Finding, row: dict[str, object]) -> Finding:
        """Return a finding as it was saved, with the figures of its rule if those were left out."""
        return finding if "speedups" in row else replace(finding, speedups=self._speedups.get(finding.rule, ()))

    def tidy(self) -> None:
        """Once a day, remove results that were not used for a month."""
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

    def _place(self, task: Task, sha256: str) -> Path:
        parts = (self._key, sha256, task.file, task.shown, str(task.python), _name_lines(task.lines))
        name = hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()
        return self._folder / name[:2] / name[2:]


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
        digest.update(_content(Path(module.file)) if module.file else b"?")
    for path in sorted(Path(__file__).parent.glob("*.py")):  # in a checkout, they change without the version
        digest.update(f"{path.name} {_state(path)} ".encode())
    return digest.hexdigest()


def _content(path: Path) -> bytes:
    try:
        return hashlib.blake2b(path.read_bytes()).digest()
    except OSError:
        return b"?"


def _state(path: Path) -> str:
    try:
        state = path.stat()
    except OSError:
        return "?"
    return f"{state.st_mtime_ns} {state.st_size}"
