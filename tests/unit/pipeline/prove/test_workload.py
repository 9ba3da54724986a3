"""Which program is run to prove a rewrite, with which input."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.pipeline.workbench import Workbench

from whet.errors import UsageError
from whet.model.run import Purpose, StandardInput
from whet.pipeline.prove.workload import can_be_repeated, make_program
from whet.pipeline.run.standard_input import record_input
from whet.program.spec import TargetKind, TargetSpec


def test_the_run_s_own_command_is_run(bench: Workbench, tmp_path: Path) -> None:
    program, notes = make_program(bench.run, tmp_path)
    assert program.spec is not None
    assert (program.spec.kind, program.spec.name, program.spec.args) == (TargetKind.SCRIPT, "app.py", ("x",))
    assert (program.python, program.status, notes) == ("/usr/bin/python3", 0, ())
    for command, kind in ((("-m", "pkg", "-v"), TargetKind.MODULE), (("-O", "-c", "pass"), TargetKind.CODE)):
        spec = make_program(replace(bench.run, command=command), tmp_path)[0].spec
        assert spec is not None
        assert spec.kind is kind


@pytest.mark.parametrize(
    ("line", "kind", "args", "python", "stdin"),
    [
        ("app.py one two", TargetKind.SCRIPT, ("one", "two"), "/usr/bin/python3", None),
        ("python -X dev app.py 'one two'", TargetKind.SCRIPT, ("one two",), "/usr/bin/python3", None),
        ("/opt/py/bin/python -m app", TargetKind.MODULE, (), "/opt/py/bin/python", None),
        ("python app.py < in.txt", TargetKind.SCRIPT, (), "/usr/bin/python3", "in.txt"),
        ("make bench", None, (), "/usr/bin/python3", None),
        ("python app.py --port {port}", TargetKind.SCRIPT, ("--port", "{port}"), "/usr/bin/python3", None),
        ("python app.py | sort", None, (), "/usr/bin/python3", None),
        ("X=1 python app.py", None, (), "/usr/bin/python3", None),
    ],
)
def test_a_workload_is_read_as_python_where_it_is_that(
    bench: Workbench,
    tmp_path: Path,
    line: str,
    kind: TargetKind | None,
    args: tuple[str, ...],
    python: str,
    stdin: str | None,
) -> None:
    program, _ = make_program(bench.run, tmp_path, workload=line)
    assert (program.spec.kind if program.spec else None) is kind
    assert program.python == python
    assert program.status is None
    if program.spec is None:
        assert program.line == line
    else:
        assert program.spec.args == args
        assert program.stdin == (bench.folder / stdin if stdin else None)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stopped": "ended by --duration after 5 s"}, "does not end by itself"),
        ({"purpose": Purpose.ATTACH}, "does not know how to start it"),
        ({"signal": 11, "exit_status": 139}, "was interrupted"),
    ],
)
def test_what_cannot_be_repeated_needs_a_workload(
    bench: Workbench, tmp_path: Path, change: dict[str, object], words: str
) -> None:
    first = replace(bench.run.executions[0], **change)  # type: ignore[arg-type]
    run = replace(bench.run, executions=(first,))
    with pytest.raises(UsageError, match=words) as caught:
        make_program(run, tmp_path)
    assert "--workload" in caught.value.hint
    assert make_program(run, tmp_path, workload="app.py")[0].spec is not None


def test_a_masked_command_is_not_run(bench: Workbench, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="contained a secret"):
        make_program(replace(bench.run, command=("app.py", "--token=***")), tmp_path)
    with pytest.raises(UsageError) as caught:
        make_program(replace(bench.run, command=("app.py", "a b", "--token=***"), is_masked=True), tmp_path)
    assert """whet prove --workload 'python app.py '"'"'a b'"'"' '"'"'--token=***'"'"''""" in caught.value.hint
    program, _ = make_program(replace(bench.run, command=("app.py", "***"), is_masked=False), tmp_path)
    assert program.spec is not None and program.spec.args == ("***",)


def test_arguments_that_were_kept_are_used(bench: Workbench, tmp_path: Path) -> None:
    run = replace(bench.run, command=("app.py", "--token=***"), arguments=("app.py", "--token=abc"), is_masked=True)
    program, _ = make_program(run, tmp_path)
    assert program.spec is not None and program.spec.args == ("--token=abc",)


def test_a_secret_is_there_still_right_after_the_run(bench: Workbench, tmp_path: Path) -> None:
    spec = TargetSpec(TargetKind.SCRIPT, "app.py", ("--token=abc",), str(bench.folder))
    program, _ = make_program(replace(bench.run, command=("app.py", "--token=***")), tmp_path, spec=spec)
    assert program.spec is spec


def test_a_small_standard_input_is_kept_and_given_again(bench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_bytes(b"some \xff input")
    with (tmp_path / "in.txt").open("rb") as file:
        file.seek(4)
        kept = record_input(file.fileno())
        assert file.tell() == 4
    program, notes = make_program(replace(bench.run, stdin=kept), tmp_path)
    assert program.stdin is not None
    assert program.stdin.read_bytes() == b"some \xff input"
    assert notes == ()


def test_a_pipe_cannot_be_given_again_and_that_is_told(bench: Workbench, tmp_path: Path) -> None:
    read, write = os.pipe()
    kept = record_input(read)
    os.close(read)
    os.close(write)
    assert kept.kind == "stream"
    run = replace(bench.run, stdin=kept)
    with pytest.raises(UsageError, match="cannot be read twice") as caught:
        make_program(run, tmp_path)
    assert "< FILE" in caught.value.hint
    assert not can_be_repeated(run)
    assert record_input(read) == StandardInput()
