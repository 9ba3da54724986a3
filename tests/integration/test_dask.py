"""A real scheduler and real workers on loopback, started as their users do."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="needs Dask's distributed"),
]

JOB = """\
import json, os, signal, subprocess, sys, threading, time
from distributed import Client
import whet.dask


def solve(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total


def start_worker(address):
    return subprocess.Popen([sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1",
                             "--no-dashboard"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main(address):
    client = Client(address)
    client.wait_for_workers(4)
    pids = client.run(os.getpid)
    victim = sorted(pids)[0]
    with whet.dask.profile(client) as run:
        futures = client.map(solve, [400_000 + i for i in range(160)])
        while sum(future.done() for future in futures) < 20:
            time.sleep(0.1)
        os.kill(pids[victim], signal.SIGKILL)
        extra = start_worker(address)
        client.gather(futures)
        client.wait_for_workers(5)
        client.gather(client.map(solve, [300_000 + i for i in range(40)]))
    run.save("run.json")
    still = client.run(lambda dask_worker: [name for name in dask_worker.plugins if name.startswith("whet")])
    again = client.submit(sum, [1, 2, 3]).result()
    print(json.dumps({"victim": victim, "plugins": sum(map(len, still.values())), "again": again}))
    extra.terminate()
    extra.wait()


if __name__ == "__main__":
    main(sys.argv[1])
"""

HOLDS = """\
import os, signal, sys
from distributed import Client
import whet.dask


def fill(n):
    rows = [bytearray(1000) for _ in range(n)]
    return len(rows)


if __name__ == "__main__":
    with Client(sys.argv[1]) as client:
        client.wait_for_workers(4)
        victim, pid = sorted(client.run(os.getpid).items())[0]
        with whet.dask.profile(client, memory=True) as run:
            client.run(fill, 30_000, workers=[victim])
            client.submit(os.kill, pid, signal.SIGKILL, workers=[victim], retries=0)
            client.gather(client.map(fill, [20_000 + i for i in range(12)], workers=sorted(client.run(os.getpid))[1:],
                                     allow_other_workers=True))
        run.save("run.json")
        run.save("run.md")
        print(client.submit(fill, 5).result())
"""

CLIENT = """\
import sys
from distributed import Client


def solve(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total


if __name__ == "__main__":
    with Client(sys.argv[1]) as client:
        print(sum(client.gather(client.map(solve, [400_000 + i for i in range(60)]))) > 0)
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[str]:
    """The address of a scheduler with four workers, each under a nanny."""
    (tmp_path / "pyproject.toml").touch()
    started = []

    def start(*words: str) -> Path:
        log = tmp_path / f"{len(started)}.log"
        with log.open("wb") as sink:
            command = [sys.executable, "-m", *words, "--no-dashboard"]
            started.append(subprocess.Popen(command, cwd=tmp_path, stdout=sink, stderr=subprocess.STDOUT))
        return log

    log = start("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0")
    address = ""
    while not address:
        assert started[0].poll() is None, log.read_text()
        time.sleep(0.1)
        found = re.search(r"Scheduler at:\s+(tcp://127\.0\.0\.1:\d+)", log.read_text())
        address = found[1] if found else ""
    for _ in range(4):
        start("distributed.cli.dask_worker", address, "--nthreads", "1")
    yield address
    for process in reversed(started):
        process.send_signal(signal.SIGTERM)
    for process in started:
        process.wait(60)


def run_python(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONWARNINGS": "ignore"}
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )


def test_a_job_with_a_worker_killed_and_one_added(cluster: str, tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text(JOB)
    done = run_python(tmp_path, "job.py", cluster)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["plugins"], said["again"]) == (0, 6)
    report = json.loads((tmp_path / "run.json").read_text())
    parts = {part["label"]: part for part in report["parts"]}
    workers = {label: part for label, part in parts.items() if label != "client"}
    # Four, the one that a nanny started again, and the one that was added.
    assert len(workers) == 6
    assert workers[said["victim"]]["note"] == "ended before the profile did"
    for label, part in workers.items():
        if label != said["victim"]:
            error = 3 * part["cpu_seconds"] / max(1, part["samples"]) ** 0.5
            assert abs(part["cpu_seconds"] - part["clock_seconds"]) < 0.1 * part["clock_seconds"] + error + 0.3, label
    solve = next(function for function in report["functions"] if function["name"] == "solve")
    assert (solve["file"], solve["owner"]) == ("job.py", "user")
    assert next(task for task in report["tasks"] if task["name"] == "solve")["count"] >= 200


def test_whet_run_samples_the_workers_too(cluster: str, tmp_path: Path) -> None:
    (tmp_path / "client.py").write_text(CLIENT)
    whet = ("-P", "-c", "from whet.cli.main import main; main()")
    done = run_python(tmp_path, *whet, "run", "--dask", cluster, "client.py", cluster)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
    report = json.loads(run_python(tmp_path, *whet, "report", "--format", "json").stdout)
    assert len(report["parts"]) == 5
    assert {"solve"} <= {function["name"] for function in report["functions"] if function["owner"] == "user"}
    assert report["command"][0] == "client.py"


def test_what_workers_allocate_is_told_by_line(cluster: str, tmp_path: Path) -> None:
    (tmp_path / "holds.py").write_text(HOLDS)
    done = run_python(tmp_path, "holds.py", cluster)
    assert (done.returncode, done.stdout) == (0, "5\n"), done.stderr
    report = json.loads((tmp_path / "run.json").read_text())
    line = next(each for each in report["lines"] if (each["file"], each["name"]) == ("holds.py", "fill"))
    assert line["line"] == 1 + HOLDS[: HOLDS.index("rows =")].count("\n")
    # Each of the dozen tasks has 20 MB; the worker that was killed had 30 MB before.
    assert line["allocated_bytes"] > 12 * 20_000_000
    assert line["peak_bytes"] > 20_000_000
    assert any("memory slowed the code down" in each["message"] for each in report["warnings"])
    assert "Not measured: hits and values, which" in (tmp_path / "run.md").read_text()
