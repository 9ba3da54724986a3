"""The calls of a program as a report draws them: rectangles of an icicle, rows of a tree."""

from __future__ import annotations

import re
from pathlib import PurePath

from whet.records import dataclass
from whet.report.units import Figure

_BARE = re.compile(r"<|__\w+__$")


@dataclass(frozen=True, slots=True)
class FlameBox:
    """One rectangle of an icicle: ``left`` and ``width`` are fractions of the whole, ``row`` counts from the top."""

    left: float
    width: float
    row: int
    name: str
    place: str
    owner: str
    total: Figure
    self_value: Figure
    share: Figure
    anchor: str = ""

    @property
    def label(self) -> str:
        """The name, followed by its file's where every file may have such a name: ``<module> app.py``."""
        return f"{self.name} {PurePath(self.place).name.rpartition(':')[0]}" if _BARE.match(self.name) else self.name


@dataclass(frozen=True, slots=True)
class TreeRow:
    """A call of the call tree, in preorder: its callees follow, one deeper.

    ``folded`` counts the calls that a library made itself, which are part of this one; ``calls`` the callees listed.
    """

    depth: int
    name: str
    place: str
    owner: str
    share: Figure
    time: Figure
    folded: int
    calls: int
    is_open: bool
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Icicle:
    """An icicle graph, laid out. ``folded`` states what is not shown."""

    metric: str
    title: str
    """What the widths represent, such as ``CPU time``."""
    boxes: tuple[FlameBox, ...]
    rows: int
    whole: Figure
    folded: str = ""
