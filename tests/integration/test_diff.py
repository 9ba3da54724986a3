"""Two runs of a program that was changed in between, compared in every form."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

# CPU seconds, so that the machine's other work takes nothing away from what is compared.
PROGRAM = """
import time

def busy(until):
    number = 0
    while time.process_time() < until:
        number += 1
    return number

def {way}(start):
    number = 0
    while time.process_time() < start + 0.8:
        number += 2
    return number

busy(time.process_time() + 0.4)
{way}(time.process_time())
"""


def whet(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "whet", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A folder with two saved runs, and their names, older first."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "pyproject.toml").write_text("")
    names: list[str] = []
    for way in ("old_way", "new_way"):
        (folder / "app.py").write_text(PROGRAM.format(way=way))
        whet(folder, "run", "--rate", "200", "--python", sys.executable, "app.py")
        found = {path.name for path in (folder / ".whet" / "runs").iterdir() if path.is_dir()}
        names += sorted(found - set(names))
    return folder, names


def test_what_is_gone_and_what_is_new_is_said_in_every_form(runs: tuple[Path, list[str]]) -> None:
    folder, names = runs
    assert len(names) == 2
    found = json.loads(whet(folder, "diff", *names, "--format", "json").stdout)
    changes = {place["name"]: place["change"] for place in found["functions"]}
    assert changes["old_way"] == "gone"
    assert changes["new_way"] == "new"
    gone = next(place for place in found["functions"] if place["name"] == "old_way")
    assert gone["before_seconds"] > 0
    assert gone["after_seconds"] == 0
    assert gone["interval_seconds"][0] <= gone["difference_seconds"] <= gone["interval_seconds"][1] < 0

    text = whet(folder, "diff", *names).stdout
    markdown = whet(folder, "diff", *names, "--format", "markdown").stdout
    for said in (text, markdown):
        assert "1 function gone, 1 function new" in said
        assert "old" in said
        assert "only sampling error" in " ".join(said.split())
    assert whet(folder, "diff", names[0], "--format", "markdown").stdout == markdown, "the latest is the default"

    told = whet(folder, "diff", *names, "--format", "html", "-o", "d.html").stderr
    assert "wrote d.html" in told
    page = (folder / "d.html").read_text(encoding="utf-8")
    assert page.startswith("<!")
    assert "new_way" in page
    assert "Compared with the run of" in page


def test_a_run_with_itself_shows_no_change(runs: tuple[Path, list[str]]) -> None:
    folder, names = runs
    assert whet(folder, "diff", names[0], names[0]).stdout.startswith("no significant change")
