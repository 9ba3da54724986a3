"""`whet run`: options reach the measurement, and what is measured is written, printed and passed on."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from whet.cli.main import run_command_line
from whet.cli.run import show_run
from whet.errors import PluginError, TargetError
from whet.model.run import Notice, Run
from whet.pipeline.rules import rulebook
from whet.pipeline.run import measure as measuring
from whet.pipeline.run.measure import Measured, NeverBegan
from whet.pipeline.run.options import MeasureOptions, Sampler
from whet.program import absent_modules, naming
from whet.report.fakes import make_run
from whet.store import SavedRun


@dataclass
class Asked:
    """What a command asked of whom."""

    target: tuple[Any, ...] = ()
    target_options: dict[str, Any] | None = None
    options: MeasureOptions | None = None
    status: int = 0
    notice: Notice | None = None
    fails: Exception | None = None
    begins: bool = True
    absent: Notice | None = None


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Nothing is looked up and nothing runs: what was asked is noted, and a made-up run is the answer."""
    made = Asked()

    def choose(*words: object, **more: object) -> tuple[str, str]:
        made.target, made.target_options = words, dict(more)
        return "host", "spec"

    def measure(spec: object, host: object, options: MeasureOptions) -> Measured | NeverBegan:
        assert (spec, host) == ("spec", "host")
        made.options = options
        if made.fails is not None:
            raise made.fails
        if not made.begins:
            return NeverBegan(made.status)
        return Measured(make_run(), SavedRun(tmp_path / "run.json.gz", made.notice), made.status)

    def explain(spec: object, host: object, *_: object) -> Notice | None:
        assert (spec, host) == ("spec", "host")
        return made.absent

    monkeypatch.setattr(naming, "choose_target", choose)
    monkeypatch.setattr(absent_modules, "explain_absent_modules", explain)
    monkeypatch.setattr(measuring, "measure", measure)
    monkeypatch.chdir(tmp_path)
    return made


def test_without_options_everything_is_as_documented(asked: Asked, tmp_path: Path) -> None:
    assert run_command_line(["run", "app.py", "a", "--rate", "7"]) == 0
    assert asked.target == (["app.py", "a", "--rate", "7"], None, None)
    assert asked.target_options is not None
    assert asked.target_options["python"] is None
    assert asked.target_options["cwd"] == Path.cwd()
    assert asked.options is not None
    assert asked.options.progress is not None
    for name in MeasureOptions.__dataclass_fields__:
        if name != "progress":
            assert getattr(asked.options, name) == getattr(MeasureOptions(), name), name


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["--rate", "250"], "rate", 250),
        (["--native"], "native", True),
        (["--no-children"], "children", False),
        (["--sampler", "pyinstrument"], "sampler", Sampler.PYINSTRUMENT),
        (["--sampler", "tachyon"], "sampler", Sampler.TACHYON),
        (["--memory"], "memory", True),
        (["--lines"], "lines", True),
        (["--exact-lines"], "lines", True),
        (["--outside"], "outside", True),
        (["--full"], "memory", True),
        (["--full"], "lines", True),
        (["--memory", "--trace-python-allocators"], "trace_python_allocators", True),
        (["--repeat", "3"], "repeat", 3),
        (["--duration", "2.5"], "duration", 2.5),
        (["--max-time=9"], "max_time", 9.0),
        (["--include", "a/*", "--include", "b"], "include", ("a/*", "b")),
        (["--exclude", "c"], "exclude", ("c",)),
        (["--keep-raw"], "keep_raw", True),
    ],
)
def test_options_reach_the_measurement(words: list[str], name: str, value: object, asked: Asked) -> None:
    assert run_command_line(["run", *words, "app.py"]) == 0
    assert asked.target[0] == ["app.py"]
    assert getattr(asked.options, name) == value


@pytest.mark.parametrize(
    ("words", "target"),
    [
        (["-m", "pkg.mod", "x"], (["x"], "pkg.mod", None)),
        (["-c", "print(1)", "-v"], (["-v"], None, "print(1)")),
        (["--", "python", "-X", "dev", "app.py"], (["python", "-X", "dev", "app.py"], None, None)),
    ],
)
def test_the_target_may_be_a_module_code_or_a_line(words: list[str], target: tuple[object, ...], asked: Asked) -> None:
    assert run_command_line(["run", *words]) == 0
    assert asked.target == target


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ([], "there is no program to run", "whet run script.py"),
        (["--memory"], "there is no program to run", "whet run script.py"),
        (["--sampler", "perf", "app.py"], "unknown sampler 'perf'", "--sampler tachyon or --sampler pyinstrument"),
        (["--rate", "0", "app.py"], "--rate", "whet run --help"),
        (["--rate", "fast", "app.py"], "--rate", "whet run --help"),
        (["--rate"], "--rate", "whet run --help"),
        (["--memroy", "app.py"], "--memroy", "did you mean --memory?"),
        (["--repeat", "-1", "app.py"], "--repeat", "whet run --help"),
    ],
)
def test_wrong_use_is_said_and_nothing_runs(
    words: list[str], message: str, hint: str, asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["run", *words]) == 125
    said = capsys.readouterr()
    assert said.out == ""
    first, second = said.err.splitlines()
    assert first.startswith("whet: error: ")
    assert message in first
    assert hint in second
    assert asked.options is None


