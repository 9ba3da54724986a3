"""What is measured by running the program again, and what whet says where it cannot be."""

from __future__ import annotations

import os
import shlex
import sys

import pytest
from tests.integration.pieces import mark_slow

pytestmark = pytest.mark.skipif(os.name == "nt", reason="memray does not exist for Windows")

WORK = """
import os, sys, time
def work():
    total, end = 0, time.process_time() + 0.3
    while time.process_time() < end:
        for step in range(2_000):
            total += step % 7
    return bytearray(3_000_000)
"""
READS = WORK + "given = sys.stdin.read()\nkept = work()\nopen('executions', 'a').write(f'{len(given)} ')\n"


def find_next(ran):
    """Return the command that whet proposes; nothing where it proposes none."""
    _, found, rest = ran.words.partition("\nNext: ")
    return " ".join(rest.partition("\nNot measured:")[0].split()) if found else ""


def find_rest(ran):
    """Return what whet says it has not measured."""
    return " ".join(ran.words[ran.words.find("Not measured: ") :].split()) if "Not measured: " in ran.words else ""


def test_pipe_that_was_read_is_not_read_again(runner):
    """The later executions would find it empty, and be measured at nothing."""
    ran = runner.whet(runner.write(READS), options=["--full"], stdin=b"hello\n")
    assert ran.status == 0, ran.words
    assert (ran.folder / "executions").read_text() == "6 "
    (said,) = ran.warnings_about("executions")
    assert "standard input was a pipe and cannot be read twice" in said
    assert "< FILE" in said
    assert find_rest(ran).startswith("Not measured: memory (--full asked for it: standard input was a pipe")
    assert "exact hits (--full asked for it" in find_rest(ran)
    assert "whet run" not in find_next(ran), ran.words


def test_what_reads_a_pipe_is_not_to_be_measured_again(runner):
    ran = runner.whet(runner.write(READS), stdin=b"hello\n")
    assert "whet run" not in find_next(ran), ran.words
    assert not ran.warnings_about("executions")


@pytest.mark.slow
def test_pipe_that_nobody_reads_keeps_nothing_from_running_again(runner):
    program = runner.write(WORK + "work()\nopen('executions', 'a').write('x')\n")
    reader, writer = os.pipe()
    os.write(writer, b"names of files, for the loop of a shell around whet")
    folder = runner.make_folder()
    ran = runner.finish(runner.start(runner.command(program, options=["--memory"]), folder, stdin=reader), folder)
    assert os.read(reader, 100).startswith(b"names of files")
    os.close(reader)
    os.close(writer)
    assert (ran.status, (folder / "executions").read_text()) == (0, "xx"), ran.words
    assert "memory" not in find_rest(ran)


@pytest.mark.skipif(sys.platform != "linux", reason="found by /proc")
def test_file_is_read_again_and_is_part_of_what_is_proposed(runner):
    program, folder = runner.write(READS), runner.make_folder()
    (folder / "input").write_bytes(b"hello\n")
    with (folder / "input").open("rb") as file:
        command = runner.command(program, options=["--memory", "--rate", "90", "-o", "other.html"])
        ran = runner.finish(runner.start(command, folder, stdin=file), folder)
    assert ran.status == 0, ran.words
    assert (ran.folder / "executions").read_text() == "6 6 "
    words = shlex.split(find_next(ran))
    assert words[:2] == ["whet", "run"], ran.words
    assert words[-2:] == ["<", str(folder / "input")]
    # What was asked for stays asked for.
    assert "--memory" in words and "--repeat" in words
    assert words[words.index("--rate") + 1] == "90"
    assert words[words.index("--output") + 1] == "other.html"


@pytest.mark.parametrize("words", mark_slow([["-", "a"], ["--", "python", "-X", "utf8", "-", "a"]], [["-", "a"]]))
def test_program_on_standard_input(runner, words):
    source = (WORK + "work()\nprint(sys.argv, __file__ if '__file__' in globals() else None, sys.path[0])\n").encode()
    folder = runner.make_folder()
    plain = runner.plain("-", "a", cwd=folder, stdin=source)
    command = [*runner.command("x.py", options=["--full"])[:-1], *words]
    ran = runner.call(command, folder, source)
    assert (ran.status, ran.stdout) == (0, plain.stdout), ran.words
    assert plain.stdout.startswith(b"['-', 'a'] <stdin> \n")
    assert ran.find_functions("work"), ran.words
    assert "--full asked for it: standard input was a pipe" in find_rest(ran)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="found by /proc")
