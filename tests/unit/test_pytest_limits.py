"""Limits of tests: what a mark may ask for, and when one is broken."""

from __future__ import annotations

import pytest

from whet.pytest_limits import REPEATS, Limits, describe_broken, judge, read_limits, read_size


@pytest.mark.parametrize(
    ("size", "found"),
    [("24 MB", 24_000_000), ("24 MiB", 24 << 20), ("1.5kB", 1500), ("512 b", 512), ("512", 512), (512, 512)],
)
def test_sizes(size, found):
    assert read_size(size) == found


@pytest.mark.parametrize("size", ["", "MB", "-1 MB", "24 XB", "0 B", True, 0, -4, 1.5, None])
def test_what_is_no_size(size):
    with pytest.raises(ValueError, match="is not a size"):
        read_size(size)


def test_a_mark_is_read_or_refused():
    assert read_limits(pytest.mark.whet_limit(seconds=0.5, memory="1 MB").mark) == Limits(0.5, 1_000_000)
    for mark, wrong in (
        (pytest.mark.whet_limit(), "no limit"),
        (pytest.mark.whet_limit(0.5), "unknown 0.5"),
        (pytest.mark.whet_limit(second=1), "unknown second"),
        (pytest.mark.whet_limit(seconds="1"), "seconds='1'"),
        (pytest.mark.whet_limit(seconds=0), "seconds=0"),
        (pytest.mark.whet_limit(seconds=float("nan")), "seconds=nan"),
        (pytest.mark.whet_limit(seconds=True), "seconds=True"),
    ):
        with pytest.raises(ValueError, match=wrong):
            read_limits(mark.mark)


def test_a_limit_is_broken_if_all_repetitions_are_beyond_it():
    costs = iter([9.0, 8.0, 7.0, 6.0, 7.0, 8.0, 9.0, 1.0])
    assert judge(lambda: next(costs), 5.0) == [9.0, 8.0, 7.0, 6.0, 7.0, 8.0, 9.0]
    assert next(costs) == 1.0
    # Their extremes bound the median with 1 - 2 * 2 ** -7.
    assert round(100 * (1 - 2 * 2**-REPEATS)) == 98


def test_one_repetition_within_the_limit_ends_it():
    costs = iter([9.0, 5.0, 9.0])
    assert judge(lambda: next(costs), 5.0) is None
    assert next(costs) == 9.0


def test_what_is_said_of_a_broken_limit():
    said = describe_broken([3.0, 1.0, 2.0], 0.5, lambda cost: f"{cost} s")
    assert said == "2.0 s [1.0 s, 3.0 s], the median of 3 runs and its 98 % interval; the limit is 0.5 s"
