"""The sampler of CPython 3.15 on real programs: true, and not to be noticed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from whet.collect.tachyon import LOOP, list_captures
from whet.formats.tachyon_binary import Capture, TachyonBinary
from whet.model.metric import Metric
from whet.model.profile import Profile

PYTHON = sys.executable if sys.version_info >= (3, 15) else shutil.which("python3.15") or ""
pytestmark = [
    pytest.mark.skipif(not PYTHON, reason="no Python 3.15 here"),
    pytest.mark.skipif(sys.platform == "darwin", reason="only root reads other processes"),
]

SPLIT = """
    import os, signal, sys, time

    def spin(seconds):
        end = time.process_time() + seconds
        while time.process_time() < end:
            pass

    def sleep(seconds):
        time.sleep(seconds)

    for _ in range(20):
        spin(0.06)
        sleep(0.05)
    print("out", len(sys.argv), sys.gettrace(), sys.getprofile(), signal.getsignal(signal.SIGINT).__name__)
    print("err", file=sys.stderr)
    os._exit(7)
"""


def sample(program: Path, out: Path, *options: str) -> Profile:
    """Return what the loop sees of a program."""
    with subprocess.Popen([PYTHON, str(program)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as started:
        command = [PYTHON, "-I", "-S", str(LOOP), "--pid", str(started.pid), "--rate", "200"]
        done = subprocess.run(
            [*command, "--output", str(out / "tachyon.bin"), *options], capture_output=True, text=True, check=True
        )
        if started.poll() is None:
            started.wait()
    assert done.stdout.startswith(f"Sampling process {started.pid}\n")
    captures = [Capture(path.open("rb"), pid, command) for path, pid, command in list_captures(out, started.pid)]
    try:
        (profile,) = TachyonBinary().read_all(captures)
    finally:
        for each in captures:
            each.file.close()
    return profile


def sum_by_name(profile: Profile, metric: Metric) -> dict[str, float]:
    """Return seconds by innermost function."""
    sums: dict[str, float] = {}
    for entry in profile.samples:
        if entry.metric is metric:
            for row, value in zip(entry.stack, entry.value, strict=True):
                name = profile.frames[profile.stacks.frame[row]].name
                sums[name] = sums.get(name, 0.0) + value / 1e9
    return sums


def test_waiting_is_told_from_computing_on_a_busy_machine_too(runner: Any, tmp_path: Path):
    spinners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4)]
    try:
        profile = sample(runner.write(SPLIT), tmp_path)
    finally:
        for each in spinners:
            each.kill()
            each.wait()
    waited, computed = sum_by_name(profile, Metric.WAITING), sum_by_name(profile, Metric.CPU)
    # 200 looks at 1 s of sleep; a sleeper that wakes up and stands in line for a processor computes already.
    assert waited["sleep"] > 0.7
    assert waited.get("spin", 0.0) < 0.05
    assert computed["spin"] > 0.7


def test_the_program_does_what_it_does_alone(runner: Any, alike: Any):
    program = runner.write(SPLIT)
    plain = runner.call([PYTHON, str(program), "a"], program.parent)
    measured = runner.call(
        runner.command(program, "a", options=["--sampler", "tachyon"], python=PYTHON), program.parent
    )
    alike(plain, measured)
    assert measured.status == 7
    spin, sleep = (measured.find_functions(name)[0] for name in ("spin", "sleep"))
    assert spin["self_seconds"] > 10 * sleep["self_seconds"]
    assert not measured.warnings_about("tachyon")


def test_children_are_sampled_by_the_same_process(runner: Any, tmp_path: Path):
    program = runner.write(
        """
        import multiprocessing, os, subprocess, sys, time

        def spin(seconds):
            end = time.process_time() + seconds
            while time.process_time() < end:
                pass

        if __name__ == "__main__":
            child = multiprocessing.get_context("fork").Process(target=spin, args=(1,))
            child.start()
            child.join()
            subprocess.run([sys.executable, __file__.replace("prog", "other")], check=True)
        """,
        other="def late():\n    return sum(i * i for i in range(10_000_000))\nlate()\n",
    )
    profile = sample(program, tmp_path, "--children")
    computed = sum_by_name(profile, Metric.CPU)
    assert computed["spin"] > 0.5
    assert computed["late.<locals>.<genexpr>"] > 0.1
    assert len({thread.pid for thread in profile.threads}) >= 3
    assert any("other.py" in thread.process for thread in profile.threads)


def test_a_process_that_cannot_be_read_is_said_in_one_line(tmp_path: Path):
    command = [PYTHON, "-I", "-S", str(LOOP), "--pid", "999999999", "--rate", "10", "--output", str(tmp_path / "x")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert len(done.stderr.splitlines()) == 1
