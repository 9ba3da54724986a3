from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from whet.report.sanitize import encodable, shorten, show, show_source


def test_unseen_characters_are_shown():
    assert show("a\x1b[31mb") == "a\\x1b[31mb"
    assert show("a\u202eb\u2066c\u200bd\ufeff") == "a\\u202eb\\u2066c\\u200bd\\ufeff"
    assert show("a\udcffb") == "a\\udcffb"
    assert show("a\nb\tc\rd\x9b") == "a\\nb\\tc\\rd\\x9b"
    assert show("\U000e0041") == "\\U000e0041"


def test_ordinary_text_of_any_language_stays():
    assert show("naïve Größe 変数 имя — “x” 🙂 a\u00a0b") == "naïve Größe 変数 имя — “x” 🙂 a\u00a0b"


def test_source_keeps_its_tabs():
    assert show_source("\tx = '\u202e'") == "\tx = '\\u202e'"


@given(st.text(alphabet=st.characters(codec=None)))
def test_whatever_comes_is_printable_and_has_bytes(text):
    shown = show(text)
    shown.encode("utf-8")
    assert all(
        c.isprintable() or c in "\u00a0\u1680\u3000" or "\u2000" <= c <= "\u200a" or c in "\u202f\u205f" for c in shown
    )
    encodable(text).encode("utf-8")


@given(st.text(), st.integers(3, 50))
def test_shortening_keeps_both_ends(text, longest):
    short = shorten(text, longest)
    assert len(short) == min(len(text), longest)
    if len(text) > longest:
        assert short[0] == text[0] and short[-1] == text[-1]
