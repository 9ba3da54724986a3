"""Scripts write numbers as the rest of the report does."""

from __future__ import annotations

import random
from importlib.resources import files

import pytest

from whet.report.units import format_bytes, format_seconds, format_share

pytestmark = pytest.mark.browser

AMOUNTS = [
    0,
    1,
    999,
    1_000,
    999_499,
    999_501,
    9_949_000,
    9_951_000,
    99_940_000,
    999_499_999,
    999_600_000,
    10**12,
    7 * 10**14,
]


def ask(open_file, call, values):
    script = files("whet_templates").joinpath("js/flame/units.js").read_text(encoding="utf-8")
    page = open_file("about:blank")
    return page.evaluate(f"values => {{ {script}\nreturn values.map((value) => {call}); }}", values)


def test_amounts_and_times(open_file):
    chance = random.Random(5)
    values = [*AMOUNTS, *(chance.randrange(10 ** chance.randrange(1, 16)) for _ in range(400))]
    values += [-value for value in values[:200]]
    assert ask(open_file, "formatBytes(value)", values) == [format_bytes(value) for value in values]
    values = [value for value in values if value >= 0]
    assert ask(open_file, "formatSeconds(value)", values) == [format_seconds(value) for value in values]


def test_shares(open_file):
    chance = random.Random(6)
    pairs = [(0.0, 0.0), (0.0004, 0.0), (1.0, 0.0), *((chance.random(), chance.random() / 30) for _ in range(200))]
    said = ask(open_file, "formatShare(value[0], value[1])", pairs)
    assert said == [format_share(share, error) for share, error in pairs]
