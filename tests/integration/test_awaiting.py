"""Async programs: who awaits, as the sampler inside the program sees it, and the way there from the default one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import asyncio, sys

async def answer():
    await asyncio.sleep(0.05)

async def ask():
    for _ in range(8):
        await answer()

async def pause():
    await asyncio.sleep(0.3)

async def main():
    await ask()
    await pause()

asyncio.run(main())
from importlib.machinery import SourceFileLoader
print("exec_module" in vars(SourceFileLoader))
"""


def measure(folder: Path, *options: str) -> dict[str, object]:
    (folder / "ask.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "whet"]
    done = subprocess.run([*command, "run", *options, "ask.py"], cwd=folder, capture_output=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, [b"False"]), done.stderr
    told = subprocess.run([*command, "report", "-f", "json"], cwd=folder, capture_output=True, check=True)
    report: dict[str, object] = json.loads(told.stdout)
    return report


def test_awaited_time_stands_with_the_coroutine_that_awaits(tmp_path):
    report = measure(tmp_path, "--sampler", "pyinstrument")
    waited = {each["name"]: each["waiting_seconds"] for each in report["functions"]}
    assert waited["answer"] >= 0.35
    assert waited["pause"] >= 0.25
    # Who awaits them does not wait itself.
    assert waited.get("ask", 0) + waited.get("main", 0) < 0.2 * (waited["answer"] + waited["pause"])


def test_by_the_default_sampler_too_waiting_stands_with_the_coroutine_and_not_with_the_line_that_runs_it(tmp_path):
    report = measure(tmp_path)
    if not any("py-spy" in each["collectors"] for each in report["functions"]):
        pytest.skip("py-spy may not attach here")
    waited = {each["name"]: each["waiting_seconds"] for each in report["functions"]}
    if any(each["about"] == "machine" for each in report["warnings"]) and sum(waited.values()) < 0.2:
        pytest.skip("more wants to run than there are processors: little is known of waiting then")
    assert waited["answer"] > 0
    assert waited.get("<module>", 0) + waited.get("main", 0) + waited.get("ask", 0) < 0.5 * waited["answer"]


def test_where_nobody_sees_the_coroutines_waiting_is_not_that_of_the_line_that_runs_them(tmp_path):
    functions = measure(tmp_path, "--outside")["functions"]
    waited = {each["name"]: each["waiting_seconds"] for each in functions if "py-spy" in each["collectors"]}
    assert waited.get("<module>", 0) < 0.1
