"""Whether `whet scale` finds how programs grow whose growth is known, and what it costs.

    python benchmarks/scale_accuracy.py [--parts programs,ahead,alike,cost] [--only NAMES] [--python PATH] [--json FILE]

`programs`: sixteen programs (`programs/growing_work.py`); the interval of the whole and of the function that works is
to hold the true exponent. Where the growth is no power, that is the slope of its logarithm over the same sizes.
`ahead`: four of them are predicted for four times the largest size, and run there. `alike`: one program is scaled
thirty-one times; `whet diff` of neighbours is to call no exponent different. `cost`: the time of whole scalings over
that of the same runs plainly, interleaved. Not `scale.py`, which measures how whet's own cost grows.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from lib.environment import describe_machine, find_whet, probe
from lib.tables import print_heading, print_table

SCRIPT = Path(__file__).parent / "programs" / "growing_work.py"
ALIKE = 31
DOUBLED = (1, 2, 4, 8)
THOUSANDFOLD = (1, 4, 16, 64, 256, 1024)
AHEAD = 4
PREDICTED = ("linear", "n_to_1_5", "quadratic", "two_phases")


@dataclass(frozen=True)
class Program:
    """A program, the sizes that it is run at, and its growth; ``worker`` is the function that does it."""

    name: str
    sizes: tuple[int, ...]
    grows: Callable[[float], float]
    shape: str = ""
    worker: str = ""


def make(name: str, smallest: int, steps: tuple[int, ...], power: float, shape: str = "", worker: str = "") -> Program:
    return Program(name, tuple(smallest * step for step in steps), lambda n: n**power, shape, worker or name)


PROGRAMS = (
    make("constant", 1000, DOUBLED, 0, "constant"),
    Program("log", (1000, 10_000, 100_000, 1_000_000), math.log, "log n", "log"),
    make("linear", 8000, THOUSANDFOLD, 1, "n"),
    Program("n_log_n", tuple(1000 * step for step in THOUSANDFOLD), lambda n: n * math.log(n), "n log n", "merge_sort"),
    make("n_to_1_5", 10_000, DOUBLED, 1.5, "n^1.5"),
    make("quadratic", 2000, DOUBLED, 2, "n²"),
    make("cubic", 45, DOUBLED, 3, "n³"),
    make("two_phases", 2000, DOUBLED, 2, "", "quadratic"),
    make("two_parameters", 8000, DOUBLED, 1),
    make("collisions", 500, DOUBLED, 2, "n²", "Colliding.__eq__"),
    make("string_growth", 250, DOUBLED, 2, "n²"),
    make("nearly_sorted", 200_000, DOUBLED, 1),
    make("memo", 4000, DOUBLED, 1, "", "memo.<locals>.ways"),
    make("amortised", 1_000_000, DOUBLED, 1),
    make("io_bound", 250, DOUBLED, 1),
    make("threads", 2_000_000, DOUBLED, 1, "", "linear"),
)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--parts", default="programs,ahead,alike,cost", help="of programs, ahead, alike, cost")
    parser.add_argument("--only", help="programs by name")
    parser.add_argument("--python", default=sys.executable, help="interpreter to run them on")
    parser.add_argument("--whet", help="command that starts whet (default: beside this interpreter)")
    parser.add_argument("--budget", default="40s", help="of each scaling")
    parser.add_argument("--json", type=Path, help="write everything measured to this file")
    return parser.parse_args()


def scale(options: argparse.Namespace, program: Program, *more: str) -> dict[str, Any]:
    """Return the growth in whet's report on one scaling."""
    with tempfile.TemporaryDirectory() as folder:
        return scale_in(folder, options, program, *more)


def scale_in(folder: str, options: argparse.Namespace, program: Program, *more: str) -> dict[str, Any]:
    """Do so in a folder, which keeps the run."""
    sizes = ",".join(map(str, program.sizes))
    words = ["scale", "--python", options.python, "--sizes", sizes, "-f", "json", *more]
    growth: dict[str, Any] = call(folder, options, *words, str(SCRIPT), program.name, "{n}")["growth"]
    return growth


