"""The distribution, held to scipy's."""

from __future__ import annotations

from typing import Any

import pytest

from whet.student import t_quantile, upper_tail


@pytest.fixture(scope="module")
def stats() -> Any:
    return pytest.importorskip("scipy.stats")


@pytest.mark.parametrize("freedom", [1, 2, 3, 5, 9, 30, 200, 5000])
@pytest.mark.parametrize("tail", [0.5, 0.25, 0.05, 0.005, 1e-4, 1e-6, 1e-9])
def test_quantiles_are_those_of_scipy(stats: Any, tail: float, freedom: int) -> None:
    assert t_quantile(tail, freedom) == pytest.approx(stats.t.isf(tail, freedom), rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("freedom", [1, 4, 17, 300])
@pytest.mark.parametrize("t", [0.0, 0.1, 1.0, 2.5, 8.0, 40.0])
def test_tails_are_those_of_scipy(stats: Any, t: float, freedom: int) -> None:
    assert upper_tail(t, freedom) == pytest.approx(stats.t.sf(t, freedom), rel=1e-9)


@pytest.mark.parametrize(("tail", "freedom"), [(0.0, 5), (0.6, 5), (0.01, 0), (-1, 3)])
def test_what_has_no_quantile_is_refused(tail: float, freedom: float) -> None:
    with pytest.raises(ValueError, match="no quantile"):
        t_quantile(tail, freedom)
