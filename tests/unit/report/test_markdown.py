from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from whet.report.fakes import make_advice, make_flames, make_hotspots, make_proven, make_run
from whet.report.markdown import LONGEST, OPEN_DIFFS, MarkdownRenderer, write_mark
from whet.report.markup import write_code, write_diff, write_prose
from whet.report.view import build_view


def view(copies=1, diff_lines=0, **options):
    advice = [replace(make_advice()[0], id=f"{n:010x}", share=0.4 - n / 1000) for n in range(copies)]
    if diff_lines:
        diff = "--- a/x\n+++ b/x\n" + "".join(f"+line {n}\n" for n in range(diff_lines))
        advice = [replace(item, diff=diff) for item in advice]
    return build_view(make_run(), make_hotspots(), tuple(advice), make_flames(), **options)


def test_it_starts_with_a_mark_that_stays_with_the_program():
    assert MarkdownRenderer().format(view()).startswith("<!-- whet:report -->\n## whet: orders.py\n")
    named = write_mark(view(title="Nightly --><script>"))
    assert re.fullmatch(r"<!-- whet:report:[0-9a-f]{12} -->", named)
    assert named == write_mark(view(copies=3, title="Nightly --><script>")) != write_mark(view(title="Weekly"))


def test_it_says_everything_that_a_reviewer_needs():
    run, advice = make_proven()
    text = MarkdownRenderer().format(build_view(run, make_hotspots(), advice, make_flames()))
    for words in (
        "orders.py: 3.06 → 1.27 s CPU, 2.4×",
        "Before: orders.py spends 41 % ±3 of 3.06 s CPU",
        "### Measured faster (1)",
        "**2.4×** [2.3, 2.5] measured · 41.2 % ±1.4 of the run",
        "3.06 s → 1.27 s CPU, peak 96.4 MB → 97.1 MB, 20 interleaved pairs of runs.",
        "-        return number in self.numbers\n+        return number in self.number_set\n```\n",
        "### Tried, no gain (1)",
        "| <code>Ledger.seen</code> | <code>shop/ledger.py:21</code> "
        "| 41.2\u00a0%\u00a0±1.4 | 1.29\u00a0s | 1.16\u00a0s | 41,250 |",
        "whet doctor --install",
        "Not measured: memory (--memory)",
        "commit <code>8d1f0c2</code>",
    ):
        assert words in text


@pytest.mark.parametrize("copies", [1, 60, 500])
@pytest.mark.parametrize("lines", [0, 40, 5_000])
def test_what_is_too_long_is_left_out_by_whole_parts_and_named(copies, lines):
    text = MarkdownRenderer().format(view(copies, lines))
    assert len(text) <= LONGEST
    shown = len(re.findall(r"^#### ", text, flags=re.MULTILINE))
    assert 1 <= shown <= copies
    if shown < copies:
        left = copies - shown
        assert f"Left out to fit the size limit of comments: suggestions{f' ({left})' if left > 1 else ''}" in text
        assert "### Hottest functions" in text and "### Warnings" in text
    else:
        assert "Left out" not in text
    assert text.count("<details>") == text.count("</details>") and text.count("```") % 2 == 0
    # The best come first, and none is skipped.
    assert re.findall(r"^#### (\d+)\.", text, flags=re.MULTILINE) == [str(n + 1) for n in range(shown)]
    assert text.rstrip().endswith("whet 0.1.0</sub>")


def test_later_parts_give_way_first():
    text = MarkdownRenderer(3_100).format(view())
    assert len(text) <= 3_100
    assert "### Hottest functions" in text and "#### 1." in text
    assert (
        "Left out to fit the size limit of comments: hottest lines, how it was measured. The HTML report is complete."
        in text
    )
    assert "<summary>Hottest lines" not in text


def test_the_first_diffs_stand_open():
    text = MarkdownRenderer().format(view(5))
    assert text.count("<summary>Diff</summary>") == 5 - OPEN_DIFFS
    assert text.count("```diff") == 5


def test_without_source_there_is_none():
    text = MarkdownRenderer().format(view(include_source=False))
    assert "```diff" not in text and "self.numbers" not in text.replace("self.numbers: seen", "")


def test_a_diff_is_cut_at_a_line_and_says_so():
    assert write_diff("+a\n+b\n", 100) == "```diff\n+a\n+b\n```\n"
    assert write_diff("+a\n+b\n+c\n", 6) == "```diff\n+a\n+b\n```\n\n1 more line of the diff in the HTML report.\n"
    assert write_diff("+" + "a" * 50, 6) == "1 line of the diff in the HTML report.\n"
    assert write_diff("+````\n", 100) == "`````diff\n+````\n`````\n"


@given(st.text(alphabet=st.sampled_from("a1 |`*_[]()<>&#@~$\\:/.w-\n\x1b\u202e"), max_size=60))
def test_no_text_is_syntax(text):
    reader = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    table = reader.render(f"| a | b |\n|---|---|\n| {write_prose(text)} | x |\n")
    assert re.findall(r"<(\w+)", table) == ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td"]
    assert write_code("") == ""
    assert re.fullmatch(r"[^\n|`*_\[\]]*", write_code(text))


def test_however_much_is_escaped_a_text_stays_short():
    assert len(write_prose("$" * 10_000, 100)) <= 400
    assert write_prose("plain words, 3.5 %", 100) == "plain words, 3.5 %"
