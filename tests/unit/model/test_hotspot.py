from __future__ import annotations

import pytest

from whet.model.hotspot import share_error
from whet.report.units import format_share, format_whole_share


def test_a_few_samples_leave_a_doubt_even_where_all_agree():
    assert share_error(1.0, 4) == pytest.approx(0.153, abs=0.001)
    assert share_error(0.0, 4) == pytest.approx(0.153, abs=0.001)
    assert share_error(1.0, 1000) < 0.002
    assert share_error(0.5, 400) == pytest.approx(0.025, abs=0.001)
    assert share_error(1.2, 100) == share_error(1.0, 100)
    assert share_error(0.5, 0) == 0


def test_shares_are_written_with_their_error():
    assert format_share(1.0, share_error(1.0, 4)) == "100.0 % ±15.3"
    assert format_share(0.0, 0.1) == "0.0 %"
    assert format_whole_share(1.0, share_error(1.0, 4)) == "100 % ±15"
    assert format_whole_share(0.411, 0.002) == "41 %"
