"""Whether whet and its peers say the truth, on programs whose truth is known.

    python benchmarks/accuracy.py [--python PATH]... [--parts functions,lines,memory] [--rounds N] [--quick]

functions: the same work through calls and inlined, at splits from 10 to 90 %; truth by the clock inside.
lines:     many cheap lines against one dear line; truth by the clock inside.
memory:    one array of 512 MB, 0 to 100 % of it touched; truth by its size.

See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from lib.environment import Environment, cache_folder, describe_machine, find_environment, find_whet
from lib.readers import Said, read_said
from lib.runner import Outcome, calibrate, interleave, run_once, show_progress
from lib.tables import print_heading, print_table, show_share
from lib.tools import TOOLS

HERE = Path(__file__).parent
SPLITS = (10, 20, 30, 40, 50, 60, 70, 80, 90)
TOUCHED = (0, 25, 50, 75, 100)
SIZE = 512 * 1024 * 1024
FUNCTION_TOOLS = (
    "whet",
    "whet-fallback",
    "py-spy",
    "pyinstrument",
    "cProfile",
    "line_profiler",
    "scalene-cpu",
    "scalene",
)
LINE_TOOLS = ("whet", "py-spy", "line_profiler", "scalene-cpu", "scalene")
MEMORY_TOOLS = ("whet-memory", "memray", "scalene")
PARTS = ("functions", "lines", "memory")


@dataclass(frozen=True, slots=True)
class Bench:
    """Where and with what things are measured."""

    environment: Environment
    whet: list[str] | None
    work: Path
    options: argparse.Namespace

    def tools(self, wanted: tuple[str, ...]) -> list[str]:
        """Return those of the tools that are here."""
        chosen = [name for name in wanted if not self.options.tools or name in self.options.tools]
        return [name for name in chosen if TOOLS[name].is_there(self.environment, self.whet)]

    def lay_out(self, name: str) -> Path:
        """Copy a program into a folder of its own; return the script."""
        folder = self.work / name
        folder.mkdir(exist_ok=True)
        return Path(shutil.copy(HERE / "programs" / f"{name}.py", folder))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Whether whet and its peers say the truth.")
    parser.add_argument("--python", action="append", help="interpreter to run the programs on; may be repeated")
    parser.add_argument("--whet", help="command that starts whet (default: beside this interpreter)")
    parser.add_argument("--parts", help=f"of {','.join(PARTS)}; default all")
    parser.add_argument("--tools", help="only these tools")
    parser.add_argument("--rounds", type=int, help="default 3")
    parser.add_argument("--seconds", type=float, help="length of a plain run, default 5")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write everything measured to this file")
    parser.add_argument("--quick", action="store_true", help="three splits, one round, shorter programs")
    return parser.parse_args()


def read_or_tell(bench: Bench, tool: str, out: Path, script: Path, outcome: Outcome) -> Said | None:
    """Return what a tool left, or tell that it left nothing to read; the other tools go on."""
    try:
        return read_said(tool, out, script, bench.environment, bench.whet)
    except (OSError, ValueError, KeyError, subprocess.CalledProcessError) as error:
        print(f"{tool} left nothing to read: {error!r}; it said: {outcome.output[-300:]}", flush=True)
        return None
    finally:
        out.unlink(missing_ok=True)


def share_of_calls(said: Said) -> float | None:
    """Return the share of the work done through calls, of that and the inlined work."""
    calls = said.functions["with_calls"] + (0 if said.inclusive else said.functions["step"])
    both = calls + said.functions["inlined"]
    return calls / both if both else None


def share_of_cheap(script: Path) -> object:
    """Return a function that gives the cheap lines' share of what a tool said of ``script``."""
    lines = script.read_text().splitlines()
    loops = [number for number, line in enumerate(lines, 1) if line.strip().startswith("for ")]
    cheap, dear = range(loops[1], loops[1] + 5), range(loops[2], loops[2] + 2)

    def share(said: Said) -> float | None:
        first, second = (sum(said.lines[line] for line in part) for part in (cheap, dear))
        return first / (first + second) if first + second else None

    return share


def measure_shares(bench: Bench, name: str, tools: list[str], share: object, parts: tuple[str, str]) -> list[dict]:
    """Run a program at each split under each tool; return truth and what was said, a dict for each run."""
    options, script = bench.options, bench.lay_out(name)
    find = share(script) if name == "line_bias" else share

    def run_plain(rounds: int, split: int = 50) -> dict:
        outcome = run_once([bench.environment.python, script, str(split), str(rounds)], script.parent)
        return outcome.executions[0]

    # One size for all splits, so that splits differ in nothing else.
    rounds = 20_000 * calibrate(lambda loops: sum(run_plain(loops * 20_000).values()), options.seconds)
    seen = []
    order = list(interleave([str(split) for split in options.splits], ["plain", *tools], options.rounds, options.seed))
    truths: dict[str, list[float]] = {}
    for done, (_, split, tool) in enumerate(order, 1):
        show_progress(done, len(order), f"{name} at {split} % under {tool}")
        out = script.parent / f"{tool}.json"
        words = [split, str(max(20_000, round(rounds * TOOLS[tool].shrink)))]
        command = TOOLS[tool].command(bench.environment, bench.whet, script, out)
        outcome = run_once([*command, *words], script.parent, timeout=max(300, options.seconds * 60))
        if not outcome.executions:
            print(f"{tool} at {split} % failed ({outcome.status}): {outcome.output[-400:]}", flush=True)
            continue
        clock = outcome.executions[0]
        inside = clock[parts[0]] / sum(clock.values())
        if tool == "plain":
            truths.setdefault(split, []).append(inside)
            continue
        said = read_or_tell(bench, tool, out, script, outcome)
        if said is not None:
            seen.append({"split": int(split), "tool": tool, "said": find(said), "under_tool": inside})
    return [row | {"truth": median(truths[str(row["split"])])} for row in seen]


