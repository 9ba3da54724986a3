"""The report in a real browser: what it asks for, what it runs, how it fits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from whet.model.trial import Clock
from whet.report.fakes import make_advice, make_calls, make_flames, make_hotspots, make_proven, make_run
from whet.report.view import build_view
from whet.report.write import write_report

pytestmark = pytest.mark.browser

HOSTILE = (
    "\"'><script>window.stolen=1</script><img src=http://example.invalid/x onerror=window.stolen=1>"
    "<svg onload=window.stolen=1>]]></style></title></script>\u202e\udcff" + "w" * 200
)


@pytest.fixture(params=[pytest.param("", marks=pytest.mark.slow), HOSTILE], ids=["plain", "hostile"])
def report(request, tmp_path):
    text = request.param
    path = tmp_path / "whet-report.html"
    view = build_view(make_run(text), make_hotspots(text), make_advice(text), make_flames(text), calls=make_calls(text))
    write_report(view, path)
    return path.as_uri()


@pytest.fixture
def visit(open_file, report):
    """Open the report in a page of its own."""
    return lambda **options: open_file(report, **options)


def is_quiet(page, report):
    return page.said == [] and [url for url in page.asked if not url.startswith("data:")] == [report]


def fits(page):
    return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_it_asks_for_nothing_breaks_no_policy_and_runs_nothing_of_the_program(visit, report):
    page = visit(viewport={"width": 1280, "height": 720})
    page.wait_for_timeout(200)
    assert is_quiet(page, report)
    assert page.evaluate("broken") == []
    assert page.evaluate("window.stolen") is None
    foreign = "script, img, iframe, [style]:not(#flame *), [onload], [onerror]"
    assert page.evaluate(f"document.querySelectorAll('{foreign}').length") == 1


@pytest.mark.parametrize("report", [""], indirect=True, ids=["plain"])
def test_the_first_screen_holds_the_verdict_suggestions_hot_functions_and_provenance(visit):
    page = visit(viewport={"width": 1280, "height": 720})
    for selector in ("h1", ".best li:last-child", ".top-functions tbody tr:last-child", ".cautions li", ".origin"):
        box = page.locator(selector).first.bounding_box()
        assert box["y"] + box["height"] <= 720, selector


@pytest.mark.parametrize("width", [320, 768, 1280])
def test_it_never_scrolls_sideways(visit, width):
    page = visit(viewport={"width": width, "height": 720})
    assert fits(page)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert fits(page)


@pytest.mark.parametrize("clock", [Clock.WALL, Clock.CPU])
def test_proven_changes_fit_a_narrow_screen(show_view, clock):
    run, advice = make_proven()
    tried = [(item, item.trial, item.trial.gain) for item in advice if item.trial and item.trial.gain]
    advice = [
        replace(item, trial=replace(trial, group=("a", "b", item.id), gain=replace(gain, clock=clock)))
        for item, trial, gain in tried
    ]
    page = show_view(build_view(run, make_hotspots(), advice, make_flames()), viewport={"width": 320, "height": 720})
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert fits(page)
    assert page.locator(".ab").first.is_visible()


def test_the_share_stands_beside_the_name_on_a_narrow_screen(show_view):
    view = build_view(make_run(), make_hotspots(), make_advice(), make_flames())
    page = show_view(view, viewport={"width": 320, "height": 720})
    box = page.locator("#hotspots table.cost tbody tr").first.locator("td.n").first.bounding_box()
    assert box["x"] + box["width"] <= 320


def test_it_is_complete_with_scripts_off(visit, report):
    page = visit(java_script_enabled=False)
    assert is_quiet(page, report)
    text = page.inner_text("body")
    for words in (
        "spends 41 %",
        "Ask a set",
        "1,200,000",
        "return number in self.numbers",
        "Method",
    ):
        assert words in text
    assert page.locator("svg.flame rect").count() == 11
    assert not page.locator("#theme").is_visible()
    assert page.locator("th button").count() == 0


def test_heads_sort_their_table(visit):
    page = visit()
    table = page.locator("#hotspots table.sortable").first

    def names():
        return table.locator("tbody tr td:first-child .name").all_inner_texts()

    before = names()
    table.get_by_role("button", name="Total").click()
    assert "main" in names()[0]
    assert table.locator("th[aria-sort=descending]").count() == 1
    table.get_by_role("button", name="Share").click()
    assert names() == before
    table.get_by_role("button", name="Share").click()
    assert names() == before[::-1]


def test_the_theme_follows_the_system_until_it_is_chosen(visit):
    def background(page):
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    light, dark = visit(color_scheme="light"), visit(color_scheme="dark")
    assert background(light) == "rgb(255, 255, 255)" != background(dark)
    light.locator("#theme").click()
    light.locator("#theme").click()
    assert background(light) == background(dark)
    # The browser hands what was stored from one process to the next when it gets round to it.
    for _ in range(600):
        light.reload()
        if background(light) == background(dark):
            break
        light.wait_for_timeout(100)
    assert background(light) == background(dark)


def test_without_scripts_a_box_of_the_flamegraph_leads_to_its_line(visit):
    page = visit(java_script_enabled=False)
    page.locator("svg.flame a").nth(3).click()
    page.wait_for_url("**-23")
    assert "return number in self.numbers" in page.locator("tr:target").inner_text()
    assert page.locator("tr:target").bounding_box()["y"] >= 0


def test_print_shows_everything_on_white(visit):
    page = visit(color_scheme="dark")
    page.locator("#theme").click()
    page.locator("#theme").click()
    opened = page.locator("details[open]").count()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print", color_scheme="light")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("pre.cold").first.is_visible()
    assert not page.locator("nav").is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() == opened < page.locator("details").count()


CONTRAST = """() => {
  const parse = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
  const poor = [];
  document.querySelectorAll("details").forEach((d) => d.open = true);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || e.closest("script, svg, .skip") || !e.getClientRects().length) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(e.className + ": " + walker.currentNode.data.slice(0, 30) + " " + ratio.toFixed(2));
  }
  const row = document.querySelector("table.code td[class^=h]");
  for (let i = 1; i <= 10; i++) {
    row.className = "h" + i;
    const style = getComputedStyle(row);
    const [a, b] = [light(parse(style.color)), light(parse(style.backgroundColor))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push("heat " + i + " " + ratio.toFixed(2));
  }
  for (const box of document.querySelectorAll("svg.flame svg")) {
    const text = box.querySelector("text");
    if (!text) continue;
    const fill = (element) => light(parse(getComputedStyle(element).fill));
    const [a, b] = [fill(text), fill(box.querySelector("rect"))];
    if ((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5) poor.push("flame " + box.className.baseVal);
  }
  return [...new Set(poor)];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_contrast_enough(visit, scheme):
    assert visit(color_scheme=scheme).evaluate(CONTRAST) == []
