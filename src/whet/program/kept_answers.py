"""Answers of interpreters, kept in whet's cache, so that an interpreter is asked once and not in every command.

Layout: ``<cache>/interpreters/<key>.json``, one file an answer. The key is made of everything that is known before
the interpreter runs: its path and file, its environment's settings, the variables that bear on the answer, whet. The
file holds the answer as it was given, and how the files and folders looked on which it rests; an answer holds only
while they look the same.

What goes unseen: a ``.pth`` file or start-up hook whose code does something else when neither it nor a folder of
``sys.path`` has changed, because of another variable, say. Such an environment finds its packages in other places from
one start to the next; ``whet run`` then names or lends a profiler as it was at the first.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from whet import __version__
from whet.atomic import PRIVATE, write_atomically
from whet.program.cache import cache_folder
from whet.program.environments import is_same_path
from whet.program.program import BINARY_MAGIC, read_head
from whet.records import dataclass

MOST_KEPT = 50
_FORMAT = 1
_MOST_BYTES = 256 * 1024
_MOST_PATHS = 512
_SETTLED_NS = 2_000_000_000
"""What was changed later than this before the question may change again without another time of change: some file
systems count in steps of two seconds."""
_VARIABLES = ("HOME", "USERPROFILE", "APPDATA")
_FAMILIES = ("PYTHON", "LD_", "DYLD_")


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """The place for the answer to one question, whether or not there is one."""

    file: Path
    program: Path
    """The interpreter's file, links followed."""
    asked_ns: int

    def is_about(self, executable: str) -> bool:
        """Whether the program that was asked is the one that calls itself ``executable``, and no shim of it."""
        return is_same_path(executable, self.program)

    def read(self) -> Iterator[str]:
        """Yield the answer if there is one that holds. Nothing of it is believed: it may be anybody's text."""
        try:
            if not self.file.is_file():
                return
            with self.file.open("rb") as file:
                entry = json.loads(file.read(_MOST_BYTES))
        except (OSError, ValueError, RecursionError):
            return
        match entry:
            case {"format": 1, "said": str(said), "looks": dict(looks)} if len(looks) <= _MOST_PATHS:
                if all(_look(path) == seen for path, seen in looks.items()):
                    yield said

    def write(self, said: str, rests_on: Sequence[str]) -> None:
        """Keep an answer that rests on these files and folders; where nothing can be written, it is not kept."""
        looks = {path: _look(path) for path in rests_on}
        newest = max((look[0] for look in looks.values() if look is not None), default=0)
        text = json.dumps({"format": _FORMAT, "said": said, "looks": looks}).encode("ascii")
        if newest > self.asked_ns - _SETTLED_NS or len(looks) > _MOST_PATHS or len(text) > _MOST_BYTES:
            return
        with suppress(OSError):
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomically(self.file, text, mode=PRIVATE)
            _drop_oldest(self.file.parent)


def find_kept(path: Path, variables: Mapping[str, str], script: Path) -> KeptAnswer | None:
    """Return where the answer of the interpreter at ``path`` to ``script`` is kept.

    ``None`` where none may be: what a script or an alias starts depends on more than can be looked at.
    """
    asked_ns = time.time_ns()
    try:
        named, program = path.absolute(), path.resolve()
        # A pipe in its place would be waited for.
        if not program.is_file() or not read_head(program).startswith(BINARY_MAGIC):
            return None
        folder = cache_folder() / "interpreters"
    except (OSError, ValueError, RuntimeError):  # RuntimeError: links in a circle, or there is no home
        return None
    parts: list[object] = [__version__, _look(script), named]
    parts += [(file, _look(file)) for file in (program, *_list_settings(named, program))]
    parts += sorted(
        (name, value) for name, value in variables.items() if name in _VARIABLES or name.startswith(_FAMILIES)
    )
    if not all(map(os.path.isabs, variables.get("PYTHONPATH", os.sep).split(os.pathsep))):
        parts.append(Path.cwd())
    return KeptAnswer(folder / f"{_digest(parts)}.json", program, asked_ns)


def _list_settings(named: Path, program: Path) -> Iterator[Path]:
    """Yield the files beside an interpreter, there or not, that tell it where its libraries are."""
    yield named.parent / "pyvenv.cfg"
    yield named.parent.parent / "pyvenv.cfg"
    for file in dict.fromkeys((named, program)):
        yield file.with_name(f"{file.name}._pth")
        yield file.with_name(f"{file.stem}._pth")
    if os.name == "nt":  # named after the library there, and the folder is small
        yield from sorted(program.parent.glob("*._pth"))


def _look(path: str | Path) -> list[int] | None:
    """Return when ``path`` was changed (ns), and how large it is; ``None`` if it is not there."""
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return None
    return [status.st_mtime_ns, status.st_size]


def _digest(parts: Sequence[object]) -> str:
    import hashlib

    return hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _drop_oldest(folder: Path) -> None:
    kept = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime_ns)
    for file in kept[:-MOST_KEPT]:
        file.unlink(missing_ok=True)
