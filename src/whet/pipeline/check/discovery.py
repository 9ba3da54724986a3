"""Which files a command checks: those given, and the Python files in the folders given.

A file given explicitly is checked whatever its name. In folders, third-party and
generated code is skipped: :data:`PASSED_BY`, environments, what ``.gitignore``
names, and what the project excludes.
"""

# os.path is several times as fast as pathlib, and a tree holds thousands of files.
# ruff: noqa: PTH100, PTH110, PTH112, PTH114, PTH118

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path

from whet.errors import UsageError
from whet.pipeline.patterns import PathPatterns, read_pattern
from whet.reading import MOST_SETTINGS, read_file
from whet.records import dataclass

PASSED_BY = frozenset(
    {
        ".bzr",
        ".direnv",
        ".eggs",
        ".git",
        ".git-rewrite",
        ".hg",
        ".hypothesis",
        ".ipynb_checkpoints",
        ".mypy_cache",
        ".nox",
        ".pants.d",
        ".pyenv",
        ".pytest_cache",
        ".pytype",
        ".ruff_cache",
        ".svn",
        ".tox",
        ".venv",
        ".vscode",
        ".whet",
        "__pycache__",
        "__pypackages__",
        "_build",
        "buck-out",
        "build",
        "dist",
        "node_modules",
        "site-packages",
        "venv",
    }
)
"""Names of folders that are skipped, including those that ruff skips."""

_SUFFIXES = (".py", ".pyw")


@dataclass(frozen=True, slots=True)
class Layer:
    """Patterns that hold below a folder: ``depth`` characters of a path lead to it."""

    depth: int
    patterns: PathPatterns


class Verdict(StrEnum):
    """How a file or folder is treated."""

    TAKEN = "taken"
    PASSED_BY = "skipped"
    SEARCHED = "searched"
    """A skipped folder, except for what the project includes in it."""


