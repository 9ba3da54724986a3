"""Which lines a pull request changes: its reviewers want annotations of those."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from whet.errors import UsageError

_HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_SECONDS = 20
_EVERY = 1 << 40
# A file that was moved has not changed. Whatever a user has set, the text is the same.
_DIFF = (
    *("diff", "--unified=0", "--no-color", "--no-ext-diff", "--no-textconv", "--find-renames"),
    *("--src-prefix=a/", "--dst-prefix=b/"),
)
_SHALLOW = "a shallow clone lacks older commits: git fetch --unshallow"

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
    _git(repository, "rev-parse", "--git-dir", fails=f"{repository} is in no git repository", hint="git init")
    wrong = f"{ref!r} is not a git commit"
    if ref.startswith("-"):
        raise UsageError(wrong, "use --diff-base origin/main")
    words = ("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    commit = _git(repository, *words, fails=wrong, hint=f"git fetch what has it; {_SHALLOW}").strip()
    apart = f"{ref!r} and HEAD have no common commit"
    common = _git(repository, "merge-base", os.fsdecode(commit), "HEAD", fails=apart, hint=_SHALLOW)
    base = os.fsdecode(common.strip())
    new = _git(repository, "ls-files", "--others", "--exclude-standard", "--full-name", "-z").split(b"\0")
    every = (range(1, _EVERY),)
    return {
        **_read_diff(_git(repository, *_DIFF, base, "--", "*.py")),
        **{os.fsdecode(name): every for name in new if name},
    }


def overlaps(changed: Sequence[range], first: int, last: int) -> bool:
    """Return whether any of the lines ``first`` to ``last`` changed."""
    return any(each.start <= last and first < each.stop for each in changed)


def _git(repository: Path, *words: str, fails: str = "", hint: str = "") -> bytes:
    """Return what git prints; ``fails`` says what it means where git fails."""
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
        raise UsageError(fails or f"git {words[0]} failed: {said[0][:200]}", hint or _SHALLOW)
    return done.stdout


def _read_diff(data: bytes) -> dict[str, tuple[range, ...]]:
    changes: dict[str, list[range]] = {}
    path = ""
    left = 0
    """Lines of a hunk, which may look like anything."""
    for line in data.split(b"\n"):
        if left:
            left -= not line.startswith(b"\\")
        elif line.startswith(b"+++ "):
            path = os.fsdecode(line[4:].removeprefix(b"b/").rstrip(b"\t\r"))
        elif (match := _HUNK.match(line)) is not None:
            removed, start, count = int(match[1] or 1), int(match[2]), int(match[3] or 1)
            left = removed + count
            if count:
                changes.setdefault(path, []).append(range(start, start + count))
    return {path: tuple(ranges) for path, ranges in changes.items()}
