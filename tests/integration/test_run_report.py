"""What ``whet run`` says of programs whose truth is known."""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path
from types import CodeType

import pytest
from tests.integration.pieces import TARGETS, mark_slow, needs_py_spy, read_expected

from whet.store import find_run, load_run

POSIX = os.name == "posix"


# -- hits -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def counted(runner):
    """One run as it is by default, and one with the hits of lines."""
    # Lines are counted where samples were: enough of them that no function is missed by chance.
    options = ["--lines", "--rate", "1000"]
    return runner.whet(TARGETS / "counted.py"), runner.whet(TARGETS / "counted.py", options=options)


COUNTED = read_expected("counted.expected.json")["lines"]


def test_without_being_asked_nothing_is_counted(counted):
    ran, _ = counted
    assert all(each["hits"] is None for each in (*ran.report["functions"], *ran.report["lines"]))
    assert "exact hits (--lines)" in ran.words.rpartition("Not measured")[2]


@pytest.mark.parametrize("entry", COUNTED, ids=lambda entry: entry["text"])
def test_hits_are_exact_and_their_time_is_the_rows(counted, entry):
    _, ran = counted
    assert ran.status == 0, ran.words
    row = ran.find_line(TARGETS / "counted.py", entry["text"])
    assert row["hits"] == entry["hits"]
    spent = row["attributed_seconds"] + row["waiting_seconds"]
    assert (row["hit_seconds"] or 0) * row["hits"] == pytest.approx(spent, rel=0.01, abs=1e-9 * row["hits"])
    assert "--lines" not in ran.words.rpartition("Not measured")[2]


def test_later_execution_prints_nothing(counted, runner):
    assert counted[1].stdout == counted[0].stdout == runner.plain(TARGETS / "counted.py").stdout


# -- memory ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def blocks(runner):
    if not POSIX:
        pytest.skip("memray does not exist for Windows")
    ran = runner.whet(TARGETS / "memory_blocks.py", options=["--memory"])
    assert ran.status == 0, ran.words
    return ran


def test_bytes_of_lines_and_functions(blocks):
    path = TARGETS / "memory_blocks.py"
    one = blocks.find_line(path, "block = bytearray(SIZE)")
    many = blocks.find_line(path, "return [bytes(65_536) for _ in range(1_600)]")
    assert one["allocated_bytes"] == pytest.approx(200 * 1024 * 1024, rel=0.01)
    assert one["allocations"] == 1
    assert one["peak_bytes"] == pytest.approx(200 * 1024 * 1024, rel=0.01)
    assert many["allocated_bytes"] == pytest.approx(1_600 * 65_536, rel=0.01)
    assert many["allocations"] >= 1_600
    assert many["peak_bytes"] == 0  # the peak was before
    for name, line in (("one_block", one), ("many_blocks", many)):
        (function,) = blocks.find_functions(name)
        assert function["allocated_bytes"] == line["allocated_bytes"]
        assert "memray" in function["collectors"]


def test_second_execution_shows_nothing_and_is_not_asked_for_again(blocks, runner):
    assert blocks.stdout == runner.plain(TARGETS / "memory_blocks.py").stdout
    assert "--memory" not in blocks.words.rpartition("Not measured")[2]
    assert not blocks.warnings_about("memray")


# -- threads, children, waiting -------------------------------------------------------------------------------------


# The samplers look at times drawn at random, the one that sees waiting four times as seldom: a time of a second is
# known to 20 % at the default rate. So these are looked at more often.
OFTEN = ["--rate", "400"]


def test_waiting_is_told_from_computing(runner):
    program = runner.write(
        """
        import threading, time
        def sleep_long():
            for _ in range(20):
                time.sleep(0.05)
        def compute():
            end = time.process_time() + 0.6
            total = 0
            while time.process_time() < end:
                total += sum(range(500))
            return total
        thread = threading.Thread(target=compute, name="computes")
        thread.start()
        sleep_long()
        thread.join()
        """
    )
    ran = runner.whet(program, options=OFTEN)
    needs_py_spy(ran)
    (sleeper,), (worker,) = ran.find_functions("sleep_long"), ran.find_functions("compute")
    computed = ran.report["cpu_seconds"]
    assert computed > 0.55
    assert sleeper["self_seconds"] < 0.3 * computed
    assert worker["total_seconds"] > 0.6 * computed
    if ran.knows_waiting:
        assert sleeper["waiting_seconds"] > 0.5
        assert worker["waiting_seconds"] < sleeper["waiting_seconds"]


