"""Hostile texts through everything that shows some: nothing of them is obeyed, and nothing breaks."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from io import BytesIO

import pytest
from markdown_it import MarkdownIt
from rich.cells import cell_len
from tests.hostile import CORPUS, TERMINAL

from whet.model.checked import CheckedFinding, CheckResult, RuleInfo
from whet.model.finding import Edit, Finding, Safety, Speed
from whet.model.source import Notice
from whet.plugins import Group, find_plugins, load_plugin
from whet.report.fake_growth import make_causes, make_growth, make_scaled_run
from whet.report.fakes import make_calls, make_flames, make_hotspots, make_proven
from whet.report.findings_github import render_github
from whet.report.findings_gitlab import render_gitlab
from whet.report.findings_json import render_json, render_statistics_json
from whet.report.findings_sarif import render_sarif
from whet.report.findings_text import render_statistics, render_text
from whet.report.html import HtmlRenderer
from whet.report.markdown import LONGEST, MarkdownRenderer
from whet.report.sanitize import show
from whet.report.terminal import MOST_LINES, TerminalRenderer
from whet.report.view import build_view

SHORT = 70
"""Up to this length a name stands whole in every report."""
IN_BOTH = frozenset(list(CORPUS.values())[::8])
"""Texts that are rendered without colours too."""
OWN_COLORS = re.compile(r"\x1b\[[\d;]*m")
VOID = {"link", "meta", "rect", "br", "input", "col", "hr", "img", "circle", "line", "path", "polyline"}


@pytest.fixture(params=CORPUS.values(), ids=CORPUS.keys())
def text(request):
    return request.param


@pytest.fixture
def view(text):
    return make_view(text)


@cache
def make_view(text):
    """Return a view with the text wherever a program can put one: names, paths, sources, arguments, errors, titles."""
    run, advice = make_proven(text)
    stopped = replace(run.executions[0], stopped=f"KeyError: {text}")
    run = replace(run, scaling=make_scaled_run(text).scaling)
    run = replace(run, executions=(stopped,), command=(f"{text}.py", text), directory=f"/srv/{text}", commit=text)
    advice = tuple(
        replace(item, finding=replace(item.finding, title=f"{item.finding.title} {text}", rule=f"r{text}"))
        for item in advice
    )
    return build_view(
        run,
        make_hotspots(text),
        advice,
        make_flames(text),
        calls=make_calls(text),
        title=f"Title {text}",
        growth=make_growth(text),
        causes=make_causes(text),
    )


@cache
def render_html(text):
    return render(HtmlRenderer(), make_view(text))


@cache
def render_markdown(text):
    return MarkdownRenderer().format(make_view(text))


def render(renderer, view):
    sink = BytesIO()
    renderer.render(view, sink)
    return sink.getvalue().decode("utf-8")


def is_seen(character):
    return character.isprintable() or unicodedata.category(character) == "Zs"


class Page(HTMLParser):
    """The elements of a page, in order, its attributes and its text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.words, self.open = [], [], [], []
        self.unbalanced = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attributes]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.unbalanced.append(tag)
        else:
            self.open.pop()

    def handle_data(self, data):
        if "script" not in self.open and "style" not in self.open:
            self.words.append(data)

    @property
    def text(self):
        return squeeze("".join(self.words).replace("\u200b", ""))


def squeeze(text):
    return " ".join(text.split())


def read_markdown(text):
    """Return the page that a site makes of Markdown: tables, bare addresses made links, HTML taken in."""
    reader = MarkdownIt("gfm-like", {"html": True})
    reader.linkify.set({"fuzzy_link": False})
    reader.linkify.add("//", None)  # no site makes links of these
    return Page(reader.render(text))


@cache
def read_plain():
    """Return the pages of a harmless program, in HTML and in Markdown."""
    return Page(render_html("x")), read_markdown(render_markdown("x"))


@pytest.mark.parametrize(
    "name",
    # What a terminal shows is looked at below, in one more width.
    [
        pytest.param(name, marks=pytest.mark.slow if name == "terminal" else ())
        for name in find_plugins(Group.RENDERERS)
    ],
)
def test_no_character_that_is_not_seen_comes_through(name, text):
    page = render_html(text) if name == "html" else render(load_plugin(Group.RENDERERS, name)(), make_view(text))
    assert [c for c in set(page) if not is_seen(c) and c not in "\n\t"] == []


def test_html_has_no_element_attribute_or_address_of_the_program(text):
    page = Page(render_html(text))
    assert page.unbalanced == []
    assert page.tags.count("script") == page.tags.count("style") == 1
    assert set(page.tags) <= set(read_plain()[0].tags)
    assert page.tags.count("meta") == 6 and page.tags.count("link") == 1
    for tag, name, value in page.attributes:
        assert not name.startswith("on") and name not in ("style", "srcdoc", "src", "action"), (tag, name)
        if name in ("href", "xlink:href"):
            assert value.startswith("#") or tag == "link", value
    if len(show(text)) <= SHORT:
        assert squeeze(f"Ledger.seen{show(text)}") in page.text


def test_markdown_is_built_as_without_it(text):
    page = read_markdown(render_markdown(text))
    # A formula's sign stands in an element of its own; the longest texts leave less room.
    assert [tag for tag in page.tags if tag != "span"] == read_plain()[1].tags
    assert page.unbalanced == [] and page.open == []
    assert {name for _, name, _ in page.attributes} <= {"class", "style"}
    if len(show(text)) <= SHORT:
        assert squeeze(f"Ledger.seen{show(text)}") in page.text
    assert "\n<!-- whet:report" not in render_markdown(text)


