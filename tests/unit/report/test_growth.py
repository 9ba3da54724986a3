"""The section on growth, in each rendering."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO
from xml.etree import ElementTree

import pytest

from whet.model.growth import Agreement
from whet.report.fake_growth import make_causes, make_fit, make_growth, make_scaled_run
from whet.report.fakes import make_advice, make_flames, make_hotspots
from whet.report.growth import describe_cause, format_exponent
from whet.report.html import HtmlRenderer
from whet.report.json_ import to_object
from whet.report.markdown import MarkdownRenderer
from whet.report.terminal import TerminalRenderer
from whet.report.view import ReportView, build_view
from whet.scale.growth import find_growth


@pytest.fixture(scope="module")
def view() -> ReportView:
    return build_view(
        make_scaled_run(),
        make_hotspots(),
        make_advice(),
        make_flames(),
        growth=make_growth(),
        causes=make_causes(),
    )


def render_html(view: ReportView) -> str:
    sink = BytesIO()
    HtmlRenderer().render(view, sink)
    return sink.getvalue().decode()


def test_sentences_say_what_was_measured_and_how_far_the_rest_reaches(view: ReportView) -> None:
    assert view.growth is not None
    text = " ".join(view.growth.sentences)
    assert "CPU time grows as n^1.84 [1.63, 2.05], measured from n = 1,000 to 8,000 in 8 runs" in text
    assert "At n = 80,000, 10 times beyond what was measured" in text
    assert "Below n = 1,200, what does not grow (start, imports) costs more" in text
    assert "Below n = 2,500, read costs more than Ledger.seen" in text
    assert "n^0.02 [-0.04, 0.08] (constant)" in text


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (1_000_000, "At n = 1,000,000, 125 times beyond what was measured, it takes about"),
        (10_000, "At n = 10,000, 1.2 times beyond what was measured"),
        (3_000, "At n = 3,000, within what was measured"),
        (100, "At n = 100, 10 times below what was measured"),
    ],
)
def test_the_cost_at_another_size_says_how_far_it_reaches(size: int, words: str) -> None:
    run = make_scaled_run()
    growth = find_growth(replace(run.scaling, predict=size))
    assert growth is not None
    view = build_view(run, make_hotspots(), growth=growth)
    assert view.growth is not None
    assert words in " ".join(view.growth.sentences)
    cost = view.growth.whole
    assert cost.ahead.value is not None
    assert cost.ahead_low < cost.ahead.value < cost.ahead_high
    assert f"{size:,}" in [label for _, label in view.growth.size_ticks] or size == 10_000
    for curve in view.growth.curves:
        assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y in (*curve.points, *curve.line, *curve.band))
    html = render_html(view)
    assert f"n = {size:,}" in html


def test_a_crossing_beyond_the_measured_sizes_says_so() -> None:
    growth = make_growth()
    crossing = replace(growth.crossings[1], size=23_456.0)
    changed = replace(growth, crossings=(crossing,))
    view = build_view(make_scaled_run(), make_hotspots(), growth=changed)
    assert view.growth is not None
    assert view.growth.sentences[-1].startswith("Below n = 23,000")
    assert view.growth.sentences[-1].endswith("beyond what was measured.")


@pytest.mark.parametrize(
    ("agreement", "words"),
    [
        (Agreement.CONFIRMED, "removes this growth"),
        (Agreement.NOT_SEEN, "which these sizes do not show"),
        (Agreement.FACTOR_ONLY, "a constant factor"),
        (Agreement.OPEN, "len(self.numbers) to 8,000 as n^1.00"),
    ],
)
def test_a_cause_names_line_length_and_what_follows(agreement: Agreement, words: str) -> None:
    (cause,) = make_causes()
    text = describe_cause(replace(cause, agreement=agreement))
    assert "line 23 grows as n^2.00 [1.92, 2.08]" in text
    assert words in text


def test_a_length_that_does_not_grow_is_not_named() -> None:
    (cause,) = make_causes()
    (grows,) = cause.lengths
    stays = replace(grows, name="name", exponent=replace(grows.exponent, value=0.04))
    assert "len(name)" not in describe_cause(replace(cause, lengths=(stays, grows)))


def test_the_card_of_a_suggestion_names_the_growth(view: ReportView) -> None:
    assert any("line 23 grows as n^2.00" in sentence for sentence in view.suggestions[0].evidence)


def test_the_picture_is_inside_its_frame(view: ReportView) -> None:
    growth = view.growth
    assert growth is not None
    assert [curve.label for curve in growth.curves] == ["the program", "Ledger.seen", "read"]
    for curve in growth.curves:
        assert curve.points
        for x, y in (*curve.points, *curve.line, *curve.band):
            assert 0 <= x <= 1
            assert 0 <= y <= 1
        assert [x for x, _ in curve.line] == sorted(x for x, _ in curve.line)
    assert 0 < growth.measured_to < 1
    assert [text for _, text in growth.size_ticks][-1] == "80,000"


def test_the_page_draws_points_fits_and_bands(view: ReportView) -> None:
    html = render_html(view)
    start = html.index('<svg class="growth"')
    svg = html[start : html.index('<ul class="legend">')]
    root = ElementTree.fromstring(svg)
    tags = [element.tag for element in root.iter()]
    assert tags.count("circle") == 24
    assert tags.count("polyline") == tags.count("polygon") == 3
    assert "n^2.00 [1.92, 2.08]" in html
    assert '<a href="#growth">' in html


def test_hotspots_have_a_column_of_exponents(view: ReportView) -> None:
    assert view.columns.growth
    assert [row.growth.value for row in view.functions if row.name == "Ledger.seen"] == [2.0]
    html = render_html(view)
    assert html.count("<small>exponent</small>") == 2
    plain = build_view(make_scaled_run(), make_hotspots())
    assert "<small>exponent</small>" not in render_html(plain)


def test_json_has_every_figure(view: ReportView) -> None:
    document = json.loads(json.dumps(to_object(view)))
    growth = document["growth"]
    assert growth["sizes"] == [1000, 2000, 4000, 8000]
    assert growth["ahead"] == 80_000
    whole = growth["whole"]
    assert (whole["exponent"], whole["low"], whole["high"]) == pytest.approx((1.84, 1.63, 2.05))
    assert whole["cost"] == pytest.approx(1.7)
    assert whole["ahead_low"] < whole["ahead"] < whole["ahead_high"]
    assert growth["functions"][0]["shape"] == "n²"
    assert growth["functions"][0]["cost"] == pytest.approx(1.28)
    assert growth["lines"][0]["causes"]
    assert len(growth["runs"]) == 8
    assert [row["exponent"] for row in document["functions"]][:1] == [2.0]
    assert to_object(build_view(make_scaled_run(), make_hotspots()))["growth"] is None


def test_markdown_and_terminal_say_the_same(view: ReportView) -> None:
    markdown = MarkdownRenderer().format(view)
    assert "### How cost grows" in markdown
    assert "n^2.00\u00a0[1.92,\u00a02.08]" in markdown
    for width in (40, 60, 100):
        text = TerminalRenderer(width).format(view)
        assert "n^1.84 [1.63, 2.05]" in " ".join(text.split())
        assert all(len(line) <= width for line in text.splitlines())
        assert len(text.splitlines()) <= 40


def test_without_source_no_code_is_shown(view: ReportView) -> None:
    hidden = build_view(make_scaled_run(), make_hotspots(), growth=make_growth(), include_source=False)
    assert hidden.growth is not None
    assert view.growth is not None
    assert view.growth.lines[0].code
    assert not any(row.code for row in hidden.growth.lines)


def test_exponents_are_written_with_their_interval() -> None:
    assert format_exponent(make_fit(1.98, 0.05, 1.0).exponent) == "n^1.98 [1.93, 2.03]"
