"""Whether the gains that advice estimates are those that proof measures.

    python benchmarks/estimates.py [--only NAMES] [--whet COMMAND] [--runs N] [--budget TIME] [--json FILE]

Programs are measured by `whet run` and their rewrites tried by `whet prove`: the demo, small programs with one slow
habit each (`programs/slow_work.py`), and ordinary work of packages from PyPI in versions that were slow
(`programs/package_work.py`), whose code counts as the program's. For each rewrite that could be measured on its own the
table has the estimate, an interval, and the measured gain. An interval holds the truth if the measured gain is within
it, or within 5 % of it: so much is the measurement's own error. It should in 80 of 100. Rewrites without figures of a
benchmark state the most that they can gain, and count as well; those of which nothing is estimated do not.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from growing_packages import CASES, install
from lib.environment import describe_machine, find_whet, probe
from lib.tables import print_heading, print_table

PROGRAMS = Path(__file__).parent / "programs"
DEMO = Path(__file__).parents[1] / "fixtures" / "targets" / "orders.py"
WITHIN = 0.05
SLOW = {
    "membership": 100_000, "joined": 600_000, "pattern": 300_000, "queue": 60_000, "copies": 40_000, "dicts": 60_000,
    "lists": 5_000_000, "cached": 40_000, "sorting": 50_000, "lookups": 3_000_000, "starts": 1_000_000, "joins": 1_500,
    "flattened": 6_000, "fibonacci": 26, "counted": 60_000, "encoded": 60_000, "prefixes": 1_500_000,
    "removed": 20_000, "minimum": 5_000, "ranges": 8_000,
}  # fmt: skip
"""The jobs of `slow_work.py`, with sizes at which they take a second or so."""
PACKAGES = {"zipp": (900, ("zipp==1.0.0", "more-itertools==10.5.0")), "base58": (3_000, ("base58==2.0.1",))}
"""More jobs of `package_work.py`: their sizes, and versions of packages."""


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", help="programs by name, separated by commas")
    parser.add_argument("--whet", help="command that starts whet (default: beside this interpreter)")
    parser.add_argument("--runs", default="8", help="pairs of runs for each rewrite")
    parser.add_argument("--budget", default="4m", help="of each proof")
    parser.add_argument("--json", type=Path, help="write everything measured to this file, after each program")
    return parser.parse_args()


def list_programs() -> Iterator[tuple[str, Path, list[str], tuple[str, ...]]]:
    """Yield name, script, arguments, and versions of packages that the program's code is in."""
    yield "demo", DEMO, ["--orders", "6000"], ()
    for name, size in SLOW.items():
        yield name, PROGRAMS / "slow_work.py", [name, str(size)], ()
    for name, (size, versions) in PACKAGES.items():
        yield name, PROGRAMS / "package_work.py", [name, str(size)], versions
    for case in CASES:
        yield case.name, PROGRAMS / "package_work.py", [case.name, str(case.sizes[2])], case.before


def try_program(
    options: argparse.Namespace, script: Path, arguments: list[str], versions: tuple[str, ...]
) -> list[dict[str, Any]]:
    """Return the rewrites that were measured on their own, with estimate and gain."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(script, folder)
        if script == DEMO:
            shutil.copytree(DEMO.with_name("orderbook"), Path(folder) / "orderbook")
        environment, given = dict(os.environ), []
        if versions:
            # In the program's own folder, so that its code may be rewritten.
            packages = Path(folder) / "vendored"
            shutil.copytree(install(sys.executable, versions), packages)
            environment["PYTHONPATH"] = str(packages)
            given = ["--include", f"{packages}/*"]

        def whet(*words: str) -> str:
            command = [*options.start, *words]
            done = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, check=False, encoding="utf-8"
            )
            return done.stdout

        whet("run", *given, "--", "python", script.name, *arguments)
        try:
            advice = {each["id"]: each for each in json.loads(whet("report", "--format", "json"))["advice"]}
            proof = json.loads(whet("prove", "--runs", options.runs, "--budget", options.budget, "--format", "json"))
        except ValueError:
            return []
    return [
        {
            "rule": trial["rule"],
            "place": trial["place"],
            "share": advice[trial["id"]]["share"],
            "estimate": advice[trial["id"]]["estimate"],
            "verdict": trial["verdict"],
            "gain": trial["gain"],
        }
        for trial in proof["rewrites"]
        if trial["gain"] is not None and not trial["judged_with"] and trial["id"] in advice
    ]


def holds(each: dict[str, Any]) -> bool:
    estimate, gain = each["estimate"], each["gain"]["speed"]
    return estimate["low"] * (1 - WITHIN) <= gain <= estimate["high"] * (1 + WITHIN)


def is_estimated(each: dict[str, Any]) -> bool:
    return each["estimate"]["high"] > 1 or each["estimate"]["low"] < 1


def main() -> None:
    options = parse_arguments()
    options.start = find_whet(options.whet)
    if options.start is None:
        sys.exit("whet is not beside this interpreter; --whet COMMAND names it")
    print_heading("Estimated and measured gains", describe_machine(probe(Path(sys.executable)), options.start))
    found: list[dict[str, Any]] = []
    for name, script, arguments, versions in list_programs():
        if options.only and name not in options.only.split(","):
            continue
        measured = try_program(options, script, arguments, versions)
        found += [{"program": name, **each} for each in measured]
        print(f"  {name}: {len(measured)} measured", file=sys.stderr, flush=True)
        if options.json is not None:
            options.json.write_text(json.dumps(found, indent=1), "utf-8")
    rows = [
        (
            each["program"],
            each["rule"],
            f"{each['share'] * 100:.0f} %",
            f"{each['estimate']['low']:.2f} to {each['estimate']['high']:.2f}",
            "yes" if each["estimate"]["is_measured"] else "no",
            f"{each['gain']['speed']:.2f} [{each['gain']['low']:.2f}, {each['gain']['high']:.2f}]",
            ("" if holds(each) else "outside") if is_estimated(each) else "no estimate",
        )
        for each in found
    ]
    heads = ("program", "rule", "share", "estimated", "by a benchmark", "measured", "")
    print_table("Gains of whole programs, how many times as fast", heads, rows)
    estimated = [each for each in found if is_estimated(each)]
    inside = sum(map(holds, estimated))
    if estimated:
        part = 100 * inside / len(estimated)
        print(f"\n{inside} of {len(estimated)} intervals hold the measured gain ({part:.0f} %)")


if __name__ == "__main__":
    main()
