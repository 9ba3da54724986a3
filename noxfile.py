"""The tests on every Python that whet supports, and with the oldest dependencies that it admits.

``nox`` runs all but the browser tests on each Python found here; ``nox -s
lowest`` the same with every dependency at its lower bound; ``nox -s installed`` with the wheel, far from the sources;
``nox -s dask`` jobs on a Dask cluster; ``nox -s programs`` programs from the index, with and without whet.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import tomllib
from pathlib import Path

import nox

PYTHONS = ["3.11", "3.12", "3.13", "3.14", "3.15"]

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["tests", "lowest", "installed", "programs", "dask"]
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = False

# The browser shows the same page whatever Python made it; what is slow runs once, by `make test-all`,
# but for the programs that must run as without whet: these run on the newer Pythons too.
EVERYWHERE = ["--ignore", "tests/browser", "-m", "not slow"]

SOURCES = ("src/", "rules/", "templates/")
OF_SOURCES = [
    *("tests/packaging", "tests/fuzz/test_engine.py"),
    *(f"tests/unit/test_{name}.py" for name in ("command_lines", "contributing", "distribution_name", "documents")),
    *(f"tests/unit/test_{name}.py" for name in ("proof_transcript", "structure", "words")),
]
"""Tests that read the sources, or build from them."""


def show_pyenv_versions() -> None:
    """Let pyenv's shims answer to the names of all Pythons that it has, not only to the one that is active."""
    pyenv = shutil.which("pyenv")
    if pyenv is None:
        return
    told = subprocess.run([pyenv, "versions", "--bare"], check=False, capture_output=True, text=True).stdout.split()
    os.environ["PYENV_VERSION"] = ":".join(name for python in PYTHONS for name in told if name.startswith(f"{python}."))


show_pyenv_versions()


def name_lowest_versions() -> list[str]:
    """Return pip constraints that hold each dependency of ``pyproject.toml`` at its lower bound."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [requirement.replace(">=", "==") for requirement in project["dependencies"]]


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run everything but the browser tests, on the newest dependencies."""
    session.install("--editable", ".[test]")
    session.run("pytest", *(session.posargs or EVERYWHERE))


@nox.session(python=["3.11", "3.14"])
def dask(session: nox.Session) -> None:
    """Run a job on a real Dask cluster on loopback, which the tests' own environment does not have."""
    session.install("--editable", ".[test,dask]")
    session.run("pytest", "-m", "slow", "tests/integration/test_dask.py")


@nox.session(python="3.11")
def lowest(session: nox.Session) -> None:
    """Run the same with every dependency at its lower bound."""
    # Not in the session's own temporary folder: that would become the tests', inside this project.
    constraints = Path(session.virtualenv.location) / "lowest.txt"
    constraints.write_text("\n".join(name_lowest_versions()) + "\n", encoding="utf-8")
    session.install("--editable", ".[test]", "--constraint", str(constraints.resolve()))
    session.run("pytest", *(session.posargs or EVERYWHERE))


@nox.session(python="3.11")
def installed(session: nox.Session) -> None:
    """Run the same with the wheel installed, from a folder that has none of the sources that it is made of."""
    tracked = session.run("git", "ls-files", "-z", external=True, silent=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        session.run("python", "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", name, ".")
        (wheel,) = folder.glob("*.whl")
        session.install("--force-reinstall", "--no-deps", str(wheel))
        session.install(f"{wheel}[test]")
        for path in filter(None, tracked.split("\0")):
            if not path.startswith(SOURCES):
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, folder / path)
        ignored = [word for path in OF_SOURCES for word in ("--ignore", path)]
        session.chdir(folder)
        session.run("pytest", *(session.posargs or EVERYWHERE), *ignored)


@nox.session(python=["3.13", "3.14"])
def programs(session: nox.Session) -> None:
    """Run programs from the index with and without whet."""
    session.install("--editable", ".[test]")
    names = ("as_plainly", "servers", "tools")
    session.run("pytest", *(f"tests/packages/test_{name}.py" for name in names), *session.posargs)