def print_shares(title: str, rows: list[dict], tools: list[str]) -> None:
    """Print what was said at each split, and the distances from the truth in points."""
    table, worst = [], {tool: [] for tool in tools}
    for split in sorted({row["split"] for row in rows}):
        here = [row for row in rows if row["split"] == split]
        cells = []
        for tool in tools:
            said = [row["said"] for row in here if row["tool"] == tool and row["said"] is not None]
            worst[tool] += [abs(median(said) - here[0]["truth"])] if said else []
            cells.append(show_share(median(said)) if said else "-")
        table.append([f"{split} %", show_share(here[0]["truth"]), *cells])
    table.append(["mean distance", "", *(show_share(sum(e) / len(e)) if e else "-" for e in worst.values())])
    table.append(["**worst distance**", "", *(show_share(max(e)) if e else "-" for e in worst.values())])
    print_table(title, ["rounds", "truth", *tools], table)
    shifts = [
        [t, show_share(max((abs(r["under_tool"] - r["truth"]) for r in rows if r["tool"] == t), default=None))]
        for t in tools
    ]
    print_table("How far the program's own clock moved under the tool, worst, points", ["tool", "points"], shifts)


def measure_memory(bench: Bench, tools: list[str]) -> list[dict]:
    """Allocate the array, touch shares of it; return what was said of the line that allocates."""
    script = bench.lay_out("touch_memory")
    (line,) = [n for n, text in enumerate(script.read_text().splitlines(), 1) if "bytes(SIZE)" in text]
    seen = []
    for _, touched, tool in interleave([str(share) for share in bench.options.touched], tools, 1, bench.options.seed):
        out = script.parent / f"{tool}.json"
        command = TOOLS[tool].command(bench.environment, bench.whet, script, out)
        outcome = run_once([*command, touched], script.parent)
        if not outcome.ok:
            print(f"{tool} at {touched} % failed ({outcome.status}): {outcome.output[-400:]}", flush=True)
            continue
        said = read_or_tell(bench, tool, out, script, outcome)
        if said is not None:
            seen.append({"touched": int(touched), "tool": tool, "said": said.bytes[line]})
    return seen


def print_memory(rows: list[dict], tools: list[str]) -> None:
    """Print megabytes said, and the worst distance from the truth."""
    table = []
    for touched in sorted({row["touched"] for row in rows}):
        said = {row["tool"]: row["said"] for row in rows if row["touched"] == touched}
        table.append(
            [f"{touched} %", "512.0", *(f"{said[tool] / 2**20:.1f}" if tool in said else "-" for tool in tools)]
        )
    distances = []
    for tool in tools:
        far = [abs(row["said"] - SIZE) / SIZE for row in rows if row["tool"] == tool]
        distances.append(f"{max(far) * 100:.2f} %" if far else "-")
    table.append(["**worst distance**", "", *distances])
    print_table(
        "Memory: MB said to be allocated by the line that allocates 512 MB", ["touched", "truth", *tools], table
    )


def run_parts(bench: Bench) -> dict:
    """Run the chosen parts, print a table for each as it ends, return the figures."""
    options, results = bench.options, {}
    if "functions" in options.parts:
        tools = bench.tools(FUNCTION_TOOLS)
        rows = measure_shares(bench, "function_bias", tools, share_of_calls, ("with_calls", "inlined"))
        print_shares("Functions: share of the work done through calls, %", rows, tools)
        results["functions"] = rows
    if "lines" in options.parts:
        tools = bench.tools(LINE_TOOLS)
        rows = measure_shares(bench, "line_bias", tools, share_of_cheap, ("cheap", "dear"))
        print_shares("Lines: share of the four cheap lines, %", rows, tools)
        results["lines"] = rows
    if "memory" in options.parts:
        tools = bench.tools(MEMORY_TOOLS)
        rows = measure_memory(bench, tools)
        print_memory(rows, tools)
        results["memory"] = rows
    return results


def main() -> None:
    options = parse_arguments()
    quick = options.quick
    options.parts = options.parts.split(",") if options.parts else list(PARTS)
    options.tools = options.tools.split(",") if options.tools else []
    options.rounds = options.rounds or (1 if quick else 3)
    options.seconds = options.seconds or (2.0 if quick else 5.0)
    options.splits = SPLITS[1::3] if quick else SPLITS
    options.touched = TOUCHED[::2] if quick else TOUCHED
    if unknown := set(options.parts) - set(PARTS):
        raise SystemExit(f"no such part: {', '.join(sorted(unknown))}")
    whet = find_whet(options.whet)
    results = []
    for python in options.python or [None]:
        environment = find_environment(python)
        machine = describe_machine(environment, whet)
        print_heading("Accuracy", machine)
        with tempfile.TemporaryDirectory(dir=cache_folder(), prefix="accuracy-") as work:
            results.append({"machine": machine, **run_parts(Bench(environment, whet, Path(work), options))})
        if options.json:
            options.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
