"""Totals and parts of a proof, made up from a machine's noise and a true gain: judged as `whet prove` judges them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from whet.model.trial import Clock
from whet.prove.behaviour_filter import ALL
from whet.prove.options import ProveOptions
from whet.prove.parts import PartMatch, PartSampler, Sides
from whet.prove.regions import Regions, Sampled
from whet.prove.rounds import play
from whet.prove.run import Observed, Printed
from whet.prove.stats import CONFIDENCE, Judgement, plan_looks, split_error
from whet.prove.totals import TOTAL_ERROR, WON, FreshRounds
from whet.prove.variants import BASELINE

NOTHING = Printed(Path("/nowhere"), 0, "")
SECOND = 1_000_000_000
RATE = 200
"""Samples of a run of one second."""


class DrawnRunner:
    """Stands for a runner: the baseline takes ``truth`` times as long as anything else, and noise."""

    clock = Clock.CPU
    interrupted = False

    def __init__(self, noise: Sequence[float], truth: float, seed: int) -> None:
        self.noise, self.truth = noise, truth
        self.chance = random.Random(seed)
        self.failures: dict[str, Any] = {}

    def left(self) -> float:
        """Return that there is always time."""
        return 1e9

    def expect(self, variants: Sequence[str]) -> float:
        """Return one second a run."""
        return float(len(list(variants)))

    def try_variant(self, variant: str) -> Observed:
        """Return what a run costs; the noise of a pair is on its baseline."""
        factor = self.truth * math.exp(self.chance.choice(self.noise)) if variant == BASELINE else 1.0
        cost = round(factor * SECOND)
        return Observed(0, cost, cost, 1000, NOTHING, NOTHING)


def draw_totals(noise: Sequence[float], truth: float, count: int, seed: int) -> list[Judgement]:
    """Return the judgements of the fresh rounds of ``count`` sessions."""
    judged = []
    for number in range(count):
        runner = DrawnRunner(noise, truth, seed + number)
        rounds = FreshRounds(_Anything(), runner, ProveOptions(), random.Random(seed + number), [])  # type: ignore[arg-type]
        matches = rounds.play_matches([WON], 2.0, TOTAL_ERROR * (1 - CONFIDENCE))[1]
        assert matches[0].judgement is not None
        judged.append(matches[0].judgement)
    return judged


class _Anything:
    """Stands for what creates variants."""

    def __getattr__(self, name: str) -> Callable[..., bool]:
        return lambda *_: True


class DrawnSampler(PartSampler):
    """Draws how many samples of a pair are on a part that takes ``share`` of the faster program."""

    def __init__(self, share: float, truth: float, chance: random.Random) -> None:
        super().__init__(Regions([], {}), Clock.CPU)
        self.share, self.truth, self.chance = share, truth, chance

    def _count(self, before: Observed, after: Observed) -> Sides:
        saved = self.truth - 1  # of a program that takes one with the rewrite
        shares = (self.share + saved) / self.truth, self.share
        drawn = [self._draw(share, observed) for share, observed in zip(shares, (before, after), strict=True)]
        return Sides(drawn[0], drawn[1], before.cost(self.clock), after.cost(self.clock))

    def _draw(self, share: float, observed: Observed) -> Sampled:
        whole = max(1, observed.cpu_ns * RATE // SECOND)
        return Sampled({0: sum(self.chance.random() < share for _ in range(whole))}, whole, {})


def draw_parts(
    noise: Sequence[float], truth: float, count: int, most_pairs: int, seed: int, share: float = 0.1
) -> list[Judgement]:
    """Return the judgements of a part, of three and the rest of the program, in ``count`` sessions."""
    error = split_error((1 - TOTAL_ERROR) * (1 - CONFIDENCE), 10)
    judged = []
    for number in range(count):
        chance = random.Random(seed + number)
        sampler = DrawnSampler(share, truth, chance)
        match = PartMatch("part", BASELINE, ALL, plan_looks(most_pairs, error=error), part=0, sampler=sampler)
        play(DrawnRunner(noise, truth, seed + number), [match], chance)  # type: ignore[arg-type]
        assert match.judgement is not None
        judged.append(match.judgement)
    return judged
