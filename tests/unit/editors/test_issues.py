"""What is said of a place: suggestions where their lines are now, joined with findings, and shown harmless."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest

from whet.editors.align import Lines
from whet.editors.issues import Issue, join_issues, place_advice, read_findings
from whet.editors.measured import FileCosts, place_costs
from whet.editors.show import (
    describe_change,
    describe_class,
    describe_function,
    describe_issue,
    describe_line,
    describe_proof,
    label_line,
    name_program,
)
from whet.model.finding import Edit
from whet.report.fakes import make_advice, make_hotspots, make_run
from whet.report.json_ import JsonRenderer
from whet.report.view import build_view

SOURCE = [f"line {number}" for number in range(1, 41)]
FINDING = {
    "id": "a1", "rule": "list-membership", "title": "Ask a set", "message": "M", "safety": "safe", "line": 23,
    "end_line": 23, "column": 16, "share": None,
    "edits": [{"line": 23, "column": 16, "end_line": 23, "end_column": 20, "text": "numbers"}],
}  # fmt: skip
GAIN = {"speed": 1.5, "low": 1.4, "high": 1.6, "pairs": 20, "confidence": 0.99}
PROOF = {
    "total": {"verdict": "faster", "gain": GAIN},
    "rewrites": [{"verdict": "faster", "why": "", "gain": GAIN}],
    "checked": {"is_checked": True, "why_not": ""},
    "notes": [],
}


def make_report(hostile: str = "") -> Any:
    out = BytesIO()
    JsonRenderer().render(build_view(make_run(hostile), make_hotspots(hostile), make_advice(hostile)), out)
    return json.loads(out.getvalue())


def make_costs(hostile: str = "") -> FileCosts:
    report = make_report(hostile)
    rows = {
        kind: tuple(row for row in report[kind] if hostile or row["file"] == "shop/ledger.py")
        for kind in ("lines", "functions", "advice")
    }
    return FileCosts(tuple(SOURCE), **rows)


def test_suggestions_have_their_rewrite_only_while_the_text_is_as_measured():
    costs = make_costs()
    costs = replace(costs, advice=({**costs.advice[0], "edits": FINDING["edits"]}, *costs.advice[1:]))
    issue, *_ = place_advice(costs.advice, Lines(SOURCE, SOURCE))
    assert (issue.line, issue.rule, issue.share) == (23, "list-membership", 0.412)
    assert issue.is_rewrite
    assert issue.estimate.startswith("estimated for the whole run: 1.5")
    assert any("self.numbers: seen 214 times" in sentence for sentence in issue.evidence)
    moved, *_ = place_advice(costs.advice, Lines(SOURCE, ["new", *SOURCE]))
    assert (moved.line, moved.edits) == (24, ())
    left = place_advice(costs.advice, Lines(SOURCE, [line for line in SOURCE if line != "line 23"]))
    assert issue.rule not in [each.rule for each in left]
    assert place_advice([{**costs.advice[0], "kind": "general"}], Lines(SOURCE, SOURCE)) == []


def test_findings_of_the_text_now_give_a_suggestion_its_place_and_rewrite():
    (finding,) = read_findings([FINDING])
    assert finding.edits == (Edit(23, 15, 23, 19, "numbers"),)
    advice, *_ = place_advice(make_costs().advice, Lines([*SOURCE, "x"], [*SOURCE, "y"]))
    assert (advice.line, advice.edits) == (23, ())
    plain = Issue("b", "other", "T", "M", "safe", 5, 5)
    (first, second) = join_issues([advice], [finding, plain])
    assert first is plain
    assert (second.column, second.edits, second.share) == (15, finding.edits, 0.412)


def test_lines_below_the_least_share_and_those_that_are_gone_have_no_hint():
    costs = make_costs()
    every = place_costs(costs, Lines(SOURCE, SOURCE), 0.0)
    assert every.is_same
    assert every.gone == 0
    assert 23 in [line for line, _ in every.lines]
    few = place_costs(costs, Lines(SOURCE, SOURCE), 0.4)
    assert [line for line, _ in few.lines] == [23]
    row = next(row for row in costs.lines if row["line"] == 23)
    rare = replace(costs, lines=({**row, "samples": 2},))
    assert place_costs(rare, Lines(SOURCE, SOURCE), 0.0).lines == ()
    changed = place_costs(costs, Lines(SOURCE, [*SOURCE[:22], "other", *SOURCE[23:]]), 0.4)
    assert (changed.lines, changed.gone) == ((), 1)
    assert describe_change(changed) == "1 of its 1 measured lines is gone or moved"


def test_a_hint_has_share_and_hits_and_its_tooltip_the_rest():
    rows = {row["line"]: row for row in make_costs().lines}
    assert label_line(rows[23]) == "41.2 % · 41,250×"
    assert label_line({**rows[23], "hits": None}) == "41.2 %"
    first, *_ = describe_line(rows[23])
    assert first.startswith("41.2 % ±1.4 of the run, 1.29 s")
    assert describe_class(0.2, "whet-hot.json") == "at least 20 % of the run that whet-hot.json was made from"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "Faster: 1.5× as fast [1.4, 1.6]. 99 % confidence, 20 pairs of runs. Output equal."),
        (
            {"checked": {"is_checked": False, "why_not": "it differs from run to run"}},
            "Output not compared (it differs",
        ),
        (
            {
                "total": {"verdict": "untested", "gain": None},
                "rewrites": [{"verdict": "different output", "why": "stdout, line 1: '1' became '2'", "gain": None}],
            },
            "Different output. stdout, line 1: '1' became '2'.",
        ),
        ({"total": {"verdict": "untested", "gain": None}, "rewrites": []}, "Not run."),
    ],
)
def test_a_proof_is_said_in_a_few_words(change, words):
    said = describe_proof({**PROOF, **change})
    assert words in said
    if "different" in said.lower():
        assert "Output equal" not in said


def test_nothing_of_a_program_steers_the_editor():
    hostile = "\x1b[31m\u202e\n# heading"
    costs = make_costs(hostile)
    texts = [name_program(hostile)]
    texts += [text for row in costs.lines for text in describe_line(row)]
    texts += [describe_function(row) for row in costs.functions]
    for issue in place_advice(costs.advice, Lines(SOURCE, SOURCE)):
        texts += describe_issue(issue)
    assert costs.lines
    assert not {"\x1b", "\u202e", "\n"} & set("".join(texts))
