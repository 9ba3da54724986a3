"""Each module of packages from the index can still be imported when all that rules would change there is changed.

``imports.txt`` names them, and what they import. Linux only: modules are imported in forks.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest
from tests.packages.suites import install, list_variables

from whet.engine.loading import load_rules
from whet.model.finding import Safety

REQUIREMENTS = Path(__file__).with_name("imports.txt")
CHILD = Path(__file__).with_name("importing.py")
OFFERED = tuple(module.rule.slug for module in load_rules() if module.rule.safety is not Safety.ADVICE)
PASSED_BY = {"test", "tests", "testing", "_vendor"}
"""Folders that are not counted."""
MOST_LINES = 11_000
"""Of a package whose modules are changed and imported: with larger ones it takes hours."""
LEAST_PACKAGES, LEAST_MODULES = 100, 1500

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(7200),
    pytest.mark.skipif(sys.platform != "linux", reason="modules are imported in forks"),
]

Outcomes = dict[str, list[str] | str]
"""By module: its names, or the error that its import ends with."""


@pytest.fixture(scope="module")
def python() -> Path:
    words = ["--no-deps", "--only-binary", ":all:", "--requirement", str(REQUIREMENTS)]
    return install("imports", words, REQUIREMENTS.read_text("utf-8"))


@pytest.fixture(scope="module")
def plain(python: Path) -> Path:
    """The folder of the packages, as they were installed."""
    (folder,) = python.parent.parent.glob("lib/python*/site-packages")
    return folder


@pytest.fixture(scope="module")
def before(python: Path, plain: Path) -> Outcomes:
    return import_all(python, plain, list_packages(plain))


@pytest.fixture
def changed(plain: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of that folder; its files are those of the original until whet replaces them."""
    copy = tmp_path / "changed"
    copy_packages(plain, copy)
    yield copy
    shutil.rmtree(copy)


def copy_packages(plain: Path, copy: Path) -> None:
    """Give ``copy`` the packages of the folder ``plain``: the same files, where they can be."""
    copy.mkdir()
    same_disk = plain.stat().st_dev == copy.stat().st_dev
    link = os.link if same_disk else shutil.copy2
    for name in list_packages(plain):
        if (plain / name / "__init__.py").exists():
            shutil.copytree(plain / name, copy / name, copy_function=link)
        else:
            link(plain / f"{name}.py", copy / f"{name}.py")


@cache
def list_packages(folder: Path) -> tuple[str, ...]:
    packages = {path.parent.name for path in folder.glob("*/__init__.py")} | {path.stem for path in folder.glob("*.py")}
    return tuple(name for name in sorted(packages) if name.isidentifier() and count_lines(folder, name) < MOST_LINES)


def count_lines(folder: Path, name: str) -> int:
    """Return the lines of a package, or module, that are no tests."""
    files = [path for path in (folder / name).rglob("*.py") if not PASSED_BY & set(path.relative_to(folder).parts)]
    return sum(path.read_bytes().count(b"\n") for path in files or [folder / f"{name}.py"])


def import_all(python: Path, folder: Path, packages: Sequence[str]) -> Outcomes:
    """Import each module of ``packages`` in ``folder``, and return what became of it."""
    command = [str(python), str(CHILD), str(folder), *packages]
    variables = list_variables(PYTHONHASHSEED="0", MPLBACKEND="agg", HOME=str(folder))
    done = subprocess.run(command, cwd=folder.parent, env=variables, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def fix(folder: Path, offered: Sequence[str] = ()) -> int:
    """Apply all safe rewrites, and those of the rules ``offered`` that are not; return how many files changed."""
    allowed = [word for slug in offered for word in ("--allow", slug)]
    inodes = {path: path.stat().st_ino for path in folder.rglob("*.py")}
    check = [sys.executable, "-m", "whet", "check", "--exit-zero", "--quiet", "--no-cache"]
    done = subprocess.run(
        [*check, "--select", "ALL", "--fix", *allowed, "."],
        cwd=folder,
        env=list_variables(),
        check=False,
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stderr, done.stderr[-3000:]
    return sum(path.stat().st_ino != inode for path, inode in inodes.items())


def find_broken(before: Outcomes, after: Outcomes) -> list[str]:
    """Return the modules whose import ended otherwise."""
    broken = []
    for name, outcome in sorted(before.items()):
        then = after.get(name, "missing")
        if (isinstance(then, str) or isinstance(outcome, str)) and then != outcome:
            shown = ("imported" if isinstance(each, list) else each for each in (outcome, then))
            broken.append(f"{name}: {' before, after '.join(shown)}")
    return broken


def test_packages_are_many(plain: Path, before: Outcomes) -> None:
    imported = [name for name, outcome in before.items() if not isinstance(outcome, str)]
    print(f"{len(before)} modules, {len(imported)} of them can be imported")
    assert len({name.partition(".")[0] for name in imported}) >= LEAST_PACKAGES
    assert len(imported) >= LEAST_MODULES


def test_safe_rewrites_leave_imports_as_they_are(python: Path, plain: Path, before: Outcomes, changed: Path) -> None:
    assert fix(changed) > 20
    after = import_all(python, changed, list_packages(plain))
    assert find_broken(before, after) == []
    lost = {
        name: sorted({*outcome} - {*after[name]})
        for name, outcome in before.items()
        if not isinstance(outcome, str) and not {*outcome} <= {*after[name]}
    }
    assert lost == {}


def test_all_offers_leave_modules_that_can_be_imported(
    python: Path, plain: Path, before: Outcomes, changed: Path
) -> None:
    assert fix(changed, OFFERED) > 500
    # An import that fails may come later, or never, if it is done where it is needed.
    imported = {name: outcome for name, outcome in before.items() if not isinstance(outcome, str)}
    assert find_broken(imported, import_all(python, changed, list_packages(plain))) == []
