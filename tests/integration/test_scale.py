"""``whet scale`` on real programs: exponents, causes, the gate, what is saved, and what is left alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.integration.conftest import WHET, make_environment

PROGRAM = """\
import os
import sys


def dedupe(values):
    seen = []
    for value in values:
        if value not in seen:
            seen.append(value)
    return seen


def main(size):
    print("printed by the program")
    with open("calls.txt", "a") as calls:
        calls.write(f"{size} {os.environ['ROWS']} {open('data.csv').read().strip()}\\n")
    assert len(dedupe([number * 7919 % 1_000_003 for number in range(size)])) == size


main(int(sys.argv[1].partition("=")[2]))
"""
SIZES = (4000, 8000, 16_000)


class Scaled:
    """What became of one scaling, and the commands that follow."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run whet in the folder."""
        command = [*WHET, *words]
        return subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, env=make_environment(), timeout=300, check=False
        )


@pytest.fixture(scope="module")
def scaled(tmp_path_factory: pytest.TempPathFactory) -> Scaled:
    folder = tmp_path_factory.mktemp("scale")
    (folder / "app.py").write_text(PROGRAM)
    (folder / "gen.py").write_text("import sys\nprint(sys.argv[1])\n")
    made = Scaled(folder)
    sizes = ",".join(map(str, SIZES))
    options = [
        "--sizes",
        sizes,
        "--make",
        "gen.py {n} > data.csv",
        "--env",
        "ROWS={n}",
        "--runs",
        "2",
        "--rate",
        "400",
        "-f",
        "json",
    ]
    done = made.call("scale", "--python", sys.executable, *options, "app.py", "--rows={n}")
    assert done.returncode == 0, done.stderr
    (folder / "report.json").write_text(done.stdout)
    (folder / "said.txt").write_text(done.stderr)
    return made


@pytest.fixture(scope="module")
def report(scaled: Scaled) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((scaled.folder / "report.json").read_text())
    return loaded


def test_the_size_reaches_arguments_environment_and_made_input(scaled: Scaled) -> None:
    calls = [line.split() for line in (scaled.folder / "calls.txt").read_text().splitlines()]
    assert all(len(set(words)) == 1 for words in calls)
    sizes = [int(words[0]) for words in calls]
    assert sizes[:4] == [SIZES[0], *SIZES]
    assert sorted(sizes[4:]) == list(SIZES)


def test_the_quadratic_line_comes_first_with_its_cause(report: dict[str, Any]) -> None:
    growth = report["growth"]
    assert growth["sizes"] == list(SIZES)
    first = growth["lines"][0]
    assert (Path(first["file"]).name, first["line"]) == ("app.py", 8)
    assert first["low"] <= 2 <= first["high"]
    assert growth["functions"][0]["name"] == "dedupe"
    assert [cause for cause in first["causes"] if cause.startswith("Membership test on a list: line 8 grows")]


def test_the_programs_output_is_not_whets(scaled: Scaled, report: dict[str, Any]) -> None:
    assert report["exit_status"] == 0
    said = (scaled.folder / "said.txt").read_text()
    assert "printed by the program" not in said
    assert "Most of the cost at n = 160,000" in said
    assert "6 runs took" in said


def test_the_run_is_saved_with_its_scaling(scaled: Scaled, report: dict[str, Any]) -> None:
    done = scaled.call("report", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["growth"] == report["growth"]
    page = (scaled.folder / "whet-report.html").read_text()
    assert '<section id="growth">' in page


def test_no_captures_are_left(scaled: Scaled) -> None:
    assert {path.name for path in scaled.folder.iterdir()} == {
        ".whet", "app.py", "calls.txt", "data.csv", "gen.py", "report.json", "said.txt", "whet-report.html",
    }  # fmt: skip


@pytest.mark.slow
def test_the_gate_ends_with_status_1(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import sys\nn = int(sys.argv[1])\ntotal = 0\nfor i in range(n):\n    for j in range(n):\n        total += j\n"
    )
    made = Scaled(tmp_path)
    words = ["scale", "--python", sys.executable, "--sizes", "400,800,1600,3200", "--runs", "1", "--max-exponent"]
    # Of single runs on a busy machine the interval is wide.
    done = made.call(*words, "0.5", "app.py", "{n}")
    assert done.returncode == 1, done.stderr
    assert "beyond n^0.5" in done.stderr
    done = made.call(*words, "3", "--in", "app.py", "app.py", "{n}")
    assert done.returncode == 0, done.stderr
    assert "nothing is shown to grow faster than n^3" in done.stderr
