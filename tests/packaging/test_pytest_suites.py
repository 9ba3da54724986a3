"""The pytest plug-in from the wheel on suites of packages from the index: outcomes and coverage are as without it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.packages.suites import Package, list_variables, read_outcomes, read_packages, unpack

from whet.program.ptrace import ptrace_trouble

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(
        sys.platform == "win32" or ptrace_trouble() is not None, reason="sampling from outside is not permitted here"
    ),
]
CHOSEN = ("boltons", "parso", "sqlparse")
PACKAGES = read_packages(Path(__file__).parents[1] / "packages" / "packages.toml")
WITH = ("-n", "2", "--cov-report=", "-p", "no:cacheprovider", "-q", "--tb=no")


def run_suite(python: Path, package: Package, copy: Path, name: str, *options: str) -> dict[str, Any]:
    """Run a suite with pytest-xdist and pytest-cov; return how each test ended and what was covered."""
    results = copy.parent / name
    results.mkdir()
    variables = list_variables(
        PYTHONPATH=str(copy / package.root), PYTHONHASHSEED="0", COVERAGE_FILE=str(results / "coverage")
    )
    left_out = [f"--{'ignore' if each.endswith('.py') else 'deselect'}={each}" for each in package.deselect]
    words = [*WITH, f"--cov={package.imports}", f"--junitxml={results / 'outcomes.xml'}", *left_out, *package.options]
    done = subprocess.run(
        [python, "-m", "pytest", *words, *options, *package.tests],
        cwd=copy,
        env=variables,
        check=False,
        capture_output=True,
        text=True,
    )
    assert (results / "outcomes.xml").exists(), done.stdout[-3000:] + done.stderr[-3000:]
    words = [str(python), "-m", "coverage", "json", "-q", "-o", str(results / "coverage.json")]
    subprocess.run(words, cwd=copy, env=variables, check=True)
    totals = json.loads((results / "coverage.json").read_text())["totals"]
    outcomes = dict(read_outcomes(results / "outcomes.xml"))
    return {"status": done.returncode, "outcomes": outcomes, "covered": totals["covered_lines"], "said": done.stdout}


@pytest.mark.parametrize("package", [each for each in PACKAGES if each.name in CHOSEN], ids=lambda each: each.name)
def test_a_suite_ends_as_without_it(make_environment, wheel, package, tmp_path):
    environment = make_environment(borrow=True)
    environment.install(wheel)
    copy = unpack(package, tmp_path / "copy")
    needed = [each for each in package.requirements if not each.startswith("pytest=")]
    pip = [sys.executable, "-m", "pip", "--python", str(environment.python), "install", "--quiet"]
    done = subprocess.run([*pip, f"{package.name}=={package.version}", *needed], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
    plain = run_suite(environment.python, package, copy, "plain")
    measured = run_suite(environment.python, package, copy, "measured", "--whet", "--whet-slowest", "3")
    passed = sum(each == "passed" for each in plain["outcomes"].values())
    assert passed >= package.least
    assert measured["outcomes"] == plain["outcomes"]
    assert measured["status"] == plain["status"]
    assert measured["covered"] == plain["covered"]
    assert " whet " in measured["said"]
    assert "no report" not in measured["said"], measured["said"][-3000:]
    print(
        f"{package.name} {package.version}: {len(plain['outcomes'])} tests, {passed} passed, {plain['covered']} lines"
    )
