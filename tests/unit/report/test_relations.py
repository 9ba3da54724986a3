"""Callers, callees and whole files: what the annotated source links to."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import replace

from whet.model.flame import CallColumn, CallTree
from whet.model.frame import Frame
from whet.model.metric import Metric
from whet.model.profile import Thread
from whet.model.run import SourceFile
from whet.report.fakes import LEDGER, ORDERS, make_advice, make_calls, make_flames, make_hotspots, make_run
from whet.report.places import Places
from whet.report.relations import relate_functions
from whet.report.view import build_view
from whet.report.whole_files import describe_file, pack_files


def make_tree(depth, frame, own, names="abc"):
    frames = [Frame(LEDGER, name, at, at) for at, name in enumerate(names, 1)]
    column = CallColumn(Metric.CPU, 0, 0, range(len(own)), own, 1)
    return CallTree(frames, (Thread(1, 1),), depth, frame, (column,))


def names(found):
    return [(each.name, each.time.value) for each in found]


def test_time_goes_from_callers_to_callees():
    tree = make_tree([0, 1, 2, 1], [0, 1, 2, 2], [1_000_000_000, 2_000_000_000, 3_000_000_000, 4_000_000_000])
    found = relate_functions(tree, Places(make_run()))
    assert names(found[LEDGER, 1].callees) == [("b", 5.0), ("c", 4.0)]
    assert names(found[LEDGER, 3].callers) == [("a", 4.0), ("b", 3.0)]
    assert found[LEDGER, 3].callees == ()


def test_a_recursion_counts_once_and_is_no_caller_of_itself():
    # a → b → a → b, and b → b
    tree = make_tree([0, 1, 2, 3, 4], [0, 1, 0, 1, 1], [0, 0, 0, 0, 5_000_000_000])
    found = relate_functions(tree, Places(make_run()))
    assert names(found[LEDGER, 2].callers) == [("a", 5.0)]
    assert names(found[LEDGER, 1].callers) == [("b", 5.0)]


def test_many_callers_are_counted():
    tree = make_tree([0, 1] * 7, [n for at in range(1, 8) for n in (at, 0)], [0, 1] * 7, "abcdefgh")
    found = relate_functions(tree, Places(make_run()))[LEDGER, 1]
    assert (len(found.callers), found.more_callers) == (4, 3)


def test_the_source_shows_them_below_the_first_line():
    view = build_view(make_run(), make_hotspots(), make_advice(), make_flames(), calls=make_calls())
    lines = {(listing.file, line.number): line for listing in view.listings for b in listing.blocks for line in b.lines}
    relations = lines["shop/ledger.py", 21].relations
    assert relations is not None
    assert [each.name for each in relations.callers] == ["Ledger.add"]
    assert relations.callers[0].anchor == "L-shop/ledger.py-25"
    assert lines["shop/ledger.py", 22].relations is None


def test_a_file_too_long_for_the_page_is_packed_whole():
    run = make_run()
    long = run.sources[ORDERS].text + "\n".join(f"x = {n}\u202e" for n in range(5_000))
    run = replace(run, sources={**run.sources, ORDERS: SourceFile(ORDERS, "orders.py", "", long)})
    view = build_view(run, make_hotspots(), make_advice(), make_flames())
    packed = pack_files(view.listings)
    assert list(packed) == ["F-orders.py"]
    data = json.loads(gzip.decompress(base64.b64decode(packed["F-orders.py"])))
    assert data == describe_file(next(listing for listing in view.listings if listing.file == "orders.py"))
    assert data["text"].split("\n")[24] == "x = 1\\u202e"
    assert data["costs"][0] == [12, 6, "14.1 % ±1.4", "440 ms", "–", "", ""]
    assert pack_files(build_view(run, make_hotspots(), include_source=False).listings) == {}
