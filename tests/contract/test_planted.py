"""The demo program's planted problems are found where they are hot, and all but one have a rewrite.

How hot they are is for other tests, and what the rewrites win is for `whet run --prove`: here nothing runs.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from whet.engine.loading import load_rules
from whet.engine.run import find_findings
from whet.model.finding import Finding
from whet.model.run import SourceFile

TARGETS = Path(__file__).parents[2] / "fixtures" / "targets"
PLANTED = json.loads((TARGETS / "orders.expected.json").read_text("utf-8"))["planted"]
BY_OTHER_RULES = {"native-candidate": "vectorize"}
"""The first is what remains when no rule has anything better to say."""
WITHOUT_REWRITE = {"slots"}
"""The class stands in another file."""


@pytest.fixture(scope="module")
def findings() -> tuple[Finding, ...]:
    """What the rules say of the program when the planted lines are hot."""
    sources: dict[str, SourceFile] = {}
    hot: dict[str, frozenset[int]] = {}
    for name in {entry["file"] for entry in PLANTED}:
        data = (TARGETS / name).read_bytes()
        text = data.decode("utf-8")
        sources[name] = SourceFile(name, name, hashlib.sha256(data).hexdigest(), text)
        hot[name] = frozenset(find_line(entry) for entry in PLANTED if entry["file"] == name)
    found, troubles = find_findings(sources, load_rules(), hot, (3, 13))
    assert not troubles
    return found


def find_line(entry: dict[str, Any]) -> int:
    lines = (TARGETS / entry["file"]).read_text("utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.strip() == entry["text"])


@pytest.mark.parametrize("entry", PLANTED, ids=lambda entry: f"{entry['rule']} in {entry['function']}")
def test_planted_problem_is_found(findings: tuple[Finding, ...], entry: dict[str, Any]) -> None:
    line = find_line(entry)
    rule = BY_OTHER_RULES.get(entry["rule"], entry["rule"])
    here = [each for each in findings if each.file == entry["file"] and line in each.lines and each.rule == rule]
    assert len(here) == 1
    assert bool(here[0].edits) == (rule not in WITHOUT_REWRITE)
