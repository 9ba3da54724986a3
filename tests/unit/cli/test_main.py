from __future__ import annotations

import importlib.util
import inspect
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from whet import __version__
from whet.cli import main
from whet.cli.main import COMMANDS, run_command_line
from whet.errors import StoreError, TargetError

HEAVY = (
    *("rich", "libcst", "jinja2", "pygments", "memray", "line_profiler", "pyinstrument", "markdown_it"),
    *("argparse", "importlib.metadata"),
)


def whet(*words: str, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from whet.cli.main import main; main()", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


@pytest.fixture
def command(monkeypatch):
    """Replace the file of every command by one whose function does what the test sets."""
    fake = ModuleType("fake")
    monkeypatch.setattr(main, "import_module", lambda _name: fake)

    def set_action(action):
        def act() -> object:
            """Do as the test says."""
            return action()

        for name in COMMANDS:
            setattr(fake, f"{name}_command", act)

    return set_action


def raising(error):
    def action():
        raise error

    return action


@pytest.mark.parametrize("words", [["--help"], ["--version"], []])
def test_help_imports_nothing_heavy(words):
    code = f"""
import sys
from whet.cli.main import run_command_line
assert run_command_line({words!r}) == 0
loaded = {{*sys.modules}} & set({HEAVY!r})
commands = {{name for name in sys.modules if name.startswith("whet.")}}
own = {{f"whet.cli.{{name}}" for name in ("main", "help", "declare", "console", "coercion", "shared")}}
own |= {{"whet.cli", "whet.errors", "whet.records"}}
print(sorted(loaded), sorted(commands - own))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[] []"


def test_help_lists_the_commands(capsys):
    assert run_command_line(["--help"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    for name, summary in COMMANDS.items():
        assert name in out
        assert summary in out


@pytest.mark.parametrize("name", [name for name in COMMANDS if importlib.util.find_spec(f"whet.cli.{name}")])
def test_each_command_is_one_file_that_says_what_the_list_says(name, capsys):
    module = importlib.import_module(f"whet.cli.{name}")
    function = getattr(module, f"{name}_command")
    assert inspect.getdoc(function).splitlines()[0] == COMMANDS[name]
    assert run_command_line([name, "--help"]) == 0
    assert COMMANDS[name] in capsys.readouterr().out


def test_version(capsys):
    assert run_command_line(["--version"]) == 0
    assert capsys.readouterr().out == f"whet {__version__}\n"


@pytest.mark.parametrize(
    ("argv", "meant"),
    [
        (["x.py"], "did you mean `whet run x.py`?"),
        (["x.py", "a b", "--fast"], "did you mean `whet run x.py 'a b' --fast`?"),
        (["script"], "did you mean `whet run script`?"),
        (["-m", "pytest", "-q"], "did you mean `whet run -m pytest -q`?"),
        (["-c", "pass"], "did you mean `whet run -c pass`?"),
        (["doctro", "--install"], "did you mean `whet doctor --install`?"),
        (["xyzzy"], "`whet --help` lists the commands"),
    ],
)
def test_unknown_command(argv, meant, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "script").touch()
    assert run_command_line(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"whet: error: {argv[0]} is not a whet command\nwhet: {meant}\n"


@pytest.mark.parametrize("argv", [["--nonsense"], ["doctor", "--nonsense"], ["doctor", "surplus"]])
def test_wrong_use(argv, capsys):
    assert run_command_line(argv) == 2
    assert capsys.readouterr().err.startswith("whet: error: ")


@pytest.mark.parametrize(("name", "status"), [("run", 125), ("attach", 125), ("report", 2)])
def test_errors_become_words(command, name, status, capsys):
    command(raising(TargetError("no such file: \x1b[31mx", "look\u202e there")))
    assert run_command_line([name]) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "whet: error: no such file: \\x1b[31mx\nwhet: look\\u202e there\n"


def test_error_without_hint_is_one_line(command, capsys):
    command(raising(StoreError("full")))
    assert run_command_line(["report"]) == 2
    assert capsys.readouterr().err == "whet: error: full\n"


@pytest.mark.parametrize(("name", "status"), [("run", 125), ("report", 2)])
def test_mistake_in_whet_is_not_taken_for_a_finding(command, name, status, capsys):
    command(raising(ZeroDivisionError("oops")))
    assert run_command_line([name]) == status
    err = capsys.readouterr().err
    assert "ZeroDivisionError: oops" in err
    assert "bug in whet" in err


@pytest.mark.parametrize("returned", [None, 0, 1, 3, 143, -15])
def test_status_of_the_command_is_passed_on(command, returned):
    command(lambda: returned)
    assert run_command_line(["run"]) == (returned or 0)


@pytest.mark.parametrize("name", COMMANDS)
def test_interrupt_ends_every_command(command, name, capsys):
    command(raising(KeyboardInterrupt()))
    assert run_command_line([name]) == (130 if os.name == "nt" else -signal.SIGINT)
    assert "Traceback" not in capsys.readouterr().err


ENDING = """
import atexit, pathlib, signal, sys
from whet.cli import main
def begin():
    # As a library of whet's may: it is imported when it is needed.
    atexit.register(pathlib.Path("cleaned").touch)
    signal.signal(signal.{name}, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.{name}])
    sys.stdout.write("said last")
    return -signal.{name}
class Command:
    run = staticmethod(lambda words: begin())