class FileFinder:
    """Finds the files to check by the settings of one project.

    ``include`` adds files that would be skipped, ``exclude`` takes precedence; both are relative to ``root``.
    """

    def __init__(
        self,
        root: Path,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        *,
        respect_gitignore: bool = True,
    ) -> None:
        self.root = root.absolute()
        self._prefix = os.path.join(self.root, "")
        include, exclude = ([read_pattern(glob) for glob in globs] for globs in (include, exclude))
        self._include = PathPatterns.of(include)
        self._includes = tuple(pattern.strip("/").split("/") for pattern in include)
        self._exclude = PathPatterns.of(exclude, below=False)
        self._respect_gitignore = respect_gitignore
        self.unreadable: list[tuple[str, str]] = []
        """Folders that could not be read, each with the reason."""

    def find(self, paths: Iterable[Path], *, force_exclude: bool = False) -> tuple[Path, ...]:
        """Return the files that ``paths`` name or contain, absolute, each once, sorted by path.

        A link to a file that is among them does not count as another one.
        With ``force_exclude`` the settings apply to named files too: for hooks, which name every file.
        Raises :class:`UsageError` for a path that does not exist.
        """
        found: dict[str, None] = {}
        for path in paths:
            whole = os.path.abspath(path)
            if not os.path.exists(whole):
                raise UsageError(f"there is no file or folder {str(path)!r}", "check the path")
            verdict = self._judge_from_root(whole) if force_exclude else Verdict.TAKEN
            if verdict is Verdict.PASSED_BY:
                continue
            if os.path.isdir(whole):
                found.update(dict.fromkeys(self._walk(whole, verdict)))
            elif verdict is Verdict.TAKEN:
                found[whole] = None
        doubles = [name for name in found if os.path.islink(name) and os.path.realpath(name) in found]
        return tuple(Path(name) for name in sorted(found.keys() - doubles))

    def takes(self, path: Path) -> bool:
        """Return whether a file, which need not exist, would be found in its folder."""
        return self._judge_from_root(os.path.abspath(path)) is Verdict.TAKEN

    def _walk(self, top: str, verdict: Verdict) -> Iterator[str]:
        """Yield the Python files below ``top``; links to folders are not followed."""
        waiting = [(top, verdict, self._read_layers_above(top))]
        while waiting:
            folder, verdict, layers = waiting.pop()
            try:
                with os.scandir(folder) as listing:
                    entries = list(listing)
            except OSError as error:
                self.unreadable.append((folder, error.strerror or str(error)))
                continue
            names = {entry.name for entry in entries}
            if "pyvenv.cfg" in names:
                continue
            if ".gitignore" in names and folder != top:
                layers = (*layers, *self._read_gitignore(folder))
            for entry in entries:
                is_folder = entry.is_dir(follow_symlinks=False)
                if not is_folder and not entry.name.endswith(_SUFFIXES):
                    continue
                judged = self._judge(entry.path, entry.name, layers, verdict, folder=is_folder)
                if judged is Verdict.PASSED_BY:
                    continue
                if is_folder:
                    waiting.append((entry.path, judged, layers))
                elif _is_file(entry):
                    yield entry.path

    def _judge(self, path: str, name: str, layers: Sequence[Layer], above: Verdict, *, folder: bool) -> Verdict:
        """Return how an entry of a folder is treated, given how the folder is (``above``)."""
        inside = self._relative(path)
        if self._exclude.judge(inside, folder=folder):
            return Verdict.PASSED_BY
        if self._includes and self._include.judge(inside, folder=folder):
            return Verdict.TAKEN
        passed = (
            above is Verdict.SEARCHED
            or (folder and (name in PASSED_BY or name.endswith(".egg-info")))
            or _is_ignored(path, layers, folder=folder)
        )
        if not passed:
            return Verdict.TAKEN
        return Verdict.SEARCHED if folder and self._may_include_below(inside) else Verdict.PASSED_BY

    def _may_include_below(self, inside: str) -> bool:
        """Return whether an included path can lie in the folder ``inside``; patterns without a slash open none."""
        parts = inside.split("/")
        for segments in self._includes:
            if len(segments) > 1 and all(
                segment == "**" or fnmatchcase(part, segment) for part, segment in zip(parts, segments, strict=False)
            ):
                return True
        return False

    def _judge_from_root(self, path: str) -> Verdict:
        """Return how a walk from the project's folder would treat ``path``."""
        inside = self._relative(path)
        if inside in (".", "..") or inside.startswith("../"):
            return Verdict.TAKEN
        here, verdict = str(self.root), Verdict.TAKEN
        layers = self._read_layers_above(here)
        for part in inside.split("/"):
            here = os.path.join(here, part)
            # What is above a file that does not exist yet is a folder all the same.
            folder = len(here) < len(path) or os.path.isdir(here)
            verdict = self._judge(here, part, layers, verdict, folder=folder)
            if folder and os.path.exists(os.path.join(here, "pyvenv.cfg")):
                return Verdict.PASSED_BY
            if verdict is Verdict.PASSED_BY:
                return verdict
            if folder:
                layers = (*layers, *self._read_gitignore(here))
        return verdict

    def _relative(self, path: str) -> str:
        if path.startswith(self._prefix):
            return path[len(self._prefix) :].replace(os.sep, "/")
        try:
            return os.path.relpath(path, self.root).replace(os.sep, "/")
        except ValueError:  # another drive
            return path.replace(os.sep, "/")

    def _read_layers_above(self, top: str) -> tuple[Layer, ...]:
        """Return the ``.gitignore`` files from the repository's folder down to ``top``, that one included.

        Without a repository, those from the project's folder on.
        """
        chain = [top, *(str(folder) for folder in Path(top).parents)]
        for index, folder in enumerate(chain):
            if os.path.exists(os.path.join(folder, ".git")):
                chain = chain[: index + 1]
                break
        else:
            chain = chain[: chain.index(str(self.root)) + 1] if str(self.root) in chain else [top]
        return tuple(layer for folder in reversed(chain) for layer in self._read_gitignore(folder))

    def _read_gitignore(self, folder: str) -> tuple[Layer, ...]:
        if not self._respect_gitignore:
            return ()
        try:
            text = read_file(Path(folder, ".gitignore"), MOST_SETTINGS).decode("utf-8", "replace")
        except OSError as error:
            if error.errno == errno.EFBIG:
                self.unreadable.append((os.path.join(folder, ".gitignore"), error.strerror or str(error)))
            return ()
        patterns = PathPatterns.of(text.splitlines(), below=False)
        depth = len(folder) if folder.endswith(os.sep) else len(folder) + 1
        return (Layer(depth, patterns),) if patterns.steps else ()


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link to itself
        return False


def _is_ignored(path: str, layers: Sequence[Layer], *, folder: bool) -> bool:
    for layer in reversed(layers):
        verdict = layer.patterns.judge(path[layer.depth :].replace(os.sep, "/"), folder=folder)
        if verdict is not None:
            return verdict
    return False
