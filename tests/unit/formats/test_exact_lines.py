from __future__ import annotations

import io
import json

import pytest

from whet.errors import FormatError
from whet.formats import exact_lines
from whet.formats.exact_lines import ExactLines, ExactLinesReport, read_exact_lines
from whet.model.profile import LineCount, Profile

WHOLE = {"schema": 2, "lines": [["/a.py", 1, 2, 7], ["/a.py", 1, 3, 0]], "too_large": [["/b.py", 4]], "alike": []}


def read(raw: object) -> ExactLinesReport:
    return read_exact_lines(io.BytesIO(json.dumps(raw).encode()))


def test_counts_are_exact_and_lines_that_never_ran_are_left_out() -> None:
    report = read(WHOLE)
    assert report.lines == (LineCount("/a.py", 2, 1, 7),)
    assert (report.too_large, report.alike) == ((("/b.py", 4),), ())


def test_what_is_written_reads_back() -> None:
    profile = Profile(collector="line_profiler", lines=read(WHOLE).lines)
    sink = io.BytesIO()
    ExactLines().write(profile, sink)
    sink.seek(0)
    assert list(ExactLines().read(sink)) == [profile]


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 1},
        {"lines": None},
        {"lines": [["/a.py", 1, 2]]},
        {"lines": [["/a.py", 1, "x", 2]]},
        {"lines": [["/a.py", 1, 0, 2]]},
        {"lines": [["/a.py", 1, 2, -1]]},
        {"lines": [["/a.py", 1, 2, float("inf")]]},
        {"too_large": 3},
        {"alike": [["/a.py"]]},
    ],
)
def test_what_is_malformed_is_an_error(change: dict[str, object]) -> None:
    with pytest.raises(FormatError, match="line counts"):
        read({**WHOLE, **change})


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_capture_is_an_error(data: bytes) -> None:
    with pytest.raises(FormatError, match="line counts"):
        read_exact_lines(io.BytesIO(data))


def test_a_capture_beyond_all_measure_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact_lines, "MAX_BYTES", 10)
    with pytest.raises(FormatError, match="too large"):
        read(WHOLE)
