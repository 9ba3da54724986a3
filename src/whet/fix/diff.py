"""Unified diffs, as accepted by ``git apply`` and ``patch -p1``."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable
from pathlib import Path

_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_TO_QUOTE = re.compile(r'[\x00-\x1f\x7f"\\]')
_ESCAPES = {"\n": "\\n", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


def diff_texts(before: str, after: str, shown: str) -> str:
    """Return the diff of the file named ``shown``; empty without a change.

    Lines end with line feeds, as for the tools that read this: other line ends that Python recognizes are part of the
    line.
    """
    lines = difflib.unified_diff(_split(before), _split(after), _label("a", shown), _label("b", shown))
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def choose_base(paths: Iterable[Path], *folders: Path) -> Path:
    """Return the first of ``folders`` that contains all ``paths``, else the root of the file system."""
    named = list(paths)
    for folder in folders:
        if all(relate(path, folder) != str(path) for path in named):
            return folder
    return Path(Path.cwd().anchor)


def relate(path: Path, base: Path) -> str:
    """Return ``path`` relative to ``base``, with slashes; one outside of it stays unchanged.

    Either may contain links.
    """
    for one, other in ((Path(os.path.normpath(path.absolute())), base), (path.resolve(), base.resolve())):
        if one.is_relative_to(other):
            return one.relative_to(other).as_posix()
    return str(path)


def _split(text: str) -> list[str]:
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _label(side: str, shown: str) -> str:
    """Return the name of a file in the header of a diff, as git writes it: an absolute one without its first slash."""
    path = shown.replace("\\", "/") if _WINDOWS.match(shown) else shown
    name = f"{side}/{path.lstrip('/')}"
    if _TO_QUOTE.search(name):
        return f'"{_TO_QUOTE.sub(_quote, name)}"'
    # Without the tab, patch would parse text after the first space as a date.
    return f"{name}\t" if " " in name else name


def _quote(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[0], f"\\{ord(match[0]):03o}")
