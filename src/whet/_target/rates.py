"""From what was counted in short phases to what would have been counted throughout.

Each phase stands for the stretch before it, so its counts weigh as much as that
stretch is longer. How much longer is told by time, or better by a *base*, a counter whose total is known:
that of the loop around, or of the loop that calls. The ratio of the two varies less than the rate of either.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import hypot, sqrt

FEW = 30
"""Counts in all phases below which nothing is claimed."""
LEAST_PHASES = 6
"""Phases in which a base must have moved; of many bases, one may fit a few phases by chance."""
UNSURE_COST = 0.3
"""What a count costs is known as well as this."""


class Rate:
    """What one counter counted in phases."""

    __slots__ = ("counted", "counts", "own_share", "parts", "spread", "was")

    def __init__(self) -> None:
        self.counted = 0
        self.counts = 0.0
        """Estimate for the stretches so far, by time."""
        self.parts: list[tuple[int, int, float]] = []
        """The number of each phase, what was counted in it, and how much longer the stretch is that it stands for."""
        self.spread = 0.0
        self.was: float | None = None
        """Counts a nanosecond in the last phase."""
        self.own_share = 0.0

    def add(self, counted: int, spent_ns: float, missed_ns: int, phase: int = 0, own_share: float = 0.0) -> None:
        """Add a phase of ``spent_ns`` after a stretch of ``missed_ns`` without counting.

        ``own_share`` is the part of the phase that counting took, already left out of ``spent_ns``.
        """
        weight = missed_ns / spent_ns
        rate = counted / spent_ns
        self.counted += counted
        self.counts += counted * weight
        self.parts.append((phase, counted, weight))
        if self.was is not None:
            # Where the rate changes, the stretch between may have had either.
            self.spread += (missed_ns * (rate - self.was)) ** 2 / 2
        self.was = rate
        self.own_share += own_share

    def skip(self, phase: int) -> None:
        """Take note of a phase whose length is not known: what was counted in it was not missed."""
        self.parts.append((phase, 0, 0.0))

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
        timed = sum(1 for _, _, weight in self.parts if weight)
        bias = UNSURE_COST * self.own_share / max(timed, 1) * missing
        error = hypot(sqrt(self.spread), missing / sqrt(self.counted), last / 2, bias)
        return round(known + missing), error / max(known + missing, 1)

    def estimate_by(
        self, bases: Iterable[tuple[int, int, int, float]], phases: list[dict[int, int]], known: int
    ) -> tuple[int, float]:
        """Return the same by the base that fits best; an error of 1 where none does.

        A base is its number, the phase from which on it has been watched, its counts since this counter was off, and
        the relative error of those.
        ``phases`` are what the bases counted in each, by their numbers.
        """
        best = known, 1.0
        if self.counted < FEW:
            return best
        for base, since, total, unsure in bases:
            counts = squares = products = own = own_squares = 0.0
            moved = inside = 0
            for number, counted, weight in self.parts:
                if number < since:
                    continue
                raw = phases[number].get(base, 0)
                inside += raw
                if not weight:
                    continue
                part = counted * weight
                counts += part
                squares += part * part
                if raw:
                    weighed = raw * weight
                    moved += 1
                    own += weighed
                    own_squares += weighed * weighed
                    products += part * weighed
            if moved < LEAST_PHASES or not counts or total <= inside:
                continue
            ratio = counts / own
            spread = max(0.0, squares - 2 * ratio * products + ratio * ratio * own_squares)
            missing = ratio * (total - inside)
            sampled = (1 + 1 / (moved - 1)) * sqrt(spread * moved / (moved - 1)) / counts
            error = hypot(sampled, unsure, 1 / sqrt(self.counted)) * missing / max(known + missing, 1)
            if error < best[1]:
                best = round(known + missing), error
        return best
