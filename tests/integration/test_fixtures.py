"""Each program under fixtures/targets does what it says, run plainly: what differs under whet is whet's doing."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from tests.integration.pieces import TARGETS

POSIX = os.name == "posix"

STDOUT = {
    "async_callers.py": "gathered 60 30163525\nin turn 8 4164772\n",
    "cext.py": "zlib 6194220\nhashlib abb8fbca304e4307\nsqlite3 40000\njson 96000\n",
    "child_python.py": (
        "code child 4499995\nscript child 4499995 ['a', 'b c'] __main__\nisolated child 4499995\nparent 4499995\n"
    ),
    "closures.py": "counters 2001000000\nscaler 1348650000\nlambdas 1320\npartial 7749643\n",
    "comprehensions.py": "class 41665416675000\nnested 2570569\ndict 2834569\nset 4501009\nwalrus 900300\n",
    "counted.py": "scan 857809\nfilter 300000\nrest 753439 79199741\n",
    "decorators.py": "plain 299850 150\nstacked 300000 75\ntraced 899250 150\ncached 24357086\nmethods 11892000\n",
    "generated.py": "exec 6300000\nnamed 8399991\neval 600000\nclasses 0 600001\n",
    "generators.py": "plain 780358\ndelegated 780355\nsent 149999\nclosed early 368226\n",
    "ignore_sigint.py": "ready\nsurvived\n",
    "memory_blocks.py": "pages 51200\nblocks 1600 104857600\nfreed\n",
    "memory_growth.py": "list 1000000\nobjects 250000\ncache 100000 24950000\n",
    "mp_pool.py": "same jobs True\nsum 5845354\n",
    "mp_spawn.py": "answers [1890, 3150, 4410]\nexit codes [0, 0, 0]\n",
    "naïve café.py": "class 249999500000\ncount 11250000\nnormalized 260034 Hello\n",
    "own_monitoring.py": "result 999500 tool is mine True\ncalls 500\n",
    "own_settrace.py": "result 5625000000 trace is mine True\nlines [2, 3, 4, 5, 6, 8]\n",
    "pickle_main.py": "module __main__ same class True\nfunction True True\nmain True\n",
    "recursion.py": "deep 4505000\neven True\ntree 10946\n",
    "short.py": "sum 4999950000\n",
    "threads.py": "compute 17999997\nwait 8\nworkers 20 800629\n",
}
STDOUT_POSIX = {
    "fork_no_exec.py": "child 4499995\nchild 4499995\nstatuses 5 6\nparent 4499995\n",
    "hostile_names.py": "functions 30 sum 35999910\n",
    "mp_fork.py": "answers [1890, 3150, 4410]\nexit codes [0, 0, 0]\n",
    "own_sigprof.py": "handler is mine True\ninterval is mine True\nticks came True\n",
}
STATUS = {
    "crash.py": (1, "start\n"),
    "exit_three.py": (3, "work 7999993\nfinally\natexit\n"),
    "os_exit.py": (4, "work 7999993\n"),
    "syntax_error.py": (1, ""),
    "sigterm.py": (-signal.SIGTERM if POSIX else int(signal.SIGTERM), "work 7999993\n"),
}


def plain_environment() -> dict[str, str]:
    """Return an environment in which nothing turns on tracing or warnings in the child."""
    dropped = ("PYTHON", "COV_", "COVERAGE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return kept | {"PYTHONDONTWRITEBYTECODE": "1"}


def run_plain(name: str, *args: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Run a target as a user would."""
    return subprocess.run(
        [sys.executable, str(TARGETS / name), *args],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        env=plain_environment(),
        check=False,
        **({"input": ""} | options),
    )


def expected(name: str) -> dict[str, object]:
    return json.loads((TARGETS / name).read_text(encoding="utf-8"))


