"""Which lines a pull request changes: its reviewers want annotations of those."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from whet.errors import UsageError

_HUNK = re.compile(rb"@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@")
_SECONDS = 20
_EVERY = 1 << 40
_DIFF = ("diff", "--unified=0", "--no-color", "--no-ext-diff", "--no-renames")

Changes = Mapping[str, tuple[range, ...]]
"""Changed lines by path in the repository."""


def find_changes(repository: Path, environ: Mapping[str, str] | None = None) -> Changes:
    """Return the lines that differ from the base branch of a GitHub pull request.

    Empty outside of one, and if git does not have that branch.
    """
    base = (os.environ if environ is None else environ).get("GITHUB_BASE_REF", "")
    if not base or base.startswith("-"):
        return {}
    try:
        return _read_diff(_git(repository, *_DIFF, f"origin/{base}...HEAD", "--", "*.py"))
    except UsageError:
        return {}


def find_changes_since(repository: Path, ref: str) -> Changes:
    """Return the lines of the working tree that differ from where it left ``ref``; of files git does not know, all.

    Raises ``UsageError`` where there is no repository, or no such commit.
    """
    commit = "" if ref.startswith("-") else _git(repository, "rev-parse", "--verify", f"{ref}^{{commit}}").strip()
    if not commit:
        raise UsageError(f"{ref!r} is not a git commit", "use --diff-base origin/main")
    base = os.fsdecode(_git(repository, "merge-base", os.fsdecode(commit), "HEAD").strip())
    new = _git(repository, "ls-files", "--others", "--exclude-standard", "--full-name", "-z").split(b"\0")
    every = (range(1, _EVERY),)
    return {
        **_read_diff(_git(repository, *_DIFF, base, "--", "*.py")),
        **{os.fsdecode(name): every for name in new if name},
    }


def overlaps(changed: Sequence[range], first: int, last: int) -> bool:
    """Return whether any of the lines ``first`` to ``last`` changed."""
    return any(each.start <= last and first < each.stop for each in changed)


def _git(repository: Path, *words: str) -> bytes:
    try:
        done = subprocess.run(
            ["git", "-C", str(repository), "-c", "core.quotePath=false", *words],  # noqa: S607 - whichever git is there
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"git cannot be run: {error}", "install git") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()[:1] or ["no output"]
        raise UsageError(
            f"git {words[0]} failed: {said[0][:200]}",
            "name an existing commit; a shallow clone lacks older ones: git fetch --unshallow",
        )
    return done.stdout


def _read_diff(data: bytes) -> dict[str, tuple[range, ...]]:
    changes: dict[str, list[range]] = {}
    path = ""
    for line in data.split(b"\n"):
        if line.startswith(b"+++ "):
            path = os.fsdecode(line[4:].removeprefix(b"b/").rstrip(b"\t\r"))
        elif (match := _HUNK.match(line)) is not None and match[2] != b"0":
            start, count = int(match[1]), int(match[2] or 1)
            changes.setdefault(path, []).append(range(start, start + count))
    return {path: tuple(ranges) for path, ranges in changes.items()}
