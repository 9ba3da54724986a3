"""Compares a run with the baseline: exit status, standard output, files; describes the first difference."""

from __future__ import annotations

import hashlib
import math
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from whet.prove.run import Observed, describe_status

_NUMBER = re.compile(rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf)\b", re.IGNORECASE)
_CHUNK = 1 << 20
_LONGEST = 80
MOST_FILES = 1_000
"""Maximum number of files per pattern."""


@dataclass(slots=True)
class Behaviour:
    """The baseline's behaviour, to compare runs with.

    ``patterns`` match files below ``directory``. ``tolerance`` is the relative
    difference that numbers may have; 0 is byte for byte. Copies of what was compared are kept in ``folder``.
    """

    directory: Path
    folder: Path
    patterns: tuple[str, ...] = ()
    tolerance: float = 0.0
    status: int = 0
    stdout_bytes: int = 0
    files: dict[str, str] = field(default_factory=dict)
    """Hashes of the files by their paths relative to ``directory``."""
    file_bytes: int = 0
    responses: int = 0
    """Of a server, how many of its responses stand in ``stdout``."""
    _stdout: str = ""

    def remember(self, observed: Observed) -> None:
        """Record a run of the baseline as the reference for all others."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.status = observed.status
        self.stdout_bytes, self._stdout = observed.stdout.size, observed.stdout.sha256
        shutil.copyfile(observed.stdout.file, self.folder / "stdout")
        self.responses = observed.served.requests if observed.served is not None and observed.stdout.size else 0
        self.files, self.file_bytes = {}, 0
        for number, name in enumerate(self._find_files()):
            path = self.directory / name
            self.files[name] = _hash(path)
            self.file_bytes += path.stat().st_size
            shutil.copyfile(path, self.folder / f"file-{number}")

    def compare(self, observed: Observed) -> str:
        """Return the first difference between a run and the baseline, in one line; empty for none."""
        if observed.status != self.status:
            said = observed.last_words()
            ended = f"{describe_status(observed.status)} instead of {describe_status(self.status)}"
            return f"{ended}: {said}" if said else ended
        if observed.stdout.sha256 != self._stdout:
            difference = find_difference(self.folder / "stdout", observed.stdout.file, self.tolerance)
            if difference:
                return f"{'responses' if self.responses else 'stdout'}, {difference}"
        return self._compare_files()

    def _compare_files(self) -> str:
        present = set(self._find_files())
        for number, (name, digest) in enumerate(self.files.items()):
            if name not in present:
                return f"{name} was not written"
            path = self.directory / name
            if _hash(path) != digest:
                difference = find_difference(self.folder / f"file-{number}", path, self.tolerance)
                if difference:
                    return f"{name}, {difference}"
        new = sorted(present - set(self.files))
        return f"{new[0]} was written, but not by the baseline" if new else ""

    def _find_files(self) -> list[str]:
        found: set[str] = set()
        for pattern in self.patterns:
            for path in list(_expand(self.directory, pattern))[:MOST_FILES]:
                if path.is_file():
                    found.add(str(path.relative_to(self.directory)) if not Path(pattern).is_absolute() else str(path))
        return sorted(found)


def find_difference(expected: Path, found: Path, tolerance: float = 0.0) -> str:
    """Return a description of the first differing line of two files; empty if they are equal within ``tolerance``."""
    with expected.open("rb") as before, found.open("rb") as after:
        for number, (old, new) in enumerate(zip_longest(before, after), 1):
            if old == new:
                continue
            if old is None:
                return f"line {number}: {_show(new)} is an additional line"
            if new is None:
                return f"line {number}: {_show(old)} is missing"
            if not (tolerance and _is_near(old, new, tolerance)):
                start = _first_unlike(old, new)
                return f"line {number}: {_show(old, start)} became {_show(new, start)}"
    return ""


def _is_near(old: bytes, new: bytes, tolerance: float) -> bool:
    """Whether two lines differ only in their numbers, and in these by no more than ``tolerance``."""
    if _NUMBER.split(old) != _NUMBER.split(new):
        return False
    pairs = zip(_NUMBER.findall(old), _NUMBER.findall(new), strict=True)
    return all(a == b or _are_close(float(a), float(b), tolerance) for a, b in pairs)


def _are_close(a: float, b: float, tolerance: float) -> bool:
    return math.isclose(a, b, rel_tol=tolerance, abs_tol=0.0) or (math.isnan(a) and math.isnan(b))


def _first_unlike(old: bytes, new: bytes) -> int:
    return next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))


def _show(line: bytes, start: int = 0) -> str:
    """Return a line, quoted, cut so that the text at ``start`` is visible."""
    begin = max(0, start - _LONGEST // 2) if len(line) > _LONGEST else 0
    part = line[begin : begin + _LONGEST].decode("utf-8", "replace").rstrip("\r\n")
    return f"{'…' if begin else ''}{part!r}{'…' if begin + _LONGEST < len(line) else ''}"


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _expand(directory: Path, pattern: str) -> Iterator[Path]:
    """Return the files that match a pattern: below ``directory``, or anywhere if it is absolute."""
    if Path(pattern).is_absolute():
        anchor = Path(Path(pattern).anchor)
        return anchor.glob(str(Path(pattern).relative_to(anchor)))
    return directory.glob(pattern)


def name_unmatched(behaviour: Behaviour, patterns: Sequence[str]) -> list[str]:
    """Return the patterns that match no file of the baseline."""
    return [pattern for pattern in patterns if not any(_expand(behaviour.directory, pattern))]
