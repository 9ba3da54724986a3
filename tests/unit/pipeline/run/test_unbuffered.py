"""Which programs would lose output if they were stopped amid a write."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from whet.model.run import Interpreter
from whet.pipeline.run.unbuffered import OPTION, VARIABLE, can_lose_output, find_unbuffered
from whet.program.host import TargetHost
from whet.program.spec import TargetKind, TargetSpec

HOST = TargetHost(Interpreter("/no/such/python", "3.13.0"), (3, 13, 0), "cpython-313")


@pytest.mark.parametrize(
    ("options", "variable", "expected"),
    [((), None, ""), (("-B", "-u"), None, OPTION), ((), "1", VARIABLE), ((), "", ""), (("-E",), "1", "")],
)
def test_what_asks_for_it(
    options: tuple[str, ...], variable: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if variable is not None:
        monkeypatch.setenv(VARIABLE, variable)
    spec = TargetSpec(TargetKind.SCRIPT, "app.py", options=options)
    assert find_unbuffered(spec, HOST) == expected
    if expected == VARIABLE:
        assert find_unbuffered(spec, replace(HOST, ignores_environment=True)) == ""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no write is cut short")
def test_only_what_can_be_written_in_part(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as file, Path(os.devnull).open("wb") as null:
        assert not can_lose_output((file.fileno(), null.fileno()))
        reader, writer = os.pipe()
        master, terminal = os.openpty()
        assert can_lose_output((file.fileno(), writer))
        assert can_lose_output((terminal,))
        for each in (reader, writer, master, terminal):
            os.close(each)
        assert not can_lose_output((writer,))
