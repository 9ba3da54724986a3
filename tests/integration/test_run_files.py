"""``whet run`` writes ``.whet/`` and its report, nothing else; where it cannot, it says so and loses nothing."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.pieces import mark_slow

POSIX = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")
PROGRAM = """
import usermod
def work():
    return sum(step % 7 for step in range(3_000_000))
print(work(), usermod.double(4))
raise SystemExit(3)
"""
MODULE = "def double(number):\n    return number * 2\n"


def list_tree(folder):
    """Return every path below a folder with what tells whether it was changed."""
    return {
        str(path.relative_to(folder)): "" if path.is_dir() else path.read_bytes() for path in sorted(folder.rglob("*"))
    }


def make_project(runner, *, marker=None):
    program = runner.write(PROGRAM, usermod=MODULE)
    if marker:
        (program.parent / marker).write_text("")
    (program.parent / "data").mkdir()
    (program.parent / "data" / "input.txt").write_text("x")
    return program


@pytest.mark.parametrize(
    "words",
    mark_slow([["prog.py"], ["-m", "prog"], ["-c", "import prog"]], [["prog.py"]]),
    ids=["script", "module", "code"],
)
@pytest.mark.parametrize("writes_bytecode", [True, False])
def test_only_runs_and_report_are_written(runner, words, writes_bytecode):
    program = make_project(runner)
    folder = program.parent
    before = list_tree(folder)
    environ = {"PYTHONDONTWRITEBYTECODE": None if writes_bytecode else "1"}
    ran = runner.whet(*words, cwd=folder, **environ)
    assert ran.status == 3, ran.words
    after = list_tree(folder)
    new = {path for path in after if path not in before}
    assert {path for path in new if not path.startswith(".whet") and not path.startswith("__pycache__")} == {
        "whet-report.html"
    }
    # What Python itself would write: bytecode of what was imported from source.
    assert {path for path in new if path.startswith("__pycache__")} <= {
        "__pycache__",
        *(str(path.relative_to(folder)) for path in folder.glob("__pycache__/*.pyc") if writes_bytecode),
    }
    assert {path: after[path] for path in before} == before
    runs = list((folder / ".whet" / "runs").iterdir())
    assert [sorted(path.name for path in run.iterdir()) for run in runs] == [["run.json.gz"]]
    assert (folder / ".whet" / ".gitignore").read_text() == "/*\n!/rules/\n__pycache__/\n"
    assert (folder / ".whet" / "latest").read_text().strip() == runs[0].name
    # Bytecode that is there must be that of the source, for the next plain run to use.
    assert runner.plain(*words, cwd=folder).stdout == ran.stdout


def test_bytecode_of_a_plain_run_is_left_alone(runner):
    program = make_project(runner)
    plain = runner.plain(program, cwd=program.parent, PYTHONDONTWRITEBYTECODE=None)
    before = list_tree(program.parent)
    assert any(path.endswith(".pyc") for path in before)
    ran = runner.whet(program, cwd=program.parent, PYTHONDONTWRITEBYTECODE=None)
    assert ran.stdout == plain.stdout
    after = list_tree(program.parent)
    assert {path: after[path] for path in before} == before


@pytest.mark.parametrize("marker", ["pyproject.toml", ".git"])
def test_runs_are_kept_at_the_projects_root(runner, marker):
    program = make_project(runner, marker=marker)
    below = program.parent / "data"
    ran = runner.whet(program, cwd=below)
    assert ran.status == 3, ran.words
    assert (program.parent / ".whet" / "latest").is_file()
    assert sorted(path.name for path in below.iterdir()) == ["input.txt", "whet-report.html"]
    assert ran.report["exit_status"] == 3


def test_nothing_but_the_run_is_left_in_the_temporary_folder(runner):
    program = make_project(runner)
    temporary = runner.make_folder()
    runner.whet(program, options=["--full"], cwd=program.parent, TMPDIR=str(temporary))
    assert list(temporary.iterdir()) == []


@pytest.mark.slow
def test_raw_captures_are_kept_on_demand(runner):
    program = make_project(runner)
    # Later executions follow on one that ended well alone.
    program.write_text(PROGRAM.replace("raise SystemExit(3)", ""))
    ran = runner.whet(program, options=["--keep-raw", "--lines", "--rate", "1000"], cwd=program.parent)
    (run,) = (program.parent / ".whet" / "runs").iterdir()
    kept = {path.name for path in (run / "raw").rglob("*")}
    assert {"values.jsonl", "exact-lines.json"} <= kept
    assert "pyspy.raw" in kept or ran.warnings_about("py-spy")


def test_report_goes_where_it_is_wanted(runner):
    program = make_project(runner)
    target = program.parent / "data" / "my report.html"
    ran = runner.whet(program, options=["-o", str(target)], cwd=program.parent)
    assert target.read_bytes().startswith(b"<!doctype html>")
    assert not (program.parent / "whet-report.html").exists()
    assert "my report.html" in ran.words


def test_report_of_whets_own_is_replaced(runner):
    program = make_project(runner)
    report = program.parent / "whet-report.html"
    runner.whet(program, cwd=program.parent)
    first = report.read_bytes()
    program.write_text(PROGRAM.replace("work", "other_name"))
    runner.whet(program, cwd=program.parent)
    assert report.read_bytes() != first
    assert b"other_name" in report.read_bytes()


@pytest.mark.parametrize("content", [b"<html>my own page</html>", b"", b"\xff\xfe"])
def test_report_of_somebody_elses_is_not_replaced(runner, content):
    program = make_project(runner)
    report = program.parent / "whet-report.html"
    report.write_bytes(content)
    ran = runner.whet(program, cwd=program.parent)
    assert ran.status == 3
    assert report.read_bytes() == content
    assert "whet-report.html" in ran.words
    assert "whet report -o" in ran.words
    assert "Report: " not in ran.words
    assert ran.report["exit_status"] == 3


@pytest.mark.parametrize("place", ["nowhere/report.html", "data"])
def test_report_that_cannot_be_written(runner, place):
    program = make_project(runner)
    ran = runner.whet(program, options=["-o", place], cwd=program.parent)
    assert ran.status == 3
    assert ran.stdout == b"8999994 8\n" or ran.stdout.endswith(b" 8\r\n")
    assert "whet: " in ran.words
    assert "Traceback" not in ran.words
    assert ran.find_functions("work") or ran.report["samples"] == 0


# -- no room, no rights ---------------------------------------------------------------------------------------------


def as_somebody_without_rights():
    """Return words that start a command without the rights of root; none where we have none."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    assert setpriv, "root needs setpriv (util-linux) to run these tests without its rights"
    # Not as another user, who might not be able to read the interpreter: as root, but stopped by permissions.
    return [setpriv, "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]


@POSIX
@pytest.mark.skipif(sys.platform != "linux", reason="rights are dropped on Linux")
def test_folder_that_cannot_be_written(runner):
    program = make_project(runner)
    folder = program.parent
    temporary = runner.make_folder()
    folder.chmod(0o555)
    try:
        ran = runner.call([*as_somebody_without_rights(), *runner.command(program)], folder, TMPDIR=str(temporary))
    finally:
        folder.chmod(0o755)
    assert ran.status == 3, ran.words
    assert ran.stdout == b"8999994 8\n"
    (saved,) = temporary.rglob("run.json.gz")
    said = " ".join(ran.words.split())
    assert "cannot be written" in said
    assert str(saved) in said.replace(" ", "") or saved.parent.name in said.replace(" ", "")
    assert not (folder / ".whet").exists()
    assert json.loads(gzip.decompress(saved.read_bytes()))
    shown = runner.call([*runner.command("x")[:4], "report", "--format", "json", str(saved)], folder)
    assert json.loads(shown.stdout)["exit_status"] == 3


def with_file_limit(size, command):
    """Return a command that may not write more than so many bytes to one file: a disk that is full, to the program."""
    code = (
        "import os, resource, signal, sys\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))\nos.execv(sys.argv[1], sys.argv[1:])\n"
    )
    return [sys.executable, "-c", code, *command]


@POSIX
@pytest.mark.parametrize("size", [0, 200, 3_000])
def test_no_room_for_captures(runner, size):
    """Nothing can be measured, which is said before the program has run for nothing."""
    program = make_project(runner)
    ran = runner.call(with_file_limit(size, runner.command(program)), program.parent)
    assert (ran.status, ran.stdout) == (125, b"")
    assert ran.words.startswith("whet: error: ")
    assert "set TMPDIR" in ran.words
    assert "Traceback" not in ran.words
    assert not (program.parent / ".whet").exists()


@pytest.mark.slow
@POSIX
def test_no_room_for_what_is_seen_inside(runner):
    """The program runs as it is; the report has what the sampler saw and says what is missing."""
    program = runner.write(
        """
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        def work():
            return sum(step % 7 for step in range(15_000_000))
        print(work())
        """
    )
    ran = runner.whet(program, options=["--lines"], cwd=program.parent)
    assert (ran.status, ran.stdout) == (0, b"44999997\n"), ran.words
    assert ran.warnings_about("values"), ran.report["warnings"]
    # Its execution ended otherwise: Python says so where it cannot write out what was printed.
    assert any("exact lines" in each for each in ran.warnings_about("executions")), ran.report["warnings"]
    assert "Traceback" not in ran.words
    assert ran.find_functions("work") or ran.warnings_about("py-spy")


def test_later_execution_without_room_does_not_lose_the_first(runner):
    program = runner.write(
        """
        import glob, os
        def work():
            return sum(step % 7 for step in range(3_000_000))
        print(work())
        (folder,) = glob.glob(os.path.join(os.environ["TMPDIR"], "whet-*"))
        open(os.path.join(folder, "2"), "w").close()
        """
    )
    ran = runner.whet(program, options=["--memory"], cwd=program.parent, TMPDIR=str(runner.make_folder()))
    assert (ran.status, len(ran.stdout.splitlines())) == (0, 1), ran.words
    assert any("later execution failed" in each for each in ran.warnings_about("executions"))
    (work,) = ran.find_functions("work")
    assert work["total_seconds"] > 0


@POSIX
def test_room_for_the_run_and_not_for_the_report(runner):
    program = make_project(runner)
    ran = runner.call(with_file_limit(16_384, runner.command(program)), program.parent)
    assert ran.status == 3, ran.words
    assert ran.stdout == b"8999994 8\n"
    assert not (program.parent / "whet-report.html").exists()
    assert "whet-report.html" in ran.words
    assert "whet report -o" in ran.words
    assert ran.report["exit_status"] == 3
    assert ran.find_functions("work")


@pytest.mark.slow
def test_runs_of_the_same_second_do_not_meet(runner):
    program = make_project(runner)
    started = [runner.start(runner.command(program, options=["-o", f"{n}.html"]), program.parent) for n in range(3)]
    for process in started:
        runner.finish(process, program.parent)
        assert process.returncode == 3
    assert len(list((program.parent / ".whet" / "runs").iterdir())) == 3
    assert len(list(program.parent.glob("*.html"))) == 3


@POSIX
def test_program_that_changes_its_source_while_it_runs(runner):
    program = runner.write(
        """
        def work():
            return sum(step % 7 for step in range(900_000))
        with open(__file__, "w") as file:
            file.write("chang" + "ed = True\\n" * 20)
        print(work())
        """
    )
    text = program.read_text()
    ran = runner.whet(program, cwd=program.parent)
    assert ran.status == 0, ran.words
    assert any("changed while" in each for each in ran.warnings_about("source")), ran.report["warnings"]
    page = (program.parent / "whet-report.html").read_text("utf-8")
    assert "900_000" in page
    assert "changed = True" not in page
    assert text != program.read_text()


def test_git_sees_nothing_new(runner):
    program = make_project(runner)
    folder = program.parent
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@x", "-C", str(folder)]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    runner.whet(program, options=["-o", str(runner.make_folder() / "report.html")], cwd=folder)
    told = subprocess.run([*git, "status", "--porcelain"], check=True, capture_output=True, text=True).stdout
    assert told == ""
    assert Path(folder / ".whet" / "latest").is_file()
