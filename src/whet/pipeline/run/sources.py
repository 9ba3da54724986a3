"""Gathers the sources of a run's frames, as they were when the program ran."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from importlib.util import decode_source
from pathlib import Path
from types import MappingProxyType

from whet.fix.files import hash_bytes
from whet.merge.ownership import Ownership
from whet.model.frame import Owner
from whet.model.profile import Profile
from whet.model.run import Notice, SourceFile
from whet.model.source import is_cell
from whet.pipeline.run.cells import Cell, find_cells
from whet.program.inside import resolve_inside

MAX_BYTES = 8_000_000
"""A larger file is not treated as source."""


def gather_sources(
    profiles: Iterable[Profile],
    ownership: Ownership,
    project: Path,
    root: Path | None = None,
    since: float | None = None,
    known: Mapping[str, bytes] = MappingProxyType({}),
    cells: Mapping[str, Cell] = MappingProxyType({}),
) -> tuple[dict[str, SourceFile], list[Notice]]:
    """Return the user's sources by the paths that frames use.

    They are read from disk, below ``root`` if the program runs in a container. There is a notice on each that was
    changed after ``since``, in seconds since the epoch: it may not be what ran. For those in ``known`` it is known
    what ran. ``cells`` are those that a kernel itself knows; others are looked for in the notebooks of the project.
    """
    files = {frame.file for profile in profiles for frame in profile.frames}
    files |= {line.file for profile in profiles for line in profile.lines}
    sources: dict[str, SourceFile] = {}
    notices: list[Notice] = []
    for file in sorted(files):
        # Console scripts are sources without a suffix; the user's files without one are read if they are text.
        if file.startswith("<") or ownership.owner(file) is not Owner.USER:
            continue
        data, changed_at = _read(file, root)
        if data is None or not (file.endswith((".py", ".pyw")) or _is_python(data)):
            continue
        if since is not None and changed_at > since and known.get(file, b"") != data:
            what = (
                "the report shows the version that ran" if file in known else "its lines may differ from those that ran"
            )
            notices.append(Notice("source", f"{file} changed while the program ran; {what}"))
        data = known.get(file, data)
        digest = hash_bytes(data)
        sources[file] = SourceFile(file, _show(file, project), digest, _decode(data), Owner.USER)
    compiled = [file for file in files if is_cell(file) and file not in sources] if root is None else []
    found = {file: cells[file] for file in files if file in cells}
    found |= find_cells([file for file in compiled if file not in found], project)
    for file, cell in found.items():
        sources[file] = SourceFile(file, cell.shown, hash_bytes(cell.text.encode()), cell.text, Owner.USER)
    return sources, notices


def _read(file: str, root: Path | None) -> tuple[bytes | None, float]:
    """Return a file's bytes (``None`` if it is not a readable source) and its modification time."""
    try:
        path = Path(file) if root is None else resolve_inside(root, file)
        stat = path.stat()
        if not path.is_file() or stat.st_size > MAX_BYTES:
            return None, 0.0
        return path.read_bytes(), stat.st_mtime
    except (OSError, ValueError):
        return None, 0.0


def _is_python(data: bytes) -> bool:
    """Return whether a file without a source suffix is Python source, such as a console script."""
    try:
        ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _decode(data: bytes) -> str:
    try:
        return decode_source(data)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        return data.decode("latin-1")


def _show(file: str, project: Path) -> str:
    try:
        return Path(file).relative_to(project).as_posix()
    except ValueError:
        return file
