"""Sizes as they are written, and where they go."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from whet.errors import UsageError
from whet.model.run import Interpreter
from whet.pipeline.scale.request import (
    ScaleRequest,
    Sizes,
    check_request,
    make_environ,
    make_line,
    parse_sizes,
    put_size,
)
from whet.program.host import TargetHost
from whet.program.spec import TargetKind, TargetSpec


def make_request(
    *args: str, kind: TargetKind = TargetKind.SCRIPT, name: str = "app.py", **more: object
) -> ScaleRequest:
    host = TargetHost(Interpreter(sys.executable, "3.13.0"), (3, 13, 0), "cpython-313")
    return ScaleRequest(TargetSpec(kind, name, args), host, Sizes((1, 2, 4)), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("1000,2000,4000", Sizes((1000, 2000, 4000))),
        ("4k, 1k,2_000,1k", Sizes((1000, 2000, 4000))),
        ("1,1M,1g", Sizes((1, 10**6, 10**9))),
        ("auto", Sizes(smallest=100)),
        ("auto:5k", Sizes(smallest=5000)),
    ],
)
def test_sizes_are_read(text: str, sizes: Sizes) -> None:
    assert parse_sizes(text) == sizes


@pytest.mark.parametrize("text", ["", "10", "10,20", "10,10,20", "0,1,2", "a,b,c", "-1,2,3", "1.5,2,3", "auto:x"])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_sizes(text)
    assert caught.value.hint


def test_a_number_of_thousands_of_digits_is_refused() -> None:
    with pytest.raises(UsageError):
        parse_sizes(f"{'9' * 10_000},1,2")


def test_the_size_stands_in_arguments_code_and_environment() -> None:
    assert put_size(TargetSpec(TargetKind.SCRIPT, "a{n}.py", ("--rows={n}", "{n}-{n}")), 20).words == (
        "a{n}.py",
        "--rows=20",
        "20-20",
    )
    assert put_size(TargetSpec(TargetKind.CODE, "f({n})"), 20).name == "f(20)"
    assert make_environ(make_request(environ=("ROWS={n}", "A=b=c")), 20) == {"ROWS": "20", "A": "b=c"}


def test_a_command_without_the_size_is_refused() -> None:
    with pytest.raises(UsageError, match="all runs would be alike"):
        check_request(make_request("--rows", "5"))
    for request in (make_request("{n}"), make_request(make="gen {n}"), make_request(environ=("N={n}",))):
        check_request(request)
    check_request(make_request(kind=TargetKind.CODE, name="print({n})"))


def test_a_setting_without_a_name_is_refused() -> None:
    with pytest.raises(UsageError, match="NAME=VALUE"):
        check_request(make_request("{n}", environ=("{n}",)))


def test_a_script_for_input_is_run_by_the_programs_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("gen.py").write_text("")
    request = make_request("data", make="gen.py {n} > data")
    assert make_line(request, 7) == f"{sys.executable} gen.py 7 > data"
    Path("gen.py").chmod(0o755)
    assert make_line(request, 7) == "gen.py 7 > data"
    assert make_line(make_request(make="seq {n}"), 7) == "seq 7"
