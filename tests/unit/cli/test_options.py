from __future__ import annotations

from types import ModuleType
from typing import Annotated

import pytest
import typer

from whet.cli import main
from whet.cli.options import CodeOption, ModuleOption, PythonOption, TargetCommand, TargetWords, split_run_words

VALUED = {"--rate", "--python", "-o", "-m", "-c"}


@pytest.mark.parametrize(
    ("argv", "options", "words"),
    [
        ("x.py --help", "", "x.py --help"),
        ("x.py -m y", "", "x.py -m y"),
        ("--memory x.py --memory", "--memory", "x.py --memory"),
        ("--rate 200 x.py", "--rate 200", "x.py"),
        ("--rate=200 x.py", "--rate=200", "x.py"),
        ("--memory -m pytest -q tests", "--memory -m pytest", "-q tests"),
        ("--rate 200 -m mod --rate 5", "--rate 200 -m mod", "--rate 5"),
        ("-c print(1) a b", "-c print(1)", "a b"),
        ("-mpytest -q", "-m pytest", "-q"),
        ("-qmpytest -q", "-q -m pytest", "-q"),
        ("-qo out x.py", "-q -o out", "x.py"),
        ("-oout x.py", "-o out", "x.py"),
        ("-m mod -- a", "-m mod", "-- a"),
        ("-- python x.py", "", "python x.py"),
        ("-- -x.py", "", "-x.py"),
        ("--memory -- x.py -- y", "--memory", "x.py -- y"),
        ("--python -m x.py", "--python -m", "x.py"),
        ("--unknown x.py -q", "--unknown", "x.py -q"),
        ("-", "", "-"),
        ("--memory", "--memory", ""),
        ("--rate", "--rate", ""),
        ("-m", "-m", ""),
        ("", "", ""),
    ],
)
def test_split_run_words(argv, options, words):
    assert split_run_words(argv.split(), VALUED) == (options.split(), words.split())


@pytest.fixture
def seen(monkeypatch):
    """What a command made with ``TargetCommand`` was called with."""
    calls: list[tuple[object, ...]] = []

    def run_command(
        words: TargetWords = None,
        module: ModuleOption = None,
        code: CodeOption = None,
        python: PythonOption = None,
        rate: Annotated[int, typer.Option("--rate")] = 100,
        memory: Annotated[bool, typer.Option("--memory")] = False,
    ) -> int:
        """Stand in for ``whet run``."""
        calls.append((words or [], module, code, python, rate, memory))
        return 7

    fake = ModuleType("whet.cli.run")
    fake.run_command = run_command
    fake.COMMAND_CLASS = TargetCommand
    monkeypatch.setattr(main, "import_module", lambda _name: fake)
    return calls


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["x.py", "--help"], (["x.py", "--help"], None, None, None, 100, False)),
        (["--memory", "-m", "pytest", "-q", "tests"], (["-q", "tests"], "pytest", None, None, 100, True)),
        (["--rate", "200", "-m", "mod", "--rate", "5"], (["--rate", "5"], "mod", None, None, 200, False)),
        (["-c", "print(1)", "a", "b"], (["a", "b"], None, "print(1)", None, 100, False)),
        (["--", "python", "x.py"], (["python", "x.py"], None, None, None, 100, False)),
        (["--python", "3.13", "x.py", "--", "-m"], (["x.py", "--", "-m"], None, None, "3.13", 100, False)),
        (["-m", "mod"], ([], "mod", None, None, 100, False)),
    ],
)
def test_words_reach_the_command(seen, argv, expected):
    assert main.run_command_line(["run", *argv]) == 7
    assert seen == [expected]


@pytest.mark.parametrize("argv", [["--unknown", "x.py"], ["-Z", "x.py"], ["-m"], ["-c"], ["--rate", "fast", "x.py"]])
def test_wrong_use_of_run_is_125(seen, capsys, argv):
    assert main.run_command_line(["run", *argv]) == 125
    assert seen == []
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("whet: error: ")
    assert "whet run --help" in captured.err


def test_help_says_how_to_name_a_target(seen, capsys):
    assert main.run_command_line(["run", "--help"]) == 0
    assert "whet run [OPTIONS] TARGET [ARG]..." in capsys.readouterr().out
    assert seen == []
