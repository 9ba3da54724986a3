"""Runs of several ranks, measured and merged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """\
import os, sys


def solve(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total


print(solve(20_000_000 if os.environ["PMI_RANK"] == "1" else 6_000_000) >= 0)
"""


def whet(folder: Path, *words: str, rank: str = "") -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.endswith(("_RANK", "_PROCID"))}
    environ |= {"PMI_RANK": rank} if rank else {}
    return subprocess.run(
        [sys.executable, "-m", "whet", *words], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )


def test_each_rank_has_a_run_and_a_report_and_merging_names_the_slowest(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "job.py").write_text(PROGRAM)
    for rank in ("0", "1"):
        ended = whet(tmp_path, "run", "job.py", rank=rank)
        assert (ended.returncode, ended.stdout) == (0, "True\n"), ended.stderr
        assert f"job.py (rank {rank})" in ended.stderr
    assert {path.name for path in tmp_path.glob("*.html")} == {"whet-report-rank-0.html", "whet-report-rank-1.html"}
    merged = whet(tmp_path, "merge", ".whet/runs")
    assert merged.returncode == 0, merged.stderr
    report = json.loads(whet(tmp_path, "report", "--format", "json").stdout)
    assert [part["label"] for part in report["parts"]] == ["rank 0", "rank 1"]
    assert report["imbalance"]["slowest"] == "rank 1"
    assert report["imbalance"]["function"] == "solve"
    assert report["imbalance"]["max_over_mean"] > 1.1
    for part in report["parts"]:
        assert part["cpu_seconds"] <= part["clock_seconds"] * 1.01
