"""What whet survives: odd programs that must run as without it, and kills at any moment.

``python benchmarks/withstand.py`` runs both on the interpreter that runs it; ``--families`` and ``--kills`` choose.
The exit status is 1 where a program differs or a kill leaves something behind.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lib import alike
from lib.alike import Verdict
from lib.environment import cache_folder, describe_machine, find_whet, make_environment, probe
from lib.kills import SCENARIOS, Kills
from lib.odd import list_programs
from lib.odd.program import Program
from lib.runner import show_progress
from lib.tables import print_heading, print_table


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="interpreter that the programs run on")
    parser.add_argument("--whet", help="how whet is started; default: the whet beside this interpreter")
    parser.add_argument("--families", help="only these, by name; 'none' for the kills alone")
    parser.add_argument("--match", default="", help="only programs whose name this pattern is found in")
    parser.add_argument("--count", type=int, help="only so many programs, chosen at random (--seed)")
    parser.add_argument("--kills", type=int, default=300, help="how many times something is killed")
    parser.add_argument("--killed", help=f"only these commands, of {', '.join(each.name for each in SCENARIOS)}")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write every verdict to this file")
    return parser.parse_args()


def choose(options: argparse.Namespace, version: tuple[int, ...]) -> list[Program]:
    """Return the programs that are asked for and that this Python can run."""
    programs = list_programs()
    families = options.families.split(",") if options.families else sorted({each.family for each in programs})
    if unknown := set(families) - {each.family for each in programs} - {"none"}:
        raise SystemExit(f"no such family: {', '.join(sorted(unknown))}")
    chosen = [
        each
        for each in programs
        if each.family in families and re.search(options.match, each.name) and each.python <= version
    ]
    if options.count is None or options.count >= len(chosen):
        return chosen
    picked = random.Random(options.seed).sample(range(len(chosen)), options.count)
    return [chosen[index] for index in sorted(picked)]


def judge_all(programs: list[Program], options: argparse.Namespace, work: Path) -> list[Verdict]:
    """Run each program plainly and under whet."""
    own = probe(Path(options.python).absolute(), ())
    python, packages = str(own.python), set()
    if any(each.needs for each in programs):
        needed = tuple(dict.fromkeys(name for each in programs for name in each.needs))
        environment = make_environment(own.python, own.version, needed, "withstand")
        with_packages, packages = str(environment.python), set(environment.packages)
    done = 0

    def judge(numbered: tuple[int, Program]) -> Verdict:
        nonlocal done
        number, program = numbered
        if not set(program.needs) <= packages:
            return Verdict(program, "absent", f"cannot be installed: {', '.join(set(program.needs) - packages)}")
        used = with_packages if program.needs else python
        verdict = alike.judge(program, used, options.start, work / str(number), work / "cache")
        done += 1
        show_progress(done, len(programs), f"{program.family}: {program.name}")
        if verdict.kind == "different":
            print(f"\n{program.family}: {program.name}\n{verdict.why}", flush=True)
        return verdict

    with ThreadPoolExecutor(options.jobs) as pool:
        return list(pool.map(judge, enumerate(programs)))


def print_programs(verdicts: list[Verdict]) -> None:
    """Print a row for each family, and in words what was not as without whet."""
    rows = []
    for family in dict.fromkeys(each.program.family for each in verdicts):
        of_it = [each for each in verdicts if each.program.family == family]
        counts = Counter(each.kind for each in of_it)
        measured = sum(each.was_measured for each in of_it)
        kinds = ("same", "said", "refused", "different", "absent")
        rows.append([family, str(len(of_it)), *(str(counts[kind]) for kind in kinds), str(measured)])
    total = [str(sum(int(row[column]) for row in rows)) for column in range(1, len(rows[0]))]
    head = ["family", "programs", "as without whet", "said so", "refused", "different", "left out", "measured"]
    print_table("Odd programs: output, errors, exit status and files", head, [*rows, ["all", *total]])
    for each in verdicts:
        if each.kind in ("refused", "said", "absent"):
            print(f"\n{each.kind}: {each.program.family}: {each.program.name}\n  {each.why}")


def main() -> None:
    options = parse_arguments()
    options.start = find_whet(options.whet)
    if options.start is None:
        raise SystemExit("whet is not beside this interpreter: name it with --whet")
    environment = probe(Path(options.python).absolute())
    print_heading("Withstand", describe_machine(environment, options.start))
    has_failed = False
    with tempfile.TemporaryDirectory(dir=cache_folder(), prefix="withstand-") as folder:
        version = tuple(map(int, re.findall(r"\d+", environment.version)[:2]))
        if programs := choose(options, version):
            verdicts = judge_all(programs, options, Path(folder))
            print_programs(verdicts)
            has_failed |= any(each.kind == "different" for each in verdicts)
            if options.json:
                rows = [[v.program.family, v.program.name, v.kind, v.why] for v in verdicts]
                options.json.write_text(json.dumps(rows, indent=1))
        if options.kills:
            kills = Kills(options.start, options.python, Path(folder) / "kills", options.seed)
            has_failed |= kills.run(options.kills, options.killed.split(",") if options.killed else None)
    raise SystemExit(has_failed)


if __name__ == "__main__":
    main()
