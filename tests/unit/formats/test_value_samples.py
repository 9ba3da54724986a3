from __future__ import annotations

import io
import json
from typing import Any

import pytest

from whet.errors import FormatError
from whet.formats import value_samples
from whet.formats.value_samples import read_agent_report, read_agent_threads
from whet.model.agent_report import AgentReport, TaskWait
from whet.model.evidence import Evidence, Seen

HEAD: dict[str, Any] = {
    "schema": 2,
    "pid": 7,
    "cpu_ns": 30,
    "wall_ns": 50,
    "why_none": "",
    "began": True,
    "threads": [8, 9],
    "samples": 12,
    "peak_kilobytes": 900,
    "peak_stack": [["/a.py", 3, "f"]],
}
ROW: dict[str, Any] = {
    "file": "/a.py",
    "function": "f",
    "line": 1,
    "name": "x",
    "samples": 4,
    "types": {"builtins.list": 4},
    "elements": {"builtins.int": 4},
    "lengths": [1, 2, 9],
}


def read(*rows: object) -> AgentReport:
    return read_agent_report(io.BytesIO("".join(f"{json.dumps(row)}\n" for row in rows).encode()))


def test_a_report_is_read_whole() -> None:
    seen = Seen("/a.py", "f", 1, "x", 4, {"builtins.list": 4}, {"builtins.int": 4}, 1, 2, 9)
    other = Seen("/a.py", "f", 1, "y", 1, {"builtins.int": 1}, {})
    row = {**ROW, "name": "y", "samples": 1, "types": {"builtins.int": 1}, "elements": {}, "lengths": None}
    assert read(HEAD, ROW, row) == AgentReport(
        pid=7,
        threads=(8, 9),
        evidence=Evidence(12, (seen, other)),
        peak_kilobytes=900,
        peak_stack=(("/a.py", 3, "f"),),
        wall_ns=50,
        cpu_ns=30,
    )


def test_stacks_that_tasks_waited_with_stand_among_the_rows() -> None:
    report = read(HEAD, {"stack": [["/a.py", 3, "f", 1]], "thread": 5, "ns": 9, "together": 18}, ROW)
    assert report.waits == (TaskWait((("/a.py", 3, "f", 1),), 5, 9, 18),)
    assert len(report.evidence.seen) == 1


@pytest.mark.parametrize("wrong", [{"stack": 3}, {"stack": [[1]]}, {"stack": [], "thread": "x", "ns": 1}])
def test_a_stack_that_is_none_is_an_error_with_its_line(wrong: dict[str, object]) -> None:
    with pytest.raises(FormatError, match="malformed"):
        read(HEAD, wrong)


def test_why_there_are_none_and_that_the_program_never_began_are_told() -> None:
    report = read({**HEAD, "began": False, "why_none": "no thread"})
    assert (report.began, report.evidence.why_missing) == (False, "no thread")


@pytest.mark.parametrize(
    "rows",
    [
        (),
        ({**HEAD, "schema": 1},),
        ([],),
        ({key: value for key, value in HEAD.items() if key != "pid"},),
        ({**HEAD, "peak_stack": [1]},),
        ({**HEAD, "samples": None},),
        (HEAD, 5),
        (HEAD, {**ROW, "types": []}),
        (HEAD, {**ROW, "lengths": [1, 2]}),
        (HEAD, {**ROW, "line": "x"}),
        (HEAD, ROW, {}),
    ],
)
def test_what_is_malformed_is_an_error_that_names_the_line(rows: tuple[object, ...]) -> None:
    with pytest.raises(FormatError, match="value samples") as raised:
        read(*rows)
    assert f"line {max(1, len(rows))}" in str(raised.value)


def test_what_is_no_json_is_an_error() -> None:
    for data in (b"\xff\n", b"{\n", b"[" * 100_000):
        with pytest.raises(FormatError):
            read_agent_report(io.BytesIO(data))


def test_captures_and_lines_beyond_all_measure_are_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(value_samples, "MAX_PLACES", 3)
    with pytest.raises(FormatError, match="too large"):
        read(HEAD, ROW, ROW, ROW)
    monkeypatch.setattr(value_samples, "MAX_LINE", 20)
    with pytest.raises(FormatError, match="too large"):
        read(HEAD)


def test_the_agents_own_threads_are_read_from_the_first_line() -> None:
    assert read_agent_threads(io.BytesIO(b'{"threads": [7, 8]}\nno json')) == [7, 8]
    assert read_agent_threads(io.BytesIO(b"")) == []
    for line in (b'{"threads": 7}', b"{}", b'{"threads": ["x"]}', b"[]"):
        with pytest.raises(FormatError, match="malformed"):
            read_agent_threads(io.BytesIO(line))
