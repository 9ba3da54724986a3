"""`whet report`: a saved run in any form, on stdout or in a file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from whet.cli.main import run_command_line
from whet.report.fakes import make_run
from whet.store import save_run


@pytest.fixture(autouse=True)
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one saved run, which is the working folder."""
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)
    return save_run(make_run(), tmp_path).path


def list_files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"pyproject.toml", ".whet"}


def test_by_default_it_is_the_latest_run_as_html(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["report"]) == 0
    assert (tmp_path / "whet-report.html").read_text("utf-8").startswith("<!doctype html>")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "whet: wrote whet-report.html\n")


def test_json_goes_to_stdout_and_nothing_else_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["report", "--format", "json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["command"][0] == "orders.py"
    assert said.err == ""
    assert list_files(tmp_path) == set()


def test_the_summary_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["report", "-f", "terminal"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("orders.py")
    assert "Report:" not in said.out
    assert said.err == ""


@pytest.mark.parametrize("form", ["html", "json", "terminal"])
def test_every_form_goes_into_a_file_that_is_named(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):  # and once more, over its like
        assert run_command_line(["report", "-f", form, "-o", "out"]) == 0
    assert list_files(tmp_path) == {"out"}
    assert (tmp_path / "out").stat().st_size > 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "whet: wrote out\n" * 2)


@pytest.mark.parametrize("form", ["html", "json", "terminal"])
def test_a_file_of_somebody_else_is_left_alone(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").write_text("my notes")
    assert run_command_line(["report", "-f", form, "-o", "mine"]) == 2
    assert (tmp_path / "mine").read_text() == "my notes"
    assert "was not written by whet" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["html", "json"])
@pytest.mark.parametrize(("output", "words"), [("gone/out", "gone/out"), (".", "is a folder")])
def test_a_place_that_takes_no_file_is_an_error(
    output: str, words: str, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["report", "-f", form, "-o", output]) == 2
    said = capsys.readouterr().err.splitlines()
    assert words in said[0]
    assert "-o" in said[1]


def test_runs_are_listed_by_name(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["report", "--list"]) == 0
    assert capsys.readouterr().out == f"{saved.parent.name}\n"


@pytest.mark.parametrize("name", [str, lambda path: path.parent.name, lambda _path: "latest"])
def test_a_run_is_named_by_path_or_name(
    name: object, saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_run(replace(make_run(), command=("newer.py",)), tmp_path)
    assert callable(name)
    assert run_command_line(["report", name(saved), "-f", "json"]) == 0
    command = json.loads(capsys.readouterr().out)["command"][0]
    assert command == ("newer.py" if name(saved) == "latest" else "orders.py")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing"], "nothing"),
        (["-f", "pdf"], "'pdf'"),
        (["--fromat", "json"], "--fromat"),
    ],
)
def test_what_is_not_there_is_an_error(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["report", *words]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.out == ""


def test_a_saved_run_that_is_damaged_is_an_error(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved.write_bytes(saved.read_bytes()[:50])
    assert run_command_line(["report", "-f", "json"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_without_a_run_it_says_how_to_make_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import shutil

    shutil.rmtree(tmp_path / ".whet")
    assert run_command_line(["report"]) == 2
    assert "whet run" in capsys.readouterr().err
    assert run_command_line(["report", "--list"]) == 0


@pytest.mark.parametrize(
    ("form", "begins"), [("html", "<!doctype html>"), ("json", "{"), ("terminal", "orders.py"), ("hot", "{")]
)
def test_a_dash_is_stdout(form: str, begins: str, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run_command_line(["report", "-f", form, "-o", "-"]) == 0
    said = capfdbinary.readouterr()
    assert said.out.decode().startswith(begins)
    assert said.err == b""
    assert list_files(tmp_path) == set()


DUMPS = "dumps (/usr/lib/python3.14/json/__init__.py:9)"
STACKS = f'process 7:"serve";thread (7): MainThread;handle (/srv/app.py:3);{DUMPS} 80\nhandle (/srv/app.py:2) 20\n'


def write_profile(folder: Path) -> Path:
    (folder / "app.py").write_text("def handle(order):\n    total = 1\n    return dumps(order)\n")
    path = folder / "web.raw"
    path.write_text(STACKS)
    return path


@pytest.mark.parametrize(
    "words", [["web.raw"], ["--from", "web.raw"], ["--from", "web.raw", "--source-root", "/srv=."]]
)
def test_a_profile_of_another_tool_is_shown(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_profile(tmp_path)
    assert run_command_line(["report", *words, "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [(each["label"], each["format"], each["samples"]) for each in report["origins"]] == [
        ("web", "collapsed", 100)
    ]
    assert report["origins"][0]["missing"]
    assert (report["duration_seconds"], report["exit_status"], report["command"]) == (None, None, [])
    (line,) = (each for each in report["lines"] if each["line"] == 3)
    assert (line["file"], line["name"], line["spent_share"]) == ("app.py", "handle", 0.8)


@pytest.mark.parametrize("form", ["html", "markdown", "terminal", "csv"])
def test_every_form_says_where_a_profile_came_from(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_profile(tmp_path)
    assert run_command_line(["report", "--from", "web.raw", "-f", form, "-o", "out"]) == 0
    text = (tmp_path / "out").read_text("utf-8")
    assert "handle" in text
    if form != "csv":
        assert "web.raw" in text
        assert "10 ms is assumed" in " ".join(text.split())
        # Nothing of a program that whet did not run is made up.
        assert "CPython" not in text
    assert "Next:" not in text


def test_a_run_and_profiles_cannot_be_mixed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_profile(tmp_path)
    assert run_command_line(["report", "latest", "--from", "web.raw"]) == 2
    assert "a run and --from cannot be combined" in capsys.readouterr().err
    assert run_command_line(["report", "--source-root", "/srv=."]) == 2
    assert "--source-root needs a profile" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["speedscope", "collapsed", "pprof", "pstats", "firefox", "chrome"])
def test_a_run_is_written_for_other_viewers(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_profile(tmp_path)
    assert run_command_line(["report", "web.raw", "-f", form, "-o", "out"]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert lines[0] == "whet: wrote out"
    assert len(lines) == (2 if form == "pstats" else 1)
    if form == "firefox":
        return
    # What was written is read as any profile is.
    assert run_command_line(["report", "out", "-f", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["origins"][0]["format"] == form
    (handle,) = (each for each in report["functions"] if each["name"] == "handle")
    assert handle["spent_seconds"] == pytest.approx(1.0)


def test_a_profile_is_written_over_an_earlier_one_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_profile(tmp_path)
    for _ in range(2):
        assert run_command_line(["report", "web.raw", "-f", "speedscope", "-o", "out.json"]) == 0
    (tmp_path / "mine.json").write_text("{}")
    assert run_command_line(["report", "web.raw", "-f", "speedscope", "-o", "mine.json"]) == 2
    assert "was not written by whet" in capsys.readouterr().err
    assert (tmp_path / "mine.json").read_text() == "{}"


def test_a_format_that_is_only_read_is_one_error(capsys: pytest.CaptureFixture[str]) -> None:
    write_profile(Path.cwd())
    assert run_command_line(["report", "web.raw", "-f", "lprof"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "read, not written" in said.err


def test_an_unknown_format_names_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["report", "-f", "nope"]) == 2
    said = capsys.readouterr().err
    assert "html" in said
    assert "speedscope" in said
    assert "lprof" not in said
