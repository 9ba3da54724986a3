"""What memory speaks for, in programs that are run under memray: bytes are counted, so they do not vary."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(importlib.util.find_spec("memray") is None, reason="memray does not exist here")

PROGRAM = """\
import json
import sys
import time

KEPT = {}


def write(path):
    with open(path, "w") as file:
        json.dump([{"id": i, "name": f"name {i}"} for i in range(100_000)], file)


def load(path):
    with open(path) as file:
        rows = json.load(file)
    return sum(row["id"] for row in rows)


def handle(i):
    KEPT[i] = ("%d " % i) * 100
    return len(KEPT[i])


write(sys.argv[1])
print(load(sys.argv[1]))
began = time.process_time()
total = number = 0
while time.process_time() - began < 0.8 or number < 20_000:
    total += handle(number) if number < 20_000 else 1
    number += 1
"""


@pytest.fixture(scope="module")
def report(runner: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    script = tmp_path_factory.mktemp("memory") / "prog.py"
    script.write_text(PROGRAM, "utf-8")
    return runner.whet(script, script.with_name("rows.json"), options=["--memory"]).report


def find(rows: list[dict[str, Any]], code: str) -> dict[str, Any]:
    line = [number for number, text in enumerate(PROGRAM.splitlines(), 1) if text.strip() == code]
    (found,) = [row for row in rows if [row["line"]] == line and Path(row["file"]).name == "prog.py"]
    return found


def test_lines_say_what_they_hold_at_the_peak_and_at_the_end(report: dict[str, Any]):
    kept = find(report["lines"], 'KEPT[i] = ("%d " % i) * 100')
    assert kept["live_bytes"] > 20_000 * 100 * 2
    loaded = find(report["lines"], "rows = json.load(file)")
    assert loaded["live_bytes"] < 5_000_000


def test_a_large_document_is_named_for_what_it_holds(report: dict[str, Any]):
    (item,) = [each for each in report["advice"] if each["rule"] == "whole-file"]
    assert item["title"] == "Large JSON file loaded at once"
    assert 10_000_000 < item["memory"]["held_bytes"] <= item["memory"]["peak_bytes"]
    assert item["memory"]["high"] > 0.3
