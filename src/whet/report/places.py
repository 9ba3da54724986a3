"""How files are shown, and where a line is in the page."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import PurePosixPath, PureWindowsPath

from whet.model.run import Run

_INSTALLED = re.compile(r"^.*/(?:site-packages|dist-packages)/(?=.)")
_STDLIB = re.compile(r"^.*/lib(?:64)?/(?:python|pypy)\d+\.\d+t?/(?=.)|^.*/Python\d+/Lib/(?=.)", re.IGNORECASE)


class Places:
    """Shown paths and anchors of one report; ``shown_lines`` are the (file, line) pairs that have a row in the page."""

    def __init__(self, run: Run, shown_lines: Collection[tuple[str, int]] = ()) -> None:
        self._run = run
        self._shown_lines = frozenset(shown_lines)
        self._files = {file for file, _ in self._shown_lines}
        self._paths: dict[str, str] = {}
        self._slugs: dict[str, str] = {}
        self._taken: set[str] = set()

    def show(self, file: str) -> str:
        """Return ``file`` relative to the project, or to the package folder that contains it."""
        if file not in self._paths:
            source = self._run.sources.get(file)
            # A console script's code counts as the user's although it is in site-packages.
            own = source is not None and source.shown not in ("", file) and not _INSTALLED.match(file)
            self._paths[file] = source.shown if source and own else shorten_path(file, self._run.project)
        return self._paths[file]

    def file_anchor(self, file: str) -> str:
        """Return the id of a file's listing; empty where the page has none."""
        return f"F-{self._slug(file)}" if file in self._files else ""

    def line_anchor(self, file: str, *lines: int) -> str:
        """Return the id of the first of ``lines`` that the page shows, else of the file's listing, else nothing."""
        for line in lines:
            if (file, line) in self._shown_lines:
                return f"L-{self._slug(file)}-{line}"
        return self.file_anchor(file)

    def _slug(self, file: str) -> str:
        """Return a name for ``file`` that is unique in this page and needs no escaping anywhere."""
        if file not in self._slugs:
            plain = re.sub(r"[^A-Za-z0-9._/-]", "_", self.show(file))[-80:]
            slug, n = plain, 2
            while slug in self._taken:
                slug, n = f"{plain}~{n}", n + 1
            self._taken.add(slug)
            self._slugs[file] = slug
        return self._slugs[file]


def shorten_path(file: str, project: str) -> str:
    """Return ``file`` relative to ``project``, or to the ``site-packages`` or standard library that contains it."""
    plain = file.replace("\\", "/") if re.match(r"[A-Za-z]:[\\/]", file) else file
    for pattern in (_INSTALLED, _STDLIB):
        match = pattern.match(plain)
        if match:
            return plain[match.end() :]
    pure = PureWindowsPath if plain != file else PurePosixPath
    if project and pure(file).is_relative_to(pure(project)):
        return pure(file).relative_to(pure(project)).as_posix()
    return plain
