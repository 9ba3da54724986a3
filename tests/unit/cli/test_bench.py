"""``whet bench`` on the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from whet.cli.main import run_command_line


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_text("import os, sys\nprint('hello')\nsys.exit(int(os.environ.get('STATUS', 0)))\n")


def bench(*words: str) -> int:
    return run_command_line(["bench", "--python", sys.executable, "--runs", "2", "--warmup", "0", *words])


def test_two_variants_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("--python", f"A=1 '{sys.executable}' -X dev", "-f", "json", "a.py") == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["runs"] for each in found["variants"]] == [2, 2]
    assert found["variants"][1]["environment"] == ["A=1"]
    assert found["variants"][1]["python"]["options"] == ["-X", "dev"]
    assert len(found["comparisons"]) == 1


def test_a_saved_bench_is_compared_with(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("--save", "b.json", "a.py") == 0
    assert bench("--against", "b.json", "--max-slowdown", "9000%", "a.py") == 0
    assert "not interleaved" in " ".join(capsys.readouterr().out.split())
    assert bench("--against", "b.json", "--env", "A=1", "a.py") == 2
    assert "another environment" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ("--env", "STATUS=3", "a.py"),
        ("--env", "STATUS", "a.py"),
        ("--against", "nowhere", "a.py"),
        ("--clock", "sun", "a.py"),
        ("-f", "xml", "a.py"),
        ("--stdin", "nowhere", "a.py"),
        (),
    ],
)
def test_what_cannot_be_measured_is_status_2(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(*words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "whet: error: " in said.err
