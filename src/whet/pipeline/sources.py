"""Gathers the sources that a run's frames stand in, as they were when the program ran."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from importlib.util import decode_source
from pathlib import Path

from whet.merge.ownership import Ownership
from whet.model.frame import Owner
from whet.model.profile import Profile
from whet.model.run import Notice, SourceFile
from whet.target.inside import resolve_inside

MAX_BYTES = 8_000_000
"""A larger file is no source that anybody reads."""


def gather_sources(
    profiles: Iterable[Profile],
    compiled: Mapping[str, bytes],
    ownership: Ownership,
    project: Path,
    root: Path | None = None,
) -> tuple[dict[str, SourceFile], list[Notice]]:
    """Return the user's sources by the paths that frames use.

    ``compiled`` are those that the program itself handed over; others are read
    from disk, below ``root`` where the program lives in a container.
    """
    files = {frame.file for profile in profiles for frame in profile.frames}
    files |= {line.file for profile in profiles for line in profile.lines}
    files |= set(compiled)
    sources: dict[str, SourceFile] = {}
    notices: list[Notice] = []
    for file in sorted(files):
        # Console scripts are sources without the ending; what the program compiled itself surely is one.
        is_source = file.endswith((".py", ".pyw")) and ownership.owner(file) is Owner.USER
        if file not in compiled and (file.startswith("<") or not is_source):
            continue
        data = compiled.get(file)
        if data is None:
            data = _read(file, root)
        elif (now := _read(file, root)) is not None and now != data:
            notices.append(Notice("source", f"{file} was changed while the program ran; the report shows it as it ran"))
        if data is not None:
            digest = hashlib.sha256(data).hexdigest()
            sources[file] = SourceFile(file, _show(file, project), digest, _decode(data), Owner.USER)
    return sources, notices


def _read(file: str, root: Path | None) -> bytes | None:
    try:
        path = Path(file) if root is None else resolve_inside(root, file)
        return path.read_bytes() if path.is_file() and path.stat().st_size <= MAX_BYTES else None
    except (OSError, ValueError):
        return None


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
