"""What a session's budget allows: how long runs will take, how many pairs fit, what is kept for later rounds."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from whet.model.trial import Clock
from whet.prove.behaviour_filter import ALL
from whet.prove.options import Aim, ProveOptions
from whet.prove.parts import LEAST_SECONDS
from whet.prove.rewrites import Unit, count_fresh_variants
from whet.prove.rounds import Match, Scores, play
from whet.prove.run import RunSampler
from whet.prove.stats import FIRST_LOOK, Design, plan_looks, split_error
from whet.prove.totals import LEAST_TOTAL, TOTAL_BUDGET, TOTAL_ERROR, TOTAL_PAIRS
from whet.prove.variants import BASELINE, VariantRunner

MOST_PAIRS = 400
LITTLE_PAIRS = 30
"""Pairs of runs for what gains little: more than a first look does not decide. Or, if that is more,"""
LITTLE_BUDGET = 0.1
"""as many as this fraction of the budget allows."""
ON_TOP_PAIRS = 12
"""Pairs for which time is reserved, at most that fraction, to measure together what is too small to measure alone."""


@dataclass(slots=True)
class Allowance:
    """Times are in seconds. ``keep`` is time reserved in addition to ``reserve``."""

    runner: VariantRunner
    options: ProveOptions
    sampler: RunSampler | None
    rng: random.Random
    comparisons: int = 1
    """As many share the error that the user allows."""
    reserve: float = 0.0
    """Kept for the fresh rounds."""
    least_seconds: float = 0.0
    """Duration of a run with all rewrites."""

    def is_affordable(self, units: list[Unit]) -> bool:
        """Whether a first look at all of them, and fresh rounds, fit into the budget."""
        by_samples = len(units) == 1 or self.can_sample()
        a_round = self.guess_seconds([])
        a_round += self.runner.expect([BASELINE]) if by_samples else sum(self.guess_seconds([unit]) for unit in units)
        fresh = self.guess_fresh_round(units)
        later = self.keep_for_top(units) if len(units) > 1 else 0.0
        return (self.options.runs or FIRST_LOOK) * (a_round + fresh) + later <= 0.9 * self.runner.left()

    def guess_seconds(self, left_out: Sequence[Unit]) -> float:
        """Return the duration of a run with all rewrites except ``left_out``, whose shares are added."""
        baseline = self.runner.expect([BASELINE])
        back = sum(rewrite.share for unit in left_out for rewrite in unit.rewrites)
        return max(self.least_seconds, min(baseline, self.least_seconds + back * baseline))

    def guess_fresh_round(self, units: Sequence[Unit]) -> float:
        """Return the duration of a round for the total: the baseline, the faster ones, and those without offers."""
        offers = [unit for unit in units if unit.is_offer]
        third = self.guess_seconds(offers) if count_fresh_variants(units) > 2 else 0.0
        return self.runner.expect([BASELINE]) + self.least_seconds + third

    def can_sample(self) -> bool:
        """Whether runs can be sampled, and what counts is the time that they compute."""
        runner = self.runner
        times = self.options.aim is Aim.TIME and runner.clock is Clock.CPU
        return self.sampler is not None and times and runner.expect([ALL]) >= LEAST_SECONDS

    def guess_on_top(self) -> float:
        """Return the time that it takes to measure the sum of many small gains."""
        return min(2 * ON_TOP_PAIRS * self.least_seconds, LITTLE_BUDGET * self.options.budget)

    def keep_for_top(self, units: Sequence[Unit]) -> float:
        """Return the time to reserve, to measure together small gains that cannot be measured alone."""
        return self.guess_on_top() * len({unit.is_offer for unit in units})

    def reserve_total(self, units: Sequence[Unit]) -> None:
        """Reserve the time of the fresh rounds of some units."""
        a_round = self.guess_fresh_round(units)
        self.reserve = max(LEAST_TOTAL * a_round, min(TOTAL_PAIRS * a_round, TOTAL_BUDGET * self.options.budget))

    def design(self, variants: Sequence[str], keep: float = 0.0, *, is_little: bool = False) -> Design:
        """Return the looks at a comparison in rounds of some variants: as many pairs as there is time for.

        ``is_little``: what they tell is little, and worth only so much of it.
        """
        runner, options = self.runner, self.options
        error = split_error((1 - TOTAL_ERROR) * (1 - options.confidence), self.comparisons)
        if options.runs:
            return Design((max(2, options.runs),), error, options.threshold)
        a_round = max(runner.expect(variants), 1e-9)
        affordable = int((runner.left() - self.reserve - keep) / a_round)
        if is_little:
            affordable = min(affordable, max(LITTLE_PAIRS, int(LITTLE_BUDGET * options.budget / a_round)))
        return plan_looks(max(FIRST_LOOK, min(MOST_PAIRS, affordable)), error=error, threshold=options.threshold)

    def play(
        self,
        matches: Sequence[Match],
        keep: float = 0.0,
        *,
        beside: Sequence[Match] = (),
        scores: Scores | None = None,
        is_enough: Callable[[], bool] = lambda: False,
    ) -> Scores:
        """Run matches, as :func:`whet.prove.rounds.play` does, until only what is reserved is left."""
        reserve = self.reserve + keep
        return play(self.runner, matches, self.rng, reserve=reserve, scores=scores, beside=beside, is_enough=is_enough)
