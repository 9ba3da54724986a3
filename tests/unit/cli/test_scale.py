"""``whet scale`` on the command line: wrong use, and programs that fail."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from whet.cli.main import run_command_line


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_text("import sys\nsys.exit(f'cannot do {sys.argv[1:]}')\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "there is no program to run"),
        (("a.py", "{n}"), "no sizes given"),
        (("--sizes", "1,2", "a.py", "{n}"), "has 2 sizes"),
        (("--sizes", "1,2,x", "a.py", "{n}"), "'x' is not a size"),
        (("--sizes", "1,2,4", "--predict", "many", "a.py", "{n}"), "--predict: 'many' is not a size"),
        (("--sizes", "1,2,4", "a.py"), "{n} stands nowhere"),
        (("--sizes", "1,2,4", "--env", "{n}", "a.py"), "is not NAME=VALUE"),
        (("--sizes", "1,2,4", "--in", "a*", "a.py", "{n}"), "--in does nothing without --max-exponent"),
        (("--sizes", "1,2,4", "-f", "xml", "a.py", "{n}"), "unknown format"),
        (("--sizes", "1,2,4", "--budget", "soon", "a.py", "{n}"), "not a duration"),
        (("--sizes", "1,2,4", "-o", "-", "a.py", "{n}"), "cannot go to stdout"),
        (("--sizes", "1,2,4", "none.py", "{n}"), "none.py"),
    ],
)
def test_wrong_use_is_one_error(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["scale", "--python", sys.executable, *words]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert "whet: error: " in output.err
    assert said in output.err


def test_a_program_that_fails_is_named_with_its_size(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["scale", "--python", sys.executable, "--sizes", "1,2,4", "a.py", "{n}"]) == 2
    said = capsys.readouterr().err
    assert "n = 1: the program ended with status 1: cannot do ['1']" in said
    assert not Path("whet-report.html").exists()


def test_input_that_cannot_be_made_is_named_with_its_size(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--sizes", "1,2,4", "--make", "echo no {n} >&2; exit 3", "a.py"]
    assert run_command_line(["scale", "--python", sys.executable, *words]) == 2
    said = capsys.readouterr().err
    assert "n = 1: --make ended with status 3: no 1" in said
    assert "try it by hand: echo no 1" in said
