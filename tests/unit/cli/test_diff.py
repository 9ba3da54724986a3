"""``whet diff`` on saved runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from whet.cli.main import run_command_line
from whet.report.fakes import make_run
from whet.store import save_run


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    return [save_run(make_run(), tmp_path).path.parent.name for _ in range(2)]


def test_equal_runs_have_no_change(saved: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["diff", *saved, "-f", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["functions"] == found["lines"] == []


def test_the_second_run_is_the_latest_by_default(saved: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["diff", saved[0]]) == 0
    assert "only sampling error" in " ".join(capsys.readouterr().out.split())


def test_html_and_files(saved: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["diff", *saved, "-f", "html", "-o", "d.html"]) == 0
    assert (tmp_path / "d.html").read_bytes().startswith(b"<!")
    assert run_command_line(["diff", *saved, "-f", "markdown", "-o", "d.md"]) == 0
    assert "whet diff" in (tmp_path / "d.md").read_text("utf-8")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("words", [["nowhere"], ["latest", "-f", "pdf"], ["latest", "--threshold", "x"]])
def test_wrong_use_is_status_2(saved: list[str], words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert saved
    assert run_command_line(["diff", *words]) == 2
    assert "whet: error" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["terminal", "markdown", "json", "html"])
def test_a_file_is_replaced_only_by_its_like(
    form: str, saved: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for other in ("terminal", "markdown", "json", "html"):
        assert run_command_line(["diff", *saved, "-f", other, "-o", f"{other}.out"]) == 0
    path, written = tmp_path / "mine", (tmp_path / f"{form}.out").read_bytes()
    path.write_bytes(written + b" ")
    assert run_command_line(["diff", *saved, "-f", form, "-o", "mine"]) == 0
    assert path.read_bytes()[:200] == written[:200] and not path.read_bytes().endswith(b" ")
    capsys.readouterr()
    others = [(tmp_path / f"{other}.out").read_bytes() for other in ("terminal", "markdown", "json") if other != form]
    for mine in (b"", b"my notes\n", b'{"schema": 1, "result": "x"}', b"**whet diff**: my notes\n", *others):
        path.write_bytes(mine)
        assert run_command_line(["diff", *saved, "-f", form, "-o", "mine"]) == 2
        assert path.read_bytes() == mine
        error, hint = capsys.readouterr().err.splitlines()
        assert "mine was not written by whet" in error
        assert "-o" in hint
