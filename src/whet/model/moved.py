"""A run of a project that is in another place now: copied, moved, or checked out elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from whet.model._codec_fields import find_codec
from whet.model.run import Run


def move_path(path: str, old: str, new: str) -> str:
    """Return a path in the folder ``old`` as it is in ``new``; other texts as they are."""
    is_below = path == old or path.startswith((f"{old}/", f"{old}\\"))
    return new + path[len(old) :] if is_below else path


def move_run(run: Run, project: str) -> Run:
    """Return ``run`` with the paths of its project's files below ``project``; the interpreter's path stays.

    Both folders are absolute. Paths elsewhere, as of libraries and of files that the program got, stay.
    """
    old = run.project or run.directory
    if old == project or not old.strip("/\\"):
        return run
    encode, decode = find_codec(Run)

    def move(value: Any) -> Any:  # noqa: ANN401  any value of the JSON document
        if isinstance(value, str):
            return move_path(value, old, project)
        if isinstance(value, list):
            return [move(each) for each in value]
        if isinstance(value, dict):
            return {move(key): move(each) for key, each in value.items()}
        return value

    moved: Run = decode(move(encode(run)))
    return replace(moved, project=project, interpreter=run.interpreter)
