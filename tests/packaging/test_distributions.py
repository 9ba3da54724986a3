"""What is in the wheel and the sdist, and what is not."""

from __future__ import annotations

import tarfile
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import whet

ROOT = Path(__file__).parents[2]
SOURCE_ROOTS = {"whet": ROOT / "src", "whet_rules": ROOT / "rules", "whet_templates": ROOT / "templates"}


def _list_sources() -> set[str]:
    """Return the files of the three packages, as the wheel should name them."""
    return {
        path.relative_to(root).as_posix()
        for package, root in SOURCE_ROOTS.items()
        for path in (root / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def _read_members(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_wheel_holds_the_three_packages_and_nothing_else(wheel: Path) -> None:
    members = {name for name in _read_members(wheel) if ".dist-info/" not in name}
    assert members == _list_sources()
    assert {name.split("/")[0] for name in members} == set(SOURCE_ROOTS)


def test_wheel_says_that_its_packages_are_typed(wheel: Path) -> None:
    assert {f"{package}/py.typed" for package in ("whet", "whet_rules")} <= set(_read_members(wheel))


def test_wheel_of_the_sdist_equals_the_wheel_of_the_tree(wheel: Path, wheel_of_sdist: Path) -> None:
    assert wheel.name == wheel_of_sdist.name
    assert _read_members(wheel) == _read_members(wheel_of_sdist)
    assert wheel.read_bytes() == wheel_of_sdist.read_bytes(), "the same files, built elsewhere and later, differ"


def test_sdist_can_run_the_tests_and_holds_no_leftovers(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        members = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {"Makefile", "noxfile.py", ".ci/with", "LICENSE", "tests/conftest.py", "pyproject.toml"} <= members
    assert not [name for name in members if "__pycache__" in name or name.startswith((".whet", ".venv", ".git/"))]


def test_metadata_says_what_pyproject_says(wheel: Path) -> None:
    members = _read_members(wheel)
    (metadata,) = (body for name, body in members.items() if name.endswith(".dist-info/METADATA"))
    said = Parser().parsestr(metadata.decode("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert said["Version"] == whet.__version__
    assert said["Requires-Python"] == project["requires-python"]
    assert said["License-Expression"] == "MIT"
    assert any(name.endswith("/licenses/LICENSE") for name in members)
    wanted = [line for line in said.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert len(wanted) == len(project["dependencies"])
