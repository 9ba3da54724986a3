"""Findings in every form: what each says, and that nothing in them can do harm."""

import json
import re
from dataclasses import replace

import pytest

from whet.model.checked import CheckedFinding, CheckResult, RuleInfo
from whet.model.finding import Edit, Finding, Safety, Speed
from whet.model.run import Notice
from whet.report.findings_github import SHOWN, render_github
from whet.report.findings_gitlab import render_gitlab
from whet.report.findings_json import render_json, render_statistics_json
from whet.report.findings_sarif import FINGERPRINT, render_sarif
from whet.report.findings_text import render_statistics, render_text

HOSTILE = "a\x1b[31m\n::error::x,y:%\u202e\ud800"


def make(number=1, *, rule="one", share=None, fixable=False, shown="src/a.py", message="M", edits=(), **words):
    finding = Finding(
        rule, f"/p/{shown}", number, number + 1, 4, "f.<locals>.g", 1, "Title", message,
        words.get("safety", Safety.SAFE), words.get("speed", Speed.ASYMPTOTIC), edits=tuple(edits),
    )  # fmt: skip
    return CheckedFinding(f"id{number}", finding, shown, words.get("path", f"sub/{shown}"), share, fixable)


def gather(*items, **words):
    rules = {
        item.finding.rule: RuleInfo(item.finding.rule, "Title of it", "loops", "First.\n\n## What") for item in items
    }
    return CheckResult(tuple(items), files=3, rules=rules, **words)


def test_text_is_as_linters_write_it():
    items = (make(), make(7, share=0.2, safety=Safety.OBSERVED, fixable=True))
    assert render_text(gather(*items)) == (
        "src/a.py:1:5 one M (safe)\n"
        "src/a.py:7:5 one [*] M (observed, at least 20 % of the run)\n"
        "Found 2 findings in 3 files.\n"
        "[*] 1 can be fixed with `--fix`.\n"
    )
    assert render_text(gather()) == "No findings in 3 files.\n"
    assert render_text(gather(fixed={"one": 2})) == "No findings left in 3 files, 2 fixed.\n"
    unread = replace(gather(), failures=(Notice("b.py", "it does not parse"),))
    assert render_text(unread) == "No findings in 3 files; 1 could not be checked.\n"
    assert render_text(gather(make(), fixed={"one": 2}), fixing=True).endswith("Found 1 finding in 3 files, 2 fixed.\n")


def test_colors_change_nothing_else():
    items = (make(fixable=True, share=0.01), make(2))
    plain, colored = render_text(gather(*items)), render_text(gather(*items), color=True)
    assert "\x1b[" in colored
    assert [line for line in re.sub(r"\x1b\[[\d;]*m", "", colored).split("\n") if line] == plain.split("\n")[:-1]


def test_statistics_count_by_rule():
    items = (make(rule="rare"), make(rule="often"), make(2, rule="often", fixable=True))
    assert render_statistics(gather(*items)).splitlines()[:2] == [
        "2  often  [*]  Title of it",
        "1  rare   [ ]  Title of it",
    ]
    assert json.loads(render_statistics_json(gather(*items))) == [
        {"rule": "often", "title": "Title of it", "count": 2, "fixable": True},
        {"rule": "rare", "title": "Title of it", "count": 1, "fixable": False},
    ]


def test_json_has_the_documented_fields():
    edit = Edit(1, 0, 2, 3, "new\n")
    assert json.loads(render_json(gather(make(edits=[edit], fixable=True), make(2, share=0.05)))) == [
        {
            "id": "id1", "file": "src/a.py", "line": 1, "end_line": 2, "column": 5, "rule": "one", "title": "Title",
            "message": "M", "safety": "safe", "speed": "∞", "function": "f.<locals>.g", "share": None, "fixable": True,
            "edits": [{"line": 1, "column": 1, "end_line": 2, "end_column": 4, "text": "new\n"}],
        },
        {
            "id": "id2", "file": "src/a.py", "line": 2, "end_line": 3, "column": 5, "rule": "one", "title": "Title",
            "message": "M", "safety": "safe", "speed": "∞", "function": "f.<locals>.g", "share": 0.05, "fixable": False,
            "edits": [],
        },
    ]  # fmt: skip
    assert json.loads(render_json(gather())) == []


def test_github_gets_the_dearest_as_warnings_and_no_more_than_it_shows():
    items = [make(number, share=0.01) for number in range(1, 24)] + [make(99, share=0.5)]
    lines = render_github(gather(*items)).splitlines()
    assert lines[0] == (
        "::warning title=whet (one),file=sub/src/a.py,line=99,endLine=100,col=5::M At least 50 %25 of the run. (safe)"
    )
    assert sum(line.startswith("::warning ") for line in lines) == SHOWN
    assert sum(line.startswith("::notice ") for line in lines) == SHOWN
    assert lines[2 * SHOWN] == "whet: 4 more findings, beyond GitHub's limit for annotations:"
    assert len(lines) == 2 * SHOWN + 1 + 4


