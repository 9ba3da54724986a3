"""Student's t distribution, without scipy: tails and quantiles, which the tests compare with scipy's."""

from __future__ import annotations

import math
from functools import cache

_TINY = 1e-300
_CONVERGED = 1e-15


@cache
def t_quantile(tail: float, freedom: float) -> float:
    """Return the ``t`` beyond which lies ``tail`` (0 to 0.5) of the distribution with ``freedom`` degrees.

    Raises ``ValueError`` outside these.
    """
    if not 0 < tail <= 0.5 or freedom <= 0:
        raise ValueError(f"no quantile for a tail of {tail} at {freedom} degrees of freedom")
    low, high = 0.0, 1.0
    while upper_tail(high, freedom) > tail:
        low, high = high, high * 4
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        if middle in {low, high}:
            break
        low, high = (middle, high) if upper_tail(middle, freedom) > tail else (low, middle)
    return (low + high) / 2


def upper_tail(t: float, freedom: float) -> float:
    """Return the probability of more than ``t`` (not negative)."""
    return _regularised_beta(freedom / (freedom + t * t), freedom / 2, 0.5) / 2


def _regularised_beta(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b), by Lentz's continued fraction (DLMF 8.17.22)."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - _regularised_beta(1 - x, b, a)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    c, d = 1.0, 1 / _keep_off_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for step in (even, odd):
            d = 1 / _keep_off_zero(1 + step * d)
            c = _keep_off_zero(1 + step / c)
            value *= c * d
        if abs(c * d - 1) < _CONVERGED:
            break
    return math.exp(log_front) * value / a


def _keep_off_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
