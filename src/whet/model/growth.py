"""How cost grows with the size of the input: fits of measured costs, and what follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from math import exp, log, sqrt

from whet.records import dataclass

_LARGEST = 50.0
"""Logarithm of a factor beyond which a bound means nothing."""
_KNOWN = 100.0
"""Factor between the ends of a cost's interval beyond which nothing follows from it for the whole,"""
_MUCH = 0.25
"""unless the function has this part of the cost at the largest size: then as little is known of the whole."""


class Shape(StrEnum):
    """A growth that has a name. The cost is a constant part plus a multiple of it."""

    CONSTANT = "constant"
    LOG = "log n"
    LINEAR = "n"
    LINEARITHMIC = "n log n"
    POWER_1_5 = "n^1.5"
    QUADRATIC = "n²"
    CUBIC = "n³"


@dataclass(frozen=True, slots=True)
class Bounded:
    """A figure with its interval."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> Bounded:
        """Return so many times the figure."""
        return Bounded(self.value * factor, self.low * factor, self.high * factor)


@dataclass(frozen=True, slots=True)
class Curve:
    """One cost function: ``constant + scale * (n / largest) ** exponent``. ``constant`` and ``scale`` are costs."""

    constant: float
    scale: float
    exponent: float
    largest: float
    slack: float = 0.0
    """By which part of itself the growing part may be larger or smaller, the exponent being this."""

    def at(self, size: float) -> float:
        """Return the cost at a size."""
        return self.constant + self.scale * float((size / self.largest) ** self.exponent)


@dataclass(frozen=True, slots=True)
class Fit:
    """How the cost of one place grows: ``best`` and the curves that the data allow, with the exponent's interval.

    ``shape`` is there where the data leave only one of :class:`Shape`. ``drift`` is the error of the exponent that
    no number of runs reduces, as wide as the interval's level makes it, and ``centre`` the size about which it turns.
    """

    best: Curve
    exponent: Bounded
    allowed: Sequence[Curve]
    shape: Shape | None
    confidence: float
    drift: float
    centre: float

    def at(self, size: float) -> Bounded:
        """Return the cost at a size with its interval: over all allowed curves, and the drift of the exponent."""
        value = self.best.at(size)
        low = min((_bound(curve, size, -1) for curve in self.allowed), default=value)
        high = max((_bound(curve, size, 1) for curve in self.allowed), default=value)
        if value <= 0:
            return Bounded(0.0, 0.0, max(0.0, high))
        # Independent errors add up by their squares, as logarithms: costs are wrong by factors.
        turned = self.drift * abs(log(size / self.centre)) * (1 - self.best.constant / value)
        up = sqrt(log(max(high, value) / value) ** 2 + turned**2)
        down = sqrt(log(value / min(low, value)) ** 2 + turned**2) if low > 0 else None
        return Bounded(value, value * exp(-down) if down is not None else 0.0, value * exp(min(up, _LARGEST)))

    @property
    def crossing(self) -> float | None:
        """The size below which the constant part costs more than the growing part; ``None`` where there is none."""
        curve = self.best
        if curve.constant <= 0 or curve.scale <= 0 or curve.exponent <= 0:
            return None
        return float(curve.largest * (curve.constant / curve.scale) ** (1 / curve.exponent))


def _bound(curve: Curve, size: float, side: int) -> float:
    return curve.constant + (curve.at(size) - curve.constant) * max(0.0, 1 + side * curve.slack)


@dataclass(frozen=True, slots=True)
class PlaceGrowth:
    """How a function (``line`` 0) or a line grows. ``share`` is its part of the cost at the largest size.

    ``ahead`` is its part at :attr:`Growth.ahead`, by the fits of all functions.
    """

    file: str
    function: str
    function_line: int
    line: int
    fit: Fit
    share: float
    ahead: float
    allocated: Fit | None = None


@dataclass(frozen=True, slots=True)
class LengthGrowth:
    """How the length of a variable grows; ``largest`` is its length at the largest size."""

    file: str
    function_line: int
    name: str
    exponent: Bounded
    largest: int


class Agreement(StrEnum):
    """How the growth of a finding's line fits what its rule says of speed."""

    CONFIRMED = "confirmed"
    """The rule removes growth, and the line grows faster than n."""
    NOT_SEEN = "not seen"
    """The rule removes growth, but at these sizes the line grows no faster than n."""
    FACTOR_ONLY = "factor only"
    """The line grows faster than n, and the rule saves a constant factor of that."""
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Cause:
    """A finding of a rule and the growth of the line that it is about, the steepest of several.

    ``lengths`` are those of the variables that the finding asks about.
    """

    advice: str
    """The id of the advice."""
    title: str
    line: PlaceGrowth
    lengths: tuple[LengthGrowth, ...]
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class Crossing:
    """Below ``size`` the place ``small`` costs more than ``large``, above it less. Indices into `Growth.functions`.

    ``None`` for ``small`` stands for the constant part of the whole, and then ``large`` for its growing part.
    """

    size: float
    small: int | None = None
    large: int | None = None


