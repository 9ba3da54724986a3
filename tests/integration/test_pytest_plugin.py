"""whet's options and its mark in pytest, on a project with slow and fast tests."""

from __future__ import annotations

import json
import sys

import pytest
from tests.integration.pieces import mark_slow

from whet.program.ptrace import ptrace_trouble

sampled = pytest.mark.skipif(
    sys.platform == "win32" or ptrace_trouble() is not None, reason="sampling from outside is not permitted here"
)
WORK = """
def dedupe(values):
    seen = []
    for value in values:
        if value not in seen:
            seen.append(value)
    return seen
"""
SLOW = """
import time
from work import dedupe
import pytest

@pytest.fixture
def many():
    total = 0
    for number in range(6_000_000):
        total += number
    yield list(range(4_000))

def test_dedupe(many):
    assert len(dedupe(many)) == 4_000

@pytest.mark.parametrize("number", [1, 2])
def test_small(number):
    assert number

def test_fails():
    assert [1] == [2]
"""
LIMITED = """
import itertools, time
import pytest

calls = itertools.count()
fresh = itertools.count()

@pytest.fixture
def number():
    return next(fresh)

@pytest.mark.whet_limit(seconds=0.02)
def test_slow(number):
    assert number == next(calls)
    time.sleep(0.03)

once = itertools.count()

@pytest.mark.whet_limit(seconds=0.05)
def test_slow_once():
    if next(once) == 0:
        time.sleep(0.1)

only = []

@pytest.mark.whet_limit(seconds=0.02)
def test_cannot_be_repeated():
    only.append(1)
    assert len(only) == 1
    time.sleep(0.03)

@pytest.mark.whet_limit(sceonds=1)
def test_misspelt():
    pass
"""
MEMORY = """
import pytest

@pytest.mark.whet_limit(memory="5 MB")
def test_large():
    assert bytearray(9_000_000)

@pytest.mark.whet_limit(memory="50 MB")
def test_small():
    assert bytearray(9_000_000)
"""


def call(runner, folder, *words):
    return runner.plain("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:rerunfailures", *words, cwd=folder)


@pytest.fixture(scope="module")
def project(runner):
    folder = runner.make_folder()
    for name, text in (("work", WORK), ("test_slow", SLOW), ("test_limited", LIMITED), ("test_memory", MEMORY)):
        (folder / f"{name}.py").write_text(text)
    (folder / "pyproject.toml").write_text("")
    return folder


def summarize(ran):
    """The last lines of pytest: what became of which test."""
    words = ran.stdout.decode()
    return sorted(line.partition(" - ")[0] for line in words.splitlines() if line.startswith(("FAILED ", "ERROR ")))


@sampled
@pytest.mark.parametrize("workers", mark_slow([(), ("-n", "2")], [()]), ids=["one process", "xdist"])
def test_a_session_is_one_report_of_its_tests_and_fixtures(runner, project, workers):
    plain = call(runner, project, *workers, "test_slow.py")
    ran = call(runner, project, *workers, "test_slow.py", "--whet-slowest", "1", "--whet-report", "report.json")
    said = ran.stdout.decode()
    assert (ran.status, summarize(ran)) == (plain.status, summarize(plain)) == (1, ["FAILED test_slow.py::test_fails"])
    report = json.loads((project / "report.json").read_text())
    times = {unit["name"]: (unit["kind"], unit["spent_seconds"]) for unit in report["units"]}
    assert {"many", "test_dedupe"} <= set(times), said
    assert times["many"][0] == "fixture"
    assert times["test_dedupe"][0] == "test"
    (line,) = [each["lines"][0] for each in report["units"] if each["name"] == "test_dedupe"]
    assert (line["file"], line["line"]) == ("work.py", 5)
    assert "Slowest tests" in said
    assert "test_slow.py::test_dedupe" in said.partition("Slowest tests")[2].splitlines()[1]
    assert "work.py:5" in said.partition("Slowest tests")[2].splitlines()[2]
    assert not [each for each in report["functions"] if each["owner"] == "user" and each["file"].startswith("<")]
    assert report["command"][:2] == ["-m", "pytest"]


def test_limits_are_judged_by_repetitions(runner, project):
    ran = call(runner, project, "test_limited.py")
    said = ran.stdout.decode()
    assert summarize(ran) == ["ERROR test_limited.py::test_misspelt", "FAILED test_limited.py::test_slow"], said
    assert "the median of 7 runs and its 98 % interval; the limit is 20 ms" in said
    assert (
        "whet_limit not judged: test_limited.py::test_cannot_be_repeated: it does not pass when it is repeated" in said
    )
    assert "whet_limit: unknown sceonds" in said
    assert "1 failed, 2 passed, 1 error" in said


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="memray is not made for Windows")
def test_limits_of_memory_are_those_of_what_is_allocated(runner, project):
    pytest.importorskip("memray")
    for workers in ((), ("-n", "1")):
        ran = call(runner, project, "test_memory.py", *workers)
        assert summarize(ran) == ["FAILED test_memory.py::test_large"], ran.stdout.decode()
        assert "the test allocates 9.0" in ran.stdout.decode()


def test_unused_it_loads_nothing(runner, project):
    (project / "test_loaded.py").write_text(
        "import sys\ndef test_loaded():\n    print(sorted(each for each in sys.modules if each.startswith('whet')))\n"
    )
    ran = call(runner, project, "-s", "test_loaded.py")
    assert b"['whet', 'whet.pytest_plugin']" in ran.stdout, ran.stdout


def test_what_cannot_be_is_refused(runner, project):
    ran = call(runner, project, "--whet-slowest", "-1", "test_memory.py")
    assert ran.status == 4
    assert b"--whet-slowest -1 is not a number of tests" in ran.stderr
