"""`whet bench` of tests that use pytest-benchmark's fixture, with the real one: its rounds are what is compared."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow
PARSER = "def parse(count):\n    return sum(range(count))\n"
SLOWER = "def parse(count):\n    for _ in range(8):\n        sum(range(count))\n    return sum(range(count))\n"
TESTS = """
from parser_ import parse

def test_parser(benchmark):
    # Outside of what is measured, and many times as long.
    sum(range(12_000_000))
    assert benchmark.pedantic(parse, args=(20_000,), rounds=20, iterations=2) == sum(range(20_000))

def test_plain():
    assert sum(range(2_000_000))
"""


def test_the_rounds_of_the_fixture_are_compared(make_environment, wheel, tmp_path):
    environment = make_environment(borrow=True)
    environment.install(wheel)
    pip = [sys.executable, "-m", "pip", "--python", str(environment.python), "install", "--quiet"]
    done = subprocess.run([*pip, "pytest-benchmark>=5.1"], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (tmp_path / "parser_.py").write_text(PARSER)
    (tmp_path / "test_parser.py").write_text(TESTS)
    for words in (("init", "-q"), ("add", "."), ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "one")):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    (tmp_path / "parser_.py").write_text(SLOWER)
    words = (
        "--against",
        "HEAD",
        "--runs",
        "8",
        "--format",
        "json",
        "--",
        str(environment.python),
        "-m",
        "pytest",
        "-q",
    )
    ran = environment.whet("bench", *words, "-p", "no:cacheprovider", folder=tmp_path)
    assert ran.returncode == 1, ran.stderr
    tests = {each["nodeid"].partition("::")[2]: each for each in json.loads(ran.stdout)["tests"]}
    assert tests["test_parser"]["benchmark"]
    assert tests["test_parser"]["result"] == "slower than the limit"
    # By the whole test it would be less than twice as slow.
    assert tests["test_parser"]["speed"] < 0.4
    assert not tests["test_plain"]["benchmark"]
    assert tests["test_plain"]["result"] != "slower than the limit"
