"""A second checkout of a repository, at any commit, for as long as it is needed."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from whet.errors import UsageError

_SECONDS = 300


@contextlib.contextmanager
def check_out(repository: Path, ref: str, folder: Path) -> Iterator[str]:
    """Make ``folder`` a worktree of ``repository`` at ``ref`` and yield its commit; it is removed again.

    No hook runs. Raises ``UsageError`` where there is no repository, or no such commit.
    """
    if not (repository / ".git").exists():
        raise UsageError(
            f"{repository} is not a git repository, so {ref!r} is not a commit", "give a file, or run in a repository"
        )
    commit = "" if ref.startswith("-") else _git(repository, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")[1]
    if not commit:
        raise UsageError(
            f"{ref[:80]!r} is neither a git commit nor a file",
            "a shallow clone lacks older commits: run `git fetch --unshallow`",
        )
    status, said = _git(
        repository, "-c", f"core.hooksPath={os.devnull}", "worktree", "add", "--detach", str(folder), commit
    )
    if status:
        raise UsageError(f"git cannot check out {ref!r}: {said[-200:]}", "try `git worktree add`")
    try:
        yield commit[:12]
    finally:
        _git(repository, "worktree", "remove", "--force", str(folder))
        _git(repository, "worktree", "prune")


def move_into(path: str, repository: Path, folder: Path) -> str:
    """Return the path in the worktree ``folder`` that corresponds to ``path`` in the repository; others stay."""
    try:
        inside = Path(path).relative_to(repository) if Path(path).is_absolute() else None
    except ValueError:
        return path
    return path if inside is None else str(folder / inside)


def find_import_folders(python: str, directory: Path, environ: Mapping[str, str], repository: Path) -> tuple[str, ...]:
    """Return the folders of the repository that Python would import from, in addition to the program's own.

    An editable installation names the working tree: a worktree's program must not import from there.
    """
    try:
        done = subprocess.run(
            [python, "-c", "import sys; print(*sys.path[1:], sep='\\0', end='')"],
            capture_output=True,
            cwd=directory,
            env=dict(environ),
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    named = [os.fsdecode(part) for part in done.stdout.split(b"\0") if part]
    # Finders of editable installations are not on the path but come after it, so a name on the path wins.
    folders = [*named, *([str(repository / "src")] if (repository / "src").is_dir() else [])]
    inside = [folder for folder in folders if _is_source_folder(Path(folder), repository)]
    return tuple(dict.fromkeys(inside))


def _is_source_folder(folder: Path, repository: Path) -> bool:
    installed = {"site-packages", "dist-packages"} & set(folder.parts)
    return not installed and folder.is_dir() and folder.is_relative_to(repository) and not _is_in_environment(folder)


def _is_in_environment(folder: Path) -> bool:
    return any((each / "pyvenv.cfg").is_file() for each in (folder, *folder.parents))


def _git(repository: Path, *words: str) -> tuple[int, str]:
    command: Sequence[str] = ("git", "-C", str(repository), *words)
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"git cannot be run: {error}", "install git") from error
    text = (done.stdout if done.returncode == 0 else done.stderr).decode("utf-8", "replace").strip()
    return done.returncode, text if done.returncode == 0 or words[0] != "rev-parse" else ""
