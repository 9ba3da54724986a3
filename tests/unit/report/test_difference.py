"""What is said of two runs: plainly, and harmless whatever the program calls its functions."""

from __future__ import annotations

import json
from dataclasses import replace

from whet.model.difference import Change, Difference, PlaceChange, Timed, Whole
from whet.report.difference import escape_markdown, render_json, render_markdown, render_text, state_head

WHOLE = Whole(("app.py",), "2025-01-01T10:00:00+00:00", "", "CPython 3.13.0", 2 * 10**9, 10**9, 10**9, 100, 1)
HOSTILE = "f\x1b[2J|<img src=x>[a](b)@team"
SLOWER = PlaceChange("app.py", HOSTILE, 1, 2, Timed(10**9, 100), Timed(3 * 10**9, 300), 10**9, 3 * 10**9, Change.SLOWER)
LINE = replace(SLOWER, name="", source="x = '\u202e|'")
NOTHING = Difference(WHOLE, WHOLE, (), (), 12, 0.99, 0.05)
SOME = replace(NOTHING, functions=(SLOWER,), lines=(LINE,), cautions=("the runs are of different commands",))


def test_no_change_is_said_first() -> None:
    assert render_text(NOTHING).startswith("no significant change\n")
    assert "no significant change" in render_markdown(NOTHING)
    assert json.loads(render_json(NOTHING))["functions"] == []


def test_runs_without_samples_are_not_called_unchanged() -> None:
    empty = replace(NOTHING, after=replace(WHOLE, samples=0))
    assert render_text(empty).startswith("nothing to compare")


def test_each_form_says_what_the_intervals_leave_out() -> None:
    assert "only sampling error" in " ".join(render_text(SOME).split())
    assert "only sampling error" in render_markdown(SOME)
    assert json.loads(render_json(SOME))["covers"] == "sampling error only"


def test_text_names_change_interval_and_caution() -> None:
    text = render_text(SOME)
    assert "1 function slower" in text
    assert "+2.00 s [+1.00 s, +3.00 s]" in text
    assert "slower, 3×" in text
    assert "different commands" in text


def test_the_head_names_the_largest_change_with_its_interval() -> None:
    assert state_head(NOTHING) == "no significant change"
    plain = replace(SLOWER, name="read")
    assert state_head(replace(SOME, functions=(plain,))) == "1 function slower: read +2.00 s [+1.00 s, +3.00 s]"
    two = replace(SOME, functions=(plain, replace(plain, name="write", change=Change.FASTER)))
    assert state_head(two).startswith("1 function faster, 1 function slower; most of all read +2.00 s [")
    assert "\x1b" not in state_head(SOME)


def test_names_of_the_program_obey_nobody() -> None:
    assert "\x1b" not in render_text(SOME)
    assert "\u202e" not in render_text(SOME)
    row = next(line for line in render_markdown(SOME).splitlines() if "x1b" in line)
    assert row.replace("\\|", "").count("|") == 6
    assert "\\<img" in row, "escaped, so that no element begins"
    assert "@team" not in row


def test_markdown_shows_text_as_it_is() -> None:
    assert escape_markdown("a_b") == "a\\_b"
    assert escape_markdown("`") == "\\`"


def test_json_has_seconds() -> None:
    place = json.loads(render_json(SOME))["functions"][0]
    assert (place["before_seconds"], place["difference_seconds"], place["interval_seconds"]) == (1, 2, [1, 3])
    assert place["name"] == HOSTILE
