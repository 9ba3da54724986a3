"""A source as it was when the program ran, how its lines are counted, and what there is to say of a run."""

from __future__ import annotations

import re

from whet.model.frame import Owner
from whet.records import dataclass

_CELL = re.compile(r"[\\/]ipykernel_\d+[\\/]\d{1,10}\.py\Z")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A source as it was when the program ran."""

    file: str
    """The path that frames use."""
    shown: str
    """The path that people are shown: relative to the project where it lies inside."""
    sha256: str
    text: str
    owner: Owner = Owner.USER


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the reader of the report must know: what is missing, why, and what fixes it."""

    about: str
    """The collector or stage, as in ``line_profiler``."""
    message: str
    hint: str = ""


def is_cell(file: str) -> bool:
    """Return whether the file is what Jupyter's kernel calls the code of a cell: there is none on disk."""
    return _CELL.search(file) is not None


def split_lines(text: str) -> list[str]:
    """Return the lines of a source without their ends, as Python counts them: form feeds and the like end none."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines if lines[-1] else lines[:-1]
