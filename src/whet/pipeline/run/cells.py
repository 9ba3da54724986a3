"""Cells of notebooks: their text and number, found by the names that Jupyter's kernel gives to their code.

The kernel compiles a cell as ``…/ipykernel_PID/HASH.py``, a file that is never written; the hash is that of the cell's
text. So the notebook that holds a cell with this hash is the one that ran, whoever drove the kernel.
"""

from __future__ import annotations

import ast
import json
import os
import re
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path, PureWindowsPath

from whet.model.source import is_cell
from whet.reading import read_file
from whet.records import dataclass

MOST_NOTEBOOKS = 500
MOST_ENTRIES = 20_000
"""Files and folders that are looked at."""
MOST_BYTES = 20_000_000
"""Bytes of a notebook, outputs included."""
MOST_HASHED = 2_000_000
"""Characters of cells in all: each takes a moment."""
_SEED = 0xC70F6907
_SKIPPED = frozenset({"node_modules", "site-packages", "__pycache__", "build", "dist"})
_MAGIC = re.compile(r"\s*[%!?]|.*\?\s*$")
_ASSIGNED = re.compile(r"(\s*[\w.,\s\[\]]+=\s*)[%!]")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of code: the notebook, the number that stands beside it there, and its text as Python."""

    shown: str
    text: str


def find_cells(files: Iterable[str], folder: Path) -> dict[str, Cell]:
    """Return the cells that the kernel's ``files`` were compiled from, in the notebooks in and below ``folder``."""
    wanted = {_read_hash(file): file for file in files if is_cell(file)}
    found: dict[str, Cell] = {}
    if not wanted:
        return found
    left = MOST_HASHED
    for path in _list_notebooks(folder):
        for number, text, count in _read_cells(path):
            left -= len(text)
            if left < 0 or len(found) == len(wanted):
                return found
            file = wanted.get(hash_cell(text))
            if file is not None and file not in found:
                name = f"In[{count}]" if count else f"cell {number}"
                found[file] = Cell(f"{_relate(path, folder)} {name}", comment_out_magics(text))
    return found


def hash_cell(text: str) -> int:
    """Return the number that the kernel names the code of a cell by (32 bits of MurmurHash2)."""
    data = text.encode("utf-8", "surrogatepass")
    factor, mask = 0x5BD1E995, 0xFFFFFFFF
    value = _SEED ^ len(data)
    whole = len(data) & ~3
    for (word,) in _words(data[:whole]):
        mixed = word * factor & mask
        mixed = (mixed ^ mixed >> 24) * factor & mask
        value = value * factor & mask ^ mixed
    if rest := data[whole:]:
        value = (value ^ int.from_bytes(rest, "little")) * factor & mask
    value = (value ^ value >> 13) * factor & mask
    return value ^ value >> 15


def comment_out_magics(text: str) -> str:
    """Return the text of a cell as Python, line by line: commands of the notebook become comments."""
    if _does_parse(text):
        return text
    lines = text.split("\n")
    for at, line in enumerate(lines):
        indent = line[: len(line) - len(line.lstrip())]
        if line.startswith("%%") or ((match := _ASSIGNED.match(line)) is None and _MAGIC.match(line)):
            lines[at] = f"{indent}pass  # {line.strip()}" if indent else f"# {line}"
        elif match is not None:
            lines[at] = f"{match[1]}None  # {line[match.end(1) :]}"
    return "\n".join(lines)


def _words(data: bytes) -> Iterator[tuple[int]]:
    import struct

    return struct.iter_unpack("<I", data)


def _does_parse(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is theirs
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _read_hash(file: str) -> int:
    return int(PureWindowsPath(file).stem)


def _list_notebooks(folder: Path) -> Iterator[Path]:
    """Yield the notebooks in and below ``folder``, those of environments, caches and hidden folders left out."""
    entries = notebooks = 0
    for name, folders, files in os.walk(folder):
        folders[:] = sorted(
            each
            for each in folders
            if not each.startswith(".") and each not in _SKIPPED and not Path(name, each, "pyvenv.cfg").exists()
        )
        entries += len(folders) + len(files)
        for each in sorted(files):
            if each.endswith(".ipynb"):
                notebooks += 1
                yield Path(name, each)
        if entries > MOST_ENTRIES or notebooks > MOST_NOTEBOOKS:
            return


def _read_cells(path: Path) -> Iterator[tuple[int, str, int]]:
    """Yield the position, the text and the number of execution (0 for none) of each cell of code."""
    try:
        book = json.loads(read_file(path, MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return
    cells = book.get("cells") if isinstance(book, dict) else None
    position = 0
    for cell in cells if isinstance(cells, list) else ():
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        position += 1
        source, count = cell.get("source"), cell.get("execution_count")
        if isinstance(source, list) and all(isinstance(each, str) for each in source):
            source = "".join(source)
        if isinstance(source, str):
            yield position, source, count if isinstance(count, int) and count > 0 else 0


def _relate(path: Path, folder: Path) -> str:
    try:
        return path.relative_to(folder).as_posix()
    except ValueError:
        return str(path)
