"""The proof that the documentation shows is of the program and the rules that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = (ROOT / "docs" / "proving.md").read_text("utf-8").split("<!-- proof:begin", 1)[1].split("<!-- proof:end", 1)[0]
TRIALS = re.findall(r"^ ?\d+\. measured [^:]+: (.+?)(, an offer)?  (\S+):(\d+)$", BLOCK, flags=re.MULTILINE)


def test_all_rewrites_are_shown() -> None:
    (count,) = re.findall(r"^whet: (\d+) rewrites to try", BLOCK, flags=re.MULTILINE)
    assert len(TRIALS) == int(count)
    (offers,) = re.findall(r"^(\d+) of them are offers", BLOCK, flags=re.MULTILINE)
    assert sum(bool(offer) for _, offer, _, _ in TRIALS) == int(offers)


@pytest.mark.parametrize(("title", "file", "line"), [(trial[0], trial[2], int(trial[3])) for trial in TRIALS])
def test_each_is_of_a_rule_and_at_a_place_that_is_there(title: str, file: str, line: int) -> None:
    rules = [path.read_text("utf-8") for path in (ROOT / "rules" / "whet_rules").glob("*.py")]
    assert any(f'"{title}"' in text for text in rules)
    lines = (ROOT / file).read_text("utf-8").splitlines()
    assert lines[line - 1].strip()


def test_the_total_holds_what_is_promised_of_the_example() -> None:
    """At least three times as fast, with the same output."""
    totals = re.findall(
        r"rewrites, measured ([\d.]+)× faster \[([\d.]+), ([\d.]+)\] on this workload, output identical", BLOCK
    )
    ((speed, low, high),) = totals
    assert 3 <= float(low) <= float(speed) <= float(high)
