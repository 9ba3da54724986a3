"""What each of several rewrites gains, told from samples of the program without any and with all of them.

Leaving out one rewrite at a time takes a run for each of them in every round, and each figure bears the noise of whole
runs. Sampled runs of two versions are enough: the time on the lines that a rewrite changes, before and after, leaves
out the noise of the rest of the program. A part's statistic is that of a match with all rewrites but it: the logarithm
of ``(after + saved) / after``, where ``after`` is the cost of the run with all of them and ``saved`` the difference on
its lines. Its spread over the pairs holds the error of sampling too.

That cannot tell apart rewrites of which one's lines call the other's, nor what shows elsewhere: a cache that is warm,
less garbage to collect, work that is only put off. So the rest of the program is a part too. Where that changes, runs
without the rewrite must decide.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from whet.model.trial import Clock, Gain
from whet.prove.behaviour_filter import ALL
from whet.prove.regions import NOBODY, Regions, Sampled
from whet.prove.rewrites import Unit
from whet.prove.rounds import Match, Play, Scores
from whet.prove.run import Observed
from whet.prove.stats import FIRST_LOOK, Call, Design
from whet.prove.variants import BASELINE, VariantRunner

LEAST_SECONDS = 0.5
"""Duration of a run below which too few samples are taken in it."""
LEAST_SAMPLES = 20
"""Likewise of a run's samples."""
WITHIN = 0.01
"""Part of all samples from which on two rewrites of which one's lines call the other's cannot be told apart."""
MOST_MISSED = 1
_LEAST_RATIO = 1e-3
_DOUBTED = {Call.FASTER: {Call.OPEN, Call.SAME}, Call.SLOWER: {Call.FASTER, Call.OPEN, Call.SAME}}
"""Verdicts of parts that are doubted where the rest of the program became faster or slower."""


@dataclass(slots=True)
class Sides:
    """The samples of one pair of runs, and what both cost by the clock."""

    before: Sampled
    after: Sampled
    cost_before: int
    cost_after: int


class PartSampler:
    """Counts the samples of each pair of runs once, for all parts."""

    def __init__(self, regions: Regions, clock: Clock) -> None:
        self.regions = regions
        self.clock = clock
        self.within: dict[tuple[int, int], int] = {}
        self.whole = 0
        self._last: tuple[Observed, Observed, Sides | None] | None = None

    def count(self, before: Observed, after: Observed) -> Sides | None:
        """Return what a pair shows; ``None`` where one of its runs was not sampled."""
        if self._last is None or self._last[0] is not before or self._last[1] is not after:
            self._last = before, after, self._count(before, after)
        return self._last[2]

    def _count(self, before: Observed, after: Observed) -> Sides | None:
        one, other = self.regions.count(before.profiles, after=False), self.regions.count(after.profiles, after=True)
        if min(one.whole, other.whole) < LEAST_SAMPLES:
            return None
        for each in (one, other):
            self.whole += each.whole
            for pair, number in each.within.items():
                self.within[pair] = self.within.get(pair, 0) + number
        return Sides(one, other, before.cost(self.clock), after.cost(self.clock))

    def find_entangled(self) -> set[int]:
        """Return the units that cannot be told apart: they share lines, or one's lines call another's."""
        called = [pair for pair, number in self.within.items() if number > WITHIN * self.whole]
        return self.regions.shared | {index for pair in called for index in pair}


@dataclass(slots=True)
class PartMatch(Match):
    """A match for one unit's part; ``part`` is its index, ``NOBODY`` for the rest of the program."""

    part: int = NOBODY
    sampler: PartSampler | None = None
    missed: int = 0
    """Pairs of which a run was not sampled."""

    def compare(self, before: Observed, after: Observed, clock: Clock) -> float | None:
        """Return the logarithm of how much slower the program would be without the part."""
        assert self.sampler is not None
        sides = self.sampler.count(before, after)
        if sides is None:
            self.missed += 1
            if self.missed > MOST_MISSED:
                self.spoilt = "the runs could not be sampled"
            return None
        costs = (
            sides.before.on.get(self.part, 0) / sides.before.whole * sides.cost_before,
            sides.after.on.get(self.part, 0) / sides.after.whole * sides.cost_after,
        )
        saved = costs[0] - costs[1]
        return math.log(max(_LEAST_RATIO, (sides.cost_after + saved) / max(1, sides.cost_after)))


def judge_parts(
    units: Sequence[Unit],
    regions: Regions,
    runner: VariantRunner,
    design: Design,
    play: Play,
    is_dear: Callable[[Sequence[Unit]], bool] = lambda _: False,
) -> tuple[list[tuple[Unit, PartMatch, Gain | None]], list[Unit]]:
    """Return what samples tell of units, with the gain of each, and the units of which they cannot tell it.

    ``play`` runs matches with a runner that samples. From the first look on it ends when ``is_dear`` says that pairs of
    runs take longer than runs without each of the units that are not decided yet.
    """
    sampler = PartSampler(regions, runner.clock)
    parts = [PartMatch("part", BASELINE, ALL, design, part=part, sampler=sampler) for part in range(len(units))]
    elsewhere = PartMatch("elsewhere", BASELINE, ALL, design, sampler=sampler)
    left: set[int] = set()

    def is_enough() -> bool:
        undecided = {match.part for match in parts if match.is_open}
        looked = all(match.judgement is not None for match in parts)
        if looked and is_dear([units[part] for part in undecided]):
            left.update(undecided)
        return bool(left)

    scores = play(parts, beside=[elsewhere], is_enough=is_enough)
    least = min(FIRST_LOOK, design.most_pairs)
    if any(len(match.log_ratios) < least or match.spoilt for match in (*parts, elsewhere)):
        return [], list(units)
    # What is shown to be slower may have taken over work from elsewhere, and what seems to gain nothing may gain where
    # it changes no line.
    doubted = {Call.SLOWER, *_DOUBTED.get(elsewhere.call, ())}
    entangled = sampler.find_entangled()
    told: list[tuple[Unit, PartMatch, Gain | None]] = []
    unclear: list[Unit] = []
    for unit, part in zip(units, parts, strict=True):
        is_left = part.part in left and part.call is Call.OPEN
        if is_left or part.part in entangled or part.call in doubted:
            unclear.append(unit)
        else:
            told.append((unit, part, _tell_gain(part, scores, runner)))
    return told, unclear


def _tell_gain(match: PartMatch, scores: Scores, runner: VariantRunner) -> Gain | None:
    """Return a part as a gain: of the program with all rewrites against one without this one."""
    gain = scores.gain(match, runner)
    if gain is None:
        return None
    return replace(
        gain,
        baseline_ns=round(gain.candidate_ns * gain.estimate),
        baseline_peak_bytes=0,
        candidate_peak_bytes=0,
        memory=None,
        by_samples=True,
    )
