"""Comments that silence rules."""

import ast

import pytest

from whet.engine.suppress import UNUSED, find_suppressions, may_suppress, settle_suppressions
from whet.fix.edits import apply_edits
from whet.model.finding import Finding, Safety, Speed

KNOWN = {"slots", "str-concat", "memoize"}


def make(line, rule="slots", end=None):
    return Finding(rule, "a.py", line, end or line, 0, "f", 1, "T", "M", Safety.ADVICE, Speed.CONSTANT)


def settle(text, *findings, idle=lambda *_: True):
    return settle_suppressions(text, "a.py", findings, known=KNOWN, is_idle=idle)


@pytest.mark.parametrize(
    ("text", "silenced"),
    [
        ("x = 1  # whet: ignore[slots]\n", {1}),
        ("x = 1  #whet:ignore[ slots ] because of the order\n", {1}),
        ("x = 1  # noqa: E501  # whet: ignore[memoize, slots]\n", {1}),
        ("# whet: ignore[slots]\nx = 1\ny = 2\n", {2}),
        ("# whet: ignore[slots]\n# and more\n\nx = 1\ny = 2\n", {4}),
        ("x = [\n    1,  # whet: ignore[slots]\n    2,\n]\ny = 1\n", {1, 2, 3, 4}),
        ("x = [\n    1,\n]  # whet: ignore[slots]\ny = 1\n", {1, 2, 3}),
        ("for x in y:  # whet: ignore[slots]\n    z\n", {1}),
        ("x = '# whet: ignore[slots]'\n", set()),
        ("x = 1  # whet: ignore[memoize]\n", set()),
        ("x = 1  # whet: ignore\n", set()),
        ("x = 1  # whet: ignored[slots]\n", set()),
        ("\ufeffx = 1  # whet: ignore[slots]\r\ny = 2\r\n", {1}),
        ("x = 1\ry = 2  # whet: ignore[slots]\r", {2}),
        ("def f():\n    x = 1  # whet: ignore[slots]", {2}),
    ],
)
def test_which_lines_a_comment_is_about(text, silenced):
    ast.parse(text.removeprefix("\ufeff"))
    lines = range(1, 7)
    settled = settle(text, *(make(line) for line in lines))
    assert {finding.line for finding in settled.silenced} == silenced
    assert [finding.line for finding in settled.kept] == [line for line in lines if line not in silenced]


def test_a_comment_behind_the_last_statement_silences_nothing():
    text = "x = 1\n# whet: ignore[slots]\n"
    settled = settle(text, make(1))
    assert [finding.line for finding in settled.kept] == [1]
    assert [finding.line for finding in settled.unused] == [2]


def test_files_without_such_a_comment_cost_a_search():
    assert may_suppress(b"x = 1 # whet: ignore[slots]")
    assert not may_suppress(b"x = 1")
    assert find_suppressions("x = (  # whet: ignore[slots]") == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1  # whet: ignore[slots]\ny = 2\n", "x = 1\ny = 2\n"),
        ("x = 1  # whet: ignore[slots] for a reason, see #12\n", "x = 1\n"),
        ("x = 1  # noqa: E501  # whet: ignore[slots]\n", "x = 1  # noqa: E501\n"),
        ("x = 1  # whet: ignore[slots]  # noqa: E501\n", "x = 1  # noqa: E501\n"),
        ("a\n# whet: ignore[slots]\nx = 1\n", "a\nx = 1\n"),
        ("a\n    # whet: ignore[slots]\n", "a\n"),
        ("x = 1  # whet: ignore[slots, str-concat]\r\n", "x = 1  # whet: ignore[str-concat]\r\n"),
        ("x = 1  # whet: ignore[str-concat,slots] why\n", "x = 1  # whet: ignore[str-concat] why\n"),
        ("x = 1  # whet: ignore[slots]", "x = 1"),
        ("x = 1  # whet: ignore[gone-for-good]\n", "x = 1\n"),
    ],
)
def test_what_silences_nothing_is_reported_and_can_be_taken_away(before, after):
    settled = settle(before, make(1, "str-concat"))
    (unused,) = settled.unused
    assert unused.rule == UNUSED
    assert unused.safety is Safety.SAFE
    assert before.splitlines()[unused.line - 1][unused.column :].startswith("# whet:")
    assert apply_edits(before, unused.edits) == after


@pytest.mark.parametrize(
    ("comment", "message", "fixed"),
    [
        ("slots", "slots has no finding here.", True),
        ("slots, memoize", "slots and memoize have no finding here.", True),
        ("slot", "There is no rule 'slot', did you mean slots.", False),
        ("zzz", "There is no rule 'zzz'.", True),
        ("slots, zzz", "slots has no finding here; there is no rule 'zzz'.", True),
        ("", "This names no rule, so it suppresses nothing: write `# whet: ignore[slug]`.", False),
    ],
)
def test_what_is_said(comment, message, fixed):
    (unused,) = settle(f"x = 1  # whet: ignore[{comment}]\n").unused
    assert unused.message == message
    assert bool(unused.edits) is fixed


def test_a_rule_that_was_not_asked_is_not_judged():
    asked = []

    def is_idle(slug, place):
        asked.append((slug, place.first, place.last))
        return slug == "slots"

    text = "x = (  # whet: ignore[slots, memoize, str-concat]\n)\n"
    settled = settle(text, make(1, "str-concat"), idle=is_idle)
    assert asked == [("slots", 1, 2), ("memoize", 1, 2)]
    assert "slots has no finding" in settled.unused[0].message
