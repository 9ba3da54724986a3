"""Measures a rule's gain on the running interpreter: the figures behind estimates.

Needs the standard library only, so that it runs under interpreters that whet
is not installed in (``PYTHONPATH=src:rules``).
"""

from __future__ import annotations

import math
import time
import timeit

from whet.engine.api import Bench

# CPU time, if its resolution is fine: other programs affect it least.
_FINE = time.get_clock_info("process_time").resolution < 1e-5
_CLOCK = time.process_time if _FINE else time.perf_counter
_LEAST_SECONDS = 0.002
"""A shorter timing is repeated until it is longer, to exceed the clock's resolution."""


def measure_bench(bench: Bench, repeat: int = 7) -> dict[int, float]:
    """Return, for each size of ``bench``, how many times as fast ``after`` is as ``before``.

    Both sides are timed alternately, ``repeat`` times, and the best of each are compared: what disturbs a
    timing only ever adds to it. The factor is rounded to two significant digits.
    """
    return {size: _round(_measure(bench, size, repeat)) for size in bench.sizes}


def _measure(bench: Bench, size: int, repeat: int) -> float:
    setup = f"n = {size}\n{bench.setup}"
    sides = [timeit.Timer(bench.before, setup, _CLOCK), timeit.Timer(bench.after, setup, _CLOCK)]
    numbers = [_find_number(side) for side in sides]
    best = [math.inf, math.inf]
    for _ in range(repeat):
        for index, side in enumerate(sides):
            best[index] = min(best[index], side.timeit(numbers[index]) / numbers[index])
    return best[0] / best[1]


def _find_number(timer: timeit.Timer) -> int:
    timer.timeit(1)  # one-time work, such as an import, would be counted as the cost of one
    number = 1
    while timer.timeit(number) < _LEAST_SECONDS:
        number *= 4
    return number


def _round(factor: float) -> float:
    digits = 1 - math.floor(math.log10(factor))
    return round(factor, digits)
