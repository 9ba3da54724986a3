"""Finds files below another process's root, as that process would."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

_MOST_LINKS = 40


def resolve_inside(root: Path, file: str) -> Path:
    """Return where ``file``, an absolute path of a process whose file system is ``root``, lies for us.

    Links are followed as the process would follow them: an absolute one starts
    at its root, and ``..`` never leads out of that. Left to the system, they
    would lead to files of ours. Raises ``OSError`` for links without end.
    """
    todo = list(PurePosixPath(file).parts)[::-1]
    found: list[str] = []
    links = 0
    while todo:
        part = todo.pop()
        if part == "/":
            found = []
            continue
        if part == "..":
            del found[-1:]
            continue
        try:
            target = root.joinpath(*found, part).readlink()
        except OSError:  # no link, or not there, which whoever reads it will notice
            found.append(part)
            continue
        links += 1
        if links > _MOST_LINKS:
            raise OSError(f"too many links in {file}")
        todo += list(target.parts)[::-1]
    return root.joinpath(*found)
