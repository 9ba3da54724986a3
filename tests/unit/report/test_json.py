from __future__ import annotations

import json
import re
from io import BytesIO
from pathlib import Path

import pytest

from whet.report.fake_growth import make_growth, make_scaled_run
from whet.report.fakes import make_advice, make_hotspots, make_run
from whet.report.json_ import JsonRenderer
from whet.report.view import build_view

DOCUMENT = Path(__file__).parents[3] / "docs" / "json.md"
TOP = [
    "schema", "whet", "command", "python", "origins", "duration_seconds", "cpu_seconds", "gil_seconds", "exit_status",
    "samples",
    "functions", "lines", "growth", "parts", "imbalance", "tasks", "units", "routes", "advice", "warnings",
]  # fmt: skip


def render(hostile=""):
    out = BytesIO()
    JsonRenderer().render(build_view(make_run(hostile), make_hotspots(hostile), make_advice(hostile)), out)
    return out.getvalue()


def render_scaled():
    out = BytesIO()
    JsonRenderer().render(build_view(make_scaled_run(), make_hotspots(), growth=make_growth()), out)
    return out.getvalue()


def documented(heading):
    text = DOCUMENT.read_text(encoding="utf-8")
    section = re.split(r"^## ", text.split(f"## {heading}\n", 1)[1], flags=re.MULTILINE)[0]
    return set(re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE))


def test_top_level_keys_are_exactly_the_promised_ones():
    assert list(json.loads(render())) == TOP


@pytest.mark.parametrize(
    ("heading", "pick"),
    [
        ("The object", lambda r: r),
        ("`python`", lambda r: r["python"]),
        ("An entry of `functions`", lambda r: r["functions"][0]),
        ("An entry of `units`", lambda r: r["units"][0]),
        ("An entry of `routes`", lambda r: r["routes"][0]),
        ("An entry of `advice`", lambda r: r["advice"][0]),
        ("`estimate`", lambda r: r["advice"][0]["estimate"]),
        ("An entry of `seen`", lambda r: r["advice"][0]["seen"][0]),
        ("An entry of `warnings`", lambda r: r["warnings"][0]),
    ],
)
def test_the_document_and_the_output_name_the_same_keys(heading, pick):
    assert documented(heading) == set(pick(json.loads(render())))


def test_the_document_and_the_output_name_the_same_keys_of_growth():
    growth = json.loads(render_scaled())["growth"]
    assert documented("`growth`") == set(growth)
    entry = documented("An entry of `growth.functions`")
    for row in (growth["whole"], growth["memory"], *growth["functions"], *growth["lines"]):
        assert entry == set(row)


def test_the_document_and_the_output_name_the_same_keys_of_a_line():
    line = json.loads(render())["lines"][0]
    assert documented("An entry of `functions`") | documented("An entry of `lines`") == set(line)


def test_figures_are_those_of_the_run():
    report = json.loads(render())
    function = report["functions"][0]
    assert (function["file"], function["name"], function["line"], function["end_line"]) == (
        "shop/ledger.py", "Ledger.seen", 21, 23,
    )  # fmt: skip
    assert function["spent_share"] == pytest.approx(0.412)
    assert function["attributed_seconds"] == pytest.approx(0.412 * 3.12)
    assert function["hits"] == 41_250 and function["hit_seconds"] == pytest.approx(0.412 * 3.12 / 41_250, rel=1e-4)
    assert report["duration_seconds"] == 3.4 and report["cpu_seconds"] == 3.06
    assert report["exit_status"] == 0 and report["samples"] == 312
    assert report["command"][-1] == "--token=***"
    assert report["advice"][0]["estimate"] == {"low": 1.5, "high": 1.7, "is_measured": True}


def test_what_was_not_measured_is_null_and_what_was_none_is_zero():
    report = json.loads(render())
    assert report["functions"][0]["peak_bytes"] is None
    assert report["functions"][0]["waiting_seconds"] == 0
    line = next(line for line in report["lines"] if line["name"] == "Ledger.total")
    assert line["hits"] is None and line["hit_seconds"] is None


def test_hostile_text_stays_ascii_and_strictly_readable():
    data = render("\x1b[31m\u202e\udcff</script>\"'\\")
    data.decode("ascii")
    name = json.loads(data)["functions"][0]["name"]
    assert name == "Ledger.seen\x1b[31m\u202e\\udcff</script>\"'\\"
    name.encode("utf-8")
