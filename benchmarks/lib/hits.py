"""whet's hits against exact counts of the lines' events on the same work."""

from __future__ import annotations

import shutil
from pathlib import Path
from statistics import median

from lib.environment import Environment
from lib.programs import find_loops, lay_out
from lib.readers import read_exact_hits, report_whet
from lib.runner import run_once, show_progress
from lib.tables import print_table
from lib.tools import TOOLS

COUNTER = Path(__file__).with_name("count_lines.py")
LEAST_SHARE = 0.01
WITHIN = 0.15


def prepare(name: str, environment: Environment, work: Path, seconds: float, fixtures: Path) -> tuple[Path, int]:
    """Return a program's script, laid out, and its loops."""
    target = fixtures / "targets" / f"{name}.py"
    if not target.exists():
        script = lay_out(name, environment, work)
        return script, find_loops(script, environment, seconds)
    folder = work / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    script = Path(shutil.copy(target, folder))
    if name == "orders":
        shutil.copytree(fixtures / "targets" / "orderbook", folder / "orderbook")
    return script, 1


def compare_lines(report: dict, exact: dict[tuple[str, int], int]) -> list[dict]:
    """Return, for each hot line of the user's that was counted exactly, what whet said of its hits."""
    rows = []
    for line in report["lines"]:
        key = Path(line["file"]).name, line["line"]
        if line["owner"] != "user" or line["charged_share"] < LEAST_SHARE or not exact.get(key):
            continue
        row = {
            "file": key[0],
            "line": key[1],
            "share": line["charged_share"],
            "exact": exact[key],
            "hits": line["hits"],
        }
        if line["hits"] is not None:
            # Both errors are relative: the miss to the truth, the shown error to what is shown.
            row["miss"] = (line["hits"] - exact[key]) / exact[key]
            row["error"] = line["hits_error"] or 0.0
            row["covered"] = abs(line["hits"] - exact[key]) <= max(2 * row["error"] * line["hits"], 0.5)
        rows.append(row)
    return rows


def compare_hits(
    environment: Environment, whet: list[str], work: Path, programs: list[str], seconds: float, fixtures: Path
) -> dict[str, list[dict]]:
    """Run each program under whet and with its lines counted, with the same work; print a table of what was found."""
    found: dict[str, list[dict]] = {}
    for done, name in enumerate(programs, 1):
        show_progress(done, len(programs), f"hits of {name}")
        script, loops = prepare(name, environment, work, seconds, fixtures)
        out = script.parent / "hits.json"
        command = TOOLS["whet"].command(environment, whet, script, out)
        said = run_once(command, script.parent, loops=loops)
        if not said.ok:
            print(f"whet on {name} failed ({said.status}): {said.output[-400:]}", flush=True)
            continue
        counted = run_once([environment.python, COUNTER, out, script], script.parent, loops=loops, timeout=3_600)
        if not counted.ok:
            print(f"counting the lines of {name} failed ({counted.status}): {counted.output[-400:]}", flush=True)
            continue
        found[name] = compare_lines(report_whet(whet, script.parent), read_exact_hits(out))
    print_hits(found)
    return found


def print_hits(found: dict[str, list[dict]]) -> None:
    """Print how many lines there are, how many got hits, and how good those are."""

    def describe(name: str, rows: list[dict]) -> list[str]:
        with_hits = [row for row in rows if "miss" in row]
        misses = sorted(abs(row["miss"]) for row in with_hits)
        if not misses:
            return [name, str(len(rows)), "0", "-", "-", "-", "-"]
        good, covered = sum(miss <= WITHIN for miss in misses), sum(row["covered"] for row in with_hits)
        return [
            name,
            str(len(rows)),
            str(len(with_hits)),
            f"{good / len(misses):.0%}",
            f"{covered / len(misses):.0%}",
            f"{median(misses) * 100:.1f} %",
            f"{misses[-1] * 100:.1f} %",
        ]

    rows = [describe(name, lines) for name, lines in found.items()]
    rows.append(describe("**all**", [line for lines in found.values() for line in lines]))
    head = ["program", "lines", "with hits", "within 15 %", "within 2 errors", "median miss", "worst miss"]
    print_table("Hits of lines with 1 % of the time or more, against exact counts", head, rows)
