"""A source is mended as a whole, or left as it is with a word about why."""

from whet.model.finding import Edit, Finding, Safety, Speed
from whet.pipeline.check.fix import mend_source


def find(data: bytes) -> list[Finding]:
    at = data.find(b"old")
    if at < 0:
        return []
    line = data.count(b"\n", 0, at) + 1
    column = at - (data.rfind(b"\n", 0, at) + 1)
    edits = (Edit(line, column, line, column + 3, "new"),)
    return [
        Finding("rename", "a.py", line, line, column, "<module>", 1, "", "", Safety.SAFE, Speed.CONSTANT, edits=edits)
    ]


def mend(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    mended = mend_source(data, find(data), lambda _finding: True, find)
    return mended.data, mended.troubles


def test_all_that_is_found_is_mended() -> None:
    assert mend(b"old = 1\r\nprint(old)\r\n") == (b"new = 1\r\nprint(new)\r\n", ())


def test_what_would_not_be_written_as_it_was_is_left() -> None:
    data = b"# coding: utf-7\n# +AGE-\nold = 1\n"
    left, (trouble,) = mend(data)
    assert left == data
    assert trouble.startswith("uses a form of utf-7 that Python does not write")