def test_the_summary_goes_to_stderr_and_the_report_to_its_file(
    asked: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_command_line(["run", "app.py"])
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("orders.py")
    assert "Report: whet-report.html" in said.err
    assert (tmp_path / "whet-report.html").read_text("utf-8").startswith("<!doctype html>")


def test_the_report_goes_where_it_is_to_go(asked: Asked, tmp_path: Path) -> None:
    run_command_line(["run", "-o", "here.html", "app.py"])
    assert [path.name for path in tmp_path.iterdir()] == ["here.html"]


def test_source_is_left_out_on_request(asked: Asked, tmp_path: Path) -> None:
    run_command_line(["run", "--no-source", "app.py"])
    assert "A list, asked for membership once an order" not in (tmp_path / "whet-report.html").read_text("utf-8")


@pytest.mark.parametrize("status", [0, 3, 143])
def test_the_exit_status_is_the_programs(status: int, asked: Asked) -> None:
    asked.status = status
    assert run_command_line(["run", "app.py"]) == status


def test_where_a_run_went_elsewhere_that_is_said(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    asked.notice = Notice("store", "the run is kept in /tmp/x", "whet report /tmp/x")
    run_command_line(["run", "-o", "/no/such/folder/r.html", "app.py"])
    said = capsys.readouterr().err
    assert "whet: the run is kept in /tmp/x" in said
    assert "`whet report /tmp/x -o FILE` writes it without running the program again" in said


def test_a_report_that_cannot_be_written_costs_neither_summary_nor_status(
    asked: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked.status = 3
    (tmp_path / "mine.html").write_text("mine")
    assert run_command_line(["run", "-o", "mine.html", "app.py"]) == 3
    said = capsys.readouterr().err
    assert "mine.html was not written by whet" in said
    assert "`whet report -o FILE`" in said
    assert "orders.py: " in said
    assert "Report:" not in said
    assert (tmp_path / "mine.html").read_text() == "mine"


def test_a_program_that_never_begins_takes_no_report_away(
    asked: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked.begins, asked.status = False, 1
    assert run_command_line(["run", "app.py"]) == 1
    assert "nothing was measured" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("begins", [True, False])
@pytest.mark.parametrize("status", [0, 1, 2])
def test_an_absent_module_is_the_last_word_on_a_program_that_failed(
    asked: Asked, capsys: pytest.CaptureFixture[str], begins: bool, status: int
) -> None:
    asked.begins, asked.status = begins, status
    asked.absent = Notice("interpreter", "/py has no module m; /other has it", "whet run --python /other app.py")
    assert run_command_line(["run", "app.py"]) == status
    told = "whet: /py has no module m; /other has it\nwhet: whet run --python /other app.py\n"
    assert capsys.readouterr().err.endswith(told) is (status == 1)


def test_a_program_that_cannot_be_started_is_an_error(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    asked.fails = TargetError("it cannot be started", "another one")
    assert run_command_line(["run", "app.py"]) == 125
    assert capsys.readouterr().err == "whet: error: it cannot be started\nwhet: another one\n"


def test_a_broken_rule_is_known_before_the_program_runs(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise PluginError("the rule is broken", "mend it")

    monkeypatch.setattr(rulebook, "check_rules", refuse)
    assert run_command_line(["run", "app.py"]) == 125
    assert asked.options is None
    assert "the rule is broken" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "words", "said"),
    [
        ("", ["--prove", "--allow", "strptim,asdict"], "unknown rule or family 'strptim' (--allow)"),
        ("ignore = ['nosuch']", [], "unknown rule or family 'nosuch' ("),
        ("allow = ['nosuch']", [], "unknown rule or family 'nosuch' ("),
    ],
)
def test_a_name_of_no_rule_is_known_before_the_program_runs(
    settings: str,
    words: list[str],
    said: str,
    asked: Asked,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.whet]\n{settings}\n")
    monkeypatch.chdir(tmp_path)
    assert run_command_line(["run", *words, "app.py"]) == 125
    assert asked.options is None
    assert said in capsys.readouterr().err


class Closed:
    """A stderr that nobody reads any more."""

    encoding = "utf-8"

    def write(self, _text: str) -> int:
        raise BrokenPipeError

    flush = isatty = lambda self: False


@pytest.mark.parametrize("stderr", [Closed(), None])
def test_a_summary_that_nobody_reads_is_no_error(
    stderr: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", stderr)
    run: Run = make_run()
    show_run(run, tmp_path / "r.html")
    assert (tmp_path / "r.html").exists()


@pytest.mark.parametrize(
    ("options", "missing"),
    [
        (["--tests", "pytest"], "--tests does nothing without --prove"),
        (["--compare", "*.csv"], "--compare does nothing without --prove"),
        (["--allow", "slots"], "--allow does nothing without --prove"),
        (["--no-offers"], "--no-offers does nothing without --prove"),
        (["--budget", "5m"], "--budget does nothing without --prove"),
        (["--trace-python-allocators"], "--trace-python-allocators does nothing without --memory"),
        (["--outside", "--lines"], "--lines runs a profiler inside the program, which --outside keeps out"),
        (["--full", "--outside"], "--full runs a profiler inside the program, which --outside keeps out"),
        (["--outside", "--sampler", "pyinstrument"], "--sampler pyinstrument runs a profiler inside the program"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(
    options: list[str], missing: str, asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["run", *options, "x.py"]) == 125
    assert missing in capsys.readouterr().err
    assert asked.options is None


def test_full_measures_memory_too(asked: Asked) -> None:
    assert run_command_line(["run", "--full", "--trace-python-allocators", "x.py"]) == 0
    assert asked.options is not None
    assert asked.options.memory
    assert asked.options.trace_python_allocators
