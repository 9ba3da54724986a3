"""What a rewrite may gain for the whole run: the rule's measured gain, bounded by Amdahl's law."""

from __future__ import annotations

import math
from collections.abc import Sequence

from whet.model.advice import Estimate
from whet.model.evidence import Seen
from whet.model.finding import Ask, Finding, Speed, Speedup

_CEILINGS = {Speed.CONSTANT: 1.3, Speed.FACTOR: 50.0, Speed.ASYMPTOTIC: math.inf}
"""The maximum gain of a rule of each class that has no figures of its own: what the best one of its class gains."""
_STAYS = 0.25
"""The least part of what is outside the lines, or of its error, that stays at the upper end of their share."""
_WHOLE = 0.999
"""No rewrite saves all of the time."""


def estimate_gain(finding: Finding, share: float, share_error: float, lengths: Seen | None, python: str) -> Estimate:
    """Return the gain of the whole run as factors of its duration.

    ``share`` (0 to 1) is the share of the finding's lines, ``lengths`` the samples of
    the size that the rule's figures are measured by. ``high`` uses the upper end of the
    share and the figure at the greatest length seen, ``low`` two standard errors below it
    and the figure at the usual length. For a rule that depends on a length without samples,
    ``low`` is no gain. Without figures of the rule's the estimate is not measured.
    """
    low_gain, high_gain = _local_gains(finding, lengths, python)
    low = whole_gain(sure_share(share, share_error), low_gain)
    most = _largest_share(share, share_error)
    high = whole_gain(most, high_gain)
    return Estimate(min(low, high), high, is_measured=bool(finding.speedups))


def sure_share(share: float, error: float) -> float:
    """Return the lower end of a ``share`` (0 to 1) with its standard ``error``."""
    return max(0.0, min(share, 1.0) - 2 * error)


def _largest_share(share: float, error: float) -> float:
    """Return the upper end of a ``share`` (0 to 1), two standard errors of the square root of what is outside it.

    What is outside was met in few samples where the share is large, and the square root of a count has the same error
    whatever the count. Without an end to what is left, the gain would have none either.
    """
    outside = 1 - min(share, 1.0)
    shrunk = (1 - min(error / outside, 1.0)) ** 2 if outside else 0.0
    return 1 - max(outside * shrunk, _STAYS * max(outside, error))


def whole_gain(share: float, local_gain: float) -> float:
    """Return the speedup of the whole when ``share`` of it gets ``local_gain`` times as fast (Amdahl's law)."""
    return 1 / (1 - min(share, _WHOLE) * (1 - 1 / local_gain))


def saved_share(estimate: Estimate) -> float:
    """Return the expected saving as a fraction of the run: the middle of the estimate."""
    return ((1 - 1 / estimate.low) + (1 - 1 / estimate.high)) / 2


def _local_gains(finding: Finding, lengths: Seen | None, python: str) -> tuple[float, float]:
    rows = _rows_for(finding.speedups, python)
    if not rows:
        return 1.0, _CEILINGS[finding.speed]
    if lengths is not None and lengths.median_length is not None and lengths.max_length is not None:
        return _gain_below(rows, lengths.median_length), _gain_above(
            rows, lengths.max_length, grows=finding.speed is Speed.ASYMPTOTIC
        )
    if any(question.ask is Ask.LENGTH for question in finding.questions):
        return 1.0, _CEILINGS[finding.speed]
    factors = [row.factor for row in rows]
    return max(1.0, min(factors)), max(1.0, *factors)


def _rows_for(speedups: Sequence[Speedup], python: str) -> list[Speedup]:
    """Return the figures of ``python`` (``3.13.1``), else of the newest version before it, else the oldest."""
    versions = sorted({_version(row.python) for row in speedups})
    if not versions:
        return []
    wanted = _version(python)
    chosen = max((version for version in versions if version <= wanted), default=versions[0])
    return sorted((row for row in speedups if _version(row.python) == chosen), key=lambda row: row.size)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2] if part.isdecimal())


def _gain_below(rows: list[Speedup], size: int) -> float:
    """Return the figure of the nearest size that is not above ``size``; 1 below all."""
    below = [row.factor for row in rows if row.size <= size]
    return max(1.0, below[-1]) if below else 1.0


def _gain_above(rows: list[Speedup], size: int, *, grows: bool) -> float:
    """Return the figure of the nearest size that is not below ``size``.

    Above all it is that of the last one, or, where the gain ``grows`` with the data, in proportion to the size.
    """
    beyond = rows[-1].factor * max(1.0, size / rows[-1].size if grows and rows[-1].size else 1.0)
    return max(1.0, next((row.factor for row in rows if row.size >= size), beyond))
