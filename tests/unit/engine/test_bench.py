"""What a benchmark measures."""

from whet.engine.api import Bench
from whet.engine.bench import measure_bench


def test_what_is_done_the_first_time_only_is_not_counted():
    setup = """
count = 0
def first_is_slow():
    global count
    count += 1
    if count == 1:
        sum(range(3_000_000))
"""
    bench = Bench(setup, "first_is_slow()", "first_is_slow()", (1,), "things")
    assert measure_bench(bench, repeat=3)[1] < 100


def test_size_and_gain_belong_together():
    bench = Bench("values = list(range(n))", "sorted(values, reverse=True)[-1]", "values[0]", (100, 10_000), "values")
    measured = measure_bench(bench, repeat=3)
    assert list(measured) == [100, 10_000]
    assert measured[10_000] > 3 * measured[100] > 3
