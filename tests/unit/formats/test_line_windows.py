"""The agent's capture: hits are near the truth, say how near, and are none where nobody can know."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whet.errors import FormatError
from whet.formats import line_windows
from whet.formats.line_windows import AgentReport, LineWindows, read_agent_report
from whet.model.profile import LineCount, Profile

CAPTURES = Path(__file__).parents[3] / "fixtures/captures/line_profiler-5.1.0"
FILE = "/srv/app/counts.py"
PASSES, ROWS = 40_000, 250
TRUE = {
    8: PASSES,
    9: PASSES * (ROWS + 1),
    10: PASSES * ROWS,
    11: PASSES * ROWS * 4 // 5,
    12: PASSES,
    20: 1,
    21: PASSES + 1,
    22: PASSES,
    23: 1,
}
"""How often lines of the recorded program ran."""


def read_capture(name: str) -> AgentReport:
    with (CAPTURES / name).open("rb") as file:
        return read_agent_report(file)


def read(raw: object) -> AgentReport:
    return read_agent_report(io.BytesIO(json.dumps(raw).encode()))


def load(name: str) -> dict[str, Any]:
    found = json.loads((CAPTURES / name).read_text())
    assert isinstance(found, dict)
    return found


# -- what was recorded -------------------------------------------------------------------------------------------------


def test_counts_throughout_are_the_truth() -> None:
    report = read_capture("counts-exact.json")
    assert {line.line: line.hits for line in report.lines} == TRUE
    assert all(line.exact and not line.error and line.file == FILE for line in report.lines)
    assert {line.function_line for line in report.lines} == {7, 19}


def test_counts_of_windows_are_near_the_truth_and_their_errors_honest() -> None:
    report = read_capture("counts.json")
    assert report.windows > 0
    counts = {line.line: line for line in report.lines if line.line in TRUE}
    assert counts.keys() == TRUE.keys()
    for number, true in TRUE.items():
        count = counts[number]
        assert count.hits is not None
        assert count.exact is (count.error == 0)
        assert abs(count.hits - true) <= 3 * count.error * true
        assert count.hits == pytest.approx(true, rel=0.01)
    # What stands in no loop of the interpreter's counting is exact, and so is what is known beforehand.
    assert {number for number, count in counts.items() if count.exact} >= {8, 12, 20, 22, 23}


def test_ratios_to_calls_are_told_beside_counts() -> None:
    counts = {line.line: line for line in read_capture("counts.json").lines}
    ratio = counts[10].per_call
    assert ratio == pytest.approx(ROWS, rel=0.05)


def test_the_functions_own_line_stands_for_its_calls() -> None:
    counts = {(line.function_line, line.line): line.hits for line in read_capture("counts.json").lines}
    assert (counts[7, 7], counts[15, 15], counts[19, 19]) == (PASSES, 1, 1)


def test_what_was_seen_comes_with_it() -> None:
    report = read_capture("counts.json")
    assert report.evidence.looks > 0
    rows = report.evidence.about(FILE, 7, "rows")
    assert rows is not None
    assert (rows.function, rows.types, rows.elements) == (
        "work",
        {"builtins.list": rows.looks},
        {"builtins.int": rows.looks},
    )
    assert (rows.min_length, rows.median_length, rows.max_length) == (ROWS, ROWS, ROWS)
    assert report.sources[FILE].startswith(b'"""How often each of its lines runs')
    assert report.peak_stack[0] == (FILE, 26, "<module>")
    assert report.why_no_hits == report.evidence.why_missing == ""
    assert report.wall_ns >= report.cpu_ns > 0


# -- what can be known -------------------------------------------------------------------------------------------------


def test_a_report_without_counts_tells_why() -> None:
    raw = {
        **load("counts.json"),
        "lines": None,
        "why_no_hits": "a debugger traces",
        "why_no_looks": "too",
        "left_plain": 3,
    }
    report = read(raw)
    assert (report.lines, report.windows, report.left_plain) == ((), 0, 3)
    assert (report.why_no_hits, report.evidence.why_missing) == ("a debugger traces", "too")


def test_without_anchors_only_ratios_are_told() -> None:
    raw = load("counts.json")
    raw["lines"]["anchors"], raw["lines"]["anchor_rows"] = [], []
    lines = read(raw).lines
    assert lines
    assert all(line.hits is None and not line.exact for line in lines)
    # The function's first line runs once a call; the loop's body for each row.
    work = {line.line: line.per_call for line in lines if line.function_line == 7}
    assert work[8] == 1
    assert work[10] == pytest.approx(ROWS, rel=0.1)


def test_an_exact_anchor_around_a_line_makes_a_count_of_its_ratio() -> None:
    """Two windows in one phase saw the body 50 times and the anchored line 100 times of 1,000."""
    entry = {**_anchor("loop", 2, 4), "lines": [3], "count": 1_000}
    report = read(_report([entry], [{"cpu_ns": 10**9, "windows": 2, "lines": [0, 100, 1, 50], "anchors": []}]))
    counts = {line.line: line for line in report.lines}
    assert (counts[3].hits, counts[3].exact) == (1_000, True)
    assert (counts[4].hits, counts[4].exact) == (500, False)
    assert 0 < counts[4].error < 0.5


