"""The growth of one cost from runs at several sizes: an exponent with its interval, and the shape where it shows.

The method is that of input-sensitive profiling (Coppa, Demetrescu and Finocchi, PLDI 2012) and of empirical
algorithmics (Goldsmith, Aiken and Wilkerson, *Measuring Empirical Computational Complexity*, ESEC/FSE 2007; McGeoch,
*A Guide to Experimental Algorithmics*, 2012, chapter 7): a power of the size is fitted to what was measured. Three
things are added to a regression of logarithms, which is biased by constant parts and by places that a sampler missed.

**Model.** The expected cost at size n is ``c + a * n**k`` with ``c`` and ``a`` not negative. ``c`` is what does not
grow: start, imports. It costs a parameter, so a fit with it counts only as far as it is better than one without by
``CONSTANT_PENALTY`` (Akaike's 2). Where a constant alone explains the data, nothing is known of an exponent next to it,
and the power stands alone: its exponent is about 0.

**Errors.** The mean cost of the runs at one size has the variance of three independent errors:

- sampling: a sampler counts samples, and their number has a variance of itself (Poisson). ``Run.quantum`` is the cost
  that one sample stands for; 0 for what was measured by a clock;
- between runs: what is left of the differences of runs at the same size, as a fraction of the cost. Slow phases of
  the machine that last for a whole round change all sizes alike, and so no exponent: where rounds are complete their
  common part is left out (a randomised block design);
- the model's: no program follows a power exactly. ``SIZE_ERROR`` is allowed at each size independently (allocation
  steps, thresholds), ``DRIFT_ERROR`` in the exponent of all (what no longer fits a cache costs more per element).
  No number of runs reduces these two. If the sizes deviate more than that, all errors are scaled up (Birge's ratio).

**Interval.** The deviance (squared deviations over variances) is minimised over ``c`` and ``a`` for each ``k``. All
``k`` belong to the interval whose deviance is less than Student's t squared above the least one (profile likelihood;
Venzon and Moolgavkar, *Applied Statistics* 37, 1988), and the drift is added by squares.

**Shape.** For each shape of ``Shape`` the deviance of ``c + a * shape(n)``, with the exponent free to drift, is
compared with the least one of all curves. Where only one shape stays, it is the growth's name. It is *constant* where a
constant explains the data and the exponent is known to ``FLAT``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from whet.model.growth import Bounded, Curve, Fit, Shape
from whet.records import dataclass
from whet.student import t_quantile

CONFIDENCE = 0.95
SIZE_ERROR = 0.03
"""Standard deviation by which the cost at one size deviates from any curve, as a fraction of it."""
DRIFT_ERROR = 0.025
"""Standard deviation of the exponent of a program that follows a power, between machines and ranges of sizes."""
DEFAULT_SPREAD = 0.05
"""Assumed standard deviation between runs where each size ran once,"""
BUSY_SPREAD = 0.15
"""and on a machine that was busy with other work: measured there between runs of the same size."""
CONSTANT_PENALTY = 2.0
LEAST_SIZES = 3
EXPONENTS = (-1.0, 6.0)
"""The range that is searched."""
FLAT = 0.1
"""Least exponent that a cost which is called constant must not have: that of log n over a factor of a thousand."""
_STEP = 0.1
_ROUNDS = 3
"""Times that the variances are computed anew from the fit that they give."""
_CURVES = 25
"""Curves that represent all allowed ones."""
_DRIFTS = 5
_STEADY = 0.1
"""Least exponent beside a constant part: below, the two are the same."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run cost at ``size``; ``quantum`` is the cost that one sample stands for, 0 for a clock.

    Runs of the same ``block`` (0 and up), one of each size, ran one after the other.
    """

    size: int
    cost: float
    quantum: float = 0.0
    block: int = -1


@dataclass(frozen=True, slots=True)
class _Level:
    """All runs of one size."""

    size: int
    mean: float
    quantum: float
    runs: int
    squares: float
    """Sum of the squared differences from the mean."""


@dataclass(frozen=True, slots=True)
class _Solution:
    """The best curve of one form: ``constant + scale * basis``."""

    deviance: float
    constant: float
    scale: float
    error: float
    """Standard error of ``scale`` as a fraction of it."""


def fit_growth(runs: Sequence[Run], *, confidence: float = CONFIDENCE, assumed: float = DEFAULT_SPREAD) -> Fit | None:
    """Return how the cost grows; ``None`` for fewer than three sizes, and for what never cost anything.

    ``assumed`` is the standard deviation between runs where each size ran once.
    """
    levels = _group(runs)
    if len(levels) < LEAST_SIZES or not any(level.mean > 0 for level in levels):
        return None
    return _Fitter(levels, find_spread(runs, assumed), confidence).fit()


def find_spread(runs: Sequence[Run], assumed: float = DEFAULT_SPREAD) -> float:
    """Return the standard deviation between runs of one size, as a fraction of their cost, without sampling error.

    What all runs of a round have in common is left out (method of moments).
    """
    levels = [level for level in _group(runs) if level.runs > 1 and level.mean > 5 * level.quantum]
    freedom = sum(level.runs - 1 for level in levels)
    if not freedom:
        return assumed
    squares = sum(level.squares / level.mean**2 for level in levels)
    sampling = sum((level.runs - 1) * level.quantum / level.mean for level in levels) / freedom
    means = {level.size: level.mean for level in levels}
    blocks: dict[int, list[float]] = {}
    for run in runs:
        if run.size in means:
            blocks.setdefault(run.block, []).append(run.cost / means[run.size] - 1)
    if len(levels) > 1 and -1 not in blocks and {len(block) for block in blocks.values()} == {len(levels)}:
        squares -= sum(sum(block) ** 2 / len(block) for block in blocks.values())
        freedom -= len(blocks) - 1
    return math.sqrt(max(0.0, squares / freedom - sampling))


class _Fitter:
    """Fits one cost; variances are those of the best curve so far."""

    def __init__(self, levels: Sequence[_Level], spread: float, confidence: float) -> None:
        self.levels = levels
        self.confidence = confidence
        self.largest = levels[-1].size
        self.spread = spread
        repeats = sum(level.runs - 1 for level in levels)
        self.freedom = max(1, len(levels) - 2 + repeats)
        self.t = t_quantile((1 - confidence) / 2, self.freedom)
        self.grows = True
        """Whether a constant alone does not explain the costs."""
        self.variances: list[float] = []
        self._solved: dict[float, _Solution] = {}
        self._weigh([level.mean for level in levels])

    def fit(self) -> Fit:
        for _ in range(_ROUNDS):
            best = self._find_best()
            curve = self._solve(best)
            self._weigh([curve.constant + curve.scale * self._power(level.size, best) for level in self.levels])
        best, threshold = self._find_best_threshold()
        if self._find_deviance(Shape.CONSTANT) <= self._solve(best).deviance + threshold:
            self.grows = False
            self._solved.clear()
            best, threshold = self._find_best_threshold()
        most = self._solve(best).deviance + threshold
        low, high = (self._find_end(best, most, side) for side in (-1, 1))
        drift = self.t * DRIFT_ERROR
        exponent = Bounded(best, best - math.hypot(best - low, drift), best + math.hypot(high - best, drift))
        if self.grows:
            shape = self._find_shape(most)
        else:
            shape = Shape.CONSTANT if exponent.low > -2 * FLAT and exponent.high < FLAT else None
        return Fit(
            best=self._curve(best, 0.0),
            exponent=exponent,
            allowed=tuple(self._list_allowed(low, high, most)),
            shape=shape,
            confidence=self.confidence,
            drift=drift,
            centre=math.exp(sum(math.log(level.size) for level in self.levels) / len(self.levels)),
        )

    def _find_best_threshold(self) -> tuple[float, float]:
        """Return the best exponent, and by how much the deviance of others may be above its own."""
        best = self._find_best()
        scale = max(1.0, self._solve(best).deviance / max(1, len(self.levels) - 2))
        return best, scale * self.t**2

    def _weigh(self, expected: Sequence[float]) -> None:
        self.variances = self._find_variances(expected)
        self._solved.clear()

    def _find_variances(self, expected: Sequence[float]) -> list[float]:
        """Return the variance of each size's mean, were its cost as ``expected``."""
        top = max(level.mean for level in self.levels)
        found = []
        for level, cost in zip(self.levels, expected, strict=True):
            # Not seeing a place in few samples does not show that it costs nothing.
            sampled = level.quantum * max(cost, level.quantum / 2) / level.runs
            relative = self.spread**2 / level.runs + SIZE_ERROR**2
            found.append(sampled + relative * cost * cost + (1e-6 * top) ** 2)
        return found

    def _power(self, size: int, exponent: float) -> float:
        return float((size / self.largest) ** exponent)

    def _solve(self, exponent: float) -> _Solution:
        """Return the best curve with this exponent; one with a constant part only where that is worth it."""
        if exponent not in self._solved:
            basis = [self._power(level.size, exponent) for level in self.levels]
            with_constant = self.grows and exponent >= _STEADY
            self._solved[exponent] = self._solve_basis(basis, with_constant=with_constant)
        return self._solved[exponent]

    def _solve_basis(self, basis: Sequence[float], *, with_constant: bool) -> _Solution:
        """Return the best curve ``constant + scale * basis``, by weighted least squares, neither being negative."""
        sum_w = sum_g = sum_y = sum_gg = sum_gy = sum_yy = 0.0
        for g, level, variance in zip(basis, self.levels, self.variances, strict=True):
            w, y = 1 / variance, level.mean
            sum_w += w
            sum_g += w * g
            sum_y += w * y
            sum_gg += w * g * g
            sum_gy += w * g * y
            sum_yy += w * y * y
        scale = max(0.0, sum_gy / sum_gg)
        error = 1 / (scale * math.sqrt(sum_gg)) if scale > 0 else 0.0
        best = _Solution(sum_yy - scale * (2 * sum_gy - scale * sum_gg), 0.0, scale, error)
        across = sum_gg - sum_g * sum_g / sum_w
        if not with_constant or across <= 1e-9 * sum_gg:
            return best
        scale = (sum_gy - sum_g * sum_y / sum_w) / across
        constant = (sum_y - scale * sum_g) / sum_w
        if scale <= 0 or constant <= 0:
            return best
        deviance = sum_yy - constant * sum_y - scale * sum_gy + CONSTANT_PENALTY
        if deviance >= best.deviance:
            return best
        return _Solution(deviance, constant, scale, 1 / (scale * math.sqrt(across)))

    def _find_best(self) -> float:
        deviances = {exponent: self._solve(exponent).deviance for exponent in _grid(*EXPONENTS, _STEP)}
        middle = min(deviances, key=deviances.__getitem__)
        return _minimise(lambda exponent: self._solve(exponent).deviance, middle - _STEP, middle + _STEP)

    def _find_end(self, best: float, most: float, side: int) -> float:
        """Return the exponent farthest from ``best`` on one side whose deviance is at most ``most``."""
        end = EXPONENTS[0] if side < 0 else EXPONENTS[1]
        outermost = best
        for exponent in _grid(*EXPONENTS, _STEP):
            if (exponent - best) * side > 0 and self._solve(exponent).deviance <= most:
                outermost = min(outermost, exponent) if side < 0 else max(outermost, exponent)
        beyond = outermost + side * _STEP
        if (beyond - end) * side >= 0:
            return end
        for _ in range(20):
            middle = (outermost + beyond) / 2
            if self._solve(middle).deviance <= most:
                outermost = middle
            else:
                beyond = middle
        return outermost

    def _curve(self, exponent: float, left: float) -> Curve:
        """Return the curve of an exponent; ``left`` is by how much its deviance may still rise."""
        found = self._solve(exponent)
        slack = math.sqrt(max(0.0, left)) * found.error
        return Curve(found.constant, found.scale, exponent, float(self.largest), slack)

    def _list_allowed(self, low: float, high: float, most: float) -> Iterator[Curve]:
        for step in range(_CURVES):
            exponent = low + (high - low) * step / (_CURVES - 1)
            left = most - self._solve(exponent).deviance
            if left >= -1e-6 * most:
                yield self._curve(exponent, left)

    def _find_shape(self, most: float) -> Shape | None:
        """Return the only shape whose deviance is at most ``most``; ``None`` where there are several, or none."""
        left = [shape for shape in Shape if self._find_deviance(shape) <= most]
        return left[0] if len(left) == 1 else None

    def _find_deviance(self, shape: Shape) -> float:
        """Return the least deviance of a shape whose exponent drifts, the drift's own deviation included."""
        if shape is Shape.CONSTANT:
            # What does not depend on the size has nothing that could drift with it.
            return self._solve_basis([1.0] * len(self.levels), with_constant=False).deviance
        grows = _GROWTHS[shape]
        costs = [grows(level.size) / grows(self.largest) for level in self.levels]
        found = []
        for step in range(-_DRIFTS, _DRIFTS + 1):
            drift = 2 * DRIFT_ERROR * step / _DRIFTS
            basis = [cost * self._power(level.size, drift) for cost, level in zip(costs, self.levels, strict=True)]
            solved = self._solve_basis(basis, with_constant=True)
            found.append(solved.deviance + (drift / DRIFT_ERROR) ** 2)
        return min(found)


