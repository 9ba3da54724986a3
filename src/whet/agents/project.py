"""What an agent may name: files of the project, and programs in it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from whet.errors import UsageError

_MOST_WORDS = 200
_LONGEST_WORD = 20_000


class Project:
    """The folder that everything an agent names lies in."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def confine(self, name: str) -> Path:
        """Return the path that ``name`` means, links followed. Raises ``UsageError`` for one outside the project."""
        if not name or "\0" in name:
            raise UsageError(f"{name!r} is not a path", "name a file of the project")
        path = Path(os.path.realpath(self.root / name))
        if not path.is_relative_to(self.root):
            raise UsageError(f"{name} is outside the project {self.root}", "name a file inside it")
        return path

    def confine_pattern(self, pattern: str) -> str:
        """Return a glob of files of the project. Raises ``UsageError`` for another one."""
        if not pattern or Path(pattern).is_absolute() or ".." in Path(pattern).parts or pattern.startswith("~"):
            raise UsageError(f"{pattern!r} may match files outside the project", "write it relative to the project")
        return pattern

    def name_run(self, run: str) -> list[str]:
        """Return the words that name a run to whet: none for the latest."""
        if not run:
            return []
        if run.startswith("-"):
            raise UsageError(f"{run!r} is not a run", "leave it empty for the latest run")
        return [str(self.confine(run))] if os.sep in run or "/" in run or (self.root / run).exists() else [run]

    def check_program(self, words: Sequence[str]) -> list[str]:
        """Return the words of a program, as after ``whet run``, with the script where it is one of the project.

        Raises ``UsageError`` for a script outside the project, and for an option of whet's.
        """
        if not words:
            raise UsageError("no program is named", 'as in ["app.py", "--day", "1"], ["-m", "package"] or ["pytest"]')
        if len(words) > _MOST_WORDS or any("\0" in word or len(word) > _LONGEST_WORD for word in words):
            raise UsageError("the program has too many or too long words", "pass data in a file")
        first = words[0]
        if first in ("-m", "-c"):
            if len(words) < 2 or words[1].startswith("-"):
                raise UsageError(f"{first} names no program", 'as in ["-m", "package"]')
            return list(words)
        if first.startswith("-"):
            raise UsageError(f"{first} is not a program", 'begin with a script, a command, "-m" or "-c"')
        is_path = os.sep in first or "/" in first or (self.root / first).exists()
        if is_path:
            self.confine(first)
        return list(words)
