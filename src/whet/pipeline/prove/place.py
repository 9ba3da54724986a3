"""Where the edits of a run land: in the project that the user stands in, and never outside it."""

from __future__ import annotations

from pathlib import Path

from whet.errors import UsageError
from whet.fix.files import hash_bytes
from whet.model.moved import move_path, move_run
from whet.model.run import Run
from whet.pipeline.project import find_project


def bring_here(run: Run, here: Path) -> Run:
    """Return ``run`` with its sources in the project that contains ``here``.

    A run made elsewhere is matched by the contents of the files that its proof edits. Raises ``UsageError`` where they
    differ, naming both places.
    """
    project, made_in = find_project(here.absolute()), Path(run.project or run.directory)
    if is_same(project, made_in) or is_same(here, made_in):
        return run
    moved = move_run(run, str(project))
    edited = {change.file for trial in run.proof.trials for change in trial.changes} or set(run.sources)
    for before in sorted(edited & run.sources.keys()):
        file = move_path(before, str(made_in), str(project))
        path = Path(moved.directory, file)
        if not is_inside(path, project) or not _has_contents(path, run.sources[before].sha256):
            raise UsageError(
                f"the run was made in {made_in}, and {path} is not the file that it measured: "
                f"{Path(run.directory, before)}",
                f"change to {made_in}, or measure here with `whet run`, then `whet prove`",
            )
    return moved


def refuse_outside(path: Path, project: Path) -> None:
    """Raise ``UsageError`` for a file that is not in ``project``, links followed."""
    if not is_inside(path, project):
        raise UsageError(
            f"{path} is outside the project {project}, and is not written", "change to the folder of its own project"
        )


def is_inside(path: Path, folder: Path) -> bool:
    """Whether a file is in a folder, links followed."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):
        return False


def is_same(folder: Path, other: Path) -> bool:
    """Whether two paths name one folder, as far as they exist."""
    try:
        return folder.resolve() == other.resolve()
    except (OSError, RuntimeError, ValueError):
        return False


def _has_contents(path: Path, sha256: str) -> bool:
    try:
        return hash_bytes(path.read_bytes()) == sha256
    except OSError:
        return False
