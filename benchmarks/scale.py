"""How time and memory grow with size: each figure at four sizes, and the exponent of its growth.

    python benchmarks/scale.py [--only functions,findings,…] [--most 1.1] [--json FILE]

Exponents are of CPU time and of peak memory, between the two largest sizes and less what the smallest costs; both are
taken in a process of its own for each size, so that a busy machine changes them little. Exit status 1: one is above
``--most``.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from whet.model.frame import Frame, Owner
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile, Samples, StackTable, Thread
from whet.model.run import Execution, Interpreter, Purpose, Run, SourceFile

MOST = 1.1
"""The exponent that no growth may exceed."""
MS = 1_000_000


def make_run(functions: int, *, depth: int = 1, threads: int = 1, processes: int = 1) -> Run:
    """Return a run with ``functions`` places of one line each, in files of 100, on stacks ``depth`` deep."""
    body = "def f{0}(x):\n    return x + {0}\n"
    files = [f"/project/m{n}.py" for n in range(-(-functions // 100))]
    text = {file: "".join(body.format(100 * n + i) for i in range(100)) for n, file in enumerate(files)}
    frames = [
        Frame(files[n // 100], f"f{n}", 2 * (n % 100) + 2, 2 * (n % 100) + 1, Owner.USER) for n in range(functions)
    ]
    parent, frame = [], []
    for number in range(functions):
        parent.append(len(parent) - 1 if number % depth else ROOT)
        frame.append(number)
    made = tuple(Thread(process + 1, thread + 1) for process in range(processes) for thread in range(threads))
    samples = tuple(
        Samples(Metric.CPU, number, range(len(frame)), [MS] * len(frame), len(frame)) for number in range(len(made))
    )
    total = functions * len(made) * MS
    profile = Profile("py-spy", frames, StackTable(parent, frame), made, samples, period_ns=MS, ticks=functions)
    return Run(
        "scale", ("m0.py",), "2024-01-01T00:00:00+00:00", "/project", "/project", Interpreter("python", "3.13.0"),
        executions=(Execution(Purpose.TIME, ("py-spy",), total, total, 0),),
        profiles=(profile,),
        sources={file: SourceFile(file, Path(file).name, "", text[file], Owner.USER) for file in files},
    )  # fmt: skip


def report(run: Run) -> None:
    """Merge a run and render it."""
    import io

    from whet.pipeline.advise.show import find_renderer, render, show

    shown = show(run)
    for form in ("html", "json", "terminal"):
        render(shown, find_renderer(form), io.BytesIO())


def check(files: int, lines: int, text: str) -> None:
    """Check ``files`` files of about ``lines`` lines of ``text`` in this process."""
    from whet.engine.files import examine_files
    from whet.engine.loading import load_rules

    with tempfile.TemporaryDirectory() as name:
        paths = [Path(name, f"m{number}.py") for number in range(files)]
        for path in paths:
            path.write_text(text * (lines // text.count("\n")), encoding="utf-8")
        for _ in examine_files(paths, load_rules(), root=Path(name), workers=1):
            pass


def keep_runs(count: int) -> None:
    """Save runs into a store that holds ``count``, list them and find one."""
    from whet import store

    store.KEPT = 10**9
    with tempfile.TemporaryDirectory() as name:
        run, home = make_run(10), Path(name)
        data = store.save_run(run, home).path.read_bytes()
        for number in range(count):
            folder = home / ".whet" / "runs" / f"20200101-{number // 1000:06}-{number % 1000:03}-old"
            folder.mkdir()
            (folder / store.RUN_FILE).write_bytes(data)
        for _ in range(20):
            store.save_run(run, home)
        store.find_run("20200101-000000-000", home)


PLAIN = "def f(values):\n    total = 0\n    for value in values:\n        total += value * 2\n    return total\n\n\n"
FOUND = "def g(names):\n    found = []\n    while names:\n        found.append(names.pop(0))\n    return found\n\n\n"


@dataclass(frozen=True)
class Growth:
    """What grows: the sizes, and what is done with one."""

    sizes: Sequence[int]
    work: Callable[[int], None]


GROWTHS = {
    "functions": Growth((500, 2_000, 8_000, 50_000), lambda n: report(make_run(n))),
    "depth": Growth((200, 1_000, 5_000, 20_000), lambda n: report(make_run(n, depth=n))),
    "threads": Growth((2, 10, 50, 200), lambda n: report(make_run(200, threads=n))),
    "processes": Growth((1, 10, 40, 100), lambda n: report(make_run(200, processes=n))),
    "lines checked": Growth((2_000, 8_000, 30_000, 120_000), lambda n: check(n // 500, 500, PLAIN)),
    "lines of one file": Growth((500, 2_000, 8_000, 30_000), lambda n: check(1, n, PLAIN)),
    "findings": Growth((100, 400, 1_600, 10_000), lambda n: check(1, 7 * n, FOUND)),
    "runs in the store": Growth((20, 80, 400, 2_000), keep_runs),
}
"""What is grown, the last size the largest that is to be borne, but for lines, of which 3 million take too long."""


def measure(name: str, size: int) -> tuple[float, int]:
    """Return the CPU seconds and the peak memory in bytes of one size, in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--one", name, "--size", str(size)], stdout=subprocess.PIPE, text=True, check=True
    )
    seconds, peak = json.loads(done.stdout)
    return seconds, peak


def run_one(name: str, size: int) -> None:
    """Do the work of one size, and print what it took."""
    growth = GROWTHS[name]
    if size:
        growth.work(growth.sizes[0])  # imports, rules, templates
    before = time.process_time()
    growth.work(size or growth.sizes[0])
    scale = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale
    sys.stdout.write(json.dumps([time.process_time() - before, peak]))


def fit_exponent(sizes: Sequence[int], costs: Sequence[float]) -> float:
    """Return the exponent of growth between the two largest sizes; 1 is linear. What the smallest costs is left out."""
    (first, *_, large, largest), (cost, *_, more, most) = sizes, costs
    if most - cost <= 0 or more - cost <= 0:
        return 0.0
    return math.log((most - cost) / (more - cost)) / math.log((largest - first) / (large - first))


def main() -> int:
    """Measure what was asked for, print the table, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default=",".join(GROWTHS))
    parser.add_argument("--most", type=float, default=MOST)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, default=0, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        run_one(asked.one, asked.size)
        return 0
    rows = []
    for name in asked.only.split(","):
        sizes = GROWTHS[name].sizes
        costs = [measure(name, size) for size in sizes]
        exponents = [fit_exponent(sizes, values) for values in zip(*costs, strict=True)]
        rows.append({"what": name, "sizes": sizes, "costs": costs, "exponents": exponents})
        figures = "  ".join(
            f"{s:>9,}: {cpu:6.2f} s {peak / 1e6:5.0f} MB" for s, (cpu, peak) in zip(sizes, costs, strict=True)
        )
        print(f"{name:18} time ^{exponents[0]:.2f}  memory ^{exponents[1]:.2f}   {figures}", flush=True)
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return int(any(value > asked.most for row in rows for value in row["exponents"]))


if __name__ == "__main__":
    sys.exit(main())
