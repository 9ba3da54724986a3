"""Whether the verdicts of ``whet prove`` keep their promises: how often it is wrong, and what it finds.

    python benchmarks/proof.py [--real N] [--seconds S] [--noise FILE [--for SECONDS]] [--comparisons N] [--budget S]

1. ``--real`` comparisons (100) of a program with itself on this machine, done as ``whet prove`` does them: overlay
   on both sides, rounds in random order, looked at until it is clear. Called faster or slower: at most 1 in 100.
2. The log ratios of these pairs are the machine's noise. Comparisons made by drawing from it: 300 of a program
   with itself, 200 with a true 5 %, of which 95 in 100 must be found, and 200 with 1 %, whose intervals must hold it.
3. Likewise drawn: comparisons of three pairs, the fewest that a small budget may allow; the fresh rounds for a total
   (identical, 5 %, 2.5 times as fast); and parts that samples tell (identical, 5 %), of a tenth of the program, sampled
   200 times a second, with the error that samples have.

``--noise FILE`` keeps the real comparisons there, each as soon as it is over. Started again, it goes on where it was
ended, so that a long measurement can be made in pieces: ``--for 150`` ends one before the comparison that would go
beyond. The tables are about what there is by then. See README.md beside this file.
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
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median, stdev
from time import monotonic
from typing import Any

from lib.drawn import draw_parts, draw_totals
from lib.runner import show_progress
from lib.tables import print_heading, print_table

from whet.program.spec import TargetKind, TargetSpec
from whet.prove.behaviour import Behaviour
from whet.prove.rounds import Match, play
from whet.prove.sandbox import Program, Sandbox
from whet.prove.session import LEAST_PAIRS
from whet.prove.stats import FIRST_LOOK, Call, Interval, Judgement, judge, plan_looks
from whet.prove.variants import BASELINE, VariantRunner

HERE = Path(__file__).parent / "programs"
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of many comparisons of one kind."""

    name: str
    truth: float
    judgements: list[Judgement]

    @property
    def intervals(self) -> list[tuple[float, float]]:
        """The ends of all intervals."""
        return [(each.interval.low, each.interval.high) for each in self.judgements]

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


@dataclass(slots=True)
class Measured:
    """Comparisons of a program with itself, on one machine: the judgement on each, and its pairs' log ratios."""

    setting: dict[str, Any]
    """What must be equal for comparisons to belong together."""
    seconds: float = 0.0
    judgements: list[Judgement] = field(default_factory=list)
    pairs: list[list[float]] = field(default_factory=list)
    spent: float = 0.0
    """Seconds that all of them took."""


def read_measured(file: Path | None, setting: dict[str, Any]) -> Measured:
    """Return what there is. Ends the program where that was measured otherwise."""
    if file is None or not file.is_file():
        return Measured(setting)
    kept = json.loads(file.read_text(encoding="utf-8"))
    if kept["setting"] != setting:
        raise SystemExit(f"{file} was measured otherwise: {kept['setting']}, now {setting}")
    judgements = [
        Judgement(Call(row["call"]), Interval(*(row[name] for name in _INTERVAL)), settled=True)
        for row in kept["comparisons"]
    ]
    pairs = [row["log_ratios"] for row in kept["comparisons"]]
    return Measured(setting, kept["seconds"], judgements, pairs, kept["spent"])


def write_measured(measured: Measured, file: Path) -> None:
    """Keep what there is; the file is the old one or the new."""
    rows = [
        {"call": judged.call.value, **{name: getattr(judged.interval, name) for name in _INTERVAL}, "log_ratios": pairs}
        for judged, pairs in zip(measured.judgements, measured.pairs, strict=True)
    ]
    document = {"setting": measured.setting, "seconds": measured.seconds, "spent": measured.spent, "comparisons": rows}
    new = file.with_name(f"{file.name}.new")
    new.write_text(json.dumps(document), encoding="utf-8")
    new.replace(file)


_INTERVAL = ("estimate", "low", "high", "pairs", "confidence")


def compare_really(options: argparse.Namespace, folder: Path, measured: Measured) -> None:
    """Compare a program with itself until there are as many comparisons as asked for, or the time is over."""
    originals = {str(HERE / "busy_work.py"): (HERE / "busy_work.py").read_bytes()}
    spec = TargetSpec(TargetKind.SCRIPT, "busy_while.py", (str(options.seconds),), str(HERE))
    stage = Sandbox(Program(sys.executable, str(HERE), spec), originals, folder, dict(os.environ))
    stage.open(options.budget)
    stage.define({BASELINE: originals, OTHER: originals})
    start = monotonic()
    before, already = measured.spent, len(measured.judgements)
    # Another order of runs for each piece.
    chance = random.Random(options.seed + already)
    while (number := len(measured.judgements)) < options.real:
        took = (monotonic() - start) / (number - already) if number > already else measured.spent / max(1, number)
        if options.time and monotonic() - start + took > options.time and number > already:
            break
        show_progress(number + 1, options.real, "comparisons")
        behaviour = Behaviour(stage.directory, folder / "reference")
        runner = VariantRunner(stage, folder, behaviour, budget=options.budget, reset=stage.reset)
        behaviour.remember(runner.observe(BASELINE))
        most = max(2, int(runner.left() / (2 * runner.seconds_a_run)))
        match = Match("a/a", BASELINE, OTHER, plan_looks(most))
        play(runner, [match], chance)
        if match.judgement is None:
            raise SystemExit(f"not one comparison fits into {options.budget} s")
        measured.judgements.append(match.judgement)
        measured.pairs.append(match.log_ratios)
        measured.seconds = runner.seconds_a_run
        measured.spent = before + monotonic() - start
        if options.noise:
            write_measured(measured, options.noise)


