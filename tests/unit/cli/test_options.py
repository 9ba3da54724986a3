"""How words become the arguments of a command's function, and what is said of wrong use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest

from whet.cli import main
from whet.cli.command import Command
from whet.cli.declare import Argument, Option
from whet.cli.help import format_command
from whet.cli.options import CodeOption, ModuleOption, PythonOption, TargetWords, name_options
from whet.errors import UsageError


def run_command(
    words: TargetWords = None,
    module: ModuleOption = None,
    code: CodeOption = None,
    python: PythonOption = None,
    rate: Annotated[int, Option("--rate", metavar="HZ", help="Samples.", least=1, most=1000)] = 100,
    memory: Annotated[bool, Option("--memory", help="Memory.")] = False,
    quiet: Annotated[bool, Option("-q", help="Quiet.")] = False,
    output: Annotated[str, Option("-o", "--output", metavar="FILE", help="Where to.")] = "",
) -> int:
    """Stand in for ``whet run``."""
    return 7


RUN = Command("run", run_command)


@pytest.mark.parametrize(
    ("argv", "given", "words"),
    [
        ("x.py --help", {}, "x.py --help"),
        ("x.py -m y", {}, "x.py -m y"),
        ("--memory x.py --memory", {"memory": True}, "x.py --memory"),
        ("--rate 200 x.py", {"rate": 200}, "x.py"),
        ("--rate=200 x.py", {"rate": 200}, "x.py"),
        ("--rate 5 --rate 6 x.py", {"rate": 6}, "x.py"),
        ("--memory -m pytest -q tests", {"memory": True, "module": "pytest"}, "-q tests"),
        ("--rate 200 -m mod --rate 5", {"rate": 200, "module": "mod"}, "--rate 5"),
        ("-c print(1) a b", {"code": "print(1)"}, "a b"),
        ("-mpytest -q", {"module": "pytest"}, "-q"),
        ("-qmpytest -q", {"quiet": True, "module": "pytest"}, "-q"),
        ("-qo out x.py", {"quiet": True, "output": "out"}, "x.py"),
        ("-oout x.py", {"output": "out"}, "x.py"),
        ("-o - x.py", {"output": "-"}, "x.py"),
        ("-m mod -- a", {"module": "mod"}, "-- a"),
        ("-m -c a", {"module": "-c"}, "a"),
        ("-- python x.py", {}, "python x.py"),
        ("-- -x.py", {}, "-x.py"),
        ("--memory -- x.py -- y", {"memory": True}, "x.py -- y"),
        ("--python 3.13 x.py -- -m", {"python": "3.13"}, "x.py -- -m"),
        ("--python -m x.py", {"python": "-m"}, "x.py"),
        ("--python= x.py", {"python": ""}, "x.py"),
        ("-", {}, "-"),
        ("--memory", {"memory": True}, ""),
        ("-m mod", {"module": "mod"}, ""),
        ("", {}, ""),
    ],
)
def test_whets_options_end_at_the_target(argv, given, words):
    expected = given | ({"words": words.split()} if words else {})
    assert RUN.parse(argv.split()) == expected


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ("--unknown x.py", "unknown option --unknown"),
        ("-Z x.py", "unknown option -Z"),
        ("-qZ x.py", "unknown option -Z"),
        ("-m", "-m needs a value"),
        ("--rate", "--rate needs a value"),
        ("--rate fast x.py", "--rate: 'fast' is not an integer"),
        ("--rate 0 x.py", "--rate: 0 is less than 1"),
        ("--rate 1001 x.py", "--rate: 1001 is more than 1000"),
        ("--memory=1 x.py", "--memory takes no value"),
        ("--help=1 x.py", "--help takes no value"),
    ],
)
def test_wrong_use_of_run_is_125(argv, message, capsys, monkeypatch):
    monkeypatch.setattr(main, "load_command", lambda _name: RUN)
    assert main.run_command_line(["run", *argv.split()]) == 125
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"whet: error: {message}\nwhet: `whet run --help` lists the options\n"


def test_a_misspelt_option_names_the_nearest():
    with pytest.raises(UsageError) as caught:
        RUN.parse(["--memry", "x.py"])
    assert caught.value.hint == "did you mean --memory?"


@pytest.mark.parametrize("argv", [["--help"], ["--memory", "-h", "x.py"], ["-qh"]])
def test_help_says_how_to_name_a_target(argv, capsys):
    assert RUN.run(argv) == 0
    assert "whet run [OPTIONS] TARGET [ARG]..." in capsys.readouterr().out


def show_command(
    name: Annotated[str, Argument("NAME", "Which one.")],
    others: Annotated[list[Path] | None, Argument("OTHER", "And which else.")] = None,
    part: Annotated[float, Option("--part", metavar="PART", help="How much.", least=0, most=1)] = 0.0,
    color: Annotated[bool, Option("--color/--plain", help="Colours.")] = True,
    tags: Annotated[list[str] | None, Option("-t", "--tag", metavar="TAG", help="Tags.")] = None,
    size: Annotated[int | None, Option("--size", metavar="N", help="Size.", read=len)] = None,
) -> None:
    """Show something."""


SHOW = Command("show", show_command)


@pytest.mark.parametrize(
    ("argv", "given"),
    [
        ("a", {"name": "a"}),
        ("a b --plain c", {"name": "a", "others": [Path("b"), Path("c")], "color": False}),
        ("--plain a --color", {"name": "a", "color": True}),
        ("a -t x --tag=y -tz", {"name": "a", "tags": ["x", "y", "z"]}),
        ("a --part .5 -- --part", {"name": "a", "part": 0.5, "others": [Path("--part")]}),
        ("a --size four", {"name": "a", "size": 4}),
    ],
)
def test_options_may_stand_among_arguments(argv, given):
    assert SHOW.parse(argv.split()) == given


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ("", "NAME is missing"),
        ("a --part x", "--part: 'x' is not a number"),
        ("a --part nan", "--part: nan is less than 0"),
        ("a --plain=no", "--plain takes no value"),
    ],
)
def test_wrong_use_names_the_option(argv, message):
    with pytest.raises(UsageError) as caught:
        SHOW.parse(argv.split())
    assert caught.value.message == message
    assert caught.value.hint == "`whet show --help` lists the options"


def test_arguments_that_nothing_takes_are_refused():
    with pytest.raises(UsageError, match="unexpected argument 'surplus'"):
        main.load_command("doctor").parse(["surplus"])


def test_help_tells_what_holds_of_each_option(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert format_command(SHOW).splitlines() == [
        "Usage: whet show [OPTIONS] NAME [OTHER]...",
        "",
        "  Show something.",
        "",
        "Arguments:",
        "  NAME   Which one.  [required]",
        "  OTHER  And which else.",
        "",
        "Options:",
        "  --part PART        How much.  [default: 0.0; 0<=x<=1]",
        "  --color / --plain  Colours.  [default: color]",
        "  -t, --tag TAG      Tags.",
        "  --size N           Size.",
        "",
        "Options of all commands:",
        "  -q, --quiet  No progress, notes and summaries, only results and errors.",
        "  -h, --help   Show this message and exit.",
    ]


def test_options_that_were_given_are_named_each_in_one_word():
    given = {"--outside": True, "--native": False, "--rate": 50, "--include": ["a b", "c"], "--title": None}
    assert name_options(given) == ("--outside", "--rate=50", "--include=a b", "--include=c")