main.load_command = lambda name: Command
sys.argv[1:] = ["run"]
main.main()
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGABRT", "SIGSEGV", "SIGPIPE"])
def test_whet_ends_by_a_signal_when_all_is_cleaned_up(tmp_path, name):
    import resource

    limit = (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2
    process = subprocess.Popen(
        [sys.executable, "-c", ENDING.format(name=name)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, limit),  # noqa: PLW1509  one call of the kernel's
    )
    assert process.stdout is not None
    with process.stdout as said:
        assert said.read() == b"said last"
    _, status = os.waitpid(process.pid, 0)
    process.returncode = 0
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.Signals[name]
    assert not os.WCOREDUMP(status)
    assert (tmp_path / "cleaned").exists()


@pytest.mark.skipif(os.name == "nt", reason="pipes as POSIX has them")
@pytest.mark.parametrize("words", ["--help", "--version"])
def test_reader_that_goes_away_gets_no_traceback(words):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-c", "from whet.cli.main import main; main()", words],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert done.returncode == 128 + signal.SIGPIPE
    assert done.stderr == ""


def test_exit_status_of_the_process():
    assert whet("--version").returncode == 0
    done = whet("x.py")
    assert (done.returncode, done.stdout) == (2, "")
    assert "whet run x.py" in done.stderr


def test_module_runs_as_the_script_does_beside_files_that_are_named_like_modules(tmp_path):
    for name in ("json", "inspect", "shlex"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('shadowed')")
    done = subprocess.run(
        [sys.executable, "-m", "whet", "nosuch"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "nosuch is not a whet command" in done.stderr


@pytest.mark.parametrize("name", [None, "run", "attach", "report", "rules", "doctor"])
def test_help_is_asked_for_by_a_letter_too(name, capsys):
    words = [name] if name else []
    assert run_command_line([*words, "-h"]) == 0
    by_letter = capsys.readouterr().out
    assert run_command_line([*words, "--help"]) == 0
    assert capsys.readouterr().out == by_letter != ""


@pytest.mark.parametrize("name", COMMANDS)
def test_help_names_arguments_and_values_without_their_python_types(name, capsys):
    assert run_command_line([name, "--help"]) == 0
    # What stands for the size or the port in the program's own arguments is meant as it is.
    ranges = re.sub(r"\d+<=x|x[<>]=[\d.]+|<=\d+|\{(?:n|port)\}", "", capsys.readouterr().out)
    assert not re.findall(r"[<>{}]|\[\[|\]\]", ranges)


@pytest.mark.parametrize(
    ("name", "usage"),
    [
        ("run", "run [OPTIONS] TARGET [ARG]..."),
        ("attach", "attach [OPTIONS] PID"),
        ("prove", "prove [OPTIONS] [RUN] [-- PROGRAM [ARG]...]"),
        ("apply", "apply [OPTIONS] [SLUG|NUMBER]..."),
        ("diff", "diff [OPTIONS] BEFORE [AFTER]"),
        ("check", "check [OPTIONS] [PATH]..."),
        ("rules", "rules [OPTIONS] [SLUG]"),
    ],
)
def test_usage(name, usage, capsys):
    assert run_command_line([name, "--help"]) == 0
    assert capsys.readouterr().out.splitlines()[0].strip() == f"Usage: whet {usage}"


@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_as_wide_as_the_terminal(name, columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    assert run_command_line([name, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= columns
    assert not [line for line in lines if re.search(r"\w-$", line)], "the name of an option is cut"
    assert not {"\u2011", "\xa0"} & set("".join(lines)), "what is copied from the help works"


def test_a_library_that_is_missing_is_named_with_the_line_that_brings_it(capsys, monkeypatch):
    def fail(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name="jinja2")

    monkeypatch.setattr(main, "load_command", fail)
    assert run_command_line(["run", "x.py"]) == 125
    error = capsys.readouterr().err
    assert "whet: error: jinja2 is not installed in whet's own environment" in error
    assert f"{sys.executable} -m pip install jinja2" in error
    assert "Traceback" not in error


@pytest.mark.parametrize(("status", "passed_on"), [(3, 3), (255, 255), (0xC0000005, 0xC0000005 - (1 << 32))])
def test_exit_statuses_of_windows_are_passed_on_as_python_takes_them(status, passed_on, monkeypatch):
    monkeypatch.setattr(main, "run_command_line", lambda _words: status)
    with pytest.raises(SystemExit) as caught:
        main.main()
    assert caught.value.code == passed_on


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
@pytest.mark.parametrize("words", [["rules"], ["--help"], ["check", "--help"]])
def test_a_full_disk_behind_stdout_is_told_in_words(words):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", "from whet.cli.main import main; main()", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].startswith("whet: error: the output cannot be written: ")
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.skipif(os.name == "nt", reason="a current folder cannot be removed")
@pytest.mark.parametrize(("words", "status"), [(["run", "x.py"], 125), (["check"], 2), (["report"], 2)])
def test_a_current_folder_that_is_gone_is_told_in_words(words, status, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert run_command_line(words) == status
    assert "whet: error: the current folder no longer exists" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["run", "-o", "-", "x.py"], ["attach", "-o", "-", "1"]])
def test_the_programs_stdout_takes_no_report(words, capsys):
    assert run_command_line(words) == 125
    assert "the report cannot go to stdout here" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--undo", "2"], ["--undo", "--allow", "asdict"], ["--diff", "--patch", "x.diff"]])
def test_what_apply_would_pass_over_is_refused(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run_command_line(["apply", *words]) == 2
    assert words[0] in capsys.readouterr().err