def test_github_gets_what_the_pull_request_changes_first():
    items = [make(1, share=0.5), make(10, share=0.2), make(20), make(30)]
    changed = {"sub/src/a.py": (range(2, 2), range(31, 33), range(11, 12)), "other.py": (range(20, 21),)}
    lines = render_github(gather(*items), changed).splitlines()
    assert [int(line.split("line=")[1].split(",")[0]) for line in lines] == [10, 30, 1, 20]


def test_github_can_be_told_nothing_by_what_it_shows():
    items = [make(number, shown=HOSTILE, path=HOSTILE, message=HOSTILE, rule=HOSTILE) for number in range(25)]
    lines = render_github(gather(*items)).splitlines()
    assert len(lines) == 26
    for line in lines[: 2 * SHOWN]:
        properties, _, message = line[2:].partition("::")
        assert properties.count(",") == 4
        assert properties.count(":") == 0
        assert "\x1b" not in message
    assert not any(line.lstrip().startswith(("::", "##[")) for line in lines[2 * SHOWN :])


def test_gitlab_gets_unlike_fingerprints_and_a_severity():
    issues = json.loads(render_gitlab(gather(make(), make(), make(3, speed=Speed.CONSTANT, share=0.05))))
    assert [issue["fingerprint"] for issue in issues] == ["id1", "id1-2", "id3"]
    assert [issue["severity"] for issue in issues] == ["major", "major", "info"]
    assert issues[2] == {
        "description": "M At least 5 % of the run. (safe)",
        "check_name": "one",
        "fingerprint": "id3",
        "severity": "info",
        "categories": ["Performance"],
        "location": {"path": "sub/src/a.py", "lines": {"begin": 3, "end": 4}},
    }


def test_sarif_is_what_code_scanning_wants():
    edit = Edit(1, 0, 1, 3, "new")
    result = gather(
        make(edits=[edit]),
        make(2, rule="two", path="a b/ü#.py", share=0.2, safety=Safety.ADVICE, edits=[edit]),
        make(3, path="/elsewhere/x.py"),
        make(4, path="C:/x y.py"),
        failures=(Notice("a.py", "a.py does not parse", "mend it"),),
        notices=(Notice("profile", "gone"),),
    )
    document = json.loads(render_sarif(result, "1.2.3"))
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["semanticVersion"]) == ("whet", "1.2.3")
    assert [rule["id"] for rule in driver["rules"]] == ["one", "two"]
    assert driver["rules"][0]["fullDescription"]["text"] == "First."
    first, second, third, fourth = run["results"]
    assert first["partialFingerprints"] == {FINGERPRINT: "id1"}
    place = first["locations"][0]
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": "sub/src/a.py", "uriBaseId": "SRCROOT"},
        "region": {"startLine": 1, "startColumn": 5, "endLine": 2},
    }
    assert place["logicalLocations"] == [{"fullyQualifiedName": "f.<locals>.g", "kind": "function"}]
    (replacement,) = first["fixes"][0]["artifactChanges"][0]["replacements"]
    assert replacement["deletedRegion"] == {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 4}
    assert replacement["insertedContent"] == {"text": "new"}
    assert driver["rules"][second["ruleIndex"]]["id"] == "two"
    assert "fixes" not in second
    assert second["rank"] == 20
    assert second["properties"] == {"safety": "advice", "share": 0.2}
    uris = [item["locations"][0]["physicalLocation"]["artifactLocation"] for item in (second, third, fourth)]
    assert uris == [
        {"uri": "a%20b/%C3%BC%23.py", "uriBaseId": "SRCROOT"},
        {"uri": "file:///elsewhere/x.py"},
        {"uri": "file:///C:/x%20y.py"},
    ]
    assert "SRCROOT" in run["originalUriBaseIds"]
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert [note["level"] for note in invocation["toolExecutionNotifications"]] == ["error", "note"]


@pytest.mark.parametrize("render", [render_text, render_statistics, render_json, render_github, render_gitlab])
def test_hostile_text_is_shown_and_not_obeyed(render):
    edit = Edit(1, 0, 1, 1, HOSTILE)
    item = make(shown=HOSTILE, path=HOSTILE, message=HOSTILE, rule=HOSTILE, edits=[edit], fixable=True)
    text = render(gather(item))
    text.encode("utf-8")
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_hostile_text_in_sarif():
    text = render_sarif(gather(make(shown=HOSTILE, path=HOSTILE, message=HOSTILE, rule=HOSTILE)), "1")
    text.encode("ascii")
    json.loads(text)