def call(folder: str, options: argparse.Namespace, *words: str) -> dict[str, Any]:
    """Return the JSON that whet prints."""
    done = subprocess.run([*options.start, *words], cwd=folder, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: {done.stderr.decode()[-500:]}")
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def find_truth(program: Program) -> float:
    """Return the slope of the logarithm of the growth over that of the sizes."""
    x = [math.log(size) for size in program.sizes]
    y = [math.log(program.grows(size)) for size in program.sizes]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    across = sum((a - mean_x) ** 2 for a in x)
    return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / across


def write_exponent(row: dict[str, Any] | None) -> str:
    if row is None:
        return "–"
    shape = f" {row['shape']}" if row["shape"] else ""
    return f"{row['exponent']:.2f} [{row['low']:.2f}, {row['high']:.2f}]{shape}"


def holds(row: dict[str, Any] | None, truth: float) -> bool | None:
    return None if row is None else row["low"] <= truth <= row["high"]


def judge(found: dict[str, Any]) -> dict[str, bool]:
    """Return what is wrong with a program's row."""
    return {
        "the whole misses": found["whole holds"] is False,
        "the function misses": found["worker holds"] is False,
        "misnamed": found["misnamed"],
    }


def measure_programs(options: argparse.Namespace) -> tuple[list[dict[str, Any]], bool]:
    found = []
    for program in PROGRAMS:
        if options.only and program.name not in options.only.split(","):
            continue
        growth = scale(options, program, "--budget", options.budget)
        worker = next((row for row in growth["functions"] if row["name"] == program.worker), None)
        truth = find_truth(program)
        whole = growth["whole"]
        found.append(
            {
                "program": program.name,
                "truth": truth,
                "shape": program.shape,
                "whole": whole,
                "worker": worker,
                "runs": len(growth["runs"]),
                # Of two phases the whole is in between.
                "whole holds": holds(whole, truth) if program.name != "two_phases" else None,
                "worker holds": holds(worker, truth),
                "misnamed": bool(whole["shape"] and program.shape and whole["shape"] != program.shape),
            }
        )
        print(f"  {program.name}: {write_exponent(whole)}", file=sys.stderr, flush=True)
    rows = [
        (
            each["program"],
            f"{each['truth']:.2f}",
            write_exponent(each["whole"]),
            write_exponent(each["worker"]),
            str(each["runs"]),
            ", ".join(name for name, wrong in judge(each).items() if wrong),
        )
        for each in found
    ]
    print_table("Exponents with their intervals", ("program", "true", "the program", "the function", "runs", ""), rows)
    verdicts = [each[name] for each in found for name in ("whole holds", "worker holds") if each[name] is not None]
    print(f"{sum(verdicts)} of {len(verdicts)} intervals hold the true exponent; ", end="")
    print(f"{sum(each['misnamed'] for each in found)} of {len(found)} shapes are wrong")
    return found, sum(verdicts) >= 0.95 * len(verdicts) and not any(each["misnamed"] for each in found)


def measure_alike(options: argparse.Namespace) -> tuple[list[dict[str, Any]], bool]:
    program = make("quadratic", 3000, (1, 2, 3), 2)
    changes: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder, "before.json.gz")
        for number in range(ALIKE):
            scale_in(folder, options, program, "--runs", "2")
            (run,) = Path(folder).glob(".whet/runs/*/run.json.gz")
            if number:
                changes += call(folder, options, "diff", str(kept), "-f", "json")["growth"]
            shutil.copy(run, kept)
            shutil.rmtree(Path(folder, ".whet"))
    differ = sum(change["changed"] for change in changes)
    print(f"{differ} of {len(changes)} exponents (of programs and functions) differ in {ALIKE - 1} pairs of scalings")
    return changes, bool(changes) and not differ


def measure_ahead(options: argparse.Namespace) -> tuple[list[dict[str, Any]], bool]:
    found = []
    for program in PROGRAMS:
        if program.name not in PREDICTED or (options.only and program.name not in options.only.split(",")):
            continue
        size = AHEAD * program.sizes[-1]
        whole = scale(options, program, "--budget", options.budget, "--predict", str(size))["whole"]
        before = os.times()
        subprocess.run([options.python, str(SCRIPT), program.name, str(size)], check=True)
        after = os.times()
        took = after.children_user + after.children_system - before.children_user - before.children_system
        found.append({"program": program.name, "size": size, "whole": whole, "took": took})
    rows = [
        (
            each["program"],
            f"{each['size']:,}",
            f"{each['whole']['ahead']:.2f} s [{each['whole']['ahead_low']:.2f}, {each['whole']['ahead_high']:.2f}]",
            f"{each['took']:.2f} s",
        )
        for each in found
    ]
    print_table(f"CPU time at {AHEAD} times the largest size", ("program", "n", "predicted", "measured"), rows)
    held = sum(each["whole"]["ahead_low"] <= each["took"] <= each["whole"]["ahead_high"] for each in found)
    print(f"{held} of {len(found)} intervals hold what it took")
    return found, held == len(found)


def measure_cost(options: argparse.Namespace) -> tuple[list[float], bool]:
    program = make("quadratic", 8000, (1, 2, 4), 2)
    ratios = []
    for _ in range(3):
        began = time.monotonic()
        scale(options, program, "--runs", "2")
        took = time.monotonic() - began
        began = time.monotonic()
        for size in program.sizes:
            for _ in range(2):
                subprocess.run([options.python, str(SCRIPT), program.name, str(size)], check=True)
        ratios.append(took / (time.monotonic() - began))
    print(f"a scaling takes {median(ratios):.2f} times as long as its runs plainly (of {len(ratios)} series)")
    return ratios, median(ratios) <= 1.3


def main() -> int:
    options = parse_arguments()
    options.start = find_whet(options.whet)
    print_heading("Growth that is known", describe_machine(probe(Path(options.python)), options.start))
    parts = {"programs": measure_programs, "ahead": measure_ahead, "alike": measure_alike, "cost": measure_cost}
    found, good = {}, True
    for part in options.parts.split(","):
        found[part], passed = parts[part](options)
        good = good and passed
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