def functions_of(path: Path) -> dict[str, tuple[int, int]]:
    """Map qualified names, without ``<locals>``, to their spans of lines."""
    spans: dict[str, tuple[int, int]] = {}

    def visit(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                spans[prefix + child.name] = (child.lineno, child.end_lineno or child.lineno)
                visit(child, prefix + child.name + ".")
            else:
                visit(child, prefix)

    visit(ast.parse(path.read_text(encoding="utf-8")), "")
    return spans


@pytest.mark.slow
@pytest.mark.parametrize(("name", "stdout"), sorted(STDOUT.items()))
def test_target_prints_what_it_documents(name: str, stdout: str) -> None:
    done = run_plain(name)
    assert (done.returncode, done.stdout, done.stderr) == (0, stdout, "")


@pytest.mark.slow
@pytest.mark.skipif(not POSIX, reason="needs fork, SIGPROF or file names that Windows has not")
@pytest.mark.parametrize(("name", "stdout"), sorted(STDOUT_POSIX.items()))
def test_posix_target_prints_what_it_documents(name: str, stdout: str) -> None:
    if name == "hostile_names.py" and sys.platform == "darwin":
        pytest.skip("macOS refuses file names that are not UTF-8")
    done = run_plain(name)
    assert (done.returncode, done.stdout) == (0, stdout), done.stderr


@pytest.mark.parametrize(("name", "status", "stdout"), [(name, *rest) for name, rest in sorted(STATUS.items())])
def test_target_ends_as_it_documents(name: str, status: int, stdout: str) -> None:
    done = run_plain(name)
    assert (done.returncode, done.stdout) == (status, stdout), done.stderr


def test_crash_shows_its_own_frames_only() -> None:
    error = run_plain("crash.py").stderr
    assert re.findall(r'^  File "([^"]+)"', error, re.MULTILINE) == [str(TARGETS / "crash.py")] * 5
    assert error.endswith("ValueError: no such number: 42\n")


def test_syntax_error_names_its_line() -> None:
    error = run_plain("syntax_error.py").stderr
    assert f'"{TARGETS / "syntax_error.py"}", line 9' in error
    assert "SyntaxError" in error


@pytest.mark.slow
def test_big_output_is_100_megabytes() -> None:
    done = subprocess.run(
        [sys.executable, str(TARGETS / "big_output.py")],
        stdout=subprocess.PIPE,
        timeout=120,
        env=plain_environment(),
        check=True,
    )
    assert len(done.stdout) == 100_000_000
    assert done.stdout.count(b"\n") == 1_000_000
    assert done.stdout.endswith(b"000999999 " + b"x" * 89 + b"\n")


def test_echo_reads_to_the_end_of_stdin() -> None:
    done = run_plain("echo_stdin.py", input="one\ntwo\nlast without end")
    assert (done.returncode, done.stdout, done.stderr) == (0, "ONE\nTWO\nLAST WITHOUT END", "lines 3\n")


@pytest.mark.skipif(not POSIX, reason="SIGINT to one process is POSIX")
@pytest.mark.parametrize(
    ("name", "status", "rest"), [("handle_interrupt.py", 7, "interrupted\n"), ("ignore_sigint.py", 0, "survived\n")]
)
def test_target_takes_an_interrupt_as_it_documents(name: str, status: int, rest: str) -> None:
    with subprocess.Popen(
        [sys.executable, str(TARGETS / name)], stdout=subprocess.PIPE, text=True, env=plain_environment()
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == rest
        assert process.wait(60) == status


def test_handle_interrupt_says_when_none_came(tmp_path: Path) -> None:
    text = (TARGETS / "handle_interrupt.py").read_text(encoding="utf-8")
    (tmp_path / "short.py").write_text(text.replace("work(20)", "work(0.05)"), encoding="utf-8")
    done = run_plain(str(tmp_path / "short.py"))
    assert (done.returncode, done.stdout) == (0, "ready\nnot interrupted\n")


def test_server_answers_until_it_is_ended() -> None:
    done = run_plain("async_server.py", "--clients", "2", "--seconds", "0.5")
    assert re.fullmatch(r"port \d+\nserved\n", done.stdout), done.stderr
    assert done.returncode == 0


@pytest.mark.skipif(not POSIX, reason="ended by SIGTERM")
def test_server_runs_until_it_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, str(TARGETS / "async_server.py")], stdout=subprocess.PIPE, text=True, env=plain_environment()
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("port ")
        assert process.poll() is None
        process.terminate()
        assert process.wait(60) == -signal.SIGTERM


def test_introspect_sees_a_plain_run() -> None:
    seen = json.loads(run_plain("introspect.py", "--flag", "b c").stdout)
    assert seen["argv"] == [str(TARGETS / "introspect.py"), "--flag", "b c"]
    assert seen["path_0"] == str(TARGETS)
    assert seen["file"] == str(TARGETS / "introspect.py")
    assert (seen["name"], seen["package"], seen["spec"]) == ("__main__", None, None)
    assert seen["stack"] == ["find_stack", "describe", "<module>"]
    assert seen["source"][1] == "def find_source():"
    assert seen["main_is_me"] is True
    assert {"__file__", "__name__", "sys"} <= set(seen["globals"])


@pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("numpy", "pandas")), reason="numpy and pandas are not installed"
)
@pytest.mark.slow
def test_pandas_target() -> None:
    done = run_plain("pandas_frames.py")
    assert (done.returncode, done.stdout) == (0, "rows 14981113\ngroups 409024\n"), done.stderr


