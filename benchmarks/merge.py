"""What 1 million samples over 50,000 stacks take from py-spy's capture to hotspots and flame graph: time and memory.

    python benchmarks/merge.py [--samples 1000000] [--stacks 50000]

The bar: 3 seconds and 500 MB for all steps together. The capture is made up: a tree of calls
through a few hundred functions of a program, its dependencies and the standard library, 8 to 40 deep.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from whet.formats.pyspy_raw import PySpyRaw
from whet.merge.align import align_profile
from whet.merge.flame import fold_calls, view_metric
from whet.merge.hotspots import merge_run
from whet.merge.ownership import Ownership
from whet.model.metric import Metric
from whet.model.run import Execution, Interpreter, Purpose, Run, SourceFile

PROJECT = "/home/user/project"
LIBRARY = "/home/user/venv/lib/python3.13/site-packages"
STDLIB = "/usr/lib/python3.13"
T = TypeVar("T")
BAR_SECONDS, BAR_BYTES = 3.0, 500_000_000


def make_sources() -> dict[str, SourceFile]:
    """Return 40 modules of the program, each 15 classes with 5 methods."""
    sources = {}
    for module in range(40):
        lines: list[str] = []
        for cls in range(15):
            lines.append(f"class C{cls}:")
            for method in range(5):
                lines += [f"    def m{method}(self, a):", "        b = [x for x in a]", "        for c in b:"]
                lines += ["            self.n += sum(y for y in c)", "        return sorted(b, key=lambda z: z.k)", ""]
        text = "\n".join([*lines, f"# module {module}"])
        file = f"{PROJECT}/mod{module}.py"
        sources[file] = SourceFile(file, f"mod{module}.py", sha256(text.encode()).hexdigest(), text)
    return sources


def make_capture(path: Path, samples: int, stacks: int, seed: int = 1) -> None:
    """Write ``stacks`` distinct stacks with ``samples`` samples in all."""
    chance = random.Random(seed)

    def make_frame() -> str:
        kind = chance.random()
        if kind < 0.5:
            module, cls, method = chance.randrange(40), chance.randrange(15), chance.randrange(5)
            line = cls * 31 + 2 + method * 6 + chance.randrange(1, 5)
            return f"C{cls}.m{method} ({PROJECT}/mod{module}.py:{line})"
        root, packages = (LIBRARY, 30) if kind < 0.8 else (STDLIB, 20)
        return f"f{chance.randrange(200)} ({root}/pkg{chance.randrange(packages)}/a.py:{chance.randrange(1, 900)})"

    pool = [make_frame() for _ in range(6_000)]
    head = f'process 100:"python {PROJECT}/mod0.py";thread (100): MainThread;<module> ({PROJECT}/mod0.py:1)'
    made: dict[str, None] = {}  # a set that keeps its order, so that every run merges the same capture
    current = [chance.choice(pool) for _ in range(8)]
    while len(made) < stacks:
        # Neighbouring samples share most of their stack, as in a real program.
        del current[max(4, len(current) - chance.randrange(1, 9)) :]
        current += [chance.choice(pool) for _ in range(chance.randrange(1, 8)) if len(current) < 40]
        made[";".join([head, *current])] = None
    share, rest = divmod(samples, stacks)
    with path.open("w", encoding="utf-8") as sink:
        for number, stack in enumerate(made):
            sink.write(f"{stack} {share + (number < rest)}\n")


def peak_bytes() -> int:
    """Return the highest resident size of this process; 0 where the system does not say."""
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def measure(label: str, times: dict[str, tuple[float, float]], work: Callable[[], T]) -> T:
    started, cpu = time.perf_counter(), time.process_time()
    result = work()
    times[label] = (time.perf_counter() - started, time.process_time() - cpu)
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--stacks", type=int, default=50_000)
    options = parser.parse_args()
    sources = make_sources()
    times: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        capture = Path(folder) / "capture.raw"
        make_capture(capture, options.samples, options.stacks)
        before = peak_bytes()
        with capture.open("rb") as file:
            (profile,) = measure("read", times, lambda: tuple(PySpyRaw().read(file)))
    ownership = Ownership(project=PROJECT, stdlib=(STDLIB,), site_packages=(LIBRARY,))
    aligned = measure("align", times, lambda: align_profile(profile, sources, ownership))
    run = Run(
        whet_version="0",
        command=("mod0.py",),
        started="2025-01-01T00:00:00+00:00",
        directory=PROJECT,
        project=PROJECT,
        interpreter=Interpreter("python", "3.13.0"),
        executions=(Execution(Purpose.TIME, ("py-spy",), 1, 1, 0),),
        profiles=(aligned,),
        sources=sources,
    )
    hotspots = measure("merge", times, lambda: merge_run(run))
    tree = measure("fold", times, lambda: view_metric(fold_calls(run, (Metric.CPU,)), Metric.CPU))
    total, cpu = (sum(column) for column in zip(*times.values(), strict=True))
    peak = peak_bytes()
    print(f"{hotspots.samples:,} samples, {options.stacks:,} stacks, {len(aligned.stacks):,} rows,", end=" ")
    print(f"{len(hotspots.functions):,} functions, {len(hotspots.lines):,} lines, {len(tree):,} nodes")
    print(f"{'':>8} {'wall':>8} {'CPU':>8}")
    for label, (seconds, computed) in times.items():
        print(f"{label:>8} {seconds:6.2f} s {computed:6.2f} s")
    print(f"{'all':>8} {total:6.2f} s {cpu:6.2f} s   (bar {BAR_SECONDS} s)")
    print(f"{'peak':>8} {peak / 1e6:4.0f} MB   (bar {BAR_BYTES / 1e6:.0f} MB; {before / 1e6:.0f} MB before reading)")
    return 0 if total <= BAR_SECONDS and peak <= BAR_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
