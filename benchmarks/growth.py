"""Whether any cost of whet grows faster than the program: with its modules, lines, functions, processes, threads, time.

    python benchmarks/growth.py [--kinds modules,table,...] [--modes run,lines,memory] [--rounds N] [--against WHET]

Each kind of program (`lib/growing.py`) is run at a size, at ten and at a hundred times that, plainly and under
whet, interleaved. What whet adds is the whole command's seconds less those of the plain run beside it. Of the three
sizes' added costs a1, a10, a100 the part above the fixed cost grows as n^x with 10^x = (a100 - a10) / (a10 - a1).
The bar is n^1.1. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median

from lib.environment import (
    Environment,
    cache_folder,
    describe_machine,
    find_environment,
    find_whet,
    make_environment,
)
from lib.growing import ALL_MODES, KINDS
from lib.runner import interleave, run_once, show_progress
from lib.tables import print_heading, print_table, show_ratio

BAR = 1.1
LEAST = 0.05
"""Seconds: two added costs that differ by less are the same; so are two that differ by less than rounds do, or by"""
LEAST_PART = 0.1
"""less than this part of the fixed cost."""
WORDS = {"run": (), "lines": ("--lines",), "memory": ("--memory",)}
PYPDF = "pypdf==6.8.0"
"""Has modules whose bodies are tables of thousands of lines."""
PYPDF_BAR = 1.8
OLD = "old "
Cell = dict[str, float]
Cells = dict[str, dict[str, list[Cell]]]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Whether any cost of whet grows faster than the program.")
    parser.add_argument("--python", help="interpreter to run the programs on (default: the one that runs this)")
    parser.add_argument("--whet", help="command that starts whet (default: beside this interpreter)")
    parser.add_argument("--against", metavar="WHET", help="command that starts another whet, in the same series")
    parser.add_argument("--kinds", help=f"of {','.join(KINDS)},pypdf")
    parser.add_argument("--modes", help=f"of {','.join(ALL_MODES)}")
    parser.add_argument("--sizes", type=int, default=3, choices=(1, 2, 3), help="how many of the sizes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--timeout", type=float, default=300, help="seconds after which a command is ended")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write everything measured to this file")
    return parser.parse_args()


def measure(
    scripts: dict[str, Path], modes: list[str], environment: Environment, options: argparse.Namespace, about: str
) -> Cells:
    """Run each script plainly and under whet, interleaved; return seconds by script and column."""
    columns = ["plain", *modes, *(f"{OLD}{mode}" for mode in modes if options.against)]
    cells: Cells = {row: defaultdict(list) for row in scripts}
    for script in scripts.values():
        # What is cached from the first run on is cached for all.
        run_once([environment.python, script], script.parent)
    total = len(scripts) * len(columns) * options.rounds
    for done, (_, row, column) in enumerate(interleave(list(scripts), columns, options.rounds, options.seed), 1):
        script = scripts[row]
        start = options.against.split() if column.startswith(OLD) else options.start
        words = [*start, "run", "--python", environment.python, *WORDS.get(column.removeprefix(OLD), ())]
        command = [environment.python, script] if column == "plain" else [*words, script]
        outcome = run_once(command, script.parent, timeout=options.timeout)
        if not outcome.ok:
            print(f"{column} of {about} at {row} failed ({outcome.status}): {outcome.output[-300:]}", flush=True)
        cells[row][column].append({"wall": outcome.wall, "cpu": outcome.cpu, "status": outcome.status})
        show_progress(done, total, f"{about} at {row} under {column}")
    return cells


def list_columns(cells: Cells) -> list[str]:
    """Return what was measured beside plain runs, each mode of the older whet after that of this one."""
    columns = {column for row in cells.values() for column in row if column != "plain"}
    return sorted(columns, key=lambda column: (ALL_MODES.index(column.removeprefix(OLD)), column.startswith(OLD)))


def find_added(row: dict[str, list[Cell]], column: str, figure: str) -> list[float]:
    """Return what the tool added in each round, in seconds."""
    return [under[figure] - plain[figure] for under, plain in zip(row[column], row["plain"], strict=True)]


def find_growth(costs: list[list[float]]) -> tuple[str, float]:
    """Return how the added cost grows, in words and as an exponent (0 where it does not), from rounds at each size."""
    spreads = [median(abs(cost - median(rounds)) for cost in rounds) for rounds in costs]
    noise = max(LEAST, LEAST_PART * median(costs[0]), *spreads)
    if len(costs) < 3:
        return "-", 0.0
    small, middle, large = (median(each) for each in costs)
    if large - middle < 2 * noise:
        return "no growth", 0.0
    before = middle - small
    exponent = math.log10((large - middle) / max(before, noise))
    # Below the noise the first step may be anything from nothing on.
    return f"n^{'' if before > noise else '≥'}{exponent:.2f}", exponent


def describe(kind: str, cells: Cells, column: str) -> list[str]:
    """Return a row of the table."""
    sizes = list(cells)
    walls = [find_added(cells[size], column, "wall") for size in sizes]
    cpus = [find_added(cells[size], column, "cpu") for size in sizes]
    ratios = [[u["wall"] / p["wall"] for u, p in zip(row[column], row["plain"], strict=True)] for row in cells.values()]
    (grows, exponent), (cpu_grows, cpu_exponent) = find_growth(walls), find_growth(cpus)

    def show(rounds: list[list[float]]) -> str:
        return " / ".join(f"{median(each):.2f}" for each in rounds)

    has_failed = any(cell["status"] for row in cells.values() for cell in row[column])
    verdict = "failed" if has_failed else "too fast" if max(exponent, cpu_exponent) > BAR else "ok"
    plain = [[cell["wall"] for cell in row["plain"]] for row in cells.values()]
    ratio = show_ratio(median(ratios[-1]))
    return [kind, column, " / ".join(sizes), show(plain), show(walls), show(cpus), ratio, grows, cpu_grows, verdict]


def measure_pypdf(environment: Environment, options: argparse.Namespace, work: Path) -> tuple[Cells, list[list[str]]]:
    """Measure a program that imports a package with large tables, in an environment that has it."""
    with_it = make_environment(environment.python, environment.version, (PYPDF, "line_profiler"), "pypdf")
    folder = work / "pypdf"
    folder.mkdir()
    script = folder / "program.py"
    script.write_text("import pypdf\n\nprint(pypdf.__version__)\n")
    modes = [mode for mode in options.modes if mode != "memory"]
    cells = measure({"1": script}, modes, with_it, options, "pypdf")
    rows = []
    for column in list_columns(cells):
        row = describe("pypdf", cells, column)
        ratio = median(u["wall"] / p["wall"] for u, p in zip(cells["1"][column], cells["1"]["plain"], strict=True))
        rows.append([*row[:-1], row[-1] if ratio <= PYPDF_BAR or column != "run" else f"above {PYPDF_BAR}"])
    return cells, rows


def main() -> None:
    options = parse_arguments()
    kinds = options.kinds.split(",") if options.kinds else [*KINDS, "pypdf"]
    options.modes = options.modes.split(",") if options.modes else list(ALL_MODES)
    if unknown := set(kinds) - {*KINDS, "pypdf"} | set(options.modes) - set(ALL_MODES):
        raise SystemExit(f"no such kind or mode: {', '.join(sorted(unknown))}")
    options.start = find_whet(options.whet)
    if options.start is None:
        raise SystemExit("whet is not beside this interpreter: name it with --whet")
    environment = find_environment(options.python)
    machine = describe_machine(environment, options.start)
    print_heading("Growth", machine)
    measured, rows = {}, []
    with tempfile.TemporaryDirectory(dir=cache_folder(), prefix="growth-") as folder:
        work = Path(folder)
        for name in kinds:
            if name == "pypdf":
                cells, found = measure_pypdf(environment, options, work)
            else:
                kind = KINDS[name]
                sizes = kind.sizes[: options.sizes]
                scripts = {f"{size:,}": kind.lay_out(work / name / str(size), size) for size in sizes}
                cells = measure(scripts, [m for m in kind.modes if m in options.modes], environment, options, name)
                found = [describe(name, cells, column) for column in list_columns(cells)]
            measured[name] = cells
            rows += found
            if options.json:
                options.json.write_text(json.dumps({"machine": machine, "cells": measured}, indent=1))
    head = [
        "kind",
        "whet",
        "sizes",
        "plain s",
        "added s",
        "added CPU s",
        "ratio at the largest",
        "grows as",
        "CPU as",
        "",
    ]
    print_table("What whet adds to the whole command, and how that grows", head, rows)


if __name__ == "__main__":
    main()
