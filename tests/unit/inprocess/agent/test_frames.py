"""The rows of a pandas frame, read without running pandas' code or the program's."""

from __future__ import annotations

import pytest
from tests.unit.inprocess.agent.looking import named, run

pandas = pytest.importorskip("pandas")
from whet.inprocess.agent.frames import count_rows  # noqa: E402


def make(**columns):
    return pandas.DataFrame(columns)


@pytest.mark.parametrize(
    ("frame", "rows"),
    [
        (make(number=range(5), text=list("abcde")), 5),
        (make(number=[1.5, 2.5], text=list("ab")).set_index("text"), 2),
        (make(text=list("abc"), other=list("abc")).set_index("text"), None),
        (pandas.DataFrame(), 0),
        (pandas.Series([1]), None),
        (5, None),
    ],
)
def test_rows_are_counted_where_they_stand_in_plain_sight(frame, rows):
    assert count_rows(frame) == rows


def test_frames_of_a_type_of_the_programs_are_not_looked_into():
    class Frame(pandas.DataFrame):
        def __getattribute__(self, name):
            raise AssertionError(name)

    assert count_rows(Frame({"number": [1]})) is None


@pytest.mark.usefixtures("no_collection")
def test_a_look_notes_the_rows_of_a_frame():
    rows, _ = run("def work(frame):\n    look()\nwork(made)\n", made=make(number=range(7)))
    assert named(rows, "frame")["lengths"] == [7, 7, 7]


def test_what_only_has_the_name_is_no_frame():
    kind = type("DataFrame", (), {"__module__": "pandas", "__len__": lambda self: 1 / 0})
    assert count_rows(kind()) is None
