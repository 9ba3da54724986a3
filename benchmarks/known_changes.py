"""Whether `whet prove --against` finds what ten packages from PyPI gained, or lost, from one version to another.

    python benchmarks/known_changes.py [--only NAMES] [--pairs N] [--whet COMMAND] [--against COMMAND] [--json FILE]

Of each package the old version is committed, and the new one put over it. `whet prove --against HEAD` compares them
doing ordinary work (`programs/changed_work.py`) and stops when it is sure. Next to that stand ``--pairs`` (40) pairs of
runs to the end, of the same program. They agree if the verdicts are the same, or if one only is without a result, and
if the intervals, each of 99 %, have a point in common. ``--against`` is another build of whet, whose time for the same
stands beside. Versions are pinned, and installed once below `~/.cache/whet-benchmarks/known-changes`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from lib.environment import cache_folder, describe_machine, find_whet, probe
from lib.tables import print_heading, print_table

from whet.pipeline.prove.own_change import read_changes
from whet.program.spec import TargetKind, TargetSpec
from whet.prove.behaviour import Behaviour
from whet.prove.rounds import Match, play
from whet.prove.sandbox import Program, Sandbox
from whet.prove.stats import CONFIDENCE, Design, Interval, call_interval
from whet.prove.variants import BASELINE, VariantRunner, choose_clock

SCRIPT = Path(__file__).parent / "programs" / "changed_work.py"
CHANGED = "changed"
_GIT = (
    "-c",
    "user.name=n",
    "-c",
    "user.email=e@example.org",
    "-c",
    "commit.gpgsign=false",
    "-c",
    "core.autocrlf=false",
)


@dataclass(frozen=True)
class Change:
    """A package in two versions, and a size of its work that takes the old one about a third of a second."""

    name: str
    old: str
    new: str
    size: int


CHANGES = (
    Change("dnspython", "dnspython==1.16.0", "dnspython==2.1.0", 400),
    Change("netaddr", "netaddr==0.7.10", "netaddr==0.7.19", 250),
    Change("networkx", "networkx==2.6.3", "networkx==2.8.8", 60),
    Change("pyasn1", "pyasn1==0.4.8", "pyasn1==0.6.1", 2500),
    Change("hpack", "hpack==3.0.0", "hpack==4.0.0", 1500),
    Change("markdown", "Markdown==3.5", "Markdown==3.5.1", 100),
    Change("cachetools", "cachetools==5.5.0", "cachetools==7.0.0", 20_000),
    Change("dacite", "dacite==1.6.0", "dacite==1.8.1", 800),
    Change("xlsxwriter", "XlsxWriter==1.2.0", "XlsxWriter==3.0.9", 1500),
    Change("idna", "idna==3.6", "idna==3.7", 12_000),
)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", help="packages by name")
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--budget", default="5m", help="of each proof")
    parser.add_argument("--whet", help="command that starts whet (default: beside this interpreter)")
    parser.add_argument("--against", help="command that starts another build of whet")
    parser.add_argument("--json", type=Path, help="add what was measured to this file, which may hold other packages")
    return parser.parse_args()


def install(version: str) -> Path:
    """Return a folder with this version and nothing else, made once."""
    folder = cache_folder() / "known-changes" / version
    if not folder.is_dir():
        partial = folder.with_name(f"{folder.name}.partial")
        words = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--target", str(partial), version]
        subprocess.run([sys.executable, *words], check=True)
        partial.rename(folder)
    return folder


def make_repository(change: Change, folder: Path) -> None:
    """Put the old version there, committed, with the program; over it the new version. Nothing is deleted."""
    kept = shutil.ignore_patterns("*.dist-info", "bin", "__pycache__", "tests")
    shutil.copytree(install(change.old), folder, ignore=kept)
    shutil.copyfile(SCRIPT, folder / "work.py")
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", change.old)):
        subprocess.run(["git", *_GIT, *words], cwd=folder, check=True, capture_output=True)
    shutil.copytree(install(change.new), folder, ignore=kept, dirs_exist_ok=True)


def prove(start: list[str], change: Change, folder: Path, budget: str) -> dict[str, Any]:
    """Return the verdict of a build of whet, with its interval, pairs and seconds."""
    words = ["prove", "--against", "HEAD", "--budget", budget, "--format", "json", "--", "work.py"]
    began = monotonic()
    done = subprocess.run(
        [*start, *words, change.name, str(change.size)], cwd=folder, capture_output=True, text=True, check=False
    )
    took = monotonic() - began
    if done.returncode:
        raise SystemExit(f"{change.name}: {done.stderr[-800:]}")
    found = json.loads(done.stdout)
    gain = (found.get("total") or {}).get("gain") or found["rewrites"][0]["gain"] or {}
    return {
        "verdict": found["rewrites"][0]["verdict"],
        "why": found["rewrites"][0]["why"],
        **{name: gain.get(name) for name in ("speed", "low", "high", "pairs")},
        "runs": found["executions"],
        "seconds": took,
    }


def run_to_the_end(change: Change, folder: Path, pairs: int) -> Interval:
    """Return the interval of so many pairs of runs."""
    versions, _ = read_changes(folder, "HEAD")
    originals = {file: before for file, (before, _) in versions.items()}
    spec = TargetSpec(TargetKind.SCRIPT, "work.py", (change.name, str(change.size)), str(folder))
    with tempfile.TemporaryDirectory(prefix="whet-known-") as name:
        own = Path(name).resolve()
        stage = Sandbox(Program(sys.executable, str(folder), spec), originals, own, dict(os.environ))
        stage.open(600)
        stage.define({BASELINE: originals, CHANGED: {file: after for file, (_, after) in versions.items()}})
        behaviour = Behaviour(stage.directory, own / "reference")
        runner = VariantRunner(stage, own, behaviour, budget=3600, reset=stage.reset)
        first = runner.observe(BASELINE)
        behaviour.remember(first)
        runner.clock = choose_clock([first])
        match = Match("known", BASELINE, CHANGED, Design((pairs,), 2 * (1 - CONFIDENCE)))
        play(runner, [match], random.Random(1))
        if match.judgement is None or match.spoilt:
            raise SystemExit(f"{change.name}: {match.spoilt or 'nothing was measured'}")
        return match.judgement.interval


def find_disagreement(said: dict[str, Any], true: Interval) -> str:
    """Return how a verdict disagrees with the pairs that ran to the end; empty if it does not."""
    if said["speed"] is None:
        return said["why"] or said["verdict"]
    if said["low"] > true.high or said["high"] < true.low:
        return "the intervals exclude one another"
    calls = {said["verdict"].removesuffix(", slower"), call_interval(true, 0.02).value}
    return "faster against slower" if {"faster", "slower"} <= calls else ""


def main() -> int:
    options = parse_arguments()
    start = find_whet(options.whet)
    print_heading("Known changes", describe_machine(probe(Path(sys.executable)), start))
    found: dict[str, Any] = {}
    if options.json is not None and options.json.is_file():
        found = json.loads(options.json.read_text("utf-8"))
    for change in CHANGES:
        if options.only and change.name not in options.only.split(","):
            continue
        with tempfile.TemporaryDirectory(prefix="whet-known-") as name:
            folder = Path(name).resolve() / change.name
            make_repository(change, folder)
            builds = {"now": start, **({"before": shlex.split(options.against)} if options.against else {})}
            row: dict[str, Any] = {
                build: prove(words, change, folder, options.budget) for build, words in builds.items()
            }
            true = run_to_the_end(change, folder, options.pairs)
        row |= {"truth": {"speed": true.estimate, "low": true.low, "high": true.high, "pairs": true.pairs}}
        row["wrong"] = find_disagreement(row["now"], true)
        found[change.name] = row
        print(f"  {change.name}: {row['wrong'] or 'agrees'}", file=sys.stderr, flush=True)
        if options.json is not None:
            options.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    print_rows(found)
    return int(any(row["wrong"] for row in found.values()))


def print_rows(found: dict[str, Any]) -> None:
    rows = []
    for change in CHANGES:
        if (row := found.get(change.name)) is None:
            continue
        said, before = row["now"], row.get("before")
        seconds = [f"{said['seconds']:.0f}", *([f"{before['seconds']:.0f}"] if before else ["–"])]
        versions = f"{change.old.replace('==', ' ')} → {change.new.partition('==')[2]}"
        # As whet says it: a comparison that ended without a result has a reason.
        verdict = "undecided" if said["verdict"] == "no difference" and said["why"] else said["verdict"]
        rows.append((versions, verdict, show(said), str(said["pairs"]), show(row["truth"]), *seconds, row["wrong"]))
    head = ("versions", "verdict", "said", "pairs", "pairs to the end", "seconds", "other build", "disagrees")
    print_table("Verdicts, as many times as fast with intervals of 99 %", head, rows)
    print(f"\n{sum(not row['wrong'] for row in found.values())} of {len(found)} agree")


def show(gain: dict[str, Any]) -> str:
    if gain["speed"] is None:
        return "–"
    return f"{gain['speed']:.2f} [{gain['low']:.2f}, {gain['high']:.2f}]"


if __name__ == "__main__":
    sys.exit(main())
