"""Two scalings compared: which exponents differ.

The interval of a difference is made of those of its two sides (MOVER; Zou and Donner, Statistics in Medicine 27, 2008),
which are Bonferroni's, so that all differences hold together.
"""

from __future__ import annotations

from collections.abc import Callable
from math import hypot

from whet.model.growth import Bounded, ExponentChange, Fit, Growth
from whet.model.scaling import Scaling
from whet.scale.growth import find_growth

Name = Callable[[str], str]
"""Gives the path by which a file is known in both runs."""


def compare_growth(
    before: Scaling, after: Scaling, *, names: tuple[Name, Name], confidence: float
) -> tuple[ExponentChange, ...]:
    """Return the exponents of the program and of the functions that both scalings know, largest change first.

    The program comes first. Nothing where one of them has no growth.
    """
    found = _fit_both(before, after, confidence)
    if found is None:
        return ()
    count = 1 + len(_pair(*found, names))
    found = _fit_both(before, after, 1 - (1 - confidence) / count)
    if found is None:
        return ()
    old, new = found
    functions = [_compare(file, name, one, other) for (file, name), (one, other) in _pair(old, new, names).items()]
    functions.sort(key=lambda each: -abs(each.difference.value))
    return (_compare("", "", old.whole, new.whole), *functions)


def subtract(before: Bounded, after: Bounded) -> Bounded:
    """Return by how much ``after`` is more than ``before``, with its interval."""
    value = after.value - before.value
    down = hypot(after.value - after.low, before.high - before.value)
    up = hypot(after.high - after.value, before.value - before.low)
    return Bounded(value, value - down, value + up)


def _fit_both(before: Scaling, after: Scaling, confidence: float) -> tuple[Growth, Growth] | None:
    old, new = (find_growth(each, confidence=confidence) for each in (before, after))
    return (old, new) if old is not None and new is not None else None


def _pair(old: Growth, new: Growth, names: tuple[Name, Name]) -> dict[tuple[str, str], tuple[Fit, Fit]]:
    sides = [
        {(name(each.file), each.function): each.fit for each in growth.functions}
        for growth, name in zip((old, new), names, strict=True)
    ]
    return {key: (fit, sides[1][key]) for key, fit in sides[0].items() if key in sides[1]}


def _compare(file: str, name: str, before: Fit, after: Fit) -> ExponentChange:
    difference = subtract(before.exponent, after.exponent)
    return ExponentChange(file, name, before.exponent, after.exponent, difference)
