"""What the process says that samples the one that started it."""

from __future__ import annotations

import pytest

from whet.model.run import Notice
from whet.pipeline.run.own_process import _name_option

SLOWER = "--nonblocking never pauses it; --rate 25 pauses it less often"


@pytest.mark.parametrize(
    ("hint", "option", "said"),
    [
        (SLOWER, "rate={}", "rate=25 disturbs it less"),
        (SLOWER, "%%whet --rate {}", "%%whet --rate 25 disturbs it less"),
        (SLOWER, "", ""),
        ("leave out --nonblocking", "rate={}", ""),
        ("measure on a quiet machine", "rate={}", "measure on a quiet machine"),
    ],
)
def test_a_hint_has_the_options_of_the_place_where_the_block_is(hint: str, option: str, said: str) -> None:
    assert _name_option(Notice("py-spy", "paused", hint), option).hint == said
