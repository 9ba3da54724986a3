"""Executions after the first: the report says so where they were not the same again."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="memray does not exist for Windows")

WORK = """
import pathlib, sys, time
done = pathlib.Path("done")
again = done.exists()
# Much more than starting took, however slow the machine is.
end = max(0.8, 8 * time.process_time())
while not again and time.process_time() < end:
    pass
done.touch()
sys.exit({status} if again else 0)
"""


def run_twice(folder: Path, status: int) -> list[str]:
    """Measure a program that does its work only once, its memory too; return what the report says of executions."""
    (folder / "once.py").write_text(WORK.format(status=status))
    command = [sys.executable, "-m", "whet"]
    done = subprocess.run([*command, "run", "--memory", "once.py"], cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    told = subprocess.run([*command, "report", "-f", "json"], cwd=folder, capture_output=True, check=True)
    return [each["message"] for each in json.loads(told.stdout)["warnings"] if each["about"] == "executions"]


def test_work_that_was_done_already_is_told(tmp_path):
    (message,) = run_twice(tmp_path, 0)
    assert re.match(
        r"the memory execution took \d+\.\d s of CPU time, the first one \d+\.\d s: the program did less", message
    )


@pytest.mark.slow
def test_other_status_is_told(tmp_path):
    assert run_twice(tmp_path, 3) == [
        "the memory execution ended with status 3, the first ended with status 0; memory is not in the report"
    ]


def test_program_that_fails_does_not_run_again_and_that_is_told(tmp_path):
    (tmp_path / "fail.py").write_text("print('once')\nraise SystemExit(3)\n")
    command = [sys.executable, "-m", "whet"]
    done = subprocess.run([*command, "run", "--full", "fail.py"], cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stdout.split()) == (3, [b"once"])
    told = subprocess.run([*command, "report", "-f", "json"], cwd=tmp_path, capture_output=True, check=True)
    messages = [each["message"] for each in json.loads(told.stdout)["warnings"] if each["about"] == "executions"]
    assert messages == ["the program did not run again for what else was asked: the first time it ended with status 3"]