def test_threads_are_told_apart(runner):
    """The compute thread computes, the wait thread waits, parked workers do neither."""
    ran = runner.whet(TARGETS / "threads.py", options=OFTEN)
    needs_py_spy(ran)
    (compute,), (wait,), (serve,) = (ran.find_functions(name) for name in ("compute", "wait", "serve"))
    assert compute["self_seconds"] > wait["self_seconds"]
    if ran.knows_waiting:
        assert wait["waiting_seconds"] > 0.1
        assert compute["waiting_seconds"] < wait["waiting_seconds"]
        # Three workers that are idle most of the time, which is not waiting.
        assert serve["waiting_seconds"] < wait["waiting_seconds"]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="line_profiler counts the main thread alone")
def test_lines_are_counted_in_all_threads(runner):
    ran = runner.whet(TARGETS / "threads.py", options=[*OFTEN, "--lines"])
    (compute,) = ran.find_functions("compute")
    assert compute["hits"] == 1
    if ran.knows_waiting:  # who waits is as hot as who computes
        assert ran.find_line(TARGETS / "threads.py", "time.sleep(0.05)")["hits"] == 8


CHILDREN = """
    import multiprocessing, time
    # Much longer than it takes the sampler to find the child, on any machine.
    def in_child(number):
        while time.process_time() < 1:
            sum(range(number))
    def in_parent():
        while time.process_time() < 1:
            sum(range(1_000))
    if __name__ == "__main__":
        child = multiprocessing.get_context("spawn").Process(target=in_child, args=(1_000,))
        child.start()
        in_parent()
        child.join()
        print(child.exitcode)
    """


@pytest.mark.skipif(sys.platform != "linux", reason="children are followed on Linux")
@pytest.mark.parametrize("followed", mark_slow([True, False], [True]))
def test_children_are_sampled_unless_not_wanted(runner, followed):
    program = runner.write(CHILDREN)
    ran = runner.whet(program, options=[] if followed else ["--no-children"])
    needs_py_spy(ran)
    assert ran.stdout == b"0\n"
    (parent,) = ran.find_functions("in_parent")
    assert parent["self_seconds"] > 0
    child = sum(each["self_seconds"] for each in ran.find_functions("in_child"))
    assert child > 0.3 * parent["self_seconds"] if followed else child == 0


@pytest.mark.slow
def test_asynchronous_callers_are_kept(runner):
    ran = runner.whet(TARGETS / "async_callers.py", options=["--sampler", "pyinstrument", "--rate", "1000", "--lines"])
    assert ran.status == 0, ran.words
    (digest,) = ran.find_functions("digest")
    assert digest["self_seconds"] == max(each["self_seconds"] for each in ran.report["functions"]) > 0
    assert digest["hits"] == 68
    (handle,) = ran.find_functions("handle")
    assert handle["total_seconds"] >= 0.9 * digest["total_seconds"] > 0
    assert "pyinstrument" in digest["collectors"]
    assert "py-spy" not in digest["collectors"]


# -- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("decorators.py", {"counted.<locals>.wrapper", "Shape.total"}),
        *(
            pytest.param(*each, marks=pytest.mark.slow)
            for each in (
                ("comprehensions.py", {"nested", "spread", "distinct.<locals>.<genexpr>"}),
                ("closures.py", {"make_counter.<locals>.advance", "make_scaler.<locals>.advance", "power"}),
                ("naïve café.py", {"数える", "Größe.verdopple", "Größe.__init__"}),
                ("generators.py", {"numbers", "through", "outer", "average"}),
                ("generated.py", {"main"}),
            )
        ),
    ],
)
def test_functions_keep_their_qualified_names(runner, target, names):
    # Looked at so often that the brief ones are seen too.
    ran = runner.whet(TARGETS / target, options=["--rate", "1000"])
    found = {each["name"] for each in ran.report["functions"] if Path(each["file"]).name == target}
    assert names <= found <= list_qualified_names(TARGETS / target)


@pytest.mark.slow
def test_functions_of_deep_stacks_keep_their_names(runner):
    """1,500 frames; at 5,000, as ``recursion.py`` has them, py-spy cannot look, of which the report tells."""
    program = runner.write(
        """
        import sys
        sys.setrecursionlimit(2_000)
        def descend(depth):
            return burn() if depth == 0 else descend(depth - 1) + 1
        def burn():
            return sum(step & 3 for step in range(4_000_000))
        print(descend(1_500))
        """
    )
    ran = runner.whet(program)
    needs_py_spy(ran)
    assert {"descend", "burn"} <= {each["name"] for each in ran.report["functions"]}
    ran = runner.whet(TARGETS / "recursion.py")
    needs_py_spy(ran)
    assert ran.warnings_about("py-spy"), ran.report["warnings"]


