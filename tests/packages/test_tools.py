"""Formatters, linters, compilers, builders of documents and test runners from the index: the same files and results."""

from __future__ import annotations

import json
import sys
from xml.etree import ElementTree

import pytest
from tests.packages.conftest import read_files

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

DURATION = r"\b\d+\.\d+s\b"
LIBRARY = '''
    """A small library."""

    from __future__ import annotations


    def mean(rows: list[float]) -> float:
        """Return the mean of ``rows``.

        >>> mean([1.0, 2.0])
        1.5
        """
        return sum(rows) / len(rows)


    def spread( rows: list[float] )->float:
        middle=mean( rows )
        unused = 3
        return sum( (row-middle)**2 for row in rows )/len( rows )


    def wrong(rows: list[float]) -> str:
        return mean(rows)
'''
PAGE = """
Title
=====

.. py:function:: mean(rows)

   The mean of *rows*, see :py:func:`mean` and :doc:`index`.

.. code-block:: python

   print(mean([1.0, 2.0]))

========  =====
one       two
========  =====
1         2
========  =====

.. math:: a^2 + b^2
"""

TOOLS = {
    "black": (["-m", "black", "--quiet", "library.py"], 0),
    "black's opinion": (["-m", "black", "--check", "--verbose", "library.py"], 1),
    "flake8": (["-m", "flake8", "--jobs", "2", "library.py", "index.py"], 1),
    "mypy": (["-m", "mypy", "--strict", "--cache-dir", "/tmp/unused", "library.py", "index.py"], 1),
    "compileall of the program's": (["-m", "compileall", "-f", "-q", "."], 0),
    "compileall of libraries": (["compiling.py"], 0),
    "docutils": (["-m", "docutils", "page.rst", "page.html"], 0),
    "sphinx": (["-m", "sphinx", "-q", "-E", "-b", "html", "-d", "/tmp/unused", "-C", ".", "built"], 0),
}
"""Command lines, and the status that they end with."""


@pytest.mark.parametrize("tool", TOOLS)
def test_tool_writes_the_same_files(programs, same, tmp_path, tool):
    words, status = TOOLS[tool]
    folder = programs.write(LIBRARY, "library.py", index="import library\nlibrary.mean('x')\n", compiling=COMPILING)
    for name in "page.rst", "index.rst":
        (folder / name).write_text(PAGE)
    words = [word.replace("/tmp/unused", str(tmp_path)) for word in words]
    variables = {"SOURCE_DATE_EPOCH": "1700000000", "BLACK_CACHE_DIR": str(tmp_path), "PYTHONHASHSEED": "0"}
    written = read_files(folder)
    outcomes = programs.run(folder, *words, **variables)
    assert outcomes[0].ran.status == status, outcomes[0].ran.words
    assert outcomes[0].ran.stdout or outcomes[0].ran.stderr or outcomes[0].files != written
    same(outcomes)


COMPILING = """
import compileall, os, py_compile, shutil
import celery, kombu, pypdf
import library
for module in pypdf, kombu, library, celery:
    print(os.path.basename(py_compile.compile(module.__file__, cfile=f"{module.__name__}.pyc", doraise=True)))
shutil.copytree(os.path.dirname(pypdf.__file__), "copy", ignore=shutil.ignore_patterns("__pycache__"))
print(compileall.compile_dir("copy", quiet=1, workers=1, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH))
"""


CODE = """
def collatz(number):
    steps = 0
    while number != 1:
        if number % 2:
            number = 3 * number + 1
        else:
            number //= 2
        steps += 1
    return steps


def never(number):
    return number
"""
TESTS = """
import pytest
from collatz import collatz

@pytest.mark.parametrize("first", range(1, 4_000, 100))
def test_ends(first):
    assert sum(map(collatz, range(first, first + 60))) > 0

def test_fails():
    assert collatz(27) == 110
"""


@pytest.mark.parametrize("core", ["ctrace", "sysmon"])
@pytest.mark.parametrize("spread", [(), ("-n", "2")], ids=["one process", "xdist"])
def test_pytest_runs_and_measures_the_same(programs, same, core, spread):
    if core == "sysmon" and sys.version_info < (3, 12):
        pytest.skip("sys.monitoring is of 3.12")
    folder = programs.write(CODE, "collatz.py", test_collatz=TESTS)
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", *spread, "--cov", "collatz", "--cov-report"]
    outcomes = programs.run(folder, *words, "json:cov.json", "--junitxml=outcomes.xml", COVERAGE_CORE=core)
    plain, whet = (each.ran for each in outcomes)
    assert plain.status == whet.status == 1, whet.words
    measured = [json.loads(each.files.pop("cov.json"))["files"] for each in outcomes]
    assert measured[0] == measured[1]
    assert measured[0]["collatz.py"]["missing_lines"] == [14]
    ended = []
    for each in outcomes:
        cases = ElementTree.fromstring(each.files.pop("outcomes.xml")).iter("testcase")
        ended.append(sorted((case.get("name"), [child.tag for child in case]) for case in cases))
        each.files.pop(".coverage")
    assert ended[0] == ended[1]
    assert len(ended[0]) == 41
    same(outcomes, rf"{DURATION}|gw\d|[.F]+ +\[ *\d+%\]|(?m:^[.F]+$)|\d+ workers")
    if whet.knows_waiting:
        waiting = {each["name"]: each["waiting_seconds"] for each in whet.report["functions"]}
        assert not [name for name, seconds in waiting.items() if seconds > 0.3], waiting
