"""Rewrites called safe, on what others wrote: all of them are applied, and the package's own tests end as before.

And the first run on a healthy package is short. Fetches packages from the index; see ``packages.toml``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.packages.suites import Outcomes, Package, count_lines, read_packages, run_suite, unpack

from whet.engine.loading import load_rules
from whet.model.finding import Safety

PACKAGES = read_packages(Path(__file__).with_name("packages.toml"))
OFFERED = tuple(module.rule.slug for module in load_rules() if module.rule.safety is not Safety.ADVICE)
LEAST_PACKAGES = 30
LEAST_LINES = 1_000_000
LEAST_REWRITTEN = 25
LINES_A_FINDING = 2_000
RUNS = 3

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
each_package = pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Path]:
    """A folder for copies, which are large."""
    yield tmp_path
    shutil.rmtree(tmp_path, ignore_errors=True)


def check(copy: Path, package: Package, *options: str) -> subprocess.CompletedProcess[str]:
    """Run ``whet check`` on a copy of the package."""
    left_out = [word for name in package.exclude for word in ("--exclude", name)]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable, "-m", "whet", "check", "--exit-zero", *options, *left_out],
        cwd=copy,
        env=variables,
        check=False,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done


def snapshot(copy: Path) -> dict[str, bytes]:
    return {path.relative_to(copy).as_posix(): path.read_bytes() for path in copy.rglob("*.py") if path.is_file()}


def find_differing(seen: list[tuple[Outcomes, Outcomes]]) -> list[str]:
    """Return the tests that never ended the same way in the plain copy and in the mended one, whichever the run."""
    names = sorted({name for pair in seen for outcomes in pair for name in outcomes})
    differing = []
    for name in names:
        plain = {before.get(name, "missing") for before, _ in seen}
        mended = {after.get(name, "missing") for _, after in seen}
        if not plain & mended:
            differing.append(f"{name}: {'/'.join(sorted(plain))} before, {'/'.join(sorted(mended))} after")
    return differing


@each_package
def test_suite_ends_as_before(package: Package, work: Path) -> None:
    seen = compare_suites(package, work)
    passed = sum(outcome == "passed" for outcome in seen[0][0].values())
    print(f"{package.name} {package.version}: {len(seen[0][0])} tests, {passed} passed")
    assert passed >= package.least
    assert find_differing(seen) == []


@pytest.mark.parametrize("package", [p for p in PACKAGES if p.offered is not None], ids=lambda package: package.name)
def test_suite_differs_after_all_offers_only_as_pages_say(package: Package, work: Path) -> None:
    allowed = [word for slug in OFFERED if slug not in package.withheld for word in ("--allow", slug)]
    differing = {each.partition(": ")[0]: each for each in find_differing(compare_suites(package, work, *allowed))}
    listed = package.offered or {}
    assert [each for name, each in differing.items() if name not in listed] == []
    assert [name for name in listed if name not in differing] == [], "listed, and as before"


def compare_suites(package: Package, work: Path, *options: str) -> list[tuple[Outcomes, Outcomes]]:
    """Run the tests of the package as it is, and with all safe rewrites, or those of ``options`` too."""
    plain, mended = (unpack(package, work / name) for name in ("plain", "mended"))
    check(mended, package, "--select", "ALL", "--fix", "--no-cache", *options)
    before, after = snapshot(plain), snapshot(mended)
    assert before.keys() == after.keys()
    assert not options or before != after  # not every package has what can be rewritten safely
    seen = []
    for _ in range(RUNS):  # again only where something differed: a test that is of two minds settles nothing
        seen.append((run_suite(package, plain, work), run_suite(package, mended, work)))
        if not find_differing(seen):
            break
    return seen


def test_packages_are_many_and_of_different_kinds(work: Path) -> None:
    assert len(PACKAGES) >= LEAST_PACKAGES
    lines = sum(count_lines(unpack(package, work / package.name)) for package in PACKAGES)
    assert len({package.domain for package in PACKAGES}) == len(PACKAGES)
    assert lines >= LEAST_LINES


def test_safe_rewrites_are_made_in_most_packages(work: Path) -> None:
    rewritten = 0
    for package in PACKAGES:
        copy = unpack(package, work / package.name)
        before = snapshot(copy)
        check(copy, package, "--select", "ALL", "--fix", "--no-cache")
        rewritten += snapshot(copy) != before
    assert rewritten >= LEAST_REWRITTEN


def test_first_run_is_short(work: Path) -> None:
    lines, found = 0, []
    for package in PACKAGES:
        copy = unpack(package, work / package.name)
        lines += count_lines(copy)
        found += [
            f"{package.name}/{finding['file']}:{finding['line']} {finding['rule']}"
            for finding in json.loads(check(copy, package, "--format", "json").stdout)
        ]
    assert len(found) <= lines // LINES_A_FINDING, "\n".join(found)
