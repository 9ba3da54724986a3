"""From what was counted in short phases to what would have been counted throughout.

Each phase stands for the stretch before it, so its counts weigh as much as that
stretch is longer. How much longer is told by time, or better by a *base*, a counter that is known throughout:
that of the loop around. The ratio of the two varies less than the rate of either.
"""

from __future__ import annotations

from math import hypot, sqrt

FEW = 30
"""Counts in all phases below which nothing is claimed."""
LEAST_PHASES = 3
UNSURE_COST = 0.3
"""What a count costs is known as well as this."""


class Rate:
    """What was counted in phases."""

    __slots__ = ("base", "counted", "counts", "own_share", "parts", "spread", "was")

    def __init__(self) -> None:
        self.counted = 0
        self.counts = 0.0
        """Estimate for the stretches so far, by time."""
        self.parts: list[tuple[float, float]] = []
        """What each phase adds to it, and to the same of the base."""
        self.base = 0.0
        self.spread = 0.0
        self.was: float | None = None
        """Counts a nanosecond in the last phase."""
        self.own_share = 0.0

    def add(self, counted: int, spent_ns: float, missed_ns: int, of_base: int = 0, own_share: float = 0.0) -> None:
        """Add a phase of ``spent_ns`` after a stretch of ``missed_ns`` without counting.

        ``own_share`` is the part of the phase that counting took, already left out of ``spent_ns``.
        """
        weight = missed_ns / spent_ns
        rate = counted / spent_ns
        self.counted += counted
        self.counts += counted * weight
        self.base += of_base * weight
        self.parts.append((counted * weight, of_base * weight))
        if self.was is not None:
            # Where the rate changes, the stretch between may have had either.
            self.spread += (missed_ns * (rate - self.was)) ** 2 / 2
        self.was = rate
        self.own_share += own_share

    def estimate(self, known: int, tail_ns: int) -> tuple[int, float]:
        """Return what ``known`` counts become with all stretches, by time, and the relative standard error.

        ``tail_ns`` is the length of the last stretch, after which no phase came.
        """
        if self.was is None:
            return known, 1.0 if tail_ns else 0.0
        last = self.was * tail_ns
        missing = self.counts + last
        if self.counted < FEW:
            return round(known + missing), 1.0
        bias = UNSURE_COST * self.own_share / len(self.parts) * missing
        error = hypot(sqrt(self.spread), missing / sqrt(self.counted), last / 2, bias)
        return round(known + missing), error / max(known + missing, 1)

    def estimate_by_base(self, known: int, missed: int) -> tuple[int, float] | None:
        """Return the same by the base, ``missed`` of whose counts fell outside phases; ``None`` if too few inside."""
        phases = sum(1 for _, of_base in self.parts if of_base)
        if self.counted < FEW or phases < LEAST_PHASES or not self.base:
            return None
        ratio = self.counts / self.base
        spread = sum((counts - ratio * of_base) ** 2 for counts, of_base in self.parts)
        missing = ratio * missed
        unsure = (1 + 1 / (phases - 1)) * sqrt(spread * phases / (phases - 1)) / self.counts
        return round(known + missing), hypot(unsure, 1 / sqrt(self.counted)) * missing / max(known + missing, 1)