def test_markdown_pings_nobody(text):
    prose = re.sub(r"^(`{3,})diff\n.*?^\1$", "", render_markdown(text), flags=re.DOTALL | re.MULTILINE)
    assert not re.search(r"@|(?<!&)#\d|\bGH-\d|www\.|(?<!`)\$", prose)
    said = "".join(part for part in re.split(r"<code>.*?</code>", prose))
    assert not re.search(r"&#(64|35);(?!&#8203;)", said)


def test_markdown_stays_within_its_length(text):
    assert len(render_markdown(text)) <= LONGEST


@pytest.mark.parametrize("width", [pytest.param(40, marks=pytest.mark.slow), 400])
@pytest.mark.parametrize(
    "text",
    # Those that are made for pages are like one another to a terminal.
    [
        pytest.param(text, id=name, marks=() if name in TERMINAL or text in IN_BOTH else pytest.mark.slow)
        for name, text in CORPUS.items()
    ],
    indirect=True,
)
def test_a_terminal_is_not_steered_and_its_tables_stay(width, text, view):
    painted = TerminalRenderer(width, color=True).format(view)
    lines = [line.rstrip() for line in OWN_COLORS.sub("", painted).splitlines()]
    assert all(map(is_seen, set("".join(lines))))
    if text in IN_BOTH:
        assert lines == TerminalRenderer(width).format(view).splitlines()
    # Only the program itself may use colours, and only few.
    codes = "".join(OWN_COLORS.findall(painted))
    assert set(re.findall(r"\d+", codes)) <= {"0", "1", "2", "33", "36"}
    assert len(lines) <= MOST_LINES
    assert max(map(cell_len, lines)) <= width
    assert any(line.startswith("41.2 % ±1.4  1.29 s") for line in lines)
    if width == 400 and len(show(text)) <= SHORT:
        assert "".join(f"Ledger.seen{show(text)}".split()) in "".join("".join(lines).split())


def check_result(text):
    finding = Finding(
        f"rule{text}", f"/p/{text}.py", 3, 4, 4, f"f{text}", 1, f"Title {text}", f"Message {text}",
        Safety.SAFE, Speed.ASYMPTOTIC, edits=(Edit(3, 0, 3, 4, f"new {text}\n"),),
    )  # fmt: skip
    items = tuple(CheckedFinding(f"id{n}", finding, f"{text}.py", f"sub/{text}.py", 0.2, True) for n in range(25))
    rules = {finding.rule: RuleInfo(finding.rule, f"Title {text}", "loops", "First.")}
    notice = Notice(f"{text}.py", f"SyntaxError: {text}", f"mend {text}")
    return CheckResult(items, notices=(notice,), failures=(notice,), files=1, rules=rules)


FORMS = {
    "text": render_text,
    "statistics": render_statistics,
    "json": render_json,
    "statistics as json": render_statistics_json,
    "github": render_github,
    "gitlab": render_gitlab,
    "sarif": lambda result: render_sarif(result, "0.1"),
}


def test_findings_hold_no_character_that_is_not_seen(text):
    for form, write in FORMS.items():
        page = write(check_result(text))
        page.encode("utf-8")
        assert [c for c in set(page) if not is_seen(c) and c != "\n"] == [], form


def test_findings_as_text_stand_one_a_line(text):
    assert len(render_text(check_result(text)).split("\n")) == 25 + 3
    painted = render_text(check_result(text), color=True)
    assert set(OWN_COLORS.findall(painted)) <= {f"\x1b[{code}m" for code in ("0", "1", "2", "36", "1;31")}
    assert "\x1b" not in OWN_COLORS.sub("", painted)


def test_github_reads_the_commands_that_were_meant(text):
    lines = render_github(check_result(text)).split("\n")
    assert lines.pop() == ""
    assert len(lines) == 26
    for line in lines[:20]:
        head, _, message = line[2:].partition("::")
        command, _, properties = head.partition(" ")
        assert command in ("warning", "notice")
        read = dict(each.split("=", 1) for each in properties.split(","))
        assert list(read) == ["title", "file", "line", "endLine", "col"]
        assert (read["line"], read["endLine"], read["col"]) == ("3", "4", "5")
        file = read["file"].replace("%2C", ",").replace("%3A", ":").replace("%25", "%")
        assert file == show(f"sub/{text}.py")
        assert message.startswith("Message ")
    assert not any(line.lstrip().startswith("::") for line in lines[20:])
    # The runner's older form counts anywhere in a line.
    assert not any("##[" in line for line in lines[20:])


def strings_of(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings_of(item)


def test_sarif_has_messages_without_links_and_addresses_within_the_repository(text):
    run = json.loads(render_sarif(check_result(text), "0.1"))["runs"][0]
    (result, *_), invocation = run["results"], run["invocations"][0]
    location = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location["uriBaseId"] == "SRCROOT"
    assert re.fullmatch(r"sub/[A-Za-z0-9._~%/-]*", location["uri"])
    messages = [result["message"], *(fix["description"] for fix in result["fixes"])]
    messages += [notice["message"] for notice in invocation["toolExecutionNotifications"]]
    for message in messages:
        assert list(message) == ["text"]
        assert "](" not in message["text"]
        assert all(map(is_seen, set(message["text"])))


def test_gitlab_gets_text_of_one_line(text):
    for issue in json.loads(render_gitlab(check_result(text))):
        assert all(map(is_seen, issue["description"]))
        assert issue["location"]["lines"] == {"begin": 3, "end": 4}


def test_the_corpus_is_large_and_each_text_another():
    assert len(CORPUS) >= 60
    assert len(set(CORPUS.values())) == len(CORPUS)
