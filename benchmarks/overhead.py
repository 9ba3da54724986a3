"""How much longer a program runs under whet and its peers than plainly.

    python benchmarks/overhead.py [--python PATH]... [--programs NAME,...] [--tools NAME,...] [--rounds N] [--quick]
    python benchmarks/overhead.py --tools plain,whet,whet-old --against OTHER/bin/whet

Ten programs of pyperformance run in loops of about five seconds as plain scripts. The figure is the wall
time between the program's own start and end, by its own clock, over that of the plain run next to it: the
start of processes, and what a tool does after the program ended, are outside it on all sides alike.
See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median

from lib.environment import Environment, cache_folder, describe_machine, find_environment, find_whet
from lib.figures import summarize
from lib.programs import PROGRAMS, find_loops, lay_out
from lib.runner import Outcome, interleave, run_once, show_progress
from lib.tables import print_heading, print_table, show_ratio
from lib.tools import TOOLS, Tool

ON_REQUEST = ("cProfile", "whet-outside")
COLUMNS = tuple(name for name in TOOLS if name not in ON_REQUEST)
QUICK_COLUMNS = ("plain", "whet", "whet-fallback", "py-spy", "pyinstrument", "memray", "scalene-cpu")
Cells = dict[str, dict[str, list[dict]]]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How much longer programs run under whet and its peers.")
    parser.add_argument("--python", action="append", help="interpreter to run the programs on; may be repeated")
    parser.add_argument("--whet", help="command that starts whet (default: beside this interpreter)")
    parser.add_argument(
        "--against", metavar="WHET", help="command that starts another whet, such as an older build: tool whet-old"
    )
    parser.add_argument("--programs", help=f"default: {','.join(PROGRAMS)}")
    parser.add_argument("--tools", help=f"of {','.join(TOOLS)}")
    parser.add_argument("--rounds", type=int, help="default 5")
    parser.add_argument("--seconds", type=float, help="length of the plain run, default 5")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write everything measured to this file")
    parser.add_argument("--quick", action="store_true", help="four programs of one second, fewer tools, one round")
    return parser.parse_args()


def take_figure(outcome: Outcome, tool: Tool, loops: int) -> dict:
    """Return what one run gave: seconds a loop inside the program, and seconds outside it."""
    if len(outcome.executions) < tool.executions:
        return {"failed": outcome.status, "output": outcome.output[-2000:]}
    wall = outcome.executions[tool.execution]["wall"]
    inside = sum(execution["wall"] for execution in outcome.executions)
    return {
        "wall": wall / loops,
        "cpu": outcome.executions[tool.execution]["cpu"] / loops,
        "outside": outcome.wall - inside,
        "executions": len(outcome.executions),
        "status": outcome.status,
    }


def measure(environment: Environment, whet: list[str] | None, options: argparse.Namespace, work: Path) -> Cells:
    """Run every program under every tool, interleaved."""
    starts = {"whet-old": options.against.split() if options.against else None}
    scripts = {name: lay_out(name, environment, work) for name in options.programs}
    loops = {name: find_loops(script, environment, options.seconds) for name, script in scripts.items()}
    tools = [name for name in options.tools if TOOLS[name].is_there(environment, starts.get(name, whet))]
    cells: Cells = defaultdict(lambda: defaultdict(list))
    broken: set[tuple[str, str]] = set()
    total = len(scripts) * len(tools) * options.rounds
    for done, (_, name, column) in enumerate(interleave(list(scripts), tools, options.rounds, options.seed), 1):
        if (name, column) in broken:
            continue
        tool, script = TOOLS[column], scripts[name]
        count = max(1, round(loops[name] * tool.shrink))
        out = script.parent / f"{column}.json"
        command = tool.command(environment, starts.get(column, whet), script, out)
        outcome = run_once(command, script.parent, loops=count, timeout=max(120, options.seconds * 60))
        figure = take_figure(outcome, tool, count)
        if "failed" in figure:
            broken.add((name, column))
            print(f"{column} on {name} failed ({figure['failed']}): {figure['output'][-300:]}", flush=True)
        cells[name][column].append(figure)
        show_progress(done, total, f"{name} under {column}")
    return cells


def find_ratios(cells: Cells, column: str, figure: str = "wall") -> dict[str, list[float]]:
    """Return, for each program, the rounds' ratios over the plain run of the same round."""
    ratios = {}
    for name, row in cells.items():
        pairs = zip(row.get(column, []), row["plain"], strict=False)
        ratios[name] = [a[figure] / b[figure] for a, b in pairs if figure in a and figure in b]
    return ratios


