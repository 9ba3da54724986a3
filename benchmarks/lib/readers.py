"""What each tool says of a script, read from what it left: time by function and by line, bytes.

Only what concerns the script's own file is kept. Time is in the tool's own unit: callers compare
parts of one run with one another.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from lib.environment import Environment

READ_LPROF = """
import json, pickle, sys
from line_profiler import load_stats
stats = load_stats(sys.argv[1])
print(json.dumps([[file, first, name, rows] for (file, first, name), rows in stats.timings.items()]))
"""
READ_PSTATS = """
import json, pstats, sys
stats = pstats.Stats(sys.argv[1]).stats
print(json.dumps([[file, line, name, own] for (file, line, name), (_, _, own, _, _) in stats.items()]))
"""
READ_MEMRAY = """
import json, sys
from memray import FileReader
with FileReader(sys.argv[1]) as reader:
    rows = [[r.size, [list(f) for f in r.stack_trace(max_stacks=1)]]
            for r in reader.get_high_watermark_allocation_records(merge_threads=True) if r.size > 1_000_000]
print(json.dumps(rows))
"""


@dataclass(slots=True)
class Said:
    """What a tool said.

    ``functions`` and ``lines`` hold time charged to a function or line: its own and that of code outside the
    script called from it; ``inclusive`` tells that the script's own callees are in it too. ``bytes`` are
    by line.
    """

    functions: Counter = field(default_factory=Counter)
    lines: Counter = field(default_factory=Counter)
    bytes: Counter = field(default_factory=Counter)
    inclusive: bool = False


def ask(environment: Environment, code: str, out: Path) -> list:
    """Have the environment's interpreter read a file that only its packages can read."""
    done = subprocess.run([environment.python, "-c", code, out], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def read_pyspy(out: Path, script: Path) -> Said:
    """Read ``name (file:line);... count`` lines; the innermost frame of the script is charged."""
    said = Said()
    for row in out.read_text(errors="replace").splitlines():
        stack, _, count = row.rpartition(" ")
        for frame in reversed(stack.split(";")):
            name, _, place = frame.rpartition(" (")
            file, _, line = place.rstrip(")").rpartition(":")
            if Path(file).name == script.name:
                said.functions[name] += int(count)
                said.lines[int(line)] += int(count)
                break
    return said


def read_pyinstrument(out: Path, script: Path) -> Said:
    """Read the JSON tree of frames; it has no time by line."""
    said = Said()

    def visit(frame: dict, owner: str) -> None:
        if Path(frame["file_path"] or "").name == script.name:
            owner = frame["function"]
        said.functions[owner] += frame["time"] - sum(child["time"] for child in frame["children"])
        for child in frame["children"]:
            visit(child, owner)

    visit(json.loads(out.read_text())["root_frame"], "")
    return said


def read_cprofile(out: Path, script: Path, environment: Environment) -> Said:
    """Read own time by function; it has no time by line."""
    rows = ask(environment, READ_PSTATS, out)
    said = Said()
    for file, _, name, own in rows:
        if Path(file).name == script.name:
            said.functions[name] += own
    return said


def read_line_profiler(out: Path, script: Path, environment: Environment) -> Said:
    """Read time by line, callees included."""
    said = Said(inclusive=True)
    for file, _, name, rows in ask(environment, READ_LPROF, out):
        if Path(file).name == script.name:
            for line, _, time in rows:
                said.functions[name] += time
                said.lines[line] += time
    return said


def read_scalene(out: Path, script: Path) -> Said:
    """Read percent of CPU and MB by line and function, Python, native and system time together."""
    said = Said()
    for file, entry in json.loads(out.read_text())["files"].items():
        if Path(file).name != script.name:
            continue
        for row in entry["functions"]:
            said.functions[row["line"]] += row["n_cpu_percent_python"] + row["n_cpu_percent_c"] + row["n_sys_percent"]
        for row in entry["lines"]:
            said.lines[row["lineno"]] += row["n_cpu_percent_python"] + row["n_cpu_percent_c"] + row["n_sys_percent"]
            said.bytes[row["lineno"]] += round(row["n_malloc_mb"] * 1024 * 1024)
    return said


def read_memray(out: Path, script: Path, environment: Environment) -> Said:
    """Read bytes live at the peak by line, of allocations over a megabyte."""
    said = Said()
    for size, stack in ask(environment, READ_MEMRAY, out):
        for _, file, line in stack:
            if Path(file).name == script.name:
                said.bytes[line] += size
                break
    return said


def report_whet(whet: list[str], folder: Path) -> dict:
    """Return whet's report on the last run in ``folder``."""
    done = subprocess.run([*whet, "report", "--format", "json"], cwd=folder, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def read_whet(report: dict, script: Path) -> Said:
    """Read charged shares and allocated bytes."""
    said = Said()
    for row in report["functions"]:
        if Path(row["file"]).name == script.name:
            said.functions[row["name"].rpartition(".")[2]] += row["spent_share"]
    for row in report["lines"]:
        if Path(row["file"]).name == script.name:
            said.lines[row["line"]] += row["spent_share"]
            said.bytes[row["line"]] += row["allocated_bytes"] or 0
    return said


def read_said(tool: str, out: Path, script: Path, environment: Environment, whet: list[str] | None) -> Said:
    """Read what a tool left after a run on ``script``."""
    match tool:
        case "whet" | "whet-memory" | "whet-fallback":
            return read_whet(report_whet(whet or ["whet"], script.parent), script)
        case "py-spy":
            return read_pyspy(out, script)
        case "pyinstrument":
            return read_pyinstrument(out, script)
        case "cProfile":
            return read_cprofile(out, script, environment)
        case "line_profiler":
            return read_line_profiler(out, script, environment)
        case "scalene" | "scalene-cpu":
            return read_scalene(out, script)
        case "memray" | "memray-objects":
            return read_memray(out, script, environment)
    raise ValueError(f"nothing reads what {tool} leaves")
