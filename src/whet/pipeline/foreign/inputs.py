"""What the user named as inputs of a merge: runs, profiles of other tools, folders, globs, and URLs."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from whet.errors import FormatError, StoreError, UsageError
from whet.model.run import Notice
from whet.pipeline.foreign.formats import is_saved_run, recognize
from whet.reading import describe_error
from whet.records import dataclass
from whet.scratch import scratch_folder
from whet.store import RUN_FILE, find_run

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(::[A-Za-z][A-Za-z0-9+.-]+)*://")
MOST_FILES = 100_000
MOST_BYTES = 1_000_000_000
"""Of a file that comes from a URL."""
_CHUNK = 1_000_000
_GLOB = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Input:
    """One file. ``name`` is what it is labelled by if it has no label of its own, ``is_named`` if the user named it."""

    path: Path
    name: str
    shown: str
    is_named: bool = True


class Inputs:
    """Finds the files that references name, one after the other; files of URLs are copied to a folder of its own."""

    def __init__(self, references: Sequence[str], start: Path) -> None:
        self._references = references
        self._start = start
        self._stack = ExitStack()
        self.notices: list[Notice] = []

    def __enter__(self) -> Inputs:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def find(self) -> Iterator[Input]:
        """Yield all files once. Raises ``WhetError`` that names the reference that leads to none."""
        seen: set[Path] = set()
        for reference in self._references:
            found = False
            for each in self._find_one(reference):
                found = True
                real = each.path.resolve()
                if real not in seen:
                    seen.add(real)
                    if len(seen) > MOST_FILES:
                        raise UsageError(f"more than {MOST_FILES:,} files to merge", "merge parts of them first")
                    yield each
            if not found:
                raise UsageError(f"{reference[:200]} names no run and no profile", "check the path")

    def _find_one(self, reference: str) -> Iterator[Input]:
        if _URL.match(reference):
            yield from self._fetch(reference)
            return
        path = Path(self._start, reference)
        if _GLOB.search(reference) and not path.exists():
            for name in _expand(path):
                yield from (replace(each, is_named=False) for each in self._look_into(name, is_named=False))
        elif path.is_dir() or path.is_file():
            yield from self._look_into(path, is_named=True)
        else:
            found = find_run(reference, self._start)
            yield Input(found, found.parent.name, str(found))

    def _look_into(self, path: Path, *, is_named: bool) -> Iterator[Input]:
        """Yield a file, or the files below a folder that are runs or profiles."""
        if path.is_file():
            if is_named or _is_readable(path):
                yield Input(path, _name_file(path), str(path))
            else:
                self._pass_over(path)
            return
        if (path / RUN_FILE).is_file():
            yield Input(path / RUN_FILE, path.name, str(path))
            return
        for each in sorted(path.rglob("*")):
            if each.parent.name == "raw" and (each.parent.parent / RUN_FILE).is_file():
                continue  # captures of a run that is merged itself
            if each.is_file() and _is_readable(each):
                yield Input(each, _name_file(each), str(each), is_named=False)

    def _pass_over(self, path: Path) -> None:
        self.notices.append(Notice("profiles", f"{path} is neither a run nor a profile, so it is left out"))

    def _fetch(self, url: str) -> Iterator[Input]:
        """Copy the files that a URL names, which may hold a pattern."""
        if importlib.util.find_spec("fsspec") is None:
            raise UsageError(f"{url[:200]} needs fsspec", "pip install fsspec, and what it needs for that protocol")
        folder = self._stack.enter_context(scratch_folder("merge"))
        import fsspec

        try:
            system, path = fsspec.core.url_to_fs(url)
            paths = sorted(system.glob(path)) if _GLOB.search(path) else [path]
            if len(paths) == 1 and system.isdir(paths[0]):
                paths = sorted(system.find(paths[0]))
            for number, each in enumerate(paths):
                target = folder / f"{number}" / (re.sub(r"[^\w.+-]", "-", each.rpartition("/")[2])[-100:] or "file")
                target.parent.mkdir()
                _copy(system, each, target)
                if _is_readable(target) or len(paths) == 1:
                    name = each.rstrip("/").split("/")[-2:]
                    label = name[0] if name[-1] == RUN_FILE and len(name) == 2 else _name_file(target)
                    yield Input(target, label, system.unstrip_protocol(each))
        except (UsageError, StoreError, FormatError):
            raise
        except Exception as error:  # whatever a file system's library raises
            raise StoreError(f"{url[:200]} cannot be read: {describe_error(error)}", "check the URL") from error


def _expand(pattern: Path) -> list[Path]:
    """Return the paths that a pattern matches, sorted; ``**`` matches folders of any depth."""
    fixed = next(at for at, part in enumerate(pattern.parts) if _GLOB.search(part))
    return sorted(Path(*pattern.parts[:fixed]).glob(str(Path(*pattern.parts[fixed:]))))


def _copy(system: Any, path: str, target: Path) -> None:  # noqa: ANN401  fsspec has no types
    size = 0
    with system.open(path, "rb") as source, target.open("wb") as copy:
        while data := source.read(_CHUNK):
            size += len(data)
            if size > MOST_BYTES:
                raise StoreError(f"{path} has more than {MOST_BYTES:,} bytes", "merge a smaller one")
            copy.write(data)


def _is_readable(path: Path) -> bool:
    """Return whether a file is a run or a profile, by its beginning."""
    if is_saved_run(path):
        return True
    try:
        with path.open("rb") as file:
            recognize(file)
    except (OSError, FormatError):
        return False
    return True


def _name_file(path: Path) -> str:
    if path.name == RUN_FILE:
        return path.parent.name
    return path.name.partition(".")[0] or path.name
