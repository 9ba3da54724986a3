"""Which lines a pull request changes: its reviewers want annotations of those."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

_HUNK = re.compile(rb"@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@")
_SECONDS = 20

Changes = Mapping[str, tuple[range, ...]]
"""Changed lines by path in the repository."""


def find_changes(repository: Path, environ: Mapping[str, str] | None = None) -> Changes:
    """Return the lines that differ from the base branch of a GitHub pull request.

    Empty outside of one, and if git does not have that branch.
    """
    base = (os.environ if environ is None else environ).get("GITHUB_BASE_REF", "")
    if not base or base.startswith("-"):
        return {}
    words = [
        "diff",
        "--unified=0",
        "--no-color",
        "--no-ext-diff",
        "--no-renames",
        f"origin/{base}...HEAD",
        "--",
        "*.py",
    ]
    try:
        done = subprocess.run(
            ["git", "-C", str(repository), "-c", "core.quotePath=false", *words],  # noqa: S607 - whichever git is there
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    return _read_diff(done.stdout) if done.returncode == 0 else {}


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