@pytest.mark.slow
def test_demo_prints_what_is_expected() -> None:
    done = run_plain("orders.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, expected("orders.expected.json")["stdout"], "")


@pytest.mark.parametrize("part", ["planted", "cold"])
def test_demo_lines_are_where_the_list_says(part: str) -> None:
    entries = expected("orders.expected.json")[part]
    for entry in entries:
        path = TARGETS / entry["file"]
        lines = path.read_text(encoding="utf-8").splitlines()
        found = [number for number, line in enumerate(lines, 1) if line.strip() == entry["text"]]
        assert len(found) == 1, entry
        first, last = functions_of(path)[entry["function"]]
        assert first <= found[0] <= last, entry


def test_demo_has_problems_of_at_least_eight_kinds_and_cold_look_alikes() -> None:
    listed = expected("orders.expected.json")
    assert len({entry["rule"] for entry in listed["planted"]}) >= 8
    assert {entry["looks_like"] for entry in listed["cold"]} & {entry["rule"] for entry in listed["planted"]}


def test_demo_does_not_give_its_problems_away() -> None:
    for path in [TARGETS / "orders.py", *sorted((TARGETS / "orderbook").glob("*.py"))]:
        assert "#" not in path.read_text(encoding="utf-8"), path


def test_counted_lines_run_as_often_as_listed() -> None:
    """Counts line events of one run with a tracer of the test's own."""
    listed = expected("counted.expected.json")["lines"]
    path = TARGETS / "counted.py"
    text = path.read_text(encoding="utf-8")
    small = text.replace("scan(2_000, 1_000)", "scan(20, 10)").replace("range(900_000)", "range(90)")
    small = small.replace("range(300)", "range(3)").replace("range(1, 9_000)", "range(1, 90)")
    hits = count_lines(compile(small, str(path), "exec"))
    lines = small.splitlines()
    for entry in scale_down(listed):
        (number,) = [number for number, line in enumerate(lines, 1) if line.strip() == entry["text"]]
        assert hits[number] == entry["hits"], entry


def count_lines(code: object) -> Counter[int]:
    """Run ``code`` as ``__main__`` and count its line events by line."""
    hits: Counter[int] = Counter()
    filename = code.co_filename

    def trace(frame: object, event: str, argument: object) -> object:
        if frame.f_code.co_filename != filename:
            return None
        if event == "line":
            hits[frame.f_lineno] += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        exec(code, {"__name__": "__main__", "print": lambda *words: None})
    finally:
        sys.settrace(before)
    return hits


def collatz_steps(limit: int) -> int:
    steps = 0
    for first in range(1, limit):
        number = first
        while number > 1:
            number = number // 2 if number % 2 == 0 else number * 3 + 1
            steps += 1
    return steps


def scale_down(listed: list[dict[str, object]]) -> list[dict[str, object]]:
    """Check the full counts by formula and return those of the small run: the same formulas, other sizes."""

    def counts(rows: int, columns: int, rounds: int, limit: int, calls: int) -> dict[str, int]:
        steps = collatz_steps(limit)
        return {
            "for row in range(rows):": rows + 1,
            "for column in range(columns):": rows * (columns + 1),
            "total += row ^ column": rows * columns,
            "total %= 1_000_003": rows,
            "for value in values:": rounds * 3_001,
            "if value % 3 == 0:": rounds * 3_000,
            "kept.append(value)": rounds * 1_000,
            "rest = number % 17": calls,
            "return rest * rest": calls,
            "steps = 0": limit - 1,
            "while number > 1:": steps + limit - 1,
            "steps += 1": steps,
            "return steps": limit - 1,
        }

    assert {entry["text"]: entry["hits"] for entry in listed} == counts(2_000, 1_000, 300, 9_000, 900_000)
    small = counts(20, 10, 3, 90, 90)
    return [entry | {"hits": small[entry["text"]]} for entry in listed]


def test_every_target_is_documented_and_tested() -> None:
    tested = {*STDOUT, *STDOUT_POSIX, *STATUS, "orders.py", "big_output.py", "echo_stdin.py", "handle_interrupt.py"}
    tested |= {"async_server.py", "introspect.py", "pandas_frames.py"}
    for path in sorted(TARGETS.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        assert unicodedata.normalize("NFC", path.name) in tested, path
        assert text.startswith('"""'), path
        if path.name != "orders.py":
            assert text.startswith('"""Purpose: '), path
