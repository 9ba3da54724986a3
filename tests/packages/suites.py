"""Packages from the index with the tests that their sdists carry: fetched, unpacked, run in environments of their own.

What is fetched and the environments stay in a folder of the user's cache, ``whet-tests``; each run of a suite has a
fresh copy of the sources.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import venv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")
OUTCOMES = ("failure", "error", "skipped")

Outcomes = Mapping[str, str]
"""How each test of a suite ended, by its id: passed, failure, error, skipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A row of ``packages.toml``, whose head says what the fields mean."""

    name: str
    domain: str
    version: str
    sha256: str
    root: str
    imports: str
    tests: tuple[str, ...]
    requirements: tuple[str, ...]
    least: int
    deselect: Mapping[str, str] = field(default_factory=dict)
    exclude: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    offered: Mapping[str, str] | None = None
    withheld: Mapping[str, str] = field(default_factory=dict)


def read_packages(file: Path) -> list[Package]:
    """Return the packages that a file names."""
    rows = tomllib.loads(file.read_text(encoding="utf-8"))
    return [
        Package(name=name, **{key: tuple(value) if isinstance(value, list) else value for key, value in row.items()})
        for name, row in rows.items()
    ]


def find_cache() -> Path:
    """Return the folder for what is fetched, outside of the tree."""
    return Path(os.environ["WHET_TESTS_CACHE"])  # see conftest.py of all tests


def _run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
    """Run ``command`` with nothing of this environment's Python in the child's."""
    options["env"] = options.get("env") or list_variables()
    return subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="backslashreplace",
        **options,
    )


def list_variables(**more: str) -> dict[str, str]:
    """Return the environment of children."""
    ours = ("PYTHON", "PYTEST_", "COV_", "VIRTUAL_ENV", "CONDA_PREFIX")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | more


def fetch(package: Package) -> Path:
    """Return the package's sdist, whose content is what ``packages.toml`` says."""
    folder = find_cache() / "sdists" / package.sha256
    kept = sorted(folder.glob("*.tar.gz"))
    if kept and hashlib.sha256(kept[0].read_bytes()).hexdigest() == package.sha256:
        return kept[0]
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        wanted = Path(name) / "wanted.txt"
        wanted.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n", encoding="utf-8")
        command = [*PIP, "download", "--quiet", "--no-deps", "--no-binary", package.name, "--dest", name]
        done = _run([*command, "--requirement", str(wanted)])
        assert done.returncode == 0, done.stdout
        (fetched,) = Path(name).glob("*.tar.gz")
        return fetched.replace(folder / fetched.name)


def unpack(package: Package, folder: Path) -> Path:
    """Unpack the sdist below ``folder``; return the one folder that it holds."""
    with tarfile.open(fetch(package)) as archive:
        if hasattr(tarfile, "data_filter"):  # not in 3.11.0 to 3.11.3
            archive.extraction_filter = tarfile.data_filter
        archive.extractall(folder)
    (unpacked,) = folder.iterdir()
    return unpacked


def make_environment(package: Package) -> Path:
    """Return the Python of an environment that holds what the suite needs.

    The package is in it too, for its metadata and what it depends on: the copy under test comes before it on the path.
    """
    wanted = [f"{package.name}=={package.version}", *package.requirements]
    return install(package.name, wanted, "\n".join(wanted))


def install(name: str, words: Sequence[str], wanted: str) -> Path:
    """Return the Python of an environment, this Python's, in which pip installed what ``words`` name.

    It is made once for what is ``wanted``.
    """
    key = hashlib.sha256("\n".join((wanted, sys.version, sys.executable)).encode()).hexdigest()[:12]
    folder = find_cache() / "environments" / f"{name}-{key}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    done = folder / "complete"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=False)
        told = _run([*PIP, "--python", str(python), "install", "--quiet", *words])
        assert told.returncode == 0, told.stdout
        done.touch()
    return python


def run_suite(package: Package, copy: Path, results: Path) -> Outcomes:
    """Run the tests of a copy of the package; return how each ended."""
    python = str(make_environment(package))
    variables = list_variables(PYTHONPATH=str(copy / package.root), PYTHONHASHSEED="0")
    where = f"import {package.imports} as it, os; print(os.path.realpath(it.__file__))"
    told = _run([python, "-c", where], cwd=copy, env=variables)
    assert told.stdout.startswith(os.path.realpath(copy)), f"not the copy's: {told.stdout}"
    file = results / "outcomes.xml"
    command = [python, "-m", "pytest", "-q", "--tb=no", "-p", "no:cacheprovider", f"--junitxml={file}"]
    left_out = [f"--{'ignore' if name.endswith('.py') else 'deselect'}={name}" for name in package.deselect]
    told = _run([*command, *left_out, *package.options, *package.tests], cwd=copy, env=variables)
    assert file.exists(), told.stdout[-4000:]
    return {name.replace(str(copy), "copy"): ended for name, ended in read_outcomes(file)}


def read_outcomes(file: Path) -> Iterator[tuple[str, str]]:
    """Yield each test of a JUnit file with how it ended."""
    seen: Counter[str] = Counter()
    for case in ElementTree.parse(file).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        seen[name] += 1
        ended = next((child.tag for child in case if child.tag in OUTCOMES), "passed")
        yield f"{name} ({seen[name]})" if seen[name] > 1 else name, ended


def list_sources(folder: Path) -> list[Path]:
    """Return the Python files in ``folder``."""
    return sorted(path for path in folder.rglob("*.py") if path.is_file())


def count_lines(folder: Path) -> int:
    """Return the lines of the Python files in ``folder``."""
    return sum(path.read_bytes().count(b"\n") for path in list_sources(folder))
