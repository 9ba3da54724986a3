"""What README and its like say is there, is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import whet

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _ask_for_help(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", "from whet.cli.main import main; main()", *words, "--help"],
        check=True,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "PYTHONUTF8": "1"},
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8"))
    missing = [name for name in targets if "://" not in name and not (document.parent / name).exists()]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_make_commands_are_targets(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:^\$ |`)make ([a-z-]+)", document.read_text(encoding="utf-8"), re.MULTILINE))
    assert named <= targets


def test_readme_starts_with_the_two_commands() -> None:
    assert re.findall(r"^\$ (\S+ \S+)", README, re.MULTILINE)[:2] == ["make demo", "make test"]


def test_readme_names_options_that_exist() -> None:
    table = README[README.index("| option of `run` |") :].split("\n\n")[0]
    options = set(re.findall(r"`(-[-a-z]+)", table))
    assert len(options) > 10
    told = set(re.findall(r"(?<![\w-])--?[a-z][-a-z]*", _ask_for_help("run")))
    assert options <= told


def test_readme_names_commands_that_exist() -> None:
    named = set(re.findall(r"^\$ whet ([a-z]+)", README, re.MULTILINE))
    assert {"run", "attach", "report", "rules", "doctor"} <= named
    told = _ask_for_help()
    assert not [name for name in named if not re.search(rf"\b{name}\b", told)]


def test_supported_pythons_are_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    classified = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert f"python: {classified}".replace("'", '"') in workflow
    assert f"PYTHONS = {classified}".replace("'", '"') in (ROOT / "noxfile.py").read_text(encoding="utf-8")
    assert project["requires-python"] == f">={classified[0]}"
    assert f"CPython {classified[0]} to {classified[-1]}" in README


def test_changelog_tells_of_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[(Unreleased\] )?{re.escape(whet.__version__)}", text, re.MULTILINE)