def test_a_loop_whose_body_begins_with_a_loop_is_not_taken_for_the_iterations_of_that() -> None:
    """Ten calls seen of 1,000, each with three passes of the outer loop, and three times three of the inner one."""
    outer = {**_anchor("loop", 3, 4), "header": 2, "count": 3_000, "partial": True}
    inner = {**_anchor("loop", 4, 4), "header": 3, "lines": [4], "count": 9_000, "partial": True}
    phase = {"cpu_ns": 10**9, "windows": 2, "lines": [0, 120, 1, 90, 2, 40], "anchors": []}
    counts = {line.line: line for line in read(_report([outer, inner], [phase], [3, 4, 2])).lines}
    assert counts[4].hits == 9_000
    assert counts[3].hits == 12_000
    assert counts[2].hits == 4_000


def test_phases_count_by_the_time_that_they_stand_for() -> None:
    """The line is seen as often as the anchor in the dense first second, and never in the nine thin ones after it."""
    entry = {**_anchor("loop", 2, 4), "lines": [3], "count": 1_000}
    dense = {"cpu_ns": 10**9, "windows": 10, "lines": [0, 100, 1, 100], "anchors": []}
    thin = {"cpu_ns": 10**10, "windows": 10, "lines": [0, 100], "anchors": []}
    counts = {line.line: line for line in read(_report([entry], [dense, thin])).lines}
    # A tenth of the time, whatever the windows.
    assert counts[4].hits is None or counts[4].hits == pytest.approx(100, rel=0.01)
    assert counts[4].error > 0.5


def test_lines_that_were_never_seen_and_never_counted_are_not_there() -> None:
    assert read(_report([], [])).lines == ()


def _anchor(kind: str, first: int, last: int) -> dict[str, object]:
    """An exact anchor over some lines of the function on line 1 of the file ``a.py``."""
    known = load("counts.json")["lines"]["anchors"][0]
    return {
        **known,
        "kind": kind,
        "file": "a.py",
        "function": "f",
        "code_line": 1,
        "line": first,
        "end_line": last,
        "header": 0,
        "lines": [],
        "likely": [],
        "checked": [],
        "exact": True,
        "partial": False,
        "error": 0.0,
    }


def _report(
    anchors: list[dict[str, object]], phases: list[dict[str, object]], numbers: Sequence[int] = (3, 4)
) -> dict[str, Any]:
    """A report whose rows are these lines of that function."""
    known = load("counts.json")
    rows = [["a.py", "f", 1, line] for line in numbers]
    lines = {
        **known["lines"],
        "rows": rows,
        "phases": phases,
        "anchors": anchors,
        "anchor_rows": list(range(len(anchors))),
    }
    return {**known, "lines": lines}


# -- what is refused ---------------------------------------------------------------------------------------------------


def refuse(data: bytes) -> FormatError:
    with pytest.raises(FormatError) as caught:
        read_agent_report(io.BytesIO(data))
    return caught.value


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"\xff", b"[" * 100_000, b"[]", b"7", b"null", b'{"schema": 2, "exact": []}', b'{"schema": "1"}'],
)
def test_what_is_no_capture_is_refused(data: bytes) -> None:
    assert "line counts" in refuse(data).message


def test_a_huge_capture_is_not_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_windows, "MAX_BYTES", 10)
    assert "too large" in refuse(b" " * 100 + b"{}").message


STRANGE = [float("nan"), float("inf"), -1, 10**400, "x", None, [], {}, True]


@pytest.mark.parametrize("value", STRANGE, ids=lambda value: str(value)[:5])
@pytest.mark.parametrize(
    "name", ["pid", "cpu_ns", "windows", "line", "count", "error", "hits", "first", "looks", "lengths"]
)
def test_strange_values_are_read_or_refused(name: str, value: object) -> None:
    raw = load("counts.json")
    lines = raw["lines"]
    match name:
        case "pid" | "looks":
            raw[name] = value
        case "cpu_ns" | "windows":
            lines["phases"][0][name] = value
        case "line" | "count" | "error":
            lines["anchors"][-1][name] = value
        case "hits":
            lines["phases"][0]["lines"][1] = value
        case "first":
            lines["rows"][0][2] = value
        case _:
            raw["seen"][0]["lengths"] = value
    try:
        report = read_agent_report(io.BytesIO(json.dumps(raw).encode()))
    except FormatError:
        return
    for line in report.lines:
        assert line.hits is None or line.hits >= 0
        assert line.error >= 0
        assert line.line > 0


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_hole_in_a_capture_is_read_or_refused(data: st.DataObject) -> None:
    raw: Any = load("counts.json")
    at: Any = raw
    for _ in range(5):
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not keys:
            break
        key = data.draw(st.sampled_from(keys))
        if not isinstance(at[key], (dict, list)) or data.draw(st.booleans()):
            if data.draw(st.booleans()):
                del at[key]
            else:
                at[key] = data.draw(st.sampled_from([None, -1, 0, "", [], {}, 1e308, 2**70]))
            break
        at = at[key]
    try:
        read_agent_report(io.BytesIO(json.dumps(raw).encode()))
    except FormatError as error:
        assert error.message


# -- as a format -------------------------------------------------------------------------------------------------------


def test_exact_counts_survive_writing_and_reading() -> None:
    lines = (
        LineCount("/a \udcff.py", 3, 1, 7, None, 0.0, True),
        LineCount("/a.py", 4, 1, 9, 2.0, 0.2),
        LineCount("/a.py", 5, 1, 0, None, 0.0, True),
    )
    sink = io.BytesIO()
    LineWindows().write(Profile(collector="line_profiler", lines=lines), sink)
    (again,) = LineWindows().read(io.BytesIO(sink.getvalue()))
    assert again.lines == lines[:1]
    assert again.collector == "line_profiler"
