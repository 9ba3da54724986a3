"""Finds the sources at hand that a profile's files are: by path, by longest common suffix, by names of functions.

Only files of the project and of folders that ``--source-root`` names are opened: a profile may name any file.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from importlib.util import decode_source
from pathlib import Path

from whet.config import Config
from whet.errors import UsageError
from whet.merge.codemap import CodeMap, code_map
from whet.merge.ownership import is_native_file
from whet.merge.relocate import count_fitting
from whet.model.frame import Frame
from whet.records import dataclass

MAX_BYTES = 8_000_000
_FOREIGN = re.compile(
    r"(^|/)(site|dist)-packages/|(^|/)(lib(64|32)?/(python|pypy)3\.\d+t?|python3\d*t?/lib)/|(^|/)python3\d+\.zip/", re.I
)
_FITTING = 0.5
"""The part of a file's functions that a source must have, unless its whole path says that it is the one."""


@dataclass(frozen=True, slots=True)
class SourceRoot:
    """``--source-root OLD=NEW``: where a folder of the profile's machine is here."""

    old: str
    new: Path


@dataclass(slots=True)
class Matched:
    """Paths of the files of frames, and what was read of them."""

    files: dict[str, str] = field(default_factory=dict)
    sources: dict[str, tuple[str, CodeMap]] = field(default_factory=dict)
    data: dict[str, bytes] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    """Files of the program, as far as their paths tell, that are not here."""
    standard: list[str] = field(default_factory=list)
    """Paths without a folder that are the standard library's."""
    foreign: list[str] = field(default_factory=list)
    """Relative paths of no source here, which may be anybody's."""


def read_roots(texts: Iterable[str], start: Path) -> tuple[SourceRoot, ...]:
    """Return the pairs in ``texts``, new folders relative to ``start``. Raises ``UsageError``."""
    roots = []
    for text in texts:
        old, equals, new = text.rpartition("=")
        if not equals or not old or not new:
            raise UsageError(f"--source-root {text[:200]!r} is not OLD=NEW", "for example --source-root /app=.")
        folder = Path(start, new)
        if not folder.is_dir():
            raise UsageError(
                f"--source-root {text[:200]!r}: {folder} is not a folder", "NEW is a folder on this machine"
            )
        roots.append(SourceRoot(_normalise(old), folder.resolve()))
    # The longest prefix is the most exact one.
    return tuple(sorted(roots, key=lambda root: -len(root.old)))


def match_sources(frames: Iterable[Frame], roots: Sequence[SourceRoot], project: Path, config: Config) -> Matched:
    """Return which sources here the files of ``frames`` are."""
    by_file: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        by_file[frame.file].append(frame)
    return _Matcher(by_file, roots, project, config).match()


def _normalise(path: str) -> str:
    return path.replace("\\", "/").rstrip("/") or "/"


class _Matcher:
    """Matches one file after the other."""

    def __init__(
        self, by_file: Mapping[str, list[Frame]], roots: Sequence[SourceRoot], project: Path, config: Config
    ) -> None:
        self._by_file = by_file
        self._roots = roots
        self._project = project.resolve()
        self._config = config
        self._candidates: dict[str, list[str]] | None = None
        self._found = Matched()

    def match(self) -> Matched:
        found = self._found
        for file in sorted(self._by_file):
            if is_native_file(file) or file.startswith("<"):
                continue
            path = self._find_path(file) or self._find_suffix(file)
            if path is not None:
                found.files[file] = path
            elif _FOREIGN.search(_normalise(file)):
                continue
            elif _is_absolute(file):
                found.missing.append(file)
            elif _is_standard(file):
                found.standard.append(file)
            else:
                found.foreign.append(file)
        found.sources = {path: found.sources[path] for path in set(found.files.values())}
        return found

    def _find_path(self, file: str) -> str | None:
        """Return the path that a root or the file's own path says."""
        text = _normalise(file)
        for root in self._roots:
            if text.startswith(root.old.rstrip("/") + "/"):
                path = self._inside(root.new / text[len(root.old.rstrip("/")) + 1 :], root.new)
                if path is not None and self._read(path):
                    return path
        if _is_absolute(file):
            path = self._inside(Path(file), self._project)
            if path is not None and self._read(path):
                return path
        return None

    def _inside(self, path: Path, folder: Path) -> str | None:
        """Return a path in a form of its own, if it is a file below ``folder``, links followed."""
        try:
            real = path.resolve()
            return str(real) if real.is_file() and real.is_relative_to(folder) else None
        except (OSError, ValueError, RuntimeError):
            return None

    def _find_suffix(self, file: str) -> str | None:
        """Return the project's file with the longest common suffix whose functions fit best."""
        text = _normalise(file)
        if _FOREIGN.search(text):
            return None
        parts = [part for part in text.split("/") if part not in {"", "."}]
        if not parts:
            return None
        same = self._list_candidates().get(parts[-1], [])
        lengths = {path: _common_suffix(parts, path) for path in same}
        best: tuple[int, float] = (0, 0.0)
        chosen: list[str] = []
        for path, length in lengths.items():
            fit = self._fit(file, path)
            if fit is None or (length, fit) < best:
                continue
            chosen = [path] if (length, fit) > best else [*chosen, path]
            best = (length, fit)
        return chosen[0] if len(chosen) == 1 else None

    def _fit(self, file: str, path: str) -> float | None:
        """Return the part of the file's functions that a source has; ``None`` where that is too little."""
        if not self._read(path):
            return None
        frames = self._by_file[file]
        fitting, known = count_fitting(frames, self._found.sources[path][1])
        if not known:
            # Nothing but module level and lambdas: a name of a file alone is not enough.
            return None if _is_standard(file) else 0.0
        return fitting / known if fitting / known >= _FITTING else None

    def _list_candidates(self) -> dict[str, list[str]]:
        if self._candidates is None:
            from whet.pipeline.check.discovery import FileFinder

            config = self._config
            finder = FileFinder(config.root, config.include, config.exclude, respect_gitignore=config.respect_gitignore)
            folders = [self._project, *(root.new for root in self._roots)]
            self._candidates = defaultdict(list)
            inside = [self._inside(path, folder) for path in finder.find(folders) for folder in folders]
            for real in dict.fromkeys(path for path in inside if path is not None):
                self._candidates[real.replace("\\", "/").rpartition("/")[2]].append(real)
        return self._candidates

    def _read(self, path: str) -> bool:
        """Read a source once; return whether it is one."""
        if path in self._found.sources:
            return True
        if path in self._found.data:
            return False
        data = b""
        try:
            if Path(path).stat().st_size <= MAX_BYTES and path.endswith((".py", ".pyw")):
                data = Path(path).read_bytes()
            text = decode_source(data)
        except (OSError, SyntaxError, UnicodeDecodeError, LookupError):
            text = ""
        self._found.data[path] = data
        known = code_map(text) if text.strip() else None
        if known is None:
            return False
        self._found.sources[path] = (text, known)
        return True


def _common_suffix(parts: Sequence[str], path: str) -> int:
    other = _normalise(path).split("/")
    length = 0
    for one, two in zip(reversed(parts), reversed(other), strict=False):
        if one != two:
            break
        length += 1
    return length


def _is_absolute(file: str) -> bool:
    return file.startswith(("/", "\\\\")) or re.match(r"[A-Za-z]:[\\/]", file) is not None


def _is_standard(file: str) -> bool:
    """Return whether a path without a folder of its own is the standard library's by its name."""
    first = _normalise(file).removeprefix("./").split("/")[0]
    return first.removesuffix(".py") in sys.stdlib_module_names