def print_results(cells: Cells, columns: list[str]) -> dict:
    """Print both tables; return their figures."""
    columns = [name for name in columns if name != "plain" and any(find_ratios(cells, name).values())]
    ratios = {column: find_ratios(cells, column) for column in columns}
    rows = []
    for name in sorted(cells):
        plain = median(figure["wall"] for figure in cells[name]["plain"]) if cells[name]["plain"] else None
        shown = [show_ratio(median(by[name]) if by[name] else None) for by in ratios.values()]
        rows.append([name, f"{plain * 1000:.0f} ms", *shown])
    totals = {column: summarize(by) for column, by in ratios.items()}
    rows.append(["**median**", "", *(show_ratio(each["median"]) for each in totals.values())])
    rows.append(["95 %", "", *(f"{show_ratio(t['low'])}-{show_ratio(t['high'])}" for t in totals.values())])
    rows.append(["**worst**", "", *(show_ratio(each["worst"]) for each in totals.values())])
    print_table("Wall time inside the program over the plain run", ["program", "a loop", *ratios], rows)

    # What other work on the machine disturbs less; that a sampler stops the program is not in it.
    cpu = [[name, *summarize(find_ratios(cells, name, "cpu")).values()] for name in columns]
    shown = [[name, *(show_ratio(value) for value in values)] for name, *values in cpu]
    print_table("CPU time inside the program over the plain run", ["tool", "median", "worst", "low", "high"], shown)

    outside = []
    for column in ["plain", *ratios]:
        seen = [f["outside"] / f["executions"] for row in cells.values() for f in row[column] if "outside" in f]
        outside.append([column, f"{median(seen):.2f}", f"{max(seen):.2f}", TOOLS[column].about])
    head = ["tool", "median s", "worst s", "what it is"]
    print_table("Seconds outside the program, an execution (start of processes, merging, writing)", head, outside)
    return {"totals": totals, "ratios": ratios}


def main() -> None:
    options = parse_arguments()
    quick = options.quick
    options.programs = options.programs.split(",") if options.programs else list(PROGRAMS[:4] if quick else PROGRAMS)
    options.tools = options.tools.split(",") if options.tools else list(QUICK_COLUMNS if quick else COLUMNS)
    options.tools = ["plain", *(name for name in options.tools if name != "plain")]
    if unknown := set(options.tools) - set(TOOLS):
        raise SystemExit(f"no such tool: {', '.join(sorted(unknown))}")
    options.rounds = options.rounds or (1 if quick else 5)
    options.seconds = options.seconds or (1.0 if quick else 5.0)
    whet = find_whet(options.whet)
    results = []
    for python in options.python or [None]:
        environment = find_environment(python)
        machine = describe_machine(environment, whet)
        print_heading("Overhead", machine)
        print(
            f"{len(options.programs)} programs, about {options.seconds:g} s each, {options.rounds} rounds", flush=True
        )
        with tempfile.TemporaryDirectory(dir=cache_folder(), prefix="overhead-") as work:
            cells = measure(environment, whet, options, Path(work))
        results.append({"machine": machine, "cells": cells, **print_results(cells, options.tools)})
        if options.json:
            options.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
