"""One browser for the tests of a file; a page of its own for each, which keeps what it says, asks for and breaks."""

from __future__ import annotations

import shutil

import pytest
from playwright.sync_api import sync_playwright

from whet.report.write import write_report

KEEP_VIOLATIONS = (
    "window.broken = []; addEventListener('securitypolicyviolation', e => broken.push(e.violatedDirective))"
)


BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""What is looked for, the lightest first; where none is found, Playwright takes its own."""
PATIENCE = 240_000
"""Milliseconds after which what has not happened never will: a machine may be slow, and busy."""


# Not for the whole session: as long as Playwright runs, so does an event loop, and other tests could start none.
@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=next(filter(None, map(shutil.which, BROWSERS)), None),
            args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
            timeout=PATIENCE,
        )
        yield found
        found.close()


@pytest.fixture
def open_file(browser):
    """Open an address; ``said`` are console messages and errors, ``asked`` requests, ``broken`` policy violations."""
    contexts = []

    def open_page(address, **options):
        options.setdefault("viewport", {"width": 1280, "height": 720})
        context = browser.new_context(**options)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.said, page.asked = [], []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        if options.get("java_script_enabled", True):
            page.add_init_script(KEEP_VIOLATIONS)
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def show_view(open_file, tmp_path):
    """Write a view, open it and wait for the live flame graph; ``page.address`` is where it is.

    A page must be silent, ask for nothing and break no policy: that is looked at when the test ends.
    """
    pages = []

    def show(view, link="", **options):
        path = tmp_path / "whet-report.html"
        path.unlink(missing_ok=True)
        write_report(view, path)
        page = open_file(path.as_uri() + link, **options)
        page.address = path.as_uri()
        if options.get("java_script_enabled", True):
            pages.append(page)
            if view.flame:
                page.wait_for_selector("#flame[data-ready]")
        return page

    yield show
    for page in pages:
        assert page.said == []
        assert {url.partition("#")[0] for url in page.asked if not url.startswith("data:")} == {page.address}
        assert page.evaluate("broken") == []
