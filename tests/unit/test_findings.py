"""Each script in ``findings/`` has the form that its README asks for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "findings"
SCRIPTS = sorted(FOLDER.glob("*.sh"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_has_its_head_and_cleans_up(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    head = " ".join(re.findall(r"^# ?(.*)$", text.split("\nset ", 1)[0], re.MULTILINE))
    assert re.search(r"One would think: .*What happens: .*Seen with .*\d", head)
    assert "set -euo pipefail\n" in text
    assert re.search(r"\$\{PYTHON:-python3\.\d+\}", text)
    assert re.search(r"^trap 'rm -rf ", text, re.MULTILINE)
    assert not re.search(r"pip install(?!.*==)", text), "pinned"
    assert "import whet" not in text


def test_the_readme_lists_them_all() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert {path.name for path in SCRIPTS} == set(re.findall(r"\]\((\S+\.sh)\)", text))
    assert SCRIPTS
