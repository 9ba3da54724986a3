"""Whether the verdicts of ``whet prove`` keep their promises: how often it is wrong, and what it finds.

    python benchmarks/proof.py [--real N] [--seconds S] [--noise FILE] [--comparisons N] [--budget SECONDS]

1. ``--real`` comparisons (100) of a program with itself on this machine, done as ``whet prove`` does them: overlay
   on both sides, rounds in random order, looked at until it is clear. Called faster or slower: at most 1 in 100.
2. The log ratios of these pairs are the machine's noise. Comparisons made by drawing from it: 300 of a program
   with itself, 200 with a true 5 %, of which 95 in 100 must be found, and 200 with 1 %, whose intervals must hold it.

``--noise FILE`` keeps the ratios there, or, with ``--real 0``, takes them from there. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median, stdev
from time import monotonic

from lib.runner import show_progress
from lib.tables import print_heading, print_table

from whet.prove.behaviour import Behaviour
from whet.prove.rounds import Match, play
from whet.prove.sides import BASELINE, SideRunner
from whet.prove.stage import Program, Stage
from whet.prove.stats import Call, Judgement, judge, plan_looks
from whet.target.spec import TargetKind, TargetSpec

HERE = Path(__file__).parent / "programs"
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of many comparisons of one kind."""

    name: str
    truth: float
    judgements: list[Judgement]

    def row(self) -> list[str]:
        """Return it as a row of the table."""
        calls = Counter(each.call for each in self.judgements)
        missed = sum(not each.interval.low <= self.truth <= each.interval.high for each in self.judgements)
        pairs = [each.interval.pairs for each in self.judgements]
        return [
            self.name,
            str(len(self.judgements)),
            str(calls[Call.FASTER]),
            str(calls[Call.SLOWER]),
            str(missed),
            f"{median(pairs):.0f}",
            str(max(pairs)),
        ]


def compare_really(options: argparse.Namespace, folder: Path) -> tuple[list[Judgement], list[list[float]], float]:
    """Compare a program with itself many times; return the judgements, their pairs' log ratios, and seconds a run."""
    originals = {str(HERE / "busy_work.py"): (HERE / "busy_work.py").read_bytes()}
    spec = TargetSpec(TargetKind.SCRIPT, "busy_while.py", (str(options.seconds),), str(HERE))
    stage = Stage(Program(sys.executable, str(HERE), spec), originals, folder, dict(os.environ))
    stage.open(options.budget)
    stage.define({BASELINE: originals, OTHER: originals})
    judgements: list[Judgement] = []
    pairs: list[list[float]] = []
    chance = random.Random(options.seed)
    seconds_a_run = 0.0
    for number in range(options.real):
        show_progress(number + 1, options.real, "comparisons")
        behaviour = Behaviour(stage.directory, folder / "reference")
        runner = SideRunner(stage, folder, behaviour, budget=options.budget, reset=stage.reset)
        behaviour.remember(runner.observe(BASELINE))
        most = max(2, int(runner.left() / (2 * runner.seconds_a_run)))
        match = Match("a/a", BASELINE, OTHER, plan_looks(most))
        play(runner, [match], chance)
        if match.judgement is None:
            raise SystemExit(f"not one comparison fits into {options.budget} s")
        judgements.append(match.judgement)
        pairs.append(match.log_ratios)
        seconds_a_run = runner.seconds_a_run
    return judgements, pairs, seconds_a_run


def compare_by_drawing(noise: Sequence[float], truth: float, count: int, most_pairs: int, seed: int) -> list[Judgement]:
    """Make comparisons up from noise and a true ratio, each as it would have been looked at."""
    chance = random.Random(seed)
    design = plan_looks(most_pairs)
    judgements = []
    for _ in range(count):
        drawn: list[float] = []
        for look in design.looks:
            drawn += [chance.choice(noise) + math.log(truth) for _ in range(look - len(drawn))]
            said = judge(drawn, design)
            assert said is not None  # the first look is at two pairs at least
            if said.settled:
                break
        judgements.append(said)
    return judgements


def make_symmetric(pairs: Sequence[Sequence[float]]) -> list[float]:
    """Return all log ratios, each with both signs: which of two equal programs comes first is by chance."""
    return [sign * value for comparison in pairs for value in comparison for sign in (1, -1)]


def judge_promises(results: dict[str, Result]) -> list[tuple[str, bool]]:
    """Return what was promised, and whether it is kept."""
    same = [each for name, result in results.items() if name.startswith("a/a") for each in result.judgements]
    wrong = sum(each.call in {Call.FASTER, Call.SLOWER} for each in same)
    five, one = results["5 %"].judgements, results["1 %"].judgements
    found = sum(each.call is Call.FASTER for each in five)
    missed = sum(not each.interval.low <= 1.01 <= each.interval.high for each in one if each.call is not Call.OPEN)
    return [
        (
            f"{wrong} of {len(same)} identical programs called faster or slower: at most 1 in 100",
            wrong <= len(same) / 100,
        ),
        (f"{found} of {len(five)} true 5 % found: at least 95 in 100", found >= 0.95 * len(five)),
        (f"{missed} of {len(one)} true 1 % called beyond their interval: none", missed == 0),
    ]


def read_options() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=1.0, help="CPU seconds of the program")
    parser.add_argument("--budget", type=float, default=600.0)
    parser.add_argument("--comparisons", type=int, default=200)
    parser.add_argument("--noise", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main() -> int:
    """Print the tables; the exit status is 1 where a promise is not kept."""
    options = read_options()
    machine = {"python": platform.python_version(), "machine": f"{platform.machine()}, {os.cpu_count()} cores"}
    print_heading("Verdicts", machine)
    results: dict[str, Result] = {}
    start = monotonic()
    if options.real:
        with tempfile.TemporaryDirectory(prefix="whet-proof-") as name:
            judgements, pairs, seconds = compare_really(options, Path(name).resolve())
        results["a/a really"] = Result("identical, on this machine", 1.0, judgements)
        if options.noise:
            options.noise.write_text(json.dumps({"seconds": seconds, "pairs": pairs}), encoding="utf-8")
    else:
        kept = json.loads(options.noise.read_text(encoding="utf-8"))
        pairs, seconds = kept["pairs"], kept["seconds"]
    noise = make_symmetric(pairs)
    most_pairs = int(options.budget / 2)  # of a program of 1 s
    for name, truth, count in (
        ("a/a", 1.0, max(options.comparisons * 2 - options.real, options.comparisons)),
        ("5 %", 1.05, options.comparisons),
        ("1 %", 1.01, options.comparisons),
    ):
        drawn = compare_by_drawing(noise, truth, count, most_pairs, options.seed)
        words = "identical, noise drawn" if truth == 1 else f"{name} faster, noise drawn"
        results[name] = Result(words, truth, drawn)
    spread = stdev(noise)
    print(
        f"\nOne run takes {seconds:.2f} s. Log ratio of a pair: standard deviation {spread:.4f}, mean of the unsigned "
        f"{mean(map(abs, noise)):.4f}, {len(noise) // 2} pairs, {monotonic() - start:.0f} s."
    )
    head = ["comparison", "number", "faster", "slower", "interval misses", "pairs, median", "most"]
    print_table("Calls", head, [result.row() for result in results.values()])
    print()
    promises = judge_promises(results)
    for words, is_kept in promises:
        print(f"- {words}: {'kept' if is_kept else 'BROKEN'}")
    return 0 if all(is_kept for _, is_kept in promises) else 1


if __name__ == "__main__":
    sys.exit(main())
