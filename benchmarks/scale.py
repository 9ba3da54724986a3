"""How the cost of whet grows with size: of what it reads, checks and keeps, and of the programs that it measures.

    python benchmarks/scale.py [--only samples,findings,modules,...] [--sizes N] [--json FILE]

Of what whet is given (`lib/inputs.py`), CPU time and peak memory are taken in a process of its own for each size, so
that a busy machine changes them little; the exponent is that between the two largest sizes, less what the smallest
costs. Of programs (`lib/growing.py`), each is run at a size, at ten and at a hundred times that, plainly and under
whet, interleaved: what whet adds grows as n^x with 10^x = (a100 - a10) / (a10 - a1). Exit status 1: an exponent is
above 1.1. See README.md beside this file.
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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lib import added
from lib.environment import cache_folder, describe_machine, find_environment, find_whet
from lib.growing import ALL_MODES, KINDS
from lib.inputs import GROWTHS
from lib.tables import print_heading, print_table

PROGRAMS = (*KINDS, "pypdf")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", help=f"of {', '.join((*GROWTHS, *PROGRAMS))}; or 'inputs', 'programs'")
    parser.add_argument("--sizes", type=int, default=4, choices=(2, 3, 4), help="how many of the sizes")
    parser.add_argument("--json", type=Path, help="write everything measured to this file")
    programs = parser.add_argument_group("programs")
    programs.add_argument("--python", help="interpreter to run them on (default: the one that runs this)")
    programs.add_argument("--whet", help="command that starts whet (default: beside this interpreter)")
    programs.add_argument("--against", metavar="WHET", help="command that starts another whet, in the same series")
    programs.add_argument("--modes", help=f"of {','.join(ALL_MODES)}")
    programs.add_argument("--rounds", type=int, default=3)
    programs.add_argument("--timeout", type=float, default=300, help="seconds after which a command is ended")
    programs.add_argument("--seed", type=int, default=1)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def choose(asked: str | None) -> tuple[list[str], list[str]]:
    """Return the inputs and the programs that are asked for."""
    names = asked.split(",") if asked else ["inputs", "programs"]
    groups = {"inputs": list(GROWTHS), "programs": list(PROGRAMS)}
    chosen = [each for name in names for each in groups.get(name, [name])]
    if unknown := set(chosen) - {*GROWTHS, *PROGRAMS}:
        raise SystemExit(f"nothing grows that is called {', '.join(sorted(unknown))}")
    return [each for each in chosen if each in GROWTHS], [each for each in chosen if each in PROGRAMS]


def measure_input(name: str, size: int) -> tuple[float, int]:
    """Return the CPU seconds and the peak memory in bytes of one size, in a process of its own."""
    command = [sys.executable, __file__, "--one", name, "--size", str(size)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    seconds, peak = json.loads(done.stdout)
    return seconds, peak


def do_one(name: str, size: int) -> None:
    """Do the work of one size, and print what it took."""
    growth = GROWTHS[name]
    growth.work(growth.sizes[0])  # imports, rules, templates
    before = time.process_time()
    growth.work(size)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    sys.stdout.write(json.dumps([time.process_time() - before, peak]))


def fit_exponent(sizes: Sequence[int], costs: Sequence[float], least: float) -> float:
    """Return the exponent of growth between the two largest sizes; 1 is linear. What the smallest costs is left out.

    Costs that differ by less than ``least`` are the same.
    """
    (first, *_, large, largest), (cost, *_, more, most) = sizes, costs
    if most - more < least or more - cost <= 0:
        return 0.0
    return math.log((most - cost) / (more - cost)) / math.log((largest - first) / (large - first))


def measure_inputs(names: Sequence[str], count: int) -> tuple[list[dict[str, Any]], bool]:
    """Measure what whet is given at its first ``count`` sizes; return the figures, and whether one grows too fast."""
    measured, rows = [], []
    for name in names:
        sizes = GROWTHS[name].sizes[: max(3, count)]
        costs = [measure_input(name, size) for size in sizes]
        leasts = (added.LEAST, 1e6 * added.LEAST_PEAK)
        seen = zip(zip(*costs, strict=True), leasts, strict=True)
        exponents = [fit_exponent(sizes, values, least) for values, least in seen]
        measured.append({"what": name, "sizes": sizes, "costs": costs, "exponents": exponents})
        figures = [
            f"{size:,}: {cpu:.2f} s, {peak / 1e6:.0f} MB" for size, (cpu, peak) in zip(sizes, costs, strict=True)
        ]
        verdict = "too fast" if max(exponents) > added.BAR else "ok"
        rows.append([name, *(f"n^{each:.2f}" for each in exponents), verdict, "; ".join(figures)])
        print(f"{name}: {rows[-1][-1]}", file=sys.stderr, flush=True)
    if rows:
        head = ["what", "time grows as", "memory as", "", "sizes: CPU time, peak memory"]
        print_table("What whet is given, and what that costs", head, rows)
    return measured, any(row[3] != "ok" for row in rows)


def measure_programs(names: Sequence[str], options: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    """Measure programs plainly and under whet; return the figures, and whether a cost grows too fast."""
    options.modes = options.modes.split(",") if options.modes else list(ALL_MODES)
    options.start = find_whet(options.whet)
    if options.start is None:
        raise SystemExit("whet is not beside this interpreter: name it with --whet")
    environment = find_environment(options.python)
    machine = describe_machine(environment, options.start)
    print_heading("Scale", machine)
    measured: dict[str, Any] = {}
    rows: list[list[str]] = []
    with tempfile.TemporaryDirectory(dir=cache_folder(), prefix="scale-") as folder:
        work = Path(folder)
        for name in names:
            if name == "pypdf":
                cells, found = added.measure_pypdf(environment, options, work)
            else:
                kind = KINDS[name]
                scripts = {f"{n:,}": kind.lay_out(work / name / str(n), n) for n in kind.sizes[: options.sizes]}
                modes = [mode for mode in kind.modes if mode in options.modes]
                cells = added.measure_programs(scripts, modes, environment, options, name)
                found = [added.describe(name, cells, column) for column in added.list_columns(cells)]
            measured[name] = cells
            rows += found
    print_table("What whet adds to the whole command, and how that grows", added.HEAD, rows)
    return {"machine": machine, "cells": measured}, any(row[-1] not in ("ok", "") for row in rows)


def main() -> int:
    """Measure what was asked for, print the tables, and return the exit status."""
    options = parse_arguments()
    if options.one:
        do_one(options.one, options.size)
        return 0
    inputs, programs = choose(options.only)
    measured: dict[str, Any] = {}
    measured["inputs"], is_too_fast = measure_inputs(inputs, options.sizes)
    if programs:
        measured["programs"], failed = measure_programs(programs, options)
        is_too_fast |= failed
    if options.json:
        options.json.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    return int(is_too_fast)


if __name__ == "__main__":
    sys.exit(main())
