"""The options of a proof."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from whet.prove.stats import CONFIDENCE, THRESHOLD
from whet.prove.variants import Step
from whet.records import dataclass

BUDGET_SECONDS = 600.0


class Aim(StrEnum):
    """What a rewrite must gain to be kept."""

    TIME = "time"
    MEMORY = "memory"
    """Less memory, even if it is slower."""
    BOTH = "both"
    """Time, or memory without being slower."""


@dataclass(frozen=True, slots=True)
class ProveOptions:
    """The options of a proof.

    ``budget`` is seconds for the whole command; with ``runs``, each comparison has exactly that many pairs.
    """

    budget: float = BUDGET_SECONDS
    runs: int | None = None
    threshold: float = THRESHOLD
    confidence: float = CONFIDENCE
    aim: Aim = Aim.TIME
    compare: tuple[str, ...] = ()
    tolerance: float = 0.0
    tests: str = ""
    isolate: bool = False
    seed: int | None = None
    progress: Callable[[Step], None] | None = None
