"""What a benchmark measures."""

import timeit

from whet.engine.api import Bench
from whet.engine.bench import _find_number, measure_bench


def test_what_is_done_the_first_time_only_is_not_counted():
    calls = []

    def is_slow_at_first():
        if not calls:
            sum(range(3_000_000))
        calls.append(None)

    # One call of the slow kind is long enough to be timed alone; of the others it takes many.
    assert _find_number(timeit.Timer(is_slow_at_first)) > 100


def test_size_and_gain_belong_together():
    bench = Bench("values = list(range(n))", "sorted(values, reverse=True)[-1]", "values[0]", (100, 10_000), "values")
    measured = measure_bench(bench, repeat=3)
    assert list(measured) == [100, 10_000]
    assert measured[10_000] > 3 * measured[100] > 3
