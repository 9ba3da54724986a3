"""The versions of a program that are compared, run one at a time: activated, isolated, contained, compared."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from time import monotonic
from typing import NamedTuple, Protocol

from whet.model.trial import Clock, Verdict
from whet.prove.behaviour import Behaviour
from whet.prove.run import Limits, Observed, Workload, run_once

BASELINE = "baseline"
COMPUTES = 0.5
"""From this part of CPU seconds in wall seconds on a program computes, and its CPU seconds are what is compared."""


COARSE_NS = 1_000_000_000 if os.name == "nt" else 0
"""Windows counts CPU time in ticks of 16 ms: of runs shorter than that, wall seconds say more."""


def choose_clock(runs: Sequence[Observed]) -> Clock:
    """Return by which seconds runs are compared: CPU for a program that computes, wall for one that waits."""
    cpu = sum(each.cpu_ns for each in runs)
    # On a busy machine a program that computes stands in line: that is no waiting of its own.
    wall = sum(each.wall_ns - each.delayed_ns for each in runs)
    return Clock.CPU if cpu >= max(COMPUTES * wall, COARSE_NS * len(runs)) else Clock.WALL


class Variants(Protocol):
    """What makes the versions of the program."""

    def enter(self, variant: str) -> Workload:
        """Return what to run for ``variant``, and let the runs from now on be of it."""


class Step(NamedTuple):
    """Where a session stands: for a live line."""

    run: int
    """Executions so far."""
    most: int
    """Executions that the budget holds, roughly."""
    seconds: float
    doing: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a variant cannot be taken: it failed, or did something else."""

    verdict: Verdict
    why: str


@dataclass(slots=True)
class Tally:
    """The costs of one variant's runs that count."""

    wall_ns: list[int]
    cpu_ns: list[int]
    peak_bytes: list[int]

    def cost(self, clock: Clock) -> list[int]:
        """Return what each run cost by a clock."""
        return self.wall_ns if clock is Clock.WALL else self.cpu_ns

    def median(self, clock: Clock) -> int:
        """Return the median cost of a run, in nanoseconds; 0 without runs."""
        return round(median(self.cost(clock))) if self.wall_ns else 0

    @property
    def peak(self) -> int:
        """Return the median peak, in bytes; 0 where it was not seen."""
        return round(median(self.peak_bytes)) if self.peak_bytes else 0


class VariantRunner:
    """Runs variants within the limits that the baseline sets, and counts what they need of the budget."""

    def __init__(
        self,
        variants: Variants,
        folder: Path,
        behaviour: Behaviour,
        *,
        budget: float,
        reset: Callable[[], None] = lambda: None,
        progress: Callable[[Step], None] | None = None,
    ) -> None:
        self.variants = variants
        self.folder = folder
        self.behaviour = behaviour
        self.budget = budget
        self.reset = reset
        self.progress = progress
        self.limits = Limits(seconds=budget)
        self.began = monotonic()
        self.clock = Clock.CPU
        self.unstable = ""
        """How the baseline differs from itself; empty while it does not."""
        self.runs = 0
        self.doing = ""
        self.seconds_a_run = 0.0
        self.seconds_of: dict[str, float] = {}
        """What a run of each variant takes, as far as that is known or can be guessed."""
        self.left_behind = 0
        self.failures: dict[str, Failure] = {}
        self.interrupted = False

    def left(self) -> float:
        """Return the seconds of the budget that are left; none after Ctrl-C."""
        return 0.0 if self.interrupted else self.budget - self.spent()

    def spent(self) -> float:
        """Return the seconds since the session began."""
        return monotonic() - self.began

    def expect(self, variants: Iterable[str]) -> float:
        """Return the seconds that one run of each of ``variants`` takes, roughly."""
        return sum(self.seconds_of.get(variant, self.seconds_a_run) for variant in variants)

    def observe(self, variant: str) -> Observed:
        """Run a variant once, from the first state of its working folder."""
        self.reset()
        workload = self.variants.enter(variant)
        # What a run printed goes before the next one of the same variant needs the room.
        out = self.folder / "printed"
        shutil.rmtree(out, ignore_errors=True)
        if self.progress is not None:
            most = self.runs + max(1, round(self.left() / self.seconds_a_run)) if self.seconds_a_run else 0
            self.progress(Step(self.runs + 1, most, self.spent(), self.doing))
        began = monotonic()
        limits = self.limits
        if variant == BASELINE and limits.seconds:
            # The baseline sets the limits, so it is not held to those that candidates have.
            limits = replace(limits, seconds=max(limits.seconds, self.left()))
        observed = run_once(workload, limits, out)
        took = monotonic() - began
        self.runs += 1
        self.left_behind = max(self.left_behind, observed.left_behind)
        self.seconds_a_run = took if not self.seconds_a_run else 0.8 * self.seconds_a_run + 0.2 * took
        self.seconds_of[variant] = 0.8 * self.seconds_of.get(variant, took) + 0.2 * took
        return observed

    def judge_behaviour(self, variant: str, observed: Observed) -> Failure | None:
        """Return why a run cannot be taken for one of a program that does the same; ``None`` where it can.

        A baseline that differs from itself makes its differences worthless: from then on only the exit status counts.
        """
        if observed.trouble:
            return Failure(Verdict.NOT_RUN, observed.trouble)
        if observed.ended is not None:
            why = self.limits.describe(observed.ended)
            return Failure(Verdict.FAILED if variant != BASELINE else Verdict.NOT_RUN, f"{why}, and was ended")
        difference = self.behaviour.compare(observed)
        if not difference:
            return None
        if observed.status != self.behaviour.status:
            return Failure(Verdict.FAILED if variant != BASELINE else Verdict.NOT_RUN, difference)
        if variant == BASELINE:
            self.unstable = self.unstable or difference
        return None if self.unstable else Failure(Verdict.DIFFERENT_OUTPUT, difference)

    def try_variant(self, variant: str) -> Observed | None:
        """Run a variant and compare what it does; ``None`` where it cannot be taken: see ``failures``."""
        observed = self.observe(variant)
        failure = self.judge_behaviour(variant, observed)
        if failure is None:
            return observed
        self.failures[variant] = failure
        return None
