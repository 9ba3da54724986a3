"""Ten programs from pyperformance, each laid out as a script of its own that runs its workload in a loop.

The benchmark's file is copied as it is; what it imports as ``pyperf`` is a stand-in beside it that
runs the workload as often as the environment says, in one process, and notes how long that took.
So the code is the user's own for every profiler, and the start of the process is outside the figure.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from lib.environment import Environment
from lib.runner import calibrate, run_once

PROGRAMS = (
    "richards",
    "nbody",
    "deltablue",
    "chaos",
    "go",
    "hexiom",
    "float",
    "spectral_norm",
    "raytrace",
    "pyflate",
)
"""The default ten; any other benchmark of pyperformance that needs no packages can be named too."""
OWN = {path.stem.removeprefix("loop_"): path for path in (Path(__file__).parents[1] / "programs").glob("loop_*.py")}
"""Programs by name that what runs inside a program may cost more than others: ``tasks`` and ``allocations``."""

STAND_IN = '''"""Runs a benchmark's workload in a plain loop; stands in for the real pyperf."""

import argparse
import json
import os
import time

perf_counter = time.perf_counter


class Runner:
    """As much of pyperf's Runner as the benchmarks use."""

    def __init__(self, **options):
        self.argparser = argparse.ArgumentParser()
        self.metadata = {}
        self.args = None

    def parse_args(self, args=None):
        self.args = self.argparser.parse_args(args)
        return self.args

    def bench_func(self, name, function, *args):
        loops = int(os.environ.get("BENCH_LOOPS", "1"))
        with Clock():
            for _ in range(loops):
                function(*args)

    def bench_time_func(self, name, function, *args, **options):
        with Clock():
            function(int(os.environ.get("BENCH_LOOPS", "1")), *args)


class Clock:
    """Adds one line with what passed to the file that the environment names."""

    def __enter__(self):
        self.cpu = time.process_time()
        self.wall = time.perf_counter()

    def __exit__(self, *error):
        took = {"wall": time.perf_counter() - self.wall, "cpu": time.process_time() - self.cpu, "pid": os.getpid()}
        if os.environ.get("BENCH_ELAPSED"):
            with open(os.environ["BENCH_ELAPSED"], "a") as sink:
                sink.write(json.dumps(took) + chr(10))
'''


def lay_out(name: str, environment: Environment, work: Path) -> Path:
    """Make a folder for one program under ``work``; return its script."""
    source = environment.programs / f"bm_{name}"
    benchmark = OWN.get(name, source / "run_benchmark.py")
    if not benchmark.exists():
        raise SystemExit(f"pyperformance has no program {name!r}")
    folder = work / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    script = folder / f"{name}_loop.py"
    shutil.copy(benchmark, script)
    (folder / "pyperf.py").write_text(STAND_IN)
    if (source / "data").is_dir():
        shutil.copytree(source / "data", folder / "data")
    return script


def find_loops(script: Path, environment: Environment, seconds: float) -> int:
    """Return how many loops of a program take about ``seconds`` when it runs plainly."""

    def run(loops: int) -> float:
        outcome = run_once([environment.python, script], script.parent, loops=loops)
        if not outcome.ok or not outcome.executions:
            raise SystemExit(f"{script.name} fails when run plainly:\n{outcome.output[-2000:]}")
        return sum(execution["wall"] for execution in outcome.executions)

    return calibrate(run, seconds)
