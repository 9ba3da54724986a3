"""The call tree: what it lists, what stands open, what is folded into the call that reached a library."""

from __future__ import annotations

import re
from io import BytesIO

from whet.model.flame import FOLDED, CallColumn, CallTree
from whet.model.frame import Frame, Owner
from whet.model.metric import Metric
from whet.model.profile import Thread
from whet.report.call_tree import MOST_DEPTH, MOST_ROWS, list_call_tree
from whet.report.fakes import LEDGER, make_advice, make_calls, make_flames, make_hotspots, make_run
from whet.report.html import HtmlRenderer
from whet.report.places import Places
from whet.report.view import build_view

JSON = "/usr/lib/python3.13/json/__init__.py"


def make_tree(nodes: list[tuple[int, str, int]]) -> CallTree:
    """Return a tree of nodes in preorder, as (depth, name, own milliseconds); ``lib`` names are the library's."""
    names = list(dict.fromkeys(name for _, name, _ in nodes))
    frames = [
        Frame(JSON, name, 3, 3, Owner.STDLIB) if name.startswith("lib") else Frame(LEDGER, name, at, at, Owner.USER)
        for at, name in enumerate(names, 1)
    ]
    numbers = [FOLDED if name == "folded" else names.index(name) for _, name, _ in nodes]
    own = [milliseconds * 1_000_000 for _, _, milliseconds in nodes]
    column = CallColumn(Metric.CPU, 0, 0, range(len(own)), own, 1)
    return CallTree(frames, (Thread(1, 1),), [depth for depth, _, _ in nodes], numbers, (column,))


def list_rows(nodes: list[tuple[int, str, int]]) -> list[tuple[int, str, str, int]]:
    rows = list_call_tree(make_tree(nodes), Places(make_run()))
    return [(row.depth, row.name, row.share.text, row.folded) for row in rows]


def test_what_a_library_calls_is_part_of_the_call_that_reached_it() -> None:
    nodes = [
        (0, "main", 0), (1, "load", 100), (2, "lib.loads", 100), (3, "lib.decode", 200), (4, "lib.scan", 100),
        (5, "hook", 300), (2, "lib.other", 200),
    ]  # fmt: skip
    assert list_rows(nodes) == [
        (0, "main", "100.0 %", 0),
        (1, "load", "100.0 %", 0),
        (2, "lib.loads", "70.0 %", 2),
        (3, "hook", "30.0 %", 0),
        (2, "lib.other", "20.0 %", 0),
    ]


def test_the_path_of_the_largest_calls_is_open() -> None:
    nodes = [(0, "a", 0), (1, "b", 0), (2, "c", 50), (3, "d", 10), (1, "e", 30), (2, "f", 10)]
    rows = list_call_tree(make_tree(nodes), Places(make_run()))
    assert [(row.name, row.is_open) for row in rows] == [
        ("a", True), ("b", True), ("c", True), ("d", False), ("e", False), ("f", False),
    ]  # fmt: skip


def test_small_calls_and_what_stands_for_several_are_left_out() -> None:
    nodes = [(0, "a", 990), (1, "b", 9), (1, "folded", 100)]
    assert [name for _, name, *_ in list_rows(nodes)] == ["a"]
    assert list_rows([]) == []
    assert list_rows([(0, "a", 0)]) == []


def test_deep_and_wide_trees_stay_small() -> None:
    deep = [(depth, f"f{depth}", 1) for depth in range(5_000)]
    rows = list_rows(deep)
    assert max(depth for depth, *_ in rows) < MOST_DEPTH
    wide = [(0, "main", 0), *((1, f"f{number}", 100) for number in range(99))] * 9
    assert len(list_rows(wide)) <= MOST_ROWS


def test_the_page_closes_each_list_that_it_opens() -> None:
    view = build_view(make_run(), make_hotspots(), make_advice(), make_flames(), calls=make_calls())
    sink = BytesIO()
    HtmlRenderer().render(view, sink)
    (section,) = re.findall(r'<section id="calltree">.*?</section>', sink.getvalue().decode(), re.DOTALL)
    for tag in ("ul", "li", "details"):
        assert section.count(f"<{tag}") == section.count(f"</{tag}>") > 0
    assert section.count('<span class="place">') == len(view.call_tree)
