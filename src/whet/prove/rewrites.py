"""Rewrites to try: which are compatible, which are judged together, and the files that result from any set of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from whet.errors import WhetError
from whet.fix.edits import edit_source
from whet.fix.together import Outline
from whet.model.finding import Edit
from whet.model.trial import FileEdits, RewriteRef
from whet.records import dataclass

NEGLIGIBLE = "it cannot matter"
"""How the reason begins why nothing was run for a rewrite whose share of the run is too small."""
STANDARD_ERRORS = 3


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A change to try. ``share`` is the share of the run (0 to 1) on the lines that it removes."""

    ref: RewriteRef
    changes: tuple[FileEdits, ...]
    share: float = 1.0
    is_offer: bool = False
    """Whether it is written only when allowed by name."""
    lines: tuple[tuple[str, int], ...] = ()
    """Files and lines whose time it is to save, beside those that it edits."""
    share_error: float = 0.0
    """The standard error of ``share``."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Rewrites that are judged together."""

    rewrites: tuple[Rewrite, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of its rewrites."""
        return tuple(rewrite.ref.id for rewrite in self.rewrites)

    @property
    def is_offer(self) -> bool:
        """Whether it contains an offer, so that it is written only when allowed by name."""
        return any(rewrite.is_offer for rewrite in self.rewrites)


def make_units(rewrites: Sequence[Rewrite], threshold: float) -> list[Unit]:
    """Return the units to judge, in the order given; rewrites that cannot gain ``threshold`` alone come last, as one.

    The maximum speedup from removing a ``share`` of the time is ``1 / (1 - share)`` (Amdahl's law).
    """
    small = [rewrite for rewrite in rewrites if rewrite.share < 1 - 1 / (1 + threshold)]
    return [*(Unit((rewrite,)) for rewrite in rewrites if rewrite not in small), *judge_as_one(small)]


def find_negligible(rewrites: Sequence[Rewrite], threshold: float) -> dict[str, str]:
    """Return the rewrites that cannot gain ``threshold``, not even together, and why: nothing has to be run for them.

    Of each it is assumed that it saves all of its share, and that the share is three standard errors higher.
    """
    least = 1 - 1 / (1 + threshold)
    most = {each.ref.id: each.share + STANDARD_ERRORS * each.share_error for each in rewrites}
    small = {id_: share for id_, share in most.items() if share < least}
    if sum(small.values()) >= least:
        return {}
    why = f"{NEGLIGIBLE}: its lines take at most {{:.1f}} % of the run, and a gain counts from {threshold * 100:g} % on"
    return {id_: why.format(share * 100) for id_, share in small.items()}


def judge_as_one(rewrites: Sequence[Rewrite]) -> list[Unit]:
    """Return one unit of the rewrites that are not offers, and one of the offers: some users want only the former."""
    kinds = [tuple(each for each in rewrites if each.is_offer is is_offer) for is_offer in (False, True)]
    return [Unit(kind) for kind in kinds if kind]


def fold_units(units: Sequence[Unit], most: int) -> list[Unit]:
    """Return at most ``most`` units: the first ones unchanged, the rest merged into one."""
    for apart in range(min(most, len(units)) - 1, -1, -1):
        folded = [*units[:apart], *judge_as_one([rewrite for unit in units[apart:] for rewrite in unit.rewrites])]
        if len(folded) <= most:
            return folded
    return [Unit(tuple(rewrite for unit in units for rewrite in unit.rewrites))]


def count_fresh_variants(units: Sequence[Unit]) -> int:
    """Return the variants of the rounds for the total: the baseline, the faster units, and those without offers."""
    return 2 + (len({unit.is_offer for unit in units}) > 1)


def apply_rewrites(originals: Mapping[str, bytes], units: Iterable[Unit]) -> dict[str, bytes]:
    """Return all files with the edits of some units applied. Raises a ``WhetError`` for edits that do not apply."""
    edits: dict[str, list[Edit]] = {}
    for unit in units:
        for rewrite in unit.rewrites:
            for change in rewrite.changes:
                edits.setdefault(change.file, []).extend(change.edits)
    made = dict(originals)
    for file, own in edits.items():
        made[file] = edit_source(originals[file], own)
    return made


def _break_each_other(outlines: Mapping[str, Outline], one: Rewrite, other: Rewrite) -> bool:
    """Return whether two rewrites change something that the other one's new code needs."""
    if one.ref.rule == other.ref.rule:
        return False
    files = {change.file: change.edits for change in other.changes}
    return any(
        outlines[change.file].touch(change.edits).disagrees(outlines[change.file].touch(files[change.file]))
        for change in one.changes
        if change.file in files and change.file in outlines
    )


def settle_overlaps(
    originals: Mapping[str, bytes], rewrites: Sequence[Rewrite]
) -> tuple[list[Rewrite], dict[str, str]]:
    """Return the rewrites that can be applied together, the first of two that overlap, and why the others cannot."""
    kept: list[Rewrite] = []
    dropped: dict[str, str] = {}
    outlines = {file: Outline(data.decode("utf-8", "replace")) for file, data in originals.items()}
    for rewrite in rewrites:
        try:
            apply_rewrites(originals, [Unit((*kept, rewrite))])
        except WhetError as error:
            dropped[rewrite.ref.id] = f"it cannot be applied together with the earlier rewrites: {error.message}"
            continue
        other = next((other for other in kept if _break_each_other(outlines, rewrite, other)), None)
        if other is None:
            kept.append(rewrite)
        else:
            dropped[rewrite.ref.id] = f"it cannot be applied together with {other.ref.rule}: try one, then the other"
    return kept, dropped
