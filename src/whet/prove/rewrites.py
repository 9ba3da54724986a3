"""Rewrites as they are tried: which fit together, what is judged as one, and the files that any set of them makes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from whet.errors import WhetError
from whet.fix.edits import edit_source
from whet.model.finding import Edit
from whet.model.trial import FileEdits, RewriteRef


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A change that is tried. ``share`` is the part of the run (0 to 1) on the lines that it removes."""

    ref: RewriteRef
    changes: tuple[FileEdits, ...]
    share: float = 1.0
    is_offer: bool = False
    """Whether it is written only when it is asked for by name."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Rewrites that are judged as one."""

    rewrites: tuple[Rewrite, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of its rewrites."""
        return tuple(rewrite.ref.id for rewrite in self.rewrites)

    @property
    def is_offer(self) -> bool:
        """Whether it cannot be written without asking for something by name."""
        return any(rewrite.is_offer for rewrite in self.rewrites)


def make_units(rewrites: Sequence[Rewrite], threshold: float) -> list[Unit]:
    """Return what is judged separately, in the order given; what cannot win ``threshold`` alone comes last, as one.

    The most that removing a ``share`` of the time can win is ``1 / (1 - share)`` (Amdahl).
    """
    small = [rewrite for rewrite in rewrites if rewrite.share < 1 - 1 / (1 + threshold)]
    return [*(Unit((rewrite,)) for rewrite in rewrites if rewrite not in small), *judge_as_one(small)]


def judge_as_one(rewrites: Sequence[Rewrite]) -> list[Unit]:
    """Return one unit of those rewrites that are no offers, and one of the offers: some want the former only."""
    kinds = [tuple(each for each in rewrites if each.is_offer is is_offer) for is_offer in (False, True)]
    return [Unit(kind) for kind in kinds if kind]


def fold_units(units: Sequence[Unit], most: int) -> list[Unit]:
    """Return at most ``most`` units: the first ones as they are, the rest judged as one."""
    for apart in range(min(most, len(units)) - 1, -1, -1):
        folded = [*units[:apart], *judge_as_one([rewrite for unit in units[apart:] for rewrite in unit.rewrites])]
        if len(folded) <= most:
            return folded
    return [Unit(tuple(rewrite for unit in units for rewrite in unit.rewrites))]


def apply_rewrites(originals: Mapping[str, bytes], units: Iterable[Unit]) -> dict[str, bytes]:
    """Return all files with the edits of some units made. Raises a ``WhetError`` for edits that do not fit."""
    edits: dict[str, list[Edit]] = {}
    for unit in units:
        for rewrite in unit.rewrites:
            for change in rewrite.changes:
                edits.setdefault(change.file, []).extend(change.edits)
    made = dict(originals)
    for file, own in edits.items():
        made[file] = edit_source(originals[file], own)
    return made


def settle_overlaps(
    originals: Mapping[str, bytes], rewrites: Sequence[Rewrite]
) -> tuple[list[Rewrite], dict[str, str]]:
    """Return the rewrites that can be made together, the first of two that overlap, and why the others cannot."""
    kept: list[Rewrite] = []
    dropped: dict[str, str] = {}
    for rewrite in rewrites:
        try:
            apply_rewrites(originals, [Unit((*kept, rewrite))])
        except WhetError as error:
            dropped[rewrite.ref.id] = f"it cannot be made together with those before it: {error.message}"
        else:
            kept.append(rewrite)
    return kept, dropped