@dataclass(frozen=True, slots=True)
class Growth:
    """What follows from a scaling. Costs are nanoseconds, of memory bytes.

    ``ahead`` is the size that costs are predicted for. ``functions`` and ``lines`` are those that matter at the largest
    size or at ``ahead``, sorted by their cost there.
    """

    sizes: tuple[int, ...]
    ahead: int
    whole: Fit
    memory: Fit | None = None
    allocated: Fit | None = None
    functions: tuple[PlaceGrowth, ...] = ()
    lines: tuple[PlaceGrowth, ...] = ()
    lengths: tuple[LengthGrowth, ...] = ()
    crossings: tuple[Crossing, ...] = ()
    unclear: tuple[UnclearGrowth, ...] = ()
    """Functions that matter at the largest size, and of which no growth is known."""

    def predict(self, size: float) -> Bounded:
        """Return what the program costs at a size, with its interval.

        That is the curve of the whole, unless beyond the largest size its functions together cost more: of several
        phases the steepest takes over there, whereas one power of the whole lies between them. Then the interval holds
        both. Small functions whose own cost there is hardly known grow as the whole does.
        """
        whole, largest = self.whole.at(size), self.sizes[-1]
        now = self.whole.best.at(largest)
        parts, left = [], 1.0
        for each in self.functions if size > largest else ():
            cost, at_last = each.fit.best.at(largest), each.fit.at(max(largest, self.ahead))
            if cost > 0 and (at_last.high <= _KNOWN * at_last.low or each.share >= _MUCH):
                parts.append(each.fit.at(size).times(now * each.share / cost))
                left -= each.share
        parts.append(whole.times(max(0.0, left)))
        value = sum(part.value for part in parts)
        if value <= whole.value:
            return whole
        high = value + sqrt(sum((part.high - part.value) ** 2 for part in parts))
        return Bounded(value, min(whole.low, value), max(whole.high, high))


@dataclass(frozen=True, slots=True)
class UnclearGrowth:
    """A function whose costs follow no power of the size, or are seen too rarely; ``share`` (0 to 1) as of a place."""

    file: str
    function: str
    function_line: int
    share: float


@dataclass(frozen=True, slots=True)
class ExponentChange:
    """How a function grew before and grows after a change; the program as a whole has no ``file`` and no ``name``."""

    file: str
    name: str
    before: Bounded
    after: Bounded
    difference: Bounded

    @property
    def is_shown(self) -> bool:
        """Whether the runs show that the exponent changed."""
        return self.difference.low > 0 or self.difference.high < 0


@dataclass(frozen=True, slots=True)
class GrowingLine:
    """A line that takes longer a pass the longer ``name`` gets, as it was seen within one run.

    In the last quarter of the length, which ends at ``length``, a pass took ``fold`` times as long as in the first.
    """

    file: str
    line: int
    name: str
    length: int
    fold: float
