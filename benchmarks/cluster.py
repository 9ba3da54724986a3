"""What the client's merging of captures takes, for 1,000 and 10,000 workers, and up to how many workers it keeps up.

    python benchmarks/cluster.py [--workers 1000] [--json FILE]
    python benchmarks/cluster.py --overhead 6

A capture of 10,000 samples is recorded once, of ordinary tasks (`programs/worker_tasks.py`), and varied for each
worker: other samples of each stack, other threads, tasks. Merging is what the session does with each capture that
arrives: read, restore, add; and the finished run at the end. Each size runs in a process of its own. The bars: 20 s and
400 MB for 1,000 workers; ten times as many in at most 11 times the time and 500 MB. Merging takes as long as there are
rows of stacks: the same is printed, without a bar, of recursion that makes 50 times as many
(`programs/worker_parse.py`).

The simulation takes the recorded times of single captures: workers send one a minute, from random moments on. The
client keeps up as long as what waits to be merged does not grow.

``--overhead N`` needs distributed: a compute-bound job on four workers with and without the profile, in N pairs of
random order. Only the job is timed, not the start and the end of the profile. The bar is 1.08.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from whet.merge.by_value import ValueRestorer
from whet.merge.gather import Gathering
from whet.merge.hotspots import merge_run
from whet.model.codec import read_run, write_run
from whet.model.metric import Metric
from whet.model.profile import Samples, Thread
from whet.model.run import Run
from whet.pipeline.dask.sampling import SECONDS
from whet.store import load_run

SAMPLES = 10_000
VARIANTS = 200
"""Different captures; more workers get them again, under labels of their own."""
TASKS = ("load", "clean", "join", "solve", "store")
BARS = {"seconds": 20.0, "bytes": 400e6, "times": 11.0, "more_bytes": 500e6}
PROGRAMS = Path(__file__).parent / "programs"
RECORDED = {"worker_tasks": (), "worker_parse": (str(Path(__file__).parents[1] / "src" / "whet" / "engine"),)}
"""Programs that a capture is recorded of, with their arguments: ordinary tasks, and recursion that fills 50 times the
rows of stacks."""
RECORD_SECONDS = 14


def record(folder: Path, program: str) -> Run:
    """Sample a program at 1,000 samples a second."""
    (folder / "pyproject.toml").touch()
    shutil.copy(PROGRAMS / f"{program}.py", folder)
    command = [sys.executable, "-P", "-c", "from whet.cli.main import main; main()", "run", "--rate", "1000"]
    command += [f"{program}.py", str(RECORD_SECONDS), *RECORDED[program]]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return load_run(next((folder / ".whet" / "runs").iterdir()))


def vary(run: Run, seed: int) -> bytes:
    """Return a capture of another worker: as many samples, on other stacks, some not met at all."""
    chance = random.Random(seed)
    (profile,) = (each for each in run.profiles if any(entry.metric is Metric.CPU for entry in each.samples))
    entries: dict[int, dict[int, int]] = {}
    weights = [
        (row, value * chance.uniform(0.2, 2.0))
        for entry in profile.samples
        if entry.metric is Metric.CPU
        for row, value in zip(entry.stack, entry.value, strict=True)
        if chance.random() > 0.1
    ]
    whole = sum(weight for _, weight in weights)
    for row, weight in weights:
        samples = max(1, round(SAMPLES * weight / whole))
        values = entries.setdefault(chance.randrange(len(TASKS)), {})
        values[row] = values.get(row, 0) + samples * 10_000_000
    threads = [Thread(1000 + seed, 2000 + seed, f"Dask-Default-Threads-{seed}-0", "dask worker", "", t) for t in TASKS]
    columns = [
        Samples(Metric.CPU, at, list(values), list(values.values()), sum(values.values()) // 10_000_000)
        for at, values in entries.items()
    ]
    varied = replace(
        run,
        profiles=(replace(profile, threads=threads, samples=columns),),
        sources={},
        labels=(("worker", f"tcp://10.0.{seed // 256}.{seed % 256}:40000"),),
    )
    packed = io.BytesIO()
    write_run(varied, packed)
    return packed.getvalue()


def merge(folder: Path, workers: int) -> dict[str, object]:
    """Merge the captures in ``folder`` for so many workers, and return what it took."""
    captures = [path.read_bytes() for path in sorted(folder.glob("*.gz"))]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    gathering, restorer = Gathering(), ValueRestorer({})
    each: list[float] = []
    began = time.process_time()
    for number in range(workers):
        start = time.process_time()
        run = read_run(io.BytesIO(captures[number % len(captures)]))
        profiles = tuple(restorer.restore(profile) for profile in run.profiles)
        gathering.add(replace(run, profiles=profiles), f"tcp://worker-{number}:40000")
        each.append(time.process_time() - start)
    merged = gathering.finish()
    seconds = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    expected = sum(part.cpu_ns for part in merged.parts)
    assert merge_run(merged).cpu_ns == expected
    assert len(merged.parts) == workers
    return {"workers": workers, "seconds": seconds, "bytes": peak * 1024, "before": before * 1024, "each": each}


def simulate(each: list[float], most: int = 100_000) -> int:
    """Return for how many workers the client keeps up: what waits at the end is no more than it was in the middle."""
    interval = SECONDS

    def keeps_up(workers: int) -> bool:
        chance = random.Random(workers)
        rounds = 10
        arrivals = sorted(
            chance.uniform(0, interval) + interval * turn for turn in range(rounds) for _ in range(workers)
        )
        free, late = 0.0, []
        for at in arrivals:
            free = max(free, at) + chance.choice(each)
            late.append(free - at)
        half = len(late) // 2
        return max(late[half:]) < max(interval, 1.1 * max(late[:half]))

    low, high = 1, most
    while high - low > max(1, low // 50):
        middle = (low + high) // 2
        low, high = (middle, high) if keeps_up(middle) else (low, middle)
    return low


def solve(number: int) -> int:
    """Compute, in plain Python."""
    total = 0
    for i in range(500_000 + number):
        total += i * i % 7
    return total


def measure_overhead(pairs: int, tasks: int) -> list[float]:
    """Return for each pair how many times as long the job took under the profile."""
    from distributed import Client, LocalCluster

    import whet.dask

    ratios = []
    with (
        LocalCluster(n_workers=4, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):

        def run() -> float:
            began = time.perf_counter()
            client.gather(client.map(solve, range(tasks), pure=False))
            return time.perf_counter() - began

        run()
        for _ in range(pairs):
            took: dict[bool, float] = {}
            for is_profiled in random.sample((False, True), 2):
                if is_profiled:
                    with whet.dask.profile(client):
                        took[True] = run()
                else:
                    took[False] = run()
            ratios.append(took[True] / took[False])
            print(f"plain {took[False]:.2f} s, profiled {took[True]:.2f} s: {ratios[-1]:.3f}", flush=True)
    return ratios


def measure(program: str, *sizes: int) -> list[dict[str, Any]]:
    """Merge captures of a program for so many workers, each in a process of its own, and print what it took."""
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = record(folder, program)
        packed = [vary(run, number) for number in range(min(VARIANTS, *sizes))]
        (folder / "captures").mkdir()
        for number, capture in enumerate(packed):
            (folder / "captures" / f"{number:06}.gz").write_bytes(capture)
        size = sum(map(len, packed)) / len(packed)
        print(f"{program}: {len(run.profiles[0].stacks):,} rows of stacks and {size / 1e3:.0f} kB a capture")
        for workers in sizes:
            command = [sys.executable, __file__, "--merge", str(folder / "captures"), str(workers)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found.append(json.loads(done.stdout))
            took = f"{found[-1]['seconds']:6.1f} s CPU, peak {found[-1]['bytes'] / 1e6:5.0f} MB"
            print(f"{workers:>7,} workers: {took}", flush=True)
    return found


def main() -> None:
    """Record, merge both sizes each in a process of its own, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=1_000)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--overhead", type=int, metavar="PAIRS")
    parser.add_argument("--tasks", type=int, default=400, help="of about 50 ms each")
    parser.add_argument("--merge", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.merge:
        print(json.dumps(merge(Path(options.merge[0]), int(options.merge[1]))))
        return
    if options.overhead:
        ratios = measure_overhead(options.overhead, options.tasks)
        print(f"overhead: {statistics.median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}")
        return
    tasks, parse = RECORDED
    one, ten = measure(tasks, options.workers, 10 * options.workers)
    measure(parse, options.workers)
    times = ten["seconds"] / one["seconds"]
    print(f"ten times as many: {times:.1f} times the time")
    most = simulate(one["each"])
    print(f"simulated: the client keeps up with {most:,} workers that send a capture every {SECONDS:.0f} s")
    kept = {
        "seconds": one["seconds"] <= BARS["seconds"],
        "bytes": one["bytes"] <= BARS["bytes"],
        "times": times <= BARS["times"],
        "more_bytes": ten["bytes"] <= BARS["more_bytes"],
    }
    print("bars:", ", ".join(f"{name} {'kept' if is_kept else 'MISSED'}" for name, is_kept in kept.items()))
    if options.json:
        options.json.write_text(json.dumps({"one": one, "ten": ten, "kept": kept}))


if __name__ == "__main__":
    main()