def list_qualified_names(file: Path) -> set[str]:
    """Return what the interpreter calls the code of a file."""
    waiting, names = [compile(file.read_bytes(), file.name, "exec")], set()
    while waiting:
        code = waiting.pop()
        names.add(code.co_qualname)
        waiting += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return names


def test_generated_code_is_told_from_files(runner):
    ran = runner.whet(TARGETS / "generated.py")
    needs_py_spy(ran)
    named = ran.find_functions("named", "<generated named>") + ran.find_functions("nameless", "<string>")
    assert named
    assert all(each["file"].startswith("<") for each in named)


@pytest.mark.slow
def test_hostile_names_do_not_reach_the_terminal(runner):
    if not POSIX:
        pytest.skip("file names that Windows has not")
    ran = runner.whet(TARGETS / "hostile_names.py")
    assert b"\x1b" not in ran.stderr
    assert "\u202e" not in ran.words
    page = (ran.folder / "whet-report.html").read_text("utf-8")
    assert "<img src=x" not in page
    assert "<script>alert" not in page


def test_arguments_that_are_secrets_are_masked(runner):
    program = runner.write("import sys\nprint(sys.argv[1:])\n")
    ran = runner.whet(program, "--password", "hunter2hunter2", "--api-token=abcdef123456")
    assert b"hunter2hunter2" in ran.stdout
    for path in (ran.folder / ".whet").rglob("*"):
        assert path.is_dir() or b"hunter2" not in path.read_bytes()
    assert "hunter2" not in json.dumps(ran.report) + ran.words + (ran.folder / "whet-report.html").read_text("utf-8")


@pytest.mark.slow
def test_repeated_executions_are_pooled(runner):
    program = runner.write(
        """
        import time
        with open("executions", "a") as file:
            file.write("x")
        while time.process_time() < 0.5:
            sum(range(1_000))
        print("done")
        """
    )
    ran = runner.whet(program, options=["--repeat", "3"], cwd=program.parent)
    assert ran.stdout.count(b"\n") == 1
    assert (program.parent / "executions").read_text() == "xxx"
    needs_py_spy(ran)
    run = load_run(find_run(None, ran.folder))
    times = [each for each in run.profiles if each.samples]
    assert sorted(each.execution for each in times) == [0, 1, 2]
    assert ran.report["samples"] == sum(each.count for profile in times for each in profile.samples)
    assert ran.report["cpu_seconds"] == pytest.approx(sum(each.cpu_ns for each in run.executions) / 1e9)
    assert "3 executions pooled" in ran.words


@pytest.mark.slow
def test_modules_that_pytest_compiles_itself_have_hits(runner):
    program = runner.write(
        """
        import time
        def test_sum():
            rounds = 0
            end = time.process_time() + 0.3
            while time.process_time() < end:
                assert sum(range(1_000)) > 0
                rounds += 1
        """
    )
    modules = program.with_name("test_sums.py")
    program.rename(modules)
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, modules.name]
    ran = runner.whet(*words, cwd=modules.parent, options=["--lines"])
    asserted, counted = (ran.find_line(modules, text) for text in ("assert sum(range(1_000)) > 0", "rounds += 1"))
    assert asserted["hits"] >= counted["hits"] > 1


DEEP = """
import time

def spin():
    until = time.thread_time() + 0.02
    while time.thread_time() < until:
        pass

def one(): spin()
def two(): spin()

def down(frames):
    if frames:
        return down(frames - 1)
    for _ in range(80):
        one()
        two()

down(200)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="what looks cost is known on Linux")
def test_looks_at_deep_stacks_become_rarer(runner):
    ran = runner.whet(runner.write(DEEP))
    needs_py_spy(ran)
    told = ran.warnings_about("py-spy")
    # On a busy machine such a sampler may even fall behind.
    assert any("samples per second, not" in each or "could not keep up" in each for each in told), told
    shares = [each["total_share"] for name in ("one", "two") for each in ran.find_functions(name)]
    # A tenth of the looks at least, each good for a tenth of a second: 5 standard errors.
    assert shares == [pytest.approx(0.5, abs=5 * 0.5 / math.sqrt(ran.report["samples"]))] * 2


@pytest.mark.parametrize("options", [["--repeat", "3"], ["--memory"], ["--full"]])
def test_nothing_runs_again_after_a_failure(runner, options):
    program = runner.write(
        """
        with open("executions", "a") as file:
            file.write("x")
        raise SystemExit(3)
        """
    )
    ran = runner.whet(program, options=options, cwd=program.parent)
    assert ran.status == 3
    assert (program.parent / "executions").read_text() == "x"
    assert ran.report["exit_status"] == 3
