"""The live flame graph: that it shows what was measured, and that every interaction works, by pointer and by keys."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest

from whet.model.flame import CallColumn, CallTree
from whet.model.frame import Frame, Owner
from whet.model.metric import Metric
from whet.model.profile import Thread
from whet.report.fakes import make_advice, make_calls, make_flames, make_hotspots, make_run
from whet.report.units import format_seconds
from whet.report.view import build_view

pytestmark = pytest.mark.browser


def make_view(calls):
    return build_view(make_run(), make_hotspots(), make_advice(), make_flames(), calls=calls)


@pytest.fixture
def page(show_view):
    return show_view(make_view(make_calls()))


@pytest.fixture
def compared(show_view):
    return show_view(make_view(make_calls(compared=True)))


def active(page):
    """What a screen reader is told of the active call."""
    item = page.locator("[role=tree]:focus").get_attribute("aria-activedescendant")
    return page.locator(f"#{item}").text_content()


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)
    return active(page)


def address(page):
    """Where the page itself says it is: ``page.url`` learns of it a moment later."""
    return page.evaluate("location.href")


def figures(page):
    return page.locator("[data-part=figures]").inner_text()


def choose(page, key, label):
    page.locator(f"select[data-choice={key}]").select_option(label=label)


def find_pixel(page, selector, x, depth):
    """The colour of the canvas at a part of its width, in the row of a depth."""
    return page.evaluate(
        """async ([selector, x, depth]) => {
          await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))); // till it is painted
          const canvas = document.querySelector(selector + " canvas");
          const scale = canvas.width / canvas.clientWidth;
          const point = [x * canvas.width, (depth * 24 + 4) * scale].map(Math.round);
          const copy = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
          copy.drawImage(canvas, ...point, 1, 1, 0, 0, 1, 1); // reading the canvas itself would make it slow
          return [...copy.getImageData(0, 0, 1, 1).data].slice(0, 3);
        }""",
        [selector, x, depth],
    )


def test_it_takes_the_place_of_the_drawing(page):
    assert page.locator("#flame-main canvas").is_visible()
    assert not page.locator("svg.flame").first.is_visible()
    assert page.locator("#flame-main").bounding_box()["height"] <= 0.7 * 720 + 2


def test_boxes_are_as_wide_as_their_share(page):
    choose(page, "v", "CPU time")
    choose(page, "t", "MainThread")
    user, empty = [243, 171, 92], [0, 0, 0]
    # Below Ledger.add, which holds 613 of 1,000 parts, stands Ledger.seen with 412: the rest is its own.
    add, seen, whole = 613, 412, 1_000
    assert find_pixel(page, "#flame-main", (add / whole) - 0.005, 2) == user
    assert find_pixel(page, "#flame-main", (seen / whole) - 0.005, 3) == user
    assert find_pixel(page, "#flame-main", (seen / whole) + 0.005, 3) == empty


def test_figures_are_those_of_the_data(page):
    choose(page, "v", "CPU time")
    choose(page, "t", "MainThread")
    page.locator("#flame-main").focus()
    total = 3_120_000_000
    told = press(page, "ArrowDown")
    assert told.startswith("<module>, orders.py:1: ")
    for name, thousandths, own in (("main", 996, 28), ("Ledger.add", 613, 201), ("Ledger.seen", 412, 412)):
        told = press(page, "ArrowDown")
        assert told.startswith(f"{name}, ")
        assert f": {format_seconds(total * thousandths // 1000)} · {thousandths / 10:.1f} % ±" in told
        assert told.endswith(f"self {format_seconds(total * own // 1000)}")
        assert told.split(": ", 1)[1] == figures(page)


def test_metric_and_thread_are_chosen(page):
    def whole():
        page.locator("[data-part=reset]").scroll_into_view_if_needed()
        return page.locator("[data-part=name]").inner_text(), figures(page)

    assert whole() == ("Time, computing and waiting", format_seconds(3_120_000_000 + 30_000_000 + 90_000_000))
    choose(page, "t", "worker")
    assert whole()[1] == "30 ms"
    choose(page, "v", "Waiting")
    assert whole() == ("Waiting", "90 ms")
    assert page.locator("label", has=page.locator("select[data-choice=t]")).is_hidden(), "only one thread waited"
    choose(page, "v", "Memory allocated")
    assert whole()[1] == "50.0 MB"


def test_process_and_execution_are_chosen(show_view):
    tree = make_calls()
    columns = [
        CallColumn(Metric.CPU, execution, thread, [0], [seconds * 1_000_000_000], 100)
        for execution, thread, seconds in ((0, 0, 1), (0, 2, 2), (1, 1, 4))
    ]
    page = show_view(make_view(CallTree(tree.frames, tree.threads, [0], [0], columns)))
    assert figures(page) == "7.00 s"
    choose(page, "p", "4343 python orders.py")
    assert figures(page) == "2.00 s"
    choose(page, "x", "2: exact lines")
    assert figures(page) == "4.00 s", "a process is of one execution: the choice falls with it"
    choose(page, "x", "1: time")
    choose(page, "p", "4242 python orders.py")
    assert figures(page) == "1.00 s"
    page.reload()
    page.wait_for_selector("#flame[data-ready]")
    assert figures(page) == "1.00 s"


def test_the_inverted_tree_starts_from_what_is_own(page):
    choose(page, "v", "CPU time")
    page.get_by_role("button", name="Inverted").click()
    page.locator("#flame-main").focus()
    assert press(page, "ArrowDown").startswith(f"Ledger.seen, shop/ledger.py:21: {format_seconds(412 * 3_120_000)} ")
    assert press(page, "ArrowDown").startswith("Ledger.add, ")
    assert press(page, "ArrowDown", "ArrowDown").startswith("<module>, ")


def test_the_sandwich_shows_callers_above_and_callees_below(page):
    choose(page, "v", "CPU time")
    page.locator("#flame-main").focus()
    press(page, "ArrowDown", "ArrowDown", "ArrowDown")
    page.keyboard.press("c")
    assert page.locator("[data-mode=sandwich]").get_attribute("aria-pressed") == "true"
    assert (
        page.locator("select[data-choice=s]")
        .evaluate("e => e.selectedOptions[0].textContent")
        .startswith("Ledger.add ")
    )
    page.locator("#flame-callers").focus()
    assert press(page, "ArrowUp").startswith("Ledger.add, ")
    assert press(page, "ArrowUp").startswith("main, ")
    page.locator("#flame-main").focus()
    assert press(page, "ArrowDown").startswith(f"Ledger.add, shop/ledger.py:25: {format_seconds(613 * 3_120_000)} ")
    assert press(page, "ArrowDown").startswith("Ledger.seen, ")
    choose(page, "s", page.locator("select[data-choice=s] option", has_text="close").text_content())
    page.locator("#flame-main").focus()
    assert press(page, "ArrowDown").startswith("close, "), "both places that call it are one here"


def test_differences_have_colour_sign_and_words(compared):
    page = compared
    assert page.locator("[data-mode=diff]").get_attribute("aria-pressed") == "true"
    choose(page, "v", "CPU time")
    page.locator("#flame-main").focus()
    told = press(page, "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown")
    assert told.startswith("Ledger.seen, ")
    before, after = 2 * 412 * 3_120_000, 412 * 3_120_000
    assert f"{format_seconds(before)} before, {format_seconds(after)} after, −{format_seconds(after)} ± " in told
    assert told.endswith(" (−50 %)")
    blue = find_pixel(page, "#flame-main", 0.39, 3)
    assert blue[2] > blue[0] + 40
    assert "no significant change" in press(page, "ArrowUp", "ArrowRight"), "read did not change"
    colour = find_pixel(page, "#flame-main", 0.64, 2)
    assert max(colour) - min(colour) < 12
    wide = page.evaluate("document.querySelector('[data-part=note]').textContent")
    assert "99 %" in wide
    choose(page, "w", "before")
    page.locator("#flame-main").focus()
    assert press(page, "Home").startswith("<module>, ")
    assert find_pixel(page, "#flame-main", 0.58, 3)[2] > 150, "as wide as it was before"


def test_runs_of_unlike_numbers_of_executions_are_compared_in_the_mean(show_view):
    tree = make_calls()

    def once(execution, seconds):
        return CallColumn(Metric.CPU, execution, 0, [0], [seconds * 1_000_000_000], 100 * seconds)

    page = show_view(
        make_view(
            CallTree(tree.frames, tree.threads, [0], [0], [once(0, 9), once(1, 10), once(2, 11)], before=[once(0, 10)])
        )
    )
    page.locator("#flame-main").focus()
    assert "10.0 s before, 10.0 s after, ±0 s" in press(page, "ArrowDown")
    assert page.locator("label", has=page.locator("select[data-choice=x]")).is_hidden(), "runs are compared as wholes"
    page.get_by_role("button", name="Icicle").click()
    assert figures(page) == "30.0 s"
    assert page.locator("label", has=page.locator("select[data-choice=x]")).is_visible()


def test_the_pointer_tells_and_zooms(page):
    choose(page, "v", "CPU time")
    page.locator("#flame-main").scroll_into_view_if_needed()
    box = page.locator("#flame-main").bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 3 * 24 + 8)
    assert page.locator("[data-part=name]").inner_text() == "Ledger.seen"
    assert page.locator("[data-part=place]").inner_text() == "shop/ledger.py:21"
    page.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + 3 * 24 + 8)
    assert find_pixel(page, "#flame-main", 0.98, 3) == [243, 171, 92]
    assert address(page).endswith("#f=%3Cmodule%3E;main;Ledger.add;Ledger.seen&v=cpu")
    page.get_by_role("link", name="Source", exact=True).nth(-1).wait_for()
    page.get_by_role("button", name="Reset").click()
    assert find_pixel(page, "#flame-main", 0.98, 3) == [0, 0, 0]
    page.go_back()
    assert find_pixel(page, "#flame-main", 0.98, 3) == [243, 171, 92]


@pytest.mark.parametrize(
    "link",
    [
        pytest.param("#f=%3Cmodule%3E;main;Ledger.add&v=cpu", marks=pytest.mark.slow),
        "#f=%3Cmodule%3E;main;close;Ledger.total&m=inverted",
        "#m=sandwich&s=" + quote("close shop/ledger.py:37"),
        "#q=ledger&t=0",
    ],
)
def test_a_link_shows_what_was_shown(show_view, link):
    page = show_view(make_view(make_calls()), link)
    assert 0 <= page.locator("#flamegraph").bounding_box()["y"] < 200
    state = page.evaluate("[...document.querySelectorAll('#flame select')].map(e => e.value)")
    page.locator("[data-part=search]").focus()
    if "f=" in link:
        assert not page.locator("[data-part=reset]").is_disabled() or "inverted" in link
    page.reload()
    page.wait_for_selector("#flame[data-ready]")
    assert page.evaluate("[...document.querySelectorAll('#flame select')].map(e => e.value)") == state


SLOW_LINKS = [pytest.param(link, marks=pytest.mark.slow) for link in ("#f=~99999999", "#f=", "#m=diff", "#=&&=")]


@pytest.mark.parametrize("link", ["#f=nowhere;%zz;%3Cb&m=none&v=x&t=-9&x=99&s=%00", *SLOW_LINKS])
def test_a_link_that_leads_nowhere_does_no_harm(show_view, link):
    page = show_view(make_view(make_calls()), link)
    assert page.locator("#flame-main canvas").is_visible()
    page.locator("#flame-main").focus()
    if "x=99" not in link:
        assert press(page, "ArrowDown").startswith("<module>")


def test_searching_lights_counts_and_steps(page):
    choose(page, "v", "CPU time")
    page.locator("#flame-main").focus()
    page.keyboard.press("/")
    page.keyboard.type("ledger")
    found = page.locator("[data-part=found]").inner_text()
    assert found.startswith("4 functions, ")
    page.keyboard.press("Enter")
    first = active(page)
    assert first.startswith("Ledger.add, ")
    second = press(page, "n")
    assert second.startswith("Ledger.seen, ")
    assert press(page, "Shift+N") == first
    assert press(page, "Shift+N").startswith("close, "), "round and round"
    page.keyboard.press("/")
    page.keyboard.press("Control+a")
    page.keyboard.type("nothing like it")
    assert page.locator("[data-part=found]").inner_text() == "nothing found"
    page.keyboard.press("Escape")
    assert page.locator("[data-part=search]").input_value() == ""
    assert page.locator("#flame-main").evaluate("e => e === document.activeElement")


def test_escape_zooms_out_before_it_ends_the_search(page):
    page.locator("[data-part=search]").fill("seen")
    page.locator("[data-part=search]").press("Enter")
    page.keyboard.press("Enter")
    assert "f=" in address(page)
    page.keyboard.press("Escape")
    assert "f=" not in address(page) and "q=seen" in address(page)
    page.keyboard.press("Escape")
    assert "q=" not in address(page)


def test_keys_do_nothing_without_the_focus(page):
    page.locator("#theme").focus()
    before = address(page)
    for key in ("/", "n", "N", "c", "ArrowDown", "Enter"):
        if key != "Enter":
            page.keyboard.press(key)
    assert address(page) == before
    assert page.locator("#theme").evaluate("e => e === document.activeElement")
    assert page.locator("[data-mode=icicle]").get_attribute("aria-pressed") == "true"
    page.locator("#flame-main").focus()
    page.keyboard.press("Control+c")
    assert page.locator("[data-mode=icicle]").get_attribute("aria-pressed") == "true"


def test_it_is_a_tree_for_screen_readers(page):
    page.locator("#flame-main").focus()
    press(page, "ArrowDown", "ArrowDown", "ArrowDown")
    item = page.locator("#" + page.locator("#flame-main").get_attribute("aria-activedescendant"))
    assert item.get_attribute("role") == "treeitem"
    told = [item.get_attribute(f"aria-{name}") for name in ("level", "posinset", "setsize", "expanded")]
    assert told == ["3", "1", "3", "true"]
    spoken = page.locator("[data-part=spoken]")
    assert spoken.get_attribute("aria-live") == "polite"
    assert spoken.text_content() == item.text_content()
    box = page.locator("#flame-main").bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 4)
    assert spoken.text_content() == item.text_content(), "the pointer says nothing aloud"


def test_suggestions_and_functions_are_shown_in_it(page):
    page.locator(".suggestion").first.get_by_role("link", name="Show in flamegraph").click()
    assert active(page).startswith("Ledger.seen, shop/ledger.py:21")
    assert page.locator("[data-part=search]").input_value() == "shop/ledger.py:21"
    page.get_by_role("link", name="Show read in the flamegraph").click()
    assert active(page).startswith("read, orders.py:9")


def test_source_is_one_step_away(page):
    page.locator("#flame-main").focus()
    press(page, "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown")
    page.locator("[data-part=source]").click()
    page.wait_for_url("**#L-shop/ledger.py-21")
    assert page.locator("tr:target").bounding_box()["y"] > 0


def test_colours_follow_the_theme(page):
    light = find_pixel(page, "#flame-main", 0.2, 1)
    page.locator("#theme").click()
    page.locator("#theme").click()
    for _ in range(100):
        if (dark := find_pixel(page, "#flame-main", 0.2, 1)) != light:
            break
    assert dark != light


def test_nothing_moves(page):
    page.get_by_role("button", name="Inverted").click()
    assert page.evaluate("document.getAnimations().length") == 0


def make_large(nodes, depth):
    """A tree of about so many nodes, and one chain of calls as deep as that."""
    frames = [Frame(f"/srv/shop/m{n % 40}.py", f"function_{n}", n + 1, n + 1, list(Owner)[n % 3]) for n in range(400)]
    depths, frame = [], []
    for row in range(nodes):
        depths.append(0 if row == 0 else min(depths[-1] + 1, 1 + (row * 7919) % 30))
        frame.append((row * 31 + depths[-1]) % 400)
    for level in range(1, depth):
        depths.append(level)
        frame.append(level % 2)
    rows = range(len(depths))
    column = CallColumn(Metric.CPU, 0, 0, rows, [10_000_000 * (1 + row % 17) for row in rows], len(depths) * 9)
    return CallTree(frames, (Thread(1, 1, "MainThread"),), depths, frame, (column,))


@pytest.mark.slow
def test_fifty_thousand_nodes(show_view):
    page = show_view(make_view(make_large(50_000, 0)))
    page.locator("#flame-main").focus()
    assert press(page, "ArrowDown").startswith("function_0, ")
    page.locator("[data-part=search]").fill("function_39")
    assert re.match(r"\d+ functions, \d+\.\d %$", page.locator("[data-part=found]").inner_text())
    for mode in ("Inverted", "Sandwich"):
        page.get_by_role("button", name=mode, exact=True).click()
        page.locator("#flame-main").focus()
        assert press(page, "ArrowDown").startswith("function_")
    assert page.evaluate("document.querySelectorAll('*').length") < 15_000


@pytest.mark.slow
def test_calls_twenty_thousand_deep(show_view):
    page = show_view(make_view(make_large(1, 20_000)))
    page.locator("#flame-main").focus()
    assert press(page, "ArrowDown", "End").startswith("function_1, ")
    item = page.locator("#" + page.locator("#flame-main").get_attribute("aria-activedescendant"))
    assert int(item.get_attribute("aria-level")) == 20_000
    page.keyboard.press("Enter")
    assert "#f=~" in address(page)
    assert find_pixel(page, "#flame-main", 0.5, 5) != [0, 0, 0]
    for mode in ("Inverted", "Sandwich", "Icicle"):
        page.get_by_role("button", name=mode, exact=True).click()
        page.locator("#flame-main").focus()
        assert press(page, "ArrowDown").startswith("function_")
