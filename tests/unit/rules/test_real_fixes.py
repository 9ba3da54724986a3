"""The list of lines that maintainers fixed for speed, which the benchmark of recall reads."""

import json
from pathlib import Path

from whet.engine.loading import load_rules

LISTED = json.loads((Path(__file__).parents[3] / "benchmarks/real_fixes.json").read_text("utf-8"))


def test_real_fixes_name_rules_that_exist_and_sides_that_share_no_package():
    fixes, slugs = LISTED["fixes"], {module.rule.slug for module in load_rules()}
    assert {rule for fix in fixes for rule in fix["rules"]} <= slugs
    sides = {held_out: {fix["package"] for fix in fixes if fix["held_out"] is held_out} for held_out in (False, True)}
    assert sides[False].isdisjoint(sides[True])
    assert len(fixes) >= 40
    assert len(LISTED["right"]) >= 20
