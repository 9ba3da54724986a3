"""Hostile texts in a real browser: nothing runs, nothing is fetched, nothing breaks."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt
from tests.hostile import CORPUS

from whet.model.flame import CallColumn, CallTree
from whet.model.frame import Frame
from whet.model.metric import Metric
from whet.model.profile import Thread
from whet.model.run import Notice
from whet.report.fakes import LEDGER, make_advice, make_flames, make_hotspots, make_run
from whet.report.markdown import MarkdownRenderer
from whet.report.sanitize import show
from whet.report.view import build_view

pytestmark = pytest.mark.browser

TEXTS = list(CORPUS.values())
MANY = 25
PARTS = [
    pytest.param(first, marks=pytest.mark.slow if first % (2 * MANY) else ()) for first in range(0, len(TEXTS), MANY)
]
ALLOWED = {"h2", "h3", "h4", "p", "strong", "code", "pre", "ul", "li", "details", "summary", "sub", "span"}
ALLOWED |= {"table", "thead", "tbody", "tr", "th", "td"}


def make_view(texts):
    """Return a view in which each text is a function, a file, a line, a suggestion, a thread and a warning."""
    run, hotspots, advice = make_run(), make_hotspots(), make_advice()
    function, line = hotspots.functions[0], hotspots.lines[0]
    sources = dict(run.sources)
    text = sources[LEDGER].text + "".join(f"# {each}\n" for each in texts)
    sources[LEDGER] = replace(sources[LEDGER], text=text)
    for number, each in enumerate(texts):
        name = f"/srv/shop/f{number}.py"
        sources[name] = replace(sources[LEDGER], file=name, shown=f"{each}.py", text=f"x = 1\ny = '{each}'\nz = 3\n")
    hotspots = replace(
        hotspots,
        functions=tuple(replace(function, name=each, file=f"/srv/shop/f{n}.py") for n, each in enumerate(texts)),
        lines=tuple(
            replace(line, function=each, file=f"/srv/shop/f{n}.py", line=2, function_line=1)
            for n, each in enumerate(texts)
        ),
    )
    advice = tuple(
        replace(
            advice[0],
            id=f"{n:010x}",
            finding=replace(advice[0].finding, title=f"T {each}", message=each, rule=f"r{each}", function=each),
            seen=tuple(replace(seen, name=each, types={each: 3}, elements={each: 2}) for seen in advice[0].seen),
            diff=f"--- a/{each}\n+++ b/{each}\n@@ -1,1 +1,1 @@\n-{each}\n+new {each}\n",
        )
        for n, each in enumerate(texts)
    )
    run = replace(
        run,
        sources=sources,
        command=("orders.py", *texts),
        notices=tuple(Notice(each, f"KeyError: {each}", each) for each in texts),
    )
    frames = tuple(Frame(f"/srv/shop/f{n}.py", each, 2, 1) for n, each in enumerate(texts))
    rows = list(range(len(texts)))
    threads = tuple(Thread(1, n + 1, each, each) for n, each in enumerate(texts))
    columns = tuple(CallColumn(Metric.CPU, 0, n, [n], [10_000_000], 1) for n in rows)
    calls = CallTree(frames=frames, threads=threads, depth=[0] * len(rows), frame=rows, columns=columns)
    return build_view(run, hotspots, advice, make_flames(), calls=calls, title=texts[0])


@pytest.mark.parametrize("first", PARTS)
def test_a_report_full_of_them_runs_nothing_and_stays_whole(show_view, first):
    texts = TEXTS[first : first + MANY]
    page = show_view(make_view(texts))
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    # What scripts of ours write is looked at too: the flame graph's choices, its words, a search.
    page.locator("#flame").focus()
    for key in ("ArrowRight", "Enter", "ArrowRight", "Escape"):
        page.keyboard.press(key)
    page.wait_for_timeout(200)
    assert page.evaluate("window.stolen") is None
    foreign = "script, img, iframe, object, embed, base, form[action], [autofocus], video, math, noscript"
    found = page.evaluate(f"[...document.querySelectorAll('{foreign}')].map(e => e.outerHTML.slice(0, 100))")
    assert len(found) == 1, found
    handlers = "[...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => /^on/.test(a.name))).length"
    assert page.evaluate(handlers) == 0
    links = page.evaluate("[...document.querySelectorAll('a')].map(a => a.getAttribute('href'))")
    assert links and all(link.startswith("#") for link in links)
    told = " ".join(page.evaluate("document.body.textContent").split())
    for text in texts:
        if len(show(text)) <= 80:
            assert " ".join(show(text).split()) in told
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    lengths = page.evaluate("[...document.querySelectorAll('table.sortable tr')].map(r => r.closest('table').rows[0]"
                            ".cells.length - r.cells.length)")  # fmt: skip
    assert set(lengths) == {0}


@pytest.mark.parametrize("first", PARTS)
def test_markdown_full_of_them_runs_nothing_even_where_a_site_cleans_nothing(open_file, tmp_path, first):
    texts = TEXTS[first : first + MANY]
    reader = MarkdownIt("gfm-like", {"html": True})
    reader.linkify.set({"fuzzy_link": False}).add("//", None)  # sites make links of whole addresses only
    body = reader.render(MarkdownRenderer().format(make_view(texts)))
    path = tmp_path / "comment.html"
    path.write_text(f"<!doctype html><meta charset=utf-8><title>x</title>{body}", encoding="utf-8")
    page = open_file(path.as_uri())
    page.wait_for_timeout(100)
    assert page.evaluate("window.stolen") is None
    assert page.asked == [path.as_uri()] and page.said == []
    found = page.evaluate("[...document.querySelectorAll('body *')].map(e => e.outerHTML.slice(0, 300))")
    assert [each for each in found if re.match("<([a-z0-9]+)", each)[1] not in ALLOWED] == []
