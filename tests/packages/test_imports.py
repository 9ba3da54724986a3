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
from pathlib import Path

import pytest
from tests.packages.suites import install, list_variables

from whet.engine.loading import load_rules
from whet.model.finding import Safety

REQUIREMENTS = Path(__file__).with_name("imports.txt")
CHILD = Path(__file__).with_name("importing.py")
OFFERED = tuple(module.rule.slug for module in load_rules() if module.rule.safety is not Safety.ADVICE)
LEFT_OUT = {"pip", "numpy", "numba", "llvmlite", "pandas", "matplotlib", "mpl_toolkits", "fontTools", "PIL", "scipy"}
"""Of what the environment holds: not changed, since others only need them, and they are large."""
LEAST_PACKAGES, LEAST_MODULES = 100, 10_000

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
    return import_all(python, plain)


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
        if (plain / name).is_dir():
            shutil.copytree(plain / name, copy / name, copy_function=link)
        else:
            link(plain / f"{name}.py", copy / f"{name}.py")


def list_packages(folder: Path) -> list[str]:
    packages = [path.parent.name for path in folder.glob("*/__init__.py")] + [path.stem for path in folder.glob("*.py")]
    return sorted({name for name in packages if name.isidentifier() and name not in LEFT_OUT})


def import_all(python: Path, folder: Path) -> Outcomes:
    """Import each module in ``folder``, and return what became of it."""
    command = [str(python), str(CHILD), str(folder), *list_packages(folder)]
    variables = list_variables(PYTHONHASHSEED="0", MPLBACKEND="agg", HOME=str(folder))
    done = subprocess.run(command, cwd=folder.parent, env=variables, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def fix(folder: Path, offered: Sequence[str] = ()) -> int:
    """Apply all safe rewrites, and those of the rules ``offered`` that are not; return how many files changed."""
    allowed = [word for slug in offered for word in ("--allow", slug)]
    inodes = {path: path.stat().st_ino for path in folder.rglob("*.py")}
    command = [sys.executable, "-m", "whet", "check", "--exit-zero", "--quiet", "--no-cache", "--select", "ALL", "--fix"]
    done = subprocess.run(
        [*command, *allowed, "."], cwd=folder, env=list_variables(), check=False, capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr, done.stderr[-3000:]
    assert not [line for line in done.stderr.splitlines() if "does not parse" in line and "fixed" in line]
    return sum(path.stat().st_ino != inode for path, inode in inodes.items())


def find_broken(before: Outcomes, after: Outcomes) -> list[str]:
    """Return the modules whose import ended otherwise."""
    broken = []
    for name, outcome in sorted(before.items()):
        then = after.get(name, "missing")
        if isinstance(then, str) and then != outcome:
            broken.append(f"{name}: {then}{f', was {outcome}' if isinstance(outcome, str) else ''}")
        elif isinstance(outcome, str) and then != outcome:
            broken.append(f"{name}: imported, was {outcome}")
    return broken


def test_packages_are_many(plain: Path, before: Outcomes) -> None:
    imported = [name for name, outcome in before.items() if not isinstance(outcome, str)]
    print(f"{len(before)} modules, {len(imported)} of them can be imported")
    assert len({name.partition(".")[0] for name in imported}) >= LEAST_PACKAGES
    assert len(imported) >= LEAST_MODULES


def test_safe_rewrites_leave_imports_as_they_are(python: Path, before: Outcomes, changed: Path) -> None:
    assert fix(changed) > 500
    after = import_all(python, changed)
    assert find_broken(before, after) == []
    lost = {
        name: sorted({*outcome} - {*after[name]})
        for name, outcome in before.items()
        if not isinstance(outcome, str) and not {*outcome} <= {*after[name]}
    }
    assert lost == {}


def test_all_offers_leave_modules_that_can_be_imported(python: Path, before: Outcomes, changed: Path) -> None:
    assert fix(changed, OFFERED) > 2000
    assert find_broken(before, import_all(python, changed)) == []
