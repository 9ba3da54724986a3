"""Edits applied to text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet.fix.edits import EditError, Lines, apply_edits
from whet.model.finding import Edit


def test_edits_are_made_in_any_order():
    edits = [Edit(2, 0, 2, 1, "B"), Edit(1, 0, 1, 1, "A"), Edit(1, 1, 1, 1, "!")]
    assert apply_edits("a\nb\n", edits) == "A!\nB\n"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_new_lines_end_as_those_around_them(newline):
    text = newline.join(["a", "b", "c"])
    edits = [Edit(1, 1, 1, 1, "\nx"), Edit(3, 1, 3, 1, "\ny")]
    assert apply_edits(text, edits) == newline.join(["a", "x", "b", "c", "y"])


def test_new_lines_that_end_otherwise_end_as_those_around_them_too():
    assert apply_edits("a\r\nb\r\n", [Edit(1, 0, 1, 1, "x\r\ny\nz")]) == "x\r\ny\r\nz\r\nb\r\n"
    assert apply_edits("a\nb\n", [Edit(1, 0, 1, 1, "x\r\ny")]) == "x\ny\nb\n"


def test_mixed_newlines_each_follow_their_line():
    assert apply_edits("a\r\nb\nc", [Edit(1, 1, 1, 1, "\nx"), Edit(2, 1, 2, 1, "\ny")]) == "a\r\nx\r\nb\ny\nc"


def test_a_byte_order_mark_stays_and_is_not_counted():
    assert apply_edits("\ufeffa = 1\n", [Edit(1, 0, 1, 1, "b")]) == "\ufeffb = 1\n"
    assert apply_edits("\ufeffa = 1\n", [Edit(1, 0, 1, 0, "import x\n")]) == "\ufeffimport x\na = 1\n"


def test_form_feeds_and_line_separators_in_a_line_end_no_line():
    assert apply_edits("a\x0c\u2028b\nc\n", [Edit(2, 0, 2, 1, "d")]) == "a\x0c\u2028b\nd\n"


def test_equal_edits_are_made_once_and_insertions_at_one_place_in_order():
    one, two = Edit(1, 0, 1, 0, "x"), Edit(1, 0, 1, 0, "y")
    assert apply_edits("a", [one, two, one]) == "xya"


def test_the_last_line_can_be_taken_out():
    assert apply_edits("a\nb\n", [Edit(2, 0, 3, 0, "")]) == "a\n"
    assert apply_edits("a\nb", [Edit(2, 0, 3, 0, "")]) == "a\n"


@pytest.mark.parametrize(
    "edits",
    [
        [Edit(1, 0, 1, 2, "x"), Edit(1, 1, 1, 3, "y")],
        [Edit(1, 0, 1, 3, "x"), Edit(1, 1, 1, 1, "y")],
        [Edit(1, 0, 1, 3, "x"), Edit(1, 0, 1, 3, "y")],
        [Edit(1, 2, 1, 1, "x")],
        [Edit(0, 0, 0, 0, "x")],
        [Edit(1, 4, 1, 4, "x")],
        [Edit(3, 0, 3, 0, "x")],
        [Edit(1, -1, 1, 0, "x")],
    ],
)
def test_overlaps_and_places_outside_are_refused(edits):
    with pytest.raises(EditError):
        apply_edits("abc", edits)


@given(st.text(alphabet="ab\r\n\x0c\ufeff", max_size=30), st.data())
def test_replacing_a_range_by_itself_changes_nothing(text, data):
    lines = Lines(text)
    bare = text.removeprefix("\ufeff")
    start = data.draw(st.integers(0, len(bare)))
    end = data.draw(st.integers(start, len(bare)))
    for offset in (start, end):  # not between the two characters of one newline
        if bare[max(offset - 1, 0) : offset + 1] == "\r\n":
            return
    if any(newline in bare[start:end] for newline in "\r\n"):
        return
    edit = Edit(*lines.position(start), *lines.position(end), bare[start:end])
    assert apply_edits(text, [edit]) == text


def test_a_decorator_stays_with_its_function_and_imports_come_first():
    edits = [Edit(1, 0, 1, 0, text) for text in ("@cache\n", "x = deque()\n", "from collections import deque\n\n\n")]
    assert apply_edits("def f(): pass\n", edits) == (
        "from collections import deque\n\n\nx = deque()\n@cache\ndef f(): pass\n"
    )
