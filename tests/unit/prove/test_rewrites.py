"""Which rewrites are tried together, and the files that they make."""

from __future__ import annotations

from whet.fix.files import hash_bytes
from whet.model.finding import Edit
from whet.model.trial import FileEdits, RewriteRef
from whet.prove.rewrites import Rewrite, Unit, apply_rewrites, make_units, settle_overlaps

SOURCE = b"# coding: latin-1\r\na = '\xe9'\r\nb = 2\r\n"
FILES = {"x.py": SOURCE, "y.py": b"c = 3\n"}


def _rewrite(name: str, line: int, column: int, end: int, text: str, file: str = "x.py", share: float = 0.5) -> Rewrite:
    edit = Edit(line, column, line, end, text)
    return Rewrite(RewriteRef(name, name, name, file), (FileEdits(file, hash_bytes(FILES[file]), (edit,)),), share)


ONE, TWO = _rewrite("one", 2, 4, 7, "'ö'"), _rewrite("two", 3, 4, 5, "4")
OTHER = _rewrite("other", 1, 4, 5, "5", "y.py")


def test_edits_are_made_in_the_file_s_own_encoding_and_newlines() -> None:
    made = apply_rewrites(FILES, [Unit((ONE,)), Unit((TWO,))])
    assert made == {"x.py": b"# coding: latin-1\r\na = '\xf6'\r\nb = 4\r\n", "y.py": FILES["y.py"]}


def test_no_rewrites_are_the_files_as_they_are() -> None:
    assert apply_rewrites(FILES, []) == FILES


def test_what_is_too_small_to_be_measured_is_judged_as_one_and_last() -> None:
    small = [_rewrite(name, 3, 4, 5, "4", share=0.015) for name in ("s1", "s2")]
    units = make_units([small[0], ONE, small[1], OTHER], 0.02)
    assert [unit.ids for unit in units] == [("one",), ("other",), ("s1", "s2")]


def test_the_border_is_what_removing_all_of_it_can_win() -> None:
    """1.97 % of the time removed makes the whole 1.02 times as fast: 1 / (1 - 0.0197)."""
    above, below = (_rewrite("at", 3, 4, 5, "4", share=share) for share in (0.0197, 0.0196))
    assert len(make_units([above, below], 0.02)[0].rewrites) == 1
    assert make_units([above, below], 0.02)[-1].rewrites == (below,)


def test_of_two_that_overlap_the_first_is_tried() -> None:
    overlapping = _rewrite("late", 2, 0, 7, "z = 1")
    kept, dropped = settle_overlaps(FILES, [ONE, overlapping, TWO])
    assert kept == [ONE, TWO]
    assert list(dropped) == ["late"]
    assert "overlap" in dropped["late"]


def test_edits_of_a_file_that_would_not_be_written_as_it_is_are_dropped() -> None:
    files = FILES | {"x.py": b"# coding: utf-7\r\na = '+AGE-'\r\nb = 2\r\n"}
    kept, dropped = settle_overlaps(files, [TWO, OTHER])
    assert kept == [OTHER]
    assert "a form of utf-7" in dropped["two"]


def test_an_edit_that_its_file_s_encoding_cannot_say_is_dropped() -> None:
    kept, dropped = settle_overlaps(FILES, [_rewrite("far", 2, 4, 7, "'中'"), TWO])
    assert kept == [TWO]
    assert "latin-1" in dropped["far"] or "iso-8859-1" in dropped["far"]


def test_of_two_that_would_break_each_other_the_first_is_tried() -> None:
    file = {"a.py": b"import re\nimport os\n\ndef f(x):\n    return re.search('a', x)\n"}
    moved = Edit(1, 0, 2, 0, ""), Edit(5, 0, 5, 0, "    import re\n")
    hoisted = Edit(2, 9, 2, 9, "\n_A = re.compile('a')"), Edit(5, 11, 5, 28, "_A.search(x)")
    pair = [
        Rewrite(RewriteRef(rule, rule), (FileEdits("a.py", hash_bytes(file["a.py"]), edits),))
        for rule, edits in (("lazy-import", moved), ("regex-compile", hoisted))
    ]
    for first, second in (pair, pair[::-1]):
        kept, dropped = settle_overlaps(file, [first, second])
        assert kept == [first]
        assert first.ref.rule in dropped[second.ref.id]
