"""The HTML, the terminal and Markdown say the same: their figures are read back and compared."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO

import pytest
from markdown_it import MarkdownIt

from whet.model.advice import Estimate
from whet.report.fakes import make_advice, make_calls, make_flames, make_hotspots, make_proven, make_run
from whet.report.html import HtmlRenderer
from whet.report.markdown import MarkdownRenderer
from whet.report.parts import Kind
from whet.report.terminal import TerminalRenderer
from whet.report.view import build_view

WIDTH = 400


class Tables(HTMLParser):
    """The tables of a page as rows of texts, and all of its text."""

    def __init__(self, page):
        super().__init__()
        self.tables, self.words, self.cell, self.mute = [], [], None, 0
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.cell = []
        elif tag in ("script", "style"):
            self.mute += 1

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.tables[-1][-1].append(squeeze("".join(self.cell)))
            self.cell = None
        elif tag in ("script", "style"):
            self.mute -= 1

    def handle_data(self, data):
        if self.mute:
            return
        self.words.append(data)
        if self.cell is not None:
            self.cell.append(data)

    def find(self, *heads):
        """Return the rows of the first table with these columns, each as a dictionary."""
        for head, *rows in self.tables:
            if set(heads) <= set(head):
                return [dict(zip(head, row, strict=True)) for row in rows]
        raise AssertionError(f"no table has {heads}")

    @property
    def text(self):
        return squeeze("".join(self.words))


def squeeze(text):
    return " ".join(text.split())


def make_views():
    run, advice = make_proven()
    hotspots = make_hotspots()
    held = tuple(
        replace(spot, cost=replace(spot.cost, allocated_bytes=10**6 * n, peak_bytes=10**5 * n))
        for n, spot in enumerate(hotspots.functions, 1)
    )
    measured = replace(hotspots, functions=held)
    return {
        "plain": build_view(make_run(), hotspots, make_advice(), make_flames(), calls=make_calls()),
        "proven": build_view(run, hotspots, advice, make_flames(), calls=make_calls()),
        "memory": build_view(make_run(), measured, make_advice(), make_flames(), calls=make_calls()),
    }


VIEWS = make_views()


@pytest.fixture(params=VIEWS)
def view(request):
    return VIEWS[request.param]


@pytest.fixture
def html(view):
    sink = BytesIO()
    HtmlRenderer().render(view, sink)
    return Tables(sink.getvalue().decode())


@pytest.fixture
def markdown(view):
    return Tables(MarkdownIt("commonmark", {"html": True}).enable("table").render(MarkdownRenderer().format(view)))


@pytest.fixture
def terminal(view):
    return TerminalRenderer(WIDTH).format(view)


def read_terminal(text):
    """Return share, time and name of each function in a terminal's table."""
    lines = iter(text.splitlines())
    head = next(line for line in lines if line.split()[:2] == ["share", "time"])
    share_end, time_end = head.index("share") + 5, head.index("time") + 4
    rows = []
    for line in lines:
        if not line:
            break
        share, time, rest = line[:share_end], line[share_end:time_end], line[head.index("function") :]
        if share.strip():
            rows.append((share.strip(), time.strip(), rest.split("  ")[0]))
    return rows


def test_functions_have_the_same_figures(view, html, markdown, terminal):
    told = [(row["Share"], row["Time"], row["Function"]) for row in markdown.find("Function", "Share", "Self")]
    assert len(told) == 6
    assert told == read_terminal(terminal)
    first = [
        (row["Share"], row["Time"], row["Function"].split(" ")[0]) for row in html.find("Function", "Share", "Time")
    ]
    assert told[: len(first)] == first
    if view.columns.memory:
        ours = [(row["At peak"], row["Allocated"]) for row in markdown.find("Function", "At peak")]
        theirs = [(row["At peak"], row["Allocated"]) for row in html.find("Function", "At peak")]
        assert ours[: len(theirs)] == theirs and len(theirs) == 5
        assert "–" not in dict(ours)


def test_lines_have_the_same_figures(html, markdown):
    table = html.find("Line", "Attributed CPU time", "Hits count")
    lines = markdown.find("Line", "Code", "Per hit")
    assert len(lines) == len(table) == 6
    for ours, theirs in zip(lines, table, strict=True):
        assert f"{ours['Line']} {ours['Code']}" == theirs["Line"]
        assert ours["Share"] == theirs["Share % ± error"]
        assert (ours["Hits"], ours["Per hit"]) == (theirs["Hits count"], theirs["Per hit time"])


def test_the_verdict_and_the_first_facts_are_the_same(view, html, markdown, terminal):
    summary = view.summary
    for figure in (summary.verdict, summary.duration.text, summary.cpu.text, summary.peak.text, f"{summary.samples:,}"):
        assert figure in html.text and figure in markdown.text and figure in terminal, figure
    for words in (summary.not_measured, view.provenance.exit_text, view.provenance.python):
        assert words in html.text and words in markdown.text and words in terminal, words


def test_a_gain_that_nobody_measured_has_no_number():
    advice = tuple(replace(item, estimate=Estimate(1.0, 5.7, is_measured=False)) for item in make_advice())
    view = build_view(make_run(), make_hotspots(), advice)
    assert [(str(item.gain), item.gain.value) for item in view.suggestions] == [("not measured", None)] * 2
    sink = BytesIO()
    HtmlRenderer().render(view, sink)
    for text in (sink.getvalue().decode(), MarkdownRenderer().format(view), TerminalRenderer(200).format(view)):
        assert text.count("gain not measured") >= 2
        assert "5.7×" not in text


def test_suggestions_have_the_same_gain_share_and_standing(view, html, markdown, terminal):
    assert view.top_suggestions
    for item in view.top_suggestions:
        gain = f"{item.gain} {item.proof.gain.interval}" if item.proof else f"{item.gain}"
        share = f"{item.share} of the run"
        assert f"{gain} {'measured' if item.proof else 'estimated'} · {share}" in html.text
        assert f"{gain} {'measured' if item.proof else 'estimated'} · {share}" in markdown.text
        state = f"{item.safety}, {item.verdict}" if item.kind is Kind.REWRITE else "no rewrite"
        assert f"{share} · {'measured' if item.proof else 'estimated'} {gain} · {state}" in terminal
        assert f"· {item.safety}, {item.verdict} ·" in markdown.text
    for item in view.suggestions:
        if item.is_refuted:
            assert item.place in markdown.text
            assert f"measured {item.proof.gain.factor} {item.proof.gain.interval}" in html.text
            assert f"measured {item.proof.gain.factor} {item.proof.gain.interval}" in markdown.text
            assert item.title not in terminal


def test_warnings_are_the_same(view, html, markdown, terminal):
    assert view.cautions
    for caution in view.cautions:
        assert caution.message in html.text and caution.message in markdown.text and caution.message in terminal
