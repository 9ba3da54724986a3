"""How many lines that maintainers fixed for speed `whet check --select ALL` names, and where it speaks without need.

    python benchmarks/real_fixes.py [--whet COMMAND] [--kind KIND] [--lines] [--json FILE]

`real_fixes.json` lists the lines, in versions of known packages before the fix, with the kind of cost and the rules
that name it; and hot code that was right as it was, where whet must be silent. The versions are downloaded with pip, as
wheels, and unpacked without installing anything, into ~/.cache/whet-benchmarks/real-fixes. Rules were developed against
one half of the fixes; those of the other packages are held out. What was missed and then read changes sides, so that a
figure of its own tells how many of the latest were named when they had just been found."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

from lib.environment import cache_folder, find_whet
from lib.tables import print_heading, print_table

LISTED = Path(__file__).with_suffix(".json")
PYTHONS = ("3.11", "3.8", "3.6", "2.7")
"""For which a wheel is asked, until there is one: what is checked is source."""


def main() -> None:
    arguments = parse_arguments()
    whet = find_whet(arguments.whet)
    if whet is None:
        sys.exit("whet is not beside this interpreter; --whet COMMAND names it")
    listed = json.loads(LISTED.read_text("utf-8"))
    fixes = [fix for fix in listed["fixes"] if arguments.kind in (None, fix["kind"])]
    right = listed["right"] if arguments.kind is None else []
    files = {name_place(each): find_file(each) for each in (*fixes, *right)}
    missing = sorted(place for place, file in files.items() if file is None)
    for place in missing:
        print(f"left out: {place} could not be downloaded", file=sys.stderr)
    findings = check([*whet], sorted({str(file) for file in files.values() if file is not None}))
    fixes = [fix for fix in fixes if files[name_place(fix)] is not None]
    rows = [
        (fix, find_rules(findings, files[name_place(fix)], fix["line"], fix.get("last", fix["line"]))) for fix in fixes
    ]
    print_heading("lines that maintainers fixed for speed", {"fixes": str(len(fixes)), "left out": str(len(missing))})
    print_recall(rows)
    alarms = [
        (place, rules)
        for place in right
        if files[name_place(place)] is not None
        and (rules := find_rules(findings, files[name_place(place)], place["first"], place["last"]))
    ]
    if right:
        print(f"\nhot code that was right: {len(alarms)} of {len(right)} places with a finding")
    if arguments.lines:
        print_lines(rows, alarms)
    if arguments.json:
        found = [{**fix, "found": sorted(rules)} for fix, rules in rows]
        wrong = [{**place, "found": sorted(rules)} for place, rules in alarms]
        arguments.json.write_text(json.dumps({"fixes": found, "alarms": wrong}, indent=1), "utf-8")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Which lines that maintainers fixed for speed whet names.")
    parser.add_argument("--whet", help="command that starts whet (default: beside this interpreter)")
    parser.add_argument("--kind", help="only fixes of this kind")
    parser.add_argument("--lines", action="store_true", help="print each line that is missed, and each false alarm")
    parser.add_argument("--json", type=Path, help="write what was found to this file")
    return parser.parse_args()


def name_place(each: dict) -> str:
    return f"{each['package']} {each['version']}: {each['file']}"


def find_file(each: dict) -> Path | None:
    """Return the file of a package's version, downloaded once; ``None`` if there is no wheel."""
    name = f"{each['package']}-{each['version']}"
    folder = cache_folder() / "real-fixes" / name
    if not folder.is_dir():
        wheels = folder.with_name(f"{name}.wheels")
        wheels.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        for python in PYTHONS:
            words = ["--python-version", python, "--dest", str(wheels), f"{each['package']}=={each['version']}"]
            if subprocess.run([*command, *words], capture_output=True, check=False).returncode == 0:
                break
        for wheel in wheels.glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(folder)
    file = folder / each["file"]
    return file if file.is_file() else None


def check(whet: list[str], files: list[str]) -> dict[str, list[dict]]:
    """Return the findings of all rules by file."""
    command = [*whet, "check", "--select", "ALL", "--format", "json", "--exit-zero", "--quiet", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout:
        sys.exit(f"whet check failed: {done.stderr}")
    found: dict[str, list[dict]] = {}
    for finding in json.loads(done.stdout):
        found.setdefault(str(Path(finding["file"]).resolve()), []).append(finding)
    return found


def find_rules(findings: dict[str, list[dict]], file: Path | None, first: int, last: int) -> set[str]:
    """Return the rules with a finding on these lines of a file."""
    here = findings.get(str(file.resolve()), []) if file is not None else []
    return {each["rule"] for each in here if each["line"] <= last and each["end_line"] >= first}


def print_recall(rows: list[tuple[dict, set[str]]]) -> None:
    table = []
    kinds = Counter(fix["kind"] for fix, _ in rows)
    for kind in (*sorted(kinds), "all"):
        cells = [kind]
        for held_out in (False, True):
            side = [(f, r) for f, r in rows if kind in ("all", f["kind"]) and f["held_out"] is held_out]
            named = sum(bool(rules.intersection(fix["rules"])) for fix, rules in side)
            cells.append(f"{named} of {len(side)}" if side else "")
        table.append(cells)
    print_table("named with the right kind", ("kind", "developed against", "held out"), table)
    first = [fix["named_at_first"] for fix, _ in rows if "named_at_first" in fix]
    if first:
        print(f"\nnamed when whet was asked for the first time: {sum(first)} of {len(first)}")


def print_lines(rows: list[tuple[dict, set[str]]], alarms: list[tuple[dict, set[str]]]) -> None:
    for fix, rules in rows:
        if not rules.intersection(fix["rules"]):
            side = "held out" if fix["held_out"] else "developed against"
            print(f"missed ({side}): {name_place(fix)}:{fix['line']} {fix['kind']}: {fix['construct']}")
    for place, rules in alarms:
        print(f"false alarm: {name_place(place)}:{place['first']}-{place['last']} {', '.join(sorted(rules))}")


if __name__ == "__main__":
    main()
