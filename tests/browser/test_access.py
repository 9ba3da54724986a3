"""The report for everyone: axe in both themes, any width, any policy of a server, on paper."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files

import pytest

from whet.report.fakes import make_calls, make_flames, make_hotspots, make_proven
from whet.report.html import HtmlRenderer
from whet.report.view import build_view

pytestmark = pytest.mark.browser

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
JENKINS = "sandbox; default-src 'none'; img-src 'self'; style-src 'self';"


@pytest.fixture
def view():
    run, advice = make_proven()
    return build_view(run, make_hotspots(), advice, make_flames(), calls=make_calls(compared=True))


def list_violations(page):
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate(
        "rules => axe.run({ runOnly: rules, resultTypes: ['violations'] })"
        ".then(r => r.violations.map(v => [v.id, v.nodes.map(n => n.html.slice(0, 120))]))",
        RULES,
    )
    return dict(found)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("width", [320, 1280])
def test_axe_finds_nothing(show_view, view, scheme, width):
    page = show_view(view, color_scheme=scheme, viewport={"width": width, "height": 720})
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    page.locator("#flame-main").focus()
    page.keyboard.press("ArrowDown")
    assert list_violations(page) == {}
    page.get_by_role("button", name="Sandwich").click()
    assert list_violations(page) == {}


def test_every_control_is_reached_and_used_by_keys(show_view, view):
    page = show_view(view)
    order = []
    for _ in range(200):
        page.keyboard.press("Tab")
        at = page.evaluate(
            "(e => [e.dataset.mode || e.dataset.choice || e.dataset.part || e.id || e.className || e.tagName,"
            " e.getBoundingClientRect().height])(document.activeElement)"
        )
        if at[0] == "BODY":
            break
        order.append(at[0])
    wanted = ["theme", "copy", "icicle", "inverted", "sandwich", "diff", "v", "o", "w", "search", "main"]
    positions = [order.index(name) for name in wanted]
    assert positions == sorted(positions)
    page.locator("[data-mode=inverted]").focus()
    page.keyboard.press("Enter")
    assert page.locator("[data-mode=inverted]").get_attribute("aria-pressed") == "true"
    page.locator("table.sortable th button").nth(3).focus()
    page.keyboard.press("Space")
    assert page.locator("th[aria-sort]").count() == 1


def test_targets_are_large_enough(show_view, view):
    page = show_view(view)
    small = page.evaluate(
        """[...document.querySelectorAll("button, select, input, summary, .top a, .acts a")]
          .filter((e) => e.offsetParent && e.getBoundingClientRect().height < 24)
          .map((e) => e.outerHTML.slice(0, 90))"""
    )
    assert small == []


def listen_to_copying(page):
    """Have ``page.evaluate("told")`` wait for what the button says next, which it does not say for long."""
    page.evaluate(
        """() => {
          const button = document.querySelector(".suggestion button.copy");
          window.told = new Promise((done) => {
            new MutationObserver(() => done(button.textContent)).observe(button, { childList: true });
          });
        }"""
    )


def test_the_patch_is_copied_as_it_stands(show_view, view):
    page = show_view(view, permissions=["clipboard-read", "clipboard-write"])
    listen_to_copying(page)
    page.locator(".suggestion button.copy").first.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("told") == "Copied"
    assert page.evaluate("navigator.clipboard.readText()") == view.suggestions[0].diff


def test_without_a_clipboard_the_patch_is_selected(show_view, view):
    page = show_view(view)
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')) }")
    listen_to_copying(page)
    page.locator(".suggestion button.copy").first.click()
    assert page.evaluate("told").startswith("Selected")
    assert "number_set" in page.evaluate("getSelection().toString()")


def test_links_to_suggestions_and_lines_lead_there(show_view, view):
    page = show_view(view, "#s-3f2a9c1b7d")
    assert "Ask a set" in page.locator(".suggestion:target").inner_text()
    page.goto(page.address + "#L-shop/ledger.py-30")
    assert "self.journal" in page.locator("tr:target").inner_text()


def test_the_first_screen_holds_what_was_proven_and_where_it_comes_from(show_view, view):
    page = show_view(view)
    for selector in ("h1", ".best li:last-child", ".top-functions tbody tr:last-child", ".cautions li", ".origin"):
        box = page.locator(selector).first.bounding_box()
        assert box["y"] + box["height"] <= 720, selector
    assert "2.4× [2.3, 2.5] measured" in page.locator(".best li").first.inner_text()


def test_paper_has_the_drawing_and_everything_open(show_view, view):
    page = show_view(view)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.locator("svg.flame").first.is_visible()
    assert not page.locator("#flame-main").is_visible()
    assert page.locator("#refuted .suggestion").is_visible()
    assert not page.locator("button.copy").first.is_visible()
    assert page.pdf().startswith(b"%PDF")


@contextmanager
def serve(content, policy):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/report.html" else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(content if self.path == "/report.html" else b"")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/report.html"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_it_is_complete_where_a_server_forbids_scripts_and_styles(open_file, view, tmp_path):
    path = tmp_path / "report.html"
    with path.open("wb") as sink:
        HtmlRenderer().render(view, sink)
    with serve(path.read_bytes(), JENKINS) as address:
        page = open_file(address, viewport={"width": 1280, "height": 720})
        assert page.asked == [address]
        text = page.locator("body").inner_text()
        for words in ("3.06 → 1.27 s CPU, 2.4× [2.3, 2.5]", "number_set", "1,200,000", "How to read the figures"):
            assert words in text
        assert not page.locator("#flame").is_visible()
        box = page.locator("svg.flame rect").nth(3)
        assert box.is_visible()
        assert box.evaluate("e => getComputedStyle(e).fill") == "rgb(243, 171, 92)"
        assert page.locator("svg.flame text").first.evaluate("e => getComputedStyle(e).fill") == "rgb(22, 24, 28)"
