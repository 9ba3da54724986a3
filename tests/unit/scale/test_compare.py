"""Two scalings compared: what changed is found, what did not is not called."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from whet.model.growth import Bounded
from whet.model.scaling import PlaceCosts, Scaling, SizedRun
from whet.scale.compare import compare_growth, subtract

SIZES = (1000, 2000, 4000, 8000)
MS = 1_000_000


def make_scaling(rng: random.Random, exponent: float) -> Scaling:
    """Return three rounds of a program with one function, each run with 5 % of noise."""
    sizes = [(size, block) for block in range(3) for size in SIZES]
    costs = [round(1e9 * (size / 8000) ** exponent * math.exp(rng.gauss(0, 0.05))) for size, _ in sizes]
    runs = tuple(
        SizedRun(size, cost, cost, cost, 0, max(1, cost // MS), 0, block)
        for (size, block), cost in zip(sizes, costs, strict=True)
    )
    return Scaling(runs=runs, places=(PlaceCosts("/old/a.py", "f", 1, 0, costs),))


def show(file: str) -> str:
    return file.removeprefix("/old/").removeprefix("/new/")


def test_a_changed_exponent_is_called() -> None:
    rng = random.Random(1)
    before, after = make_scaling(rng, 2.0), make_scaling(rng, 1.0)
    after = replace(after, places=tuple(replace(each, file="/new/a.py") for each in after.places))
    whole, function = compare_growth(before, after, names=(show, show), confidence=0.99)
    assert (whole.file, whole.name, whole.is_shown) == ("", "", True)
    assert (function.file, function.name, function.is_shown) == ("a.py", "f", True)
    assert whole.difference.low < -1 < whole.difference.high < 0


def test_thirty_pairs_of_the_same_program_differ_in_nothing() -> None:
    rng = random.Random(2)
    for _ in range(30):
        one, other = make_scaling(rng, 1.5), make_scaling(rng, 1.5)
        assert not any(each.is_shown for each in compare_growth(one, other, names=(show, show), confidence=0.99))


def test_without_a_scaling_on_both_sides_nothing_is_compared() -> None:
    one = make_scaling(random.Random(3), 1.0)
    assert compare_growth(one, Scaling(), names=(show, show), confidence=0.99) == ()


def test_the_interval_of_a_difference_is_that_of_both_sides() -> None:
    difference = subtract(Bounded(2.0, 1.9, 2.3), Bounded(1.0, 0.6, 1.4))
    assert (difference.value, difference.low, difference.high) == pytest.approx((-1.0, -1.5, -1 + math.hypot(0.4, 0.1)))
