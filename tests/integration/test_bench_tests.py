"""`whet bench --against REF -- pytest`: a verdict for each test, from the runs of two trees."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from tests.integration.conftest import WHET

PARSER = "def parse(count):\n    return sum(range(count))\n"
SLOWER = "def parse(count):\n    for _ in range(8):\n        sum(range(count))\n    return sum(range(count))\n"
TESTS = """
from parser_ import parse
import pytest

@pytest.mark.parametrize("count", [1])
def test_parser(count):
    assert parse(1_000_000)

def test_other():
    assert sum(range(2_000_000))

def test_parser_of_nothing(request):
    pytest.skip("no")
"""


@pytest.fixture(scope="module")
def repository(runner):
    folder = runner.make_folder()
    (folder / "parser_.py").write_text(PARSER)
    (folder / "test_parser.py").write_text(TESTS)
    for words in (("init", "-q"), ("add", "."), ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "one")):
        subprocess.run(["git", *words], cwd=folder, check=True)
    (folder / "parser_.py").write_text(SLOWER)
    (folder / "test_parser.py").write_text(TESTS + "\ndef test_new():\n    pass\n")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["one process", "xdist"])
def test_the_slower_test_is_named_and_fails(runner, repository, workers):
    words = ("--against", "HEAD", "--runs", "8", "--format", "json", "--", sys.executable, "-m", "pytest", "-q")
    ran = runner.call([*WHET, "bench", *words, "-p", "no:cacheprovider", *workers], repository)
    assert ran.status == 1, ran.words
    found = json.loads(ran.stdout)
    tests = {each["nodeid"]: each for each in found["tests"]}
    assert set(tests) == {"test_parser.py::test_parser[1]", "test_parser.py::test_other"}
    assert tests["test_parser.py::test_parser[1]"]["result"] == "slower than the limit"
    assert tests["test_parser.py::test_parser[1]"]["speed"] < 0.5
    assert tests["test_parser.py::test_other"]["speed"] > 0.5
    assert "tests only in the working tree: test_parser.py::test_new" in found["notes"]
