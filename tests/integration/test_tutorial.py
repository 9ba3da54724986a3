"""The tutorial's commands, run as they stand there, say what it shows."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text(encoding="utf-8")
((NAME, PROGRAM),) = re.findall(r'^```python title="([^"]+)"\n(.*?)^```$', PAGE, re.MULTILINE | re.DOTALL)
SHOWN = "".join(re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
STEPS = [
    (command, output)
    for command, output in re.findall(r"^\$ (whet [^\n]+)\n(.*?)(?=^\$ |\Z)", SHOWN, re.MULTILINE | re.DOTALL)
]
ELSEWHERE = ("VIRTUAL_ENV", "CONDA_PREFIX")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").touch()  # else the runs may go to a folder above
    (tmp_path / NAME).write_text(PROGRAM, encoding="utf-8")
    return tmp_path


def do(command: str, folder: Path) -> str:
    """Run one of whet's commands and return all that it printed."""
    words = [sys.executable, "-c", "from whet.cli.main import main; main()", *shlex.split(command)[1:]]
    environ = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    environ |= {"XDG_CACHE_HOME": str(folder / "cache"), "COLUMNS": "120", "PYTHONUTF8": "1"}
    done = subprocess.run(
        words,
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}"
    return done.stdout


def read_titles(output: str) -> set[str]:
    """Return the titles of suggestions and trials, with their places."""
    found = re.findall(r"^ ?\d+\. (?:measured [^:]+: )?(.+?)(?:, an offer)?  (visits\.py:\d+)$", output, re.MULTILINE)
    return {f"{title} at {place}" for title, place in found}


def test_the_steps_are_the_ones_that_a_reader_takes() -> None:
    names = [command.split()[1] for command, _ in STEPS]
    assert names == ["run", "prove", "apply", "apply", "run", "report", "diff"]
    assert STEPS[0][0] == f"whet run {NAME}"


def test_measuring_shows_what_the_tutorial_shows(folder: Path) -> None:
    command, shown = STEPS[0]
    printed = do(command, folder)
    assert printed.startswith(shown.splitlines()[0])
    assert "Visitors.add" in printed
    assert read_titles(shown)
    assert read_titles(shown) <= read_titles(printed)
    assert "self.names: seen" in printed
    assert (folder / "whet-report.html").exists()


@pytest.mark.slow
def test_every_step_of_the_tutorial(folder: Path) -> None:
    printed = []
    for command, _ in STEPS:
        words = shlex.split(command)
        if words[1] == "diff":
            words[2] = printed[-1].splitlines()[0].strip()
        printed.append(do(shlex.join(words), folder))
    first, proof, diff, applied, second, listed, compared = printed
    assert read_titles(STEPS[1][1]) <= read_titles(proof)
    assert re.search(r"^ 1\. measured faster .*visits\.py:23$", proof, re.MULTILINE)
    assert "output identical (147 B printed)" in proof
    assert "+        self._names_set = set()" in diff
    assert "(list-membership)" in applied
    assert "self._names_set.add(name)" in (folder / NAME).read_text(encoding="utf-8")
    assert first.splitlines()[:8] == second.splitlines()[:8]  # the program prints the same
    assert len(listed.split()) == 2
    assert "Visitors.add" in compared
    assert "faster" in compared
