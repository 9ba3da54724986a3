from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from whet.errors import PluginError, StoreError, UsageError
from whet.model.frame import Frame, Owner
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile, Samples, StackTable, Thread
from whet.model.run import Execution, Interpreter, Purpose, Run, SourceFile
from whet.pipeline.advise.show import find_renderer, print_terminal, render, show, write_html
from whet.pipeline.rules.rulebook import check_rules

FILE = "/app/a.py"
LIST = """\
def main(asked):
    known = []
    for one in asked:
        if one not in known:
            known.append(one)
"""
MS = 1_000_000


def make_run(source: str = LIST, line: int = 4, *, project: str = "", **more: object) -> Run:
    frames = (
        Frame(FILE, "main", line, 1, Owner.USER),
        Frame("/usr/lib/python3.13/json/decoder.py", "decode", 9, 1, Owner.STDLIB),
    )
    samples = (Samples(Metric.CPU, 0, [0, 1], [900 * MS, 100 * MS], 1000),)
    profile = Profile(
        collector="py-spy",
        frames=frames,
        stacks=StackTable((ROOT, 0), (0, 1)),
        threads=(Thread(7, 7),),
        samples=samples,
    )
    settings: dict[str, object] = {
        "whet_version": "1",
        "command": ("a.py",),
        "started": "2025-01-01T00:00:00+00:00",
        "directory": "/app",
        "project": project,
        "interpreter": Interpreter("/usr/bin/python3", "3.13.0"),
        "executions": (Execution(Purpose.TIME, ("py-spy",), 1000 * MS, 1000 * MS, 0),),
        "profiles": (profile,),
        "sources": {FILE: SourceFile(FILE, "a.py", "", source)},
    }
    return Run(**{**settings, **more})  # type: ignore[arg-type]


def report(run: Run, **more: bool) -> dict[str, Any]:
    """Return the documented JSON of a run."""
    sink = io.BytesIO()
    render(show(run, **more), find_renderer("json"), sink)
    found = json.loads(sink.getvalue())
    assert isinstance(found, dict)
    return found


def test_a_run_becomes_functions_lines_and_suggestions() -> None:
    shown = report(make_run())
    shares = {each["name"]: (each["spent_share"], each["self_share"]) for each in shown["functions"]}
    assert shares["main"] == (1.0, 0.9)
    assert [line["line"] for line in shown["lines"]] == [4]
    assert [(each["rule"], each["line"]) for each in told(shown)] == [("list-membership", 4)]


def told(shown):
    """What rules say; the measurements themselves speak too."""
    return [each for each in shown["advice"] if each["rule"] not in ("native-candidate", "newer-python")]


def test_rules_look_at_hot_functions_only() -> None:
    hot_elsewhere = make_run(f"{LIST}\n\ndef other():\n    return 1\n", line=9)
    assert told(report(hot_elsewhere)) == []


def test_rules_that_do_not_load_are_named_and_cost_no_measurement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".whet" / "rules").mkdir(parents=True)
    (tmp_path / ".whet" / "rules" / "mine.py").write_text("raise RuntimeError('broken')\n")
    with pytest.raises(PluginError):
        check_rules(tmp_path)
    shown = report(make_run(project=str(tmp_path)))
    assert shown["functions"][0]["name"] == "main"
    assert told(shown) == []
    (warning,) = [each for each in shown["warnings"] if each["about"] == "rules"]
    assert "broken" in warning["message"]


def test_rules_of_the_project_that_one_stands_in_are_asked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".whet" / "rules").mkdir(parents=True)
    (tmp_path / ".whet" / "rules" / "mine.py").write_text(RULE)
    check_rules(tmp_path)
    run = make_run(
        "def main(rows):\n    # So that line 4 is the hot one.\n\n    return len(rows)\n", project=str(tmp_path)
    )
    assert "mine" not in [each["rule"] for each in told(report(run))], "a saved run may name any folder"
    monkeypatch.chdir(tmp_path)
    assert [each["rule"] for each in told(report(run))] == ["mine"]


def test_a_source_that_no_parser_reads_is_shown_all_the_same() -> None:
    shown = report(make_run("def main(:\n" * 9))
    assert shown["functions"][0]["name"] == "main"
    assert told(shown) == []


def test_an_empty_run_is_shown() -> None:
    shown = report(make_run(profiles=(), sources={}))
    assert (shown["functions"], shown["lines"], shown["samples"]) == ([], [], 0)


@pytest.mark.parametrize("version", ["3.13.0", "3", "", "unknown"])
def test_any_version_of_the_interpreter_is_understood(version: str) -> None:
    assert told(report(make_run(interpreter=Interpreter("/py", version))))


def test_source_is_left_out_on_request(tmp_path: Path) -> None:
    for wanted in (True, False):
        write_html(show(make_run(), include_source=wanted), tmp_path / "r.html")
        assert ("known.append(one)" in _strip((tmp_path / "r.html").read_text("utf-8"))) is wanted


def _strip(html: str) -> str:
    return re.sub(r"<[^>]*>", "", html)


def test_the_summary_names_the_report_where_there_is_one(tmp_path: Path) -> None:
    shown = show(make_run())
    with_report, without = io.StringIO(), io.StringIO()
    print_terminal(shown, with_report, tmp_path / "r.html")
    print_terminal(shown, without, None)
    assert "r.html" in with_report.getvalue()
    assert "r.html" not in without.getvalue()
    assert "main" in without.getvalue()


def test_a_file_of_somebody_else_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "thesis.html"
    path.write_text("<p>mine</p>")
    with pytest.raises(StoreError):
        write_html(show(make_run()), path)
    assert path.read_text() == "<p>mine</p>"


def test_a_renderer_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(UsageError) as caught:
        find_renderer("pdf")
    assert "pdf" in caught.value.message
    assert "html" in caught.value.hint


RULE = '''"""Say something of every call.

## What
Calls.

## Why
To be seen in a test.

## When not
Elsewhere.

## Source
None.
"""

import ast

from whet.engine.api import Case, Refuse, Rule, Safety, Speed, Triggers

RULE = Rule(slug="mine", title="A call", family="x", safety=Safety.ADVICE, speed=Speed.CONSTANT,
            triggers=Triggers(nodes=frozenset({ast.Call})))


def detect(context):
    for node in context.nodes(ast.Call):
        yield context.finding(node, "A call.")


BEFORE, AFTER = "def f(x):\\n    return len(x)\\n", "def f(x):\\n    return 0\\n"
CASES = (Case(name="one", before=BEFORE, after=AFTER, call="f", inputs=("[]",)),)
REFUSE = (Refuse("no call", "x = 1\\n"),)
'''


def test_a_run_before_stands_beside_it_and_the_reader_s_title_above_it() -> None:
    before = make_run("# one line more\n" + LIST, line=5)
    view = show(make_run(), before=before, title="Tuesday").view
    assert view.title == "Tuesday" and view.compared.startswith("Compared with the run of 2025-01-01")
    assert view.flame is not None
    (now,), (was,) = view.flame["columns"], view.flame["before"]
    assert (now["row"], now["value"], now["unit"]) == (was["row"], was["value"], was["unit"])
    assert view.flame["strings"][: len(view.flame["frames"]["name"])].count("main") == 1
    assert show(make_run()).view.flame["before"] == []  # type: ignore[index]
