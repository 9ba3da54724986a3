from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet.report.units import (
    format_bytes,
    format_count,
    format_factor,
    format_seconds,
    format_share,
    hits_figure,
    time_figure,
)


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0 s"), (12, "12 ns"), (820_000, "820 µs"), (1_250_000, "1.2 ms"), (45_000_000, "45 ms"),
        (999_499_999, "999 ms"), (999_600_000, "1.00 s"), (1_234_000_000, "1.23 s"), (12_340_000_000, "12.3 s"),
        (123_400_000_000, "123 s"), (725_000_000_000, "12 min 5 s"), (599_600_000_000, "10 min 0 s"),
        (35_999_000_000_000, "599 min 59 s"), (35_999_600_000_000, "10 h 0 min"), (97_380_000_000_000, "27 h 3 min"),
    ],
)  # fmt: skip
def test_durations(nanoseconds, text):
    assert format_seconds(nanoseconds) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0 B"), (999, "999 B"), (1_000, "1.00 kB"), (12_340_000, "12.3 MB"), (999_600, "1.00 MB"),
        (512_000_000, "512 MB"), (5_000_000_000_000, "5.00 TB"),
    ],
)  # fmt: skip
def test_amounts_of_memory(amount, text):
    assert format_bytes(amount) == text


@pytest.mark.parametrize(
    ("share", "error", "text"),
    [(0.621, 0.012, "62.1 % ±1.2"), (0.5, 0.0, "50.0 %"), (0.0, 0.0, "0.0 %"), (0.0001, 0.1, "<0.1 %")],
)
def test_shares(share, error, text):
    assert format_share(share, error) == text


def test_every_hit_is_written():
    assert [hits_figure(count).text for count in (0, 1_234_567, None)] == ["0", "1,234,567", "–"]


def test_counts_and_factors():
    assert [format_count(n) for n in (0, 999_999, 1_000_000, 12_345_678)] == ["0", "999,999", "1.0 M", "12 M"]
    assert [format_factor(f) for f in (1.0, 1.64, 12.3, 250)] == ["1.0×", "1.6×", "12×", "250×"]


def test_what_was_not_measured_is_a_dash_without_a_value():
    assert (time_figure(None).text, time_figure(None).value) == ("–", None)


@given(st.integers(0, 10**18), st.integers(0, 10**18))
def test_a_longer_duration_never_reads_shorter(a, b):
    scale = {"ns": 1, "µs": 1e3, "ms": 1e6, "s": 1e9, "min": 60e9, "h": 3600e9}

    def read(text):
        words = text.replace(",", "").split()
        return sum(float(n) * scale[u] for n, u in zip(words[::2], words[1::2], strict=True))

    low, high = sorted((a, b))
    assert read(format_seconds(low)) <= read(format_seconds(high)) * 1.000001
