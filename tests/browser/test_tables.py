"""Tables and source: what they say is what the JSON says, and they can be sorted, filtered and walked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from whet.model.frame import Owner
from whet.model.hotspot import FunctionSpot
from whet.model.run import SourceFile
from whet.report.fakes import ORDERS, make_advice, make_calls, make_flames, make_hotspots, make_run
from whet.report.json_ import to_object
from whet.report.view import build_view

pytestmark = pytest.mark.browser

HEADS = {
    "Share": "spent_share",
    "Attributed": "attributed_seconds",
    "Waiting": "waiting_seconds",
    "Self": "self_seconds",
    "Total": "total_seconds",
    "Hits": "hits",
}


@pytest.fixture
def view():
    hotspots = make_hotspots()
    spot = hotspots.functions[-1]
    library = FunctionSpot("/usr/lib/python3.13/json/decoder.py", "decode", 3, 9, Owner.STDLIB, spot.cost)
    hotspots = replace(hotspots, functions=(*hotspots.functions, library))
    return build_view(make_run(), hotspots, make_advice(), make_flames(), calls=make_calls())


def test_cells_say_what_the_json_says(show_view, view):
    page = show_view(view)
    report = to_object(view)
    for heading, key, rows in (("functions", "functions", 7), ("lines", "lines", 6)):
        table = page.locator(f"#{heading} ~ .scroll table").first
        heads = [head.split("\n")[0].strip() for head in table.locator("th").all_inner_texts()]
        cells = table.evaluate("t => [...t.tBodies[0].rows].map(r => [...r.cells].map(c => c.dataset.v ?? null))")
        assert len(cells) == rows == len(report[key])
        for row, item in zip(cells, report[key], strict=True):
            for head, name in HEADS.items():
                said = row[heads.index(head)]
                if said is None:
                    assert item[name] is None or item["owner"] != "user"
                else:
                    assert float(said) == pytest.approx(item[name])


def test_tables_are_filtered_by_name_owner_and_file(show_view, view):
    page = show_view(view)
    table = page.locator("#hotspots table.sortable").first
    bar = page.locator(".filter").first

    def shown():
        return table.locator("tbody tr:visible").count()

    assert shown() == 7
    bar.get_by_label("Owner").select_option("standard library")
    assert shown() == 1 and "decode" in table.locator("tbody tr:visible").inner_text()
    assert bar.locator(".found").inner_text() == "1 of 7"
    bar.get_by_label("Owner").select_option("all")
    bar.get_by_label("File").select_option("orders.py")
    assert shown() == 2
    bar.get_by_label("Filter").fill("MAIN")
    assert shown() == 1


def test_callers_and_callees_are_links(show_view, view):
    page = show_view(view)
    related = page.locator("tr.related", has_text="called by Ledger.add")
    related.get_by_role("link", name="Ledger.add").click()
    page.wait_for_url("**#L-shop/ledger.py-25")
    assert "def add" in page.locator("tr:target").inner_text()


@pytest.fixture
def long_view():
    run = make_run()
    lines = [f"value_{n} = compute({n})" for n in range(100_000)]
    text = run.sources[ORDERS].text + "\n".join(lines) + "\n"
    run = replace(run, sources={**run.sources, ORDERS: SourceFile(ORDERS, "orders.py", "", text)})
    return build_view(run, make_hotspots(), make_advice(), make_flames(), calls=make_calls())


def test_a_hundred_thousand_lines_are_shown_through_a_window(show_view, long_view):
    page = show_view(long_view)
    page.get_by_role("button", name="Show the whole file").click()
    window = page.locator(".window")
    window.wait_for(state="visible")
    assert "def read(path):" in window.inner_text()
    assert "14.1 % ±1.4" in window.inner_text()
    page.get_by_label("Line", exact=True).fill("100000")
    page.keyboard.press("Enter")
    page.locator(".window .aim").wait_for()
    assert "value_99976 = compute(99976)" in page.locator(".window .aim").inner_text()
    assert page.locator(".window .pane-lines > div").count() < 120
    window.focus()
    page.keyboard.press("Home")
    page.locator(".window .aim").wait_for(state="detached")
    page.get_by_role("button", name="Show excerpts").click()
    assert not window.is_visible()
    assert page.locator(".excerpts").is_visible()


def test_a_link_to_a_line_that_is_not_in_the_page_opens_the_file_there(show_view, long_view):
    page = show_view(long_view, "#L-orders.py-54321")
    page.locator(".window .aim").wait_for()
    assert page.locator(".window .aim").inner_text().lstrip().startswith("54321")


def test_without_scripts_what_is_left_out_is_said(show_view, long_view):
    page = show_view(long_view, java_script_enabled=False)
    page.locator(".excerpts details summary").last.click()
    assert "lines are left out of these excerpts" in page.locator(".excerpts").inner_text()
    assert not page.get_by_role("button", name="Show the whole file").is_visible()