def compare_by_drawing(
    noise: Sequence[float], truth: float, count: int, most_pairs: int, seed: int, first: int = FIRST_LOOK
) -> list[Judgement]:
    """Make comparisons up from noise and a true ratio, each as it would have been looked at."""
    chance = random.Random(seed)
    design = plan_looks(most_pairs, first=first)
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
    same = [each for result in results.values() if result.truth == 1 for each in result.judgements]
    wrong = sum(each.call in {Call.FASTER, Call.SLOWER} for each in same)
    parts, totals = results["part 1.05"].judgements, [each for name, each in results.items() if "total" in name]
    parts_found = sum(each.call is Call.FASTER for each in parts)
    beyond = sum(not low <= result.truth <= high for result in totals for low, high in result.intervals)
    number = sum(len(each.judgements) for each in totals)
    five, one = results["5 %"].judgements, results["1 %"].judgements
    found = sum(each.call is Call.FASTER for each in five)
    missed = sum(not each.interval.low <= 1.01 <= each.interval.high for each in one if each.call is not Call.OPEN)
    return [
        (
            f"{wrong} of {len(same)} identical programs called faster or slower: at most 1 in 100",
            wrong <= len(same) / 100,
        ),
        (f"{found} of {len(five)} true 5 % found: at least 95 in 100", found >= 0.95 * len(five)),
        (f"{parts_found} of {len(parts)} parts of 5 % found: at least 95 in 100", parts_found >= 0.95 * len(parts)),
        (f"{beyond} of {number} totals beyond their interval: at most 1 in 100", beyond <= number / 100),
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
    parser.add_argument("--for", dest="time", type=float, default=0.0, metavar="SECONDS", help="of real comparisons")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main() -> int:
    """Print the tables; the exit status is 1 where a promise is not kept."""
    options = read_options()
    machine = {"python": platform.python_version(), "machine": f"{platform.machine()}, {os.cpu_count()} cores"}
    print_heading("Verdicts", machine)
    results: dict[str, Result] = {}
    setting = {**machine, "seconds": options.seconds, "budget": options.budget}
    measured = read_measured(options.noise, setting)
    if len(measured.judgements) < options.real:
        with tempfile.TemporaryDirectory(prefix="whet-proof-") as name:
            compare_really(options, Path(name).resolve(), measured)
    if not measured.pairs:
        raise SystemExit("there is no real comparison to take noise from: --real N")
    done, pairs, seconds = len(measured.judgements), measured.pairs, measured.seconds
    results["a/a really"] = Result("identical, on this machine", 1.0, measured.judgements)
    if done < options.real:
        print(f"\n{done} of {options.real} real comparisons are done; the same command goes on with them.")
    noise = make_symmetric(pairs)
    most_pairs = int(options.budget / 2)  # of a program of 1 s
    for name, truth, count in (
        ("a/a", 1.0, max(options.comparisons * 2 - done, options.comparisons)),
        ("5 %", 1.05, options.comparisons),
        ("1 %", 1.01, options.comparisons),
    ):
        drawn = compare_by_drawing(noise, truth, count, most_pairs, options.seed)
        words = "identical, noise drawn" if truth == 1 else f"{name} faster, noise drawn"
        results[name] = Result(words, truth, drawn)
    # A budget that is enough for the fewest pairs only.
    for truth, often in ((1.0, 10), (2.0, 1)):
        drawn = compare_by_drawing(noise, truth, often * options.comparisons, LEAST_PAIRS, options.seed, LEAST_PAIRS)
        words = "identical" if truth == 1 else "100 % faster"
        results[f"few {truth}"] = Result(f"{LEAST_PAIRS} pairs, {words}, drawn", truth, drawn)
    count = options.comparisons
    for kind, truth in (("total", 1.0), ("total", 1.05), ("total", 2.5), ("part", 1.0), ("part", 1.05)):
        words = "identical" if truth == 1 else f"{(truth - 1) * 100:.0f} % faster"
        judged = (
            draw_totals(noise, truth, count, options.seed)
            if kind == "total"
            else draw_parts(noise, truth, count, most_pairs, options.seed)
        )
        results[f"{kind} {truth}"] = Result(f"{kind}, {words}, drawn", truth, judged)
    spread = stdev(noise)
    print(
        f"\nOne run takes {seconds:.2f} s. Log ratio of a pair: standard deviation {spread:.4f}, mean of the unsigned "
        f"{mean(map(abs, noise)):.4f}, {len(noise) // 2} pairs, {measured.spent:.0f} s."
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
