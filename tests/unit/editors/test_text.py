"""Positions are in the editor's units, lines end where editors and Python end them, edits keep line ends."""

from __future__ import annotations

import pytest

pytest.importorskip("pygls")
from lsprotocol.types import Position, PositionEncodingKind, Range
from pygls.workspace import PositionCodec

from whet.editors.text import Text
from whet.fix.edits import EditError
from whet.model.finding import Edit


def make(text: str, encoding: PositionEncodingKind = PositionEncodingKind.Utf16) -> Text:
    return Text(text, 1, PositionCodec(encoding).client_num_units)


@pytest.mark.parametrize(
    ("encoding", "column"),
    [(PositionEncodingKind.Utf8, 9), (PositionEncodingKind.Utf16, 7), (PositionEncodingKind.Utf32, 6)],
)
def test_columns_are_in_the_units_that_were_agreed_on(encoding, column):
    text = make("x = '\U0001f600' + y\n", encoding)
    assert text.at(1, 6) == Position(0, column)


def test_form_feeds_and_separators_end_no_line():
    text = make("a = 1\x0c\nb = '\u2028'\r\nc = 3\rd = 4")
    assert text.lines == ["a = 1\x0c", "b = '\u2028'", "c = 3", "d = 4"]
    assert text.end_of(4) == Position(3, 5)


def test_a_byte_order_mark_counts_in_the_first_line_only():
    text = make("\ufeffa = 1\nb = 2")
    assert text.at(1, 0) == Position(0, 1)
    assert text.at(2, 0) == Position(1, 0)
    assert make("\ufeffa", PositionEncodingKind.Utf8).at(1, 0) == Position(0, 3)


def test_a_range_is_of_one_line():
    text = make("def f(\n    a,\n):\n    pass\n")
    assert text.range_of(1, 0, 4) == Range(Position(0, 0), Position(0, 6))
    assert text.range_of(2, 99, 2) == Range(Position(1, 4), Position(1, 6))
    assert text.range_of(99, 0, 99).start.line == 4


def test_edits_keep_the_line_ends_of_their_surroundings():
    (edit, _) = make("a = 1\r\nb = 2\r\n").write_edits(
        [Edit(2, 0, 2, 5, "b = 3\nc = 4"), Edit(3, 0, 3, 0, "d = 5\n"), Edit(2, 0, 2, 5, "b = 3\nc = 4")]
    )
    assert edit.new_text == "b = 3\r\nc = 4"
    assert edit.range == Range(Position(1, 0), Position(1, 5))


def test_an_edit_outside_of_the_text_is_refused():
    with pytest.raises(EditError):
        make("a = 1\n").write_edits([Edit(9, 0, 9, 1, "x")])
