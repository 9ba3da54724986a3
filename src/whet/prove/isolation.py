"""A temporary copy of the working folder, reset to its initial state before each run."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

MOST_BYTES = 500 * (1 << 20)
MOST_FILES = 20_000
"""A larger folder is not copied."""
LINKED = frozenset((".git", ".hg", ".venv", "venv", ".tox", ".nox", "node_modules"))
"""Large folders that programs do not work on: the copy links to the originals."""
_LEFT_OUT = frozenset((".whet", "__pycache__"))

_State = dict[str, tuple[int, int, int]]


class WorkingCopy:
    """A copy of ``original`` in ``folder``, which is created."""

    def __init__(self, original: Path, folder: Path) -> None:
        self.original = original
        self.folder = folder
        shutil.copytree(original, folder, symlinks=True, ignore=_leave_out, copy_function=_copy)
        for parent, name in _find_linked(original):
            link = folder / parent.relative_to(original) / name
            with contextlib.suppress(OSError):
                link.symlink_to(parent / name, target_is_directory=True)
        self._state = _take_state(folder)

    def find_changes(self) -> list[str]:
        """Return the files that runs have created, changed or removed, as paths relative to the folder."""
        now = _take_state(self.folder)
        return sorted(name for name in now.keys() | self._state.keys() if now.get(name) != self._state.get(name))

    def reset(self) -> None:
        """Reset the folder to its initial state."""
        for name in self.find_changes():
            path, original = self.folder / name, self.original / name
            with contextlib.suppress(OSError):
                if path.is_dir() and not path.is_symlink():
                    if name not in self._state:
                        shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()
            if name in self._state and original.exists():
                if original.is_dir() and not original.is_symlink():
                    path.mkdir(parents=True, exist_ok=True)
                else:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    _copy(str(original), str(path))
        self._state = _take_state(self.folder)


def why_not_copied(folder: Path) -> str:
    """Return why ``folder`` is not copied; empty if it can be."""
    if folder == folder.parent or folder == Path.home():
        return f"{folder} is not a single project's folder"
    size = count = 0
    for _, info in _walk(folder):
        size, count = size + info.st_size, count + 1
        if count > MOST_FILES:
            return f"{folder} contains more than {MOST_FILES:,} files"
        if size > MOST_BYTES:
            return f"{folder} contains more than {MOST_BYTES >> 20} MB"
    return ""


def _walk(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the contents of the copy: paths relative to ``folder``, links as links."""
    todo = [""]
    while todo:
        below = todo.pop()
        try:
            entries = list(os.scandir(folder / below))
        except OSError:
            continue
        for entry in entries:
            if entry.name in LINKED or entry.name in _LEFT_OUT:
                continue
            name = os.path.join(below, entry.name)  # noqa: PTH118  many of them: strings are enough
            with contextlib.suppress(OSError):
                yield name, entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    todo.append(name)


def _take_state(folder: Path) -> _State:
    """Return the state that shows whether an entry was changed; for folders only that they exist."""
    import stat

    return {
        name: (info.st_mode, 0, 0) if stat.S_ISDIR(info.st_mode) else (info.st_mode, info.st_size, info.st_mtime_ns)
        for name, info in _walk(folder)
    }


def _find_linked(original: Path) -> Iterator[tuple[Path, str]]:
    for parent, folders, _ in os.walk(original):
        for name in [name for name in folders if name in LINKED]:
            yield Path(parent), name
        folders[:] = [name for name in folders if name not in LINKED and name not in _LEFT_OUT]


def _leave_out(_folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name in LINKED or name in _LEFT_OUT}


def _copy(source: str, target: str) -> str:
    """Copy a file unchanged; unreadable files and special files (sockets, pipes) are left out."""
    path = Path(source)
    with contextlib.suppress(OSError):
        if path.is_symlink() or path.is_file():
            shutil.copy2(source, target, follow_symlinks=False)
    return target
