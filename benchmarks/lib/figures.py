"""Medians of ratios and bootstrap intervals."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from statistics import median


def bootstrap_median(groups: Sequence[Sequence[float]], seed: int = 1, rounds: int = 2_000) -> tuple[float, float]:
    """Return a 95 % interval for the median over groups of each group's median.

    Groups (programs) are drawn with replacement, and within each its ratios (rounds).
    """
    chance = random.Random(seed)
    groups = [group for group in groups if group]
    seen = sorted(
        median(median(chance.choices(group, k=len(group))) for group in chance.choices(groups, k=len(groups)))
        for _ in range(rounds)
    )
    return seen[int(rounds * 0.025)], seen[int(rounds * 0.975)]


def summarize(ratios: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return median and worst of the programs' median ratios, with the median's interval."""
    medians = [median(values) for values in ratios.values() if values]
    low, high = bootstrap_median(list(ratios.values()))
    return {"median": median(medians), "worst": max(medians), "low": low, "high": high}
