"""Measured lines are found in the text of today by what they say, and never in another place."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from whet.editors.align import Lines, align

OLD = """\
import json

def load(path):
    rows = []
    for line in open(path):
        rows.append(json.loads(line))
    return rows

def total(rows):
    result = 0
    for row in rows:
        result += row["price"]
    return result
""".splitlines()


def change(*changes: tuple[str, str]) -> list[str]:
    text = "\n".join(OLD)
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    return text.split("\n")


def test_an_unchanged_text_is_the_same():
    lines = Lines(OLD, list(OLD))
    assert lines.is_same
    assert lines.find(6, 3) == 6
    assert lines.find(len(OLD) + 1) is None


def test_lines_that_move_are_found():
    lines = Lines(OLD, change(("import json\n", "import json\nimport sys\n\n\n")))
    assert not lines.is_same
    assert lines.find(6, 3) == 9
    assert lines.find(12, 9) == 15


def test_a_line_that_changed_has_no_place():
    lines = Lines(OLD, change(("json.loads(line)", "json.loads(line.strip())")))
    assert lines.find(6, 3) is None
    assert lines.find(5, 3) == 5
    assert lines.find(12, 9) == 12


def test_a_line_whose_function_has_another_name_has_no_place():
    lines = Lines(OLD, change(("def load(path)", "def read(path)")))
    assert lines.find(6, 3) is None
    assert lines.find(12, 9) == 12


def test_a_line_that_moved_into_another_function_has_no_place():
    lines = Lines(
        OLD, change(("    for row in rows:", "    return result\n\ndef other(rows, result):\n    for row in rows:"))
    )
    assert lines.find(10, 9) == 10
    assert lines.find(12, 9) is None


def test_a_nested_function_before_it_does_not_hide_a_line():
    lines = Lines(OLD, change(("    rows = []\n", "    rows = []\n    def inner():\n        pass\n")))
    assert lines.find(6, 3) == 8


def test_a_function_is_found_by_its_decorator():
    old = ["@cache", "def f(x):", "    return x * 2", "", "def g(x):", "    return x * 2"]
    lines = Lines(old, ["import a", *old])
    assert lines.find(3, 1) == 4
    assert lines.find(6, 5) == 7


def test_of_equal_functions_the_one_that_was_deleted_has_no_lines():
    body = ["    x = slow()", "    return x"]
    old = ["def a():", *body, "", "def b():", *body]
    lines = Lines(old, ["def b():", *body])
    assert [lines.find(line, 1) for line in (1, 2, 3)] == [None, None, None]
    assert [lines.find(line, 5) for line in (5, 6, 7)] == [1, 2, 3]


def test_lines_of_a_module_are_found_without_a_function():
    assert Lines(["a = 1", "b = work()"], ["a = 2", "b = work()"]).find(2) == 2


@given(st.lists(st.sampled_from("abcdef"), max_size=30), st.lists(st.sampled_from("abcdef"), max_size=30))
def test_matched_lines_are_equal_and_in_order(old: list[str], new: list[str]):
    found = align(old, new)
    pairs = sorted(found.items())
    assert all(old[left] == new[right] for left, right in pairs)
    assert [right for _, right in pairs] == sorted({right for _, right in pairs})


@given(st.lists(st.text(max_size=3), max_size=30, unique=True), st.integers(0, 30), st.text(min_size=4))
def test_one_inserted_line_hides_no_other(old: list[str], at: int, line: str):
    at = min(at, len(old))
    new = [*old[:at], line, *old[at:]]
    assert align(old, new) == {index: index + (index >= at) for index in range(len(old))}


def test_texts_without_anything_in_common_are_given_up():
    assert align([str(number) for number in range(50_000)], ["x"] * 50_000) == {}