def test_program_in_a_file_on_standard_input_runs_again(runner):
    program, folder = runner.write(WORK + "kept = work()\n"), runner.make_folder()
    with program.open("rb") as file:
        command = [*runner.command("x.py", options=["--memory"])[:-1], "-"]
        ran = runner.finish(runner.start(command, folder, stdin=file), folder)
    assert ran.status == 0, ran.words
    (work,) = ran.find_functions("work")
    assert work["allocated_bytes"] > 2_000_000


@pytest.mark.slow
def test_program_that_closes_the_profiler_s_descriptors_is_named_as_the_cause(runner):
    """memray aborts the program then; the first execution's times are reported, and no half of the memory."""
    program = runner.write(
        WORK + "os.closerange(3, 4096)\nfor turn in range(3): work()\nkept = [bytearray(9) for _ in range(99_999)]\n"
    )
    ran = runner.whet(program, options=["--full"])
    assert ran.status == 0, ran.words
    (said,) = [each for each in ran.warnings_about("executions") if "memory" in each]
    assert "the memory execution was ended by SIGABRT: " in said
    assert "closes file descriptors that it has not opened" in said
    assert find_rest(ran).startswith("Not measured: memory (--full asked for it: its execution was ended by SIGABRT")
    (work,) = ran.find_functions("work")
    assert work["allocated_bytes"] is None
    # What has nothing to do with that is measured.
    assert work["hits"] == 4 or work["hits"], ran.words


TRACES = (
    WORK
    + """
import cProfile
work()
sys.settrace(lambda *about: None)
sys.settrace(None)
profile = cProfile.Profile()
profile.enable()
work()
profile.disable()
"""
)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="before, two of them get on")
def test_program_that_profiles_itself_is_named_as_the_cause(runner):
    ran = runner.whet(runner.write(TRACES), options=["--lines"])
    assert ran.status == 0, ran.words
    (said,) = ran.warnings_about("executions")
    assert "ended with status 1: the program starts a profiler or tracer of its own" in said
    assert "exact hits (--lines asked for it: its execution ended with status 1: the program starts" in find_rest(ran)
    assert all(row["hits"] is None for row in ran.find_functions("work"))


@pytest.mark.parametrize("end", mark_slow(["sys.exit(3)", "1 / 0", "os.abort()"], ["1 / 0"]))
def test_nothing_is_proposed_for_a_program_that_failed(runner, end):
    program = runner.write(WORK + f"import resource\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))\nwork()\n{end}\n")
    ran = runner.whet(program, options=["--full"])
    assert find_next(ran) == "", ran.words
    assert "--repeat" not in ran.words
    assert "--full asked for it: the first time it " in find_rest(ran)


@pytest.mark.slow
def test_program_that_rewrites_its_input_is_not_to_run_again_unless_asked(runner):
    program = runner.write(WORK + "work()\nopen(sys.argv[1], 'a').write('more')\n")
    folder = runner.make_folder()
    (folder / "data").write_text("some")
    ran = runner.whet(program, "data", cwd=folder)
    assert "whet run" not in find_next(ran), ran.words
    assert "--repeat" not in ran.words
    ran = runner.whet(program, "data", cwd=folder, options=["--repeat", "2"])
    assert (folder / "data").read_text() == "some" + 3 * "more"
    assert "the program changed data, which its command names" in " ".join(ran.warnings_about("executions"))


def test_what_goes_on_outside_is_not_proposed_from_inside(runner):
    ran = runner.whet(runner.write(WORK + "work()\n"), options=["--outside"])
    words = shlex.split(find_next(ran))
    assert "--outside" in words and "--repeat" in words, ran.words
    assert not {"--lines", "--memory", "--full"} & set(words)
    assert find_rest(ran) == "Not measured: memory (not with --outside), exact hits (not with --outside)"
