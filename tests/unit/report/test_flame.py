"""The data of the live flame graph: what is in it adds up to what was measured."""

from __future__ import annotations

import base64
import gzip
import json
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from whet.model.flame import FOLDED, CallColumn, CallTree
from whet.model.frame import Frame
from whet.model.metric import Metric
from whet.model.profile import Thread
from whet.report.fakes import make_calls, make_run
from whet.report.flame import describe_calls
from whet.report.packing import pack
from whet.report.places import Places


def read(tree, hostile=""):
    run = make_run(hostile)
    packed = pack(describe_calls(tree, run, Places(run)))
    return json.loads(gzip.decompress(base64.b64decode(packed)))


def values(column):
    rows = accumulate(column["row"])
    return {row: value * column["unit"] for row, value in zip(rows, column["value"], strict=True)}


def test_every_value_of_every_column_comes_through():
    tree = make_calls(compared=True)
    data = read(tree)
    assert data["depth"] == list(tree.depth) and data["frame"] == list(tree.frame)
    for written, column in zip([*data["columns"], *data["before"]], [*tree.columns, *tree.before], strict=True):
        assert values(written) == dict(zip(column.rows, column.values, strict=True))
        assert (written["metric"], written["thread"]) == (column.metric.value, column.thread)
        assert (written["execution"], written["count"]) == (column.execution, column.count)
    names = [data["strings"][index] for index in data["frames"]["name"]]
    assert names == [frame.name for frame in tree.frames]
    assert [data["strings"][index] for index in data["frames"]["file"]][:3] == [
        "orders.py",
        "orders.py",
        "shop/ledger.py",
    ]
    assert data["frames"]["owner"][5] == 2


def test_nodes_that_stand_for_several_are_named():
    tree = CallTree(
        [Frame("a.py", "a", 1, 1)],
        [Thread(1, 1)],
        [0, 1, 0],
        [0, FOLDED, FOLDED],
        (CallColumn(Metric.PEAK, 0, 0, [1, 2], [7, 14], 0),),
        siblings={1: 12, 2: 3},
    )
    data = read(tree)
    assert data["more"] == {"row": [1, 1], "count": [12, 3]}
    assert data["columns"][0]["unit"] == 7


def test_names_are_made_harmless_and_cut():
    text = "\u202e</template><script>\udcff\x1b" + "w" * 1_000
    data = read(make_calls(text), text)
    assert all(len(string) <= 300 for string in data["strings"])
    assert not any(character in string for string in data["strings"] for character in "\u202e\x1b\udcff")


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(1, 10**12)), min_size=1, max_size=30, unique_by=lambda p: p[0])
)
def test_units_and_steps_lose_nothing(pairs):
    pairs.sort()
    rows, amounts = [row for row, _ in pairs], [value for _, value in pairs]
    tree = CallTree([Frame("a", "a")], [Thread(1, 1)], [0], [0], (CallColumn(Metric.CPU, 0, 0, rows, amounts, 1),))
    assert values(read(tree)["columns"][0]) == dict(pairs)


def test_the_same_calls_give_the_same_text():
    run = make_run()
    first, second = (pack(describe_calls(make_calls(), run, Places(run))) for _ in range(2))
    assert first == second
