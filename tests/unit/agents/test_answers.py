"""What agents are answered: bounded, with how to get more, and nothing that steers a terminal."""

from __future__ import annotations

import copy
import json
from io import BytesIO

import pytest

from whet.agents.answers import (
    MOST_CHARACTERS,
    annotate,
    bound,
    describe_advice,
    describe_findings,
    describe_hotspots,
    describe_output,
    describe_proof,
    describe_run,
)
from whet.report.fakes import make_advice, make_hotspots, make_run
from whet.report.json_ import JsonRenderer
from whet.report.view import build_view


def make_report(hostile: str = "") -> dict:
    out = BytesIO()
    JsonRenderer().render(build_view(make_run(hostile), make_hotspots(hostile), make_advice(hostile)), out)
    return json.loads(out.getvalue())


GAIN = {
    "speed": 1.5, "low": 1.4, "high": 1.6, "pairs": 20, "confidence": 0.99, "clock": "cpu", "before_seconds": 3.0,
    "after_seconds": 2.0, "before_peak_bytes": 10, "after_peak_bytes": 8,
    "memory": {"ratio": 0.8, "low": 0.7, "high": 0.9},
}  # fmt: skip
CHECKED = {
    "is_checked": True, "why_not": "", "stdout_bytes": 120, "files": [], "file_bytes": 0, "written_not_compared": [],
    "tolerance": 0, "tests": "",
}  # fmt: skip
PROOF = {
    "total": {"verdict": "faster", "rewrites": ["change"], "gain": GAIN},
    "rewrites": [{"verdict": "faster", "why": "", "gain": GAIN}],
    "checked": CHECKED,
    "executions": 44,
    "seconds": 90.0,
    "hunks": [],
    "notes": [],
}


def test_an_answer_is_bounded_and_says_how_to_get_the_rest():
    text = bound((f"line {number}" for number in range(100_000)), "use offset=")
    assert len(text) <= MOST_CHARACTERS
    assert text.endswith("lines left out; use offset=]")
    assert bound(["x" * 10_000], "").count("x") < 400
    assert bound(["a", "b"], "never shown") == "a\nb"


def test_hotspots_are_numbered_and_the_next_ones_named():
    report = make_report()
    lines = list(describe_hotspots(report, 2, 0))
    assert "functions 1 to 2 of 6" in lines
    assert "[more: hotspots(offset=2)]" in lines
    assert any(line.startswith("41.2 % ±") and "shop/ledger.py:23  Ledger.seen" in line for line in lines)
    assert any("41,250 hits" in line for line in lines)
    assert any("calls Decoder.decode 62 %" in line for line in lines)
    assert list(describe_hotspots(report, 2, 0, "no.py"))[1:] == ["no functions", "no lines"]
    (only,) = {
        line.split("  ")[1].split(":")[0] for line in describe_hotspots(report, 9, 0, "orders.py") if "%" in line
    }
    assert only == "orders.py"


def test_advice_has_its_diff_and_is_paged():
    report = make_report()
    text = "\n".join(describe_advice(report, 1, 0))
    assert "1. Ask a set, not a list, for membership  shop/ledger.py:23  list-membership" in text
    assert "+        return number in self.number_set" in text
    assert text.endswith("advice(offset=1)]")
    assert "2. Collect the pieces" in next(iter(describe_advice(report, 5, 1)))
    assert "no rule has a suggestion" in next(iter(describe_advice({**report, "advice": []}, 5, 0)))


def test_a_source_is_annotated_with_what_its_lines_cost():
    text = "".join(f"line {number}\n" for number in range(1, 41))
    lines = list(annotate(text, make_report(), "shop/ledger.py", 22, 24))
    assert lines[0] == "shop/ledger.py, lines 22 to 24 of 40"
    assert lines[3].split() == ["41.2", "%", "1.29", "s", "41,250", "23", "|", "line", "23"]
    assert lines[2].split() == ["22", "|", "line", "22"]
    assert next(annotate(text, make_report(), "shop/ledger.py", 50, 60)).endswith("of 40")


HUNK = {
    "title": "hunk 1", "place": "a.py:3", "verdict": "faster", "why": "",
    "gain": {"speed": 1.3, "low": 1.2, "high": 1.4},
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ["verdict: faster", "speed: 1.5× [1.4, 1.6]", "99 % confidence", "peak memory: 0.8 [0.7, 0.9]", "equal"]),
        (
            {"checked": {**CHECKED, "is_checked": False, "why_not": "it differs"}},
            ["not compared (it differs)", "tests="],
        ),
        ({"checked": {**CHECKED, "written_not_compared": ["a.csv"]}}, ["written and not compared: a.csv", "compare="]),
        (
            {
                "hunks": [
                    HUNK,
                    HUNK | {"title": "hunk 2", "gain": None, "verdict": "not run", "why": "it exits with 1"},
                ]
            },
            [
                "hunk 1 (a.py:3), the others in place: faster 1.3× [1.2, 1.4]",
                "hunk 2 (a.py:3), the others in place: not run: it exits with 1",
            ],
        ),
        ({"notes": ["ended early"]}, ["note: ended early", "no file of the project was changed"]),
    ],
)
def test_a_verdict_has_its_interval_and_what_was_compared(change, words):
    text = "\n".join(describe_proof({**PROOF, **change}))
    for word in words:
        assert word in text


@pytest.mark.parametrize("verdict", ["different output", "failed", "not run"])
def test_nothing_is_called_equal_of_a_change_that_is_refuted(verdict):
    proof = copy.deepcopy(PROOF)
    proof["total"] = {"verdict": "untested", "rewrites": [], "gain": None}
    proof["rewrites"] = [{"verdict": verdict, "why": "stdout, line 1: '1' became '2'", "gain": None}]
    lines = list(describe_proof(proof))
    assert lines[:2] == [f"verdict: {verdict}", "why: stdout, line 1: '1' became '2'"]
    assert "equal" not in "\n".join(lines)


def test_findings_are_paged():
    finding = {
        "file": "a.py", "line": 3, "rule": "str-concat", "title": "T", "message": "M", "safety": "safe", "share": 0.5,
        "fixable": True,
    }  # fmt: skip
    lines = list(describe_findings([finding] * 3, 2, 0))
    assert lines[:2] == ["3 findings", "a.py:3  str-concat  T (50.0 % of the profile, safe, fixable)"]
    assert lines[-1] == "[1 more: check(offset=2)]"


def test_names_and_output_of_the_program_are_shown_harmless():
    report = make_report("\x1b[31m\u202e")
    texts = [*describe_run(report, "r"), *describe_hotspots(report, 9, 0), *describe_advice(report, 9, 0)]
    texts += describe_output("stdout", b"\x1b[2J\xff" + b"x" * 5000, 5002)
    assert not {"\x1b", "\u202e"} & set("".join(texts))
    assert "stdout, 5,002 bytes, the end:" in texts
