"""What whet adds to a program of a size, beside plain runs of it, and how that grows."""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from pathlib import Path
from statistics import median

from lib.environment import Environment, make_environment
from lib.growing import ALL_MODES
from lib.runner import interleave, run_once, show_progress
from lib.tables import show_ratio

BAR = 1.1
"""The exponent that no growth may exceed."""
LEAST = 0.05
"""Seconds: two added costs that differ by less are the same; so are two that differ by less than rounds do, or by"""
LEAST_PART = 0.1
"""less than this part of the fixed cost."""
LEAST_PEAK = 10.0
"""The same in megabytes, of the process that needs most."""
WORDS = {"run": (), "lines": ("--lines",), "memory": ("--memory",)}
PYPDF = "pypdf==6.8.0"
"""Has modules whose bodies are tables of thousands of lines."""
PYPDF_BAR = 1.8
OLD = "old "
HEAD = (
    "kind", "whet", "sizes", "plain s", "added s", "added CPU s", "added MB", "ratio at the largest",
    "grows as", "CPU as", "memory as", "",
)  # fmt: skip
Cell = dict[str, float]
Cells = dict[str, dict[str, list[Cell]]]


def measure_programs(
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
        cell = {"wall": outcome.wall, "cpu": outcome.cpu, "peak": outcome.peak / 1e6, "status": outcome.status}
        cells[row][column].append(cell)
        show_progress(done, total, f"{about} at {row} under {column}")
    return cells


def list_columns(cells: Cells) -> list[str]:
    """Return what was measured beside plain runs, each mode of the older whet after that of this one."""
    columns = {column for row in cells.values() for column in row if column != "plain"}
    return sorted(columns, key=lambda column: (ALL_MODES.index(column.removeprefix(OLD)), column.startswith(OLD)))


def find_added(row: dict[str, list[Cell]], column: str, figure: str) -> list[float]:
    """Return what the tool added in each round, in seconds."""
    return [under[figure] - plain[figure] for under, plain in zip(row[column], row["plain"], strict=True)]


def find_growth(costs: list[list[float]], least: float) -> tuple[str, float]:
    """Return how the added cost grows, in words and as an exponent (0 where it does not), from rounds at each size.

    Two costs that differ by less than ``least`` are the same.
    """
    spreads = [median(abs(cost - median(rounds)) for cost in rounds) for rounds in costs]
    noise = max(least, LEAST_PART * median(costs[0]), *spreads)
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
    peaks = [find_added(cells[size], column, "peak") for size in sizes]
    growths = [find_growth(walls, LEAST), find_growth(cpus, LEAST), find_growth(peaks, LEAST_PEAK)]

    def show(rounds: list[list[float]]) -> str:
        return " / ".join(f"{median(each):.2f}" for each in rounds)

    has_failed = any(cell["status"] for row in cells.values() for cell in row[column])
    verdict = "failed" if has_failed else "too fast" if max(exponent for _, exponent in growths) > BAR else "ok"
    plain = [[cell["wall"] for cell in row["plain"]] for row in cells.values()]
    ratio = show_ratio(median(ratios[-1]))
    words = [word for word, _ in growths]
    return [kind, column, " / ".join(sizes), show(plain), show(walls), show(cpus), show(peaks), ratio, *words, verdict]


def measure_pypdf(environment: Environment, options: argparse.Namespace, work: Path) -> tuple[Cells, list[list[str]]]:
    """Measure a program that imports a package with large tables, in an environment that has it."""
    with_it = make_environment(environment.python, environment.version, (PYPDF, "line_profiler"), "pypdf")
    folder = work / "pypdf"
    folder.mkdir()
    script = folder / "program.py"
    script.write_text("import pypdf\n\nprint(pypdf.__version__)\n")
    modes = [mode for mode in options.modes if mode != "memory"]
    cells = measure_programs({"1": script}, modes, with_it, options, "pypdf")
    rows = []
    for column in list_columns(cells):
        row = describe("pypdf", cells, column)
        ratio = median(u["wall"] / p["wall"] for u, p in zip(cells["1"][column], cells["1"]["plain"], strict=True))
        rows.append([*row[:-1], row[-1] if ratio <= PYPDF_BAR or column != "run" else f"above {PYPDF_BAR}"])
    return cells, rows
