"""From a measurement to a committed hot profile to a check of hot code only, and settings that ``whet run`` heeds."""

from __future__ import annotations

import json

import pytest
from tests.integration.conftest import WHET

PROGRAM = """
import helpers

def spin(words):
    found = 0
    known = [str(number) for number in range(400)]
    for word in words:
        if word in known:
            found += 1
    return found

def cold(words, names):
    known = [name.lower() for name in names]
    return [word for word in words if word in known]

print(spin(["absent"] * 150_000), cold(["a"], ["A"]), helpers.double(2))
"""
HELPERS = "def double(number):\n    return number * 2\n"


def test_a_hot_profile_keeps_a_check_to_hot_code(runner) -> None:
    program = runner.write(PROGRAM, "app.py", helpers=HELPERS)
    folder = program.parent
    (folder / "pyproject.toml").write_text("[tool.whet]\n")
    cold = runner.call([*WHET, "check"], folder)
    assert cold.status == 1
    assert cold.stdout.decode().count("list-membership") == 2

    ran = runner.whet("app.py", cwd=folder)
    assert ran.status == 0, ran.words
    wrote = runner.call([*WHET, "report", "--format", "hot", "-o", "whet-hot.json"], folder)
    assert wrote.status == 0, wrote.words
    profile = json.loads((folder / "whet-hot.json").read_text())
    (place,) = [place for place in profile["places"] if place["code"].startswith("if word in known")]
    assert (place["file"], place["function"], place["share"]) == ("app.py", "spin", 50)
    assert str(folder) not in (folder / "whet-hot.json").read_text()
    assert set(place) == {"file", "function", "code", "share"}

    (folder / "pyproject.toml").write_text('[tool.whet]\nprofile = "whet-hot.json"\n')
    hot = runner.call([*WHET, "check", "--format", "json"], folder)
    rows = [row for row in json.loads(hot.stdout) if row["rule"] == "list-membership"]
    assert [(row["function"], row["share"]) for row in rows] == [("spin", 0.5)]

    again = runner.call([*WHET, "report", "--format", "hot", "-o", "app.py"], folder)
    assert again.status == 2
    assert "app.py was not written by whet" in again.words
    assert program.read_text().startswith("\nimport helpers")


@pytest.mark.slow
def test_settings_and_comments_hold_for_a_run(runner) -> None:
    program = runner.write(PROGRAM, "app.py", helpers=HELPERS)
    folder = program.parent
    settings = folder / "pyproject.toml"
    settings.write_text('[tool.whet]\nexclud = ["helpers.py"]\n')
    refused = runner.whet("app.py", cwd=folder)
    assert (refused.status, refused.stdout) == (125, b"")
    assert "did you mean 'exclude'?" in refused.words

    settings.write_text('[tool.whet]\nexclude = ["app.py"]\n')
    ran = runner.whet("app.py", cwd=folder)
    assert {row["owner"] for row in ran.find_functions("spin")} == {"dependency"}

    settings.write_text("[tool.whet]\n")
    program.write_text(
        program.read_text().replace("if word in known:", "if word in known:  # whet: ignore[list-membership]")
    )
    ran = runner.whet("app.py", cwd=folder)
    assert ran.find_functions("spin")
    assert "list-membership" not in {advice["rule"] for advice in ran.report["advice"]}
