"""The published gain of a newer interpreter that is also installed.

The figures are the geometric means that CPython's developers published for its
benchmark suite, pyperformance: https://github.com/faster-cpython/benchmarking-public
(3.12.0 against 3.11.0, 3.13.0 against 3.12.0; Linux on x86-64 and arm64, Windows on
amd64, macOS on arm64) and https://github.com/Yhg1s/thread-benchmarking (3.14.0 against
3.13.0; Linux on x86-64). The lowest and the highest of the machines are kept: they
are further apart than most versions are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from whet.advise.estimate import whole_gain
from whet.advise.measured_advice import MeasuredAdvice, find_hottest, make_measured_advice
from whet.model.hotspot import Hotspots, LineSpot
from whet.model.run import Run
from whet.records import dataclass

_LEAST_GAIN = 1.02
"""Minimum gain on the fastest machine for it to be reported."""
_GAINS = {12: (0.97, 1.07), 13: (0.99, 1.07), 14: (1.06, 1.08)}
"""By minor version: speedup over the previous one, on the slowest and on the fastest machine."""


@dataclass(frozen=True, slots=True)
class NewerPython:
    """Another installed interpreter, of a newer version such as ``3.13``."""

    version: str
    path: str


def remark_newer_python(
    run: Run, hotspots: Hotspots, own: list[LineSpot], newer: NewerPython | None
) -> Iterator[MeasuredAdvice]:
    """Yield advice on an installed newer interpreter, if there are published figures for its versions."""
    if newer is None or run.interpreter.implementation != "CPython":
        return
    gains = [gain for minor, gain in _GAINS.items() if _minor(run.interpreter.version) < minor <= _minor(newer.version)]
    if not gains:
        return
    low, high = (math.prod(gain[end] for gain in gains) for end in (0, 1))
    share = sum(spot.cost.self_ns for spot in own) / hotspots.busy_ns
    if whole_gain(share, high) < _LEAST_GAIN:
        return
    last = max(minor for minor in _GAINS if minor <= _minor(newer.version))
    first = ".".join(run.interpreter.version.split(".")[:2])
    message = (
        f"The program ran on Python {run.interpreter.version}, and Python {newer.version} is installed ({newer.path})."
        f" On CPython's own benchmarks 3.{last} was {low:.2f} to {high:.2f} times as fast as {first}, by machine;"
        " individual programs may gain more, or lose."
        f" Compare them with `whet bench --python {first} --python {newer.version} …`, if the program's dependencies"
        " are installed for both."
    )
    title = f"Python {newer.version} is installed"
    yield make_measured_advice("newer-python", title, message, find_hottest(own), share, gain=high, whole=True)


def _minor(version: str) -> int:
    parts = version.split(".")
    return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0
