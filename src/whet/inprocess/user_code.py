"""Tells the user's code from everybody else's."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_KNOWN = 20_000
"""Files that are remembered at most: a program may make up names without end."""


class UserCode:
    """Tells which files are the user's: ``settings`` has ``foreign``, ``program``, ``include`` and ``exclude``."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.foreign = tuple(_as_folder(path) for path in settings["foreign"] if path)
        self.program = tuple(_as_folder(path) for path in settings["program"] if path)
        self.include = tuple(settings["include"])
        self.exclude = tuple(settings["exclude"])
        self.own = _as_folder(os.path.dirname(os.path.abspath(__file__)))
        self.cache: dict[str, bool] = {}
        self.matches: Any = None
        if self.include or self.exclude:
            # Not otherwise: it brings the regular expressions with it.
            from fnmatch import fnmatch

            self.matches = fnmatch

    def __call__(self, file: str) -> bool:
        """Return whether ``file`` is the user's code."""
        known = self.cache.get(file)
        if known is None:
            if len(self.cache) >= MAX_KNOWN:
                self.cache.clear()
            known = self.cache[file] = self._decide(file)
        return known

    def _decide(self, file: str) -> bool:
        if file.startswith("<"):
            return file in self.program
        if file.startswith(self.own):
            return False
        path = os.path.abspath(file)
        if any(self.matches(path, pattern) for pattern in self.exclude):
            return False
        if path.startswith(self.program) or any(self.matches(path, pattern) for pattern in self.include):
            return True
        return not path.startswith(self.foreign)


def _as_folder(path: str) -> str:
    return path if path.endswith(".py") or path.startswith("<") else os.path.join(path, "")