def _raise(exponent: float, size: float) -> float:
    return float(size**exponent)


_GROWTHS: dict[Shape, Callable[[float], float]] = {
    Shape.LOG: lambda size: math.log(size + 1),
    Shape.LINEAR: partial(_raise, 1.0),
    Shape.LINEARITHMIC: lambda size: size * math.log(size + 1),
    Shape.POWER_1_5: partial(_raise, 1.5),
    Shape.QUADRATIC: partial(_raise, 2.0),
    Shape.CUBIC: partial(_raise, 3.0),
}


def _group(runs: Sequence[Run]) -> list[_Level]:
    """Return the runs by size, ascending."""
    by_size: dict[int, list[Run]] = {}
    for run in runs:
        by_size.setdefault(run.size, []).append(run)
    levels = []
    for size, same in sorted(by_size.items()):
        mean = math.fsum(run.cost for run in same) / len(same)
        squares = math.fsum((run.cost - mean) ** 2 for run in same)
        levels.append(_Level(size, mean, math.fsum(run.quantum for run in same) / len(same), len(same), squares))
    return levels


def _grid(low: float, high: float, step: float) -> list[float]:
    return [low + step * index for index in range(round((high - low) / step) + 1)]


def _minimise(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where ``function``, which has one minimum between the two, is least (golden section)."""
    ratio = (math.sqrt(5) - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = function(left), function(right)
    for _ in range(16):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = function(right)
    return (low + high) / 2
