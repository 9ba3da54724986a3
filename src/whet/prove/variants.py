"""The versions of a program that are compared, run one at a time: activated, isolated, contained, compared."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field, replace
from pathlib import Path
from statistics import median
from time import monotonic
from typing import NamedTuple, Protocol

from whet.model.trial import Clock, RequestFigures, Verdict
from whet.prove.behaviour import Behaviour
from whet.prove.run import Limits, Observed, RunSampler, Workload, run_once
from whet.prove.serving import Served
from whet.records import dataclass

BASELINE = "baseline"
COMPUTES = 0.5
"""CPU/wall ratio from which a program counts as CPU-bound, and CPU time is compared."""


COARSE_NS = 1_000_000_000 if os.name == "nt" else 0
"""Windows counts CPU time in ticks of 16 ms: for shorter runs, wall time is more precise."""


def choose_clock(runs: Sequence[Observed]) -> Clock:
    """Return the clock to compare by: CPU time for a program that computes, wall time for one that waits, or serves."""
    if any(each.served is not None for each in runs):
        return Clock.WALL
    cpu = sum(each.cpu_ns for each in runs)
    # On a busy machine a program that computes is not always scheduled: that is not waiting of its own.
    wall = sum(each.wall_ns - each.delayed_ns for each in runs)
    return Clock.CPU if cpu >= max(COMPUTES * wall, COARSE_NS * len(runs)) else Clock.WALL


class Variants(Protocol):
    """Provides the versions of the program."""

    def enter(self, variant: str) -> Workload:
        """Return what to run for ``variant``, and make it the active one."""


class Step(NamedTuple):
    """Progress of a session, for a progress line."""

    run: int
    """Executions so far."""
    most: int
    """Approximate number of executions that fit into the budget."""
    seconds: float
    doing: str
    known: str = ""
    """What the comparisons show so far, in words."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a variant is rejected: it failed, or behaved differently."""

    verdict: Verdict
    why: str


@dataclass(slots=True)
class Tally:
    """The costs of one variant's valid runs."""

    wall_ns: list[int]
    cpu_ns: list[int]
    peak_bytes: list[int]
    served: list[Served] = field(default_factory=list)
    """Of a server, what the load of each run found out."""

    def cost(self, clock: Clock) -> list[int]:
        """Return the cost of each run by a clock."""
        return self.wall_ns if clock is Clock.WALL else self.cpu_ns

    def median(self, clock: Clock) -> int:
        """Return the median cost of a run, in nanoseconds; 0 without runs."""
        return round(median(self.cost(clock))) if self.wall_ns else 0

    @property
    def requests(self) -> RequestFigures | None:
        """Return the medians of what the loads found out; ``None`` if it is no server."""
        if not self.served:
            return None
        rates = [each.requests * 1e9 / max(1, each.elapsed_ns) for each in self.served]
        p50, p95 = (round(median(getattr(each, name) for each in self.served)) for name in ("p50_ns", "p95_ns"))
        return RequestFigures(round(median(rates), 3), p50, p95)

    @property
    def peak(self) -> int:
        """Return the median peak, in bytes; 0 if it was not measured."""
        return round(median(self.peak_bytes)) if self.peak_bytes else 0


class VariantRunner:
    """Runs variants within the limits from the baseline, and counts their share of the budget."""

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
        """How the baseline differs from itself; empty if it does not."""
        self.is_server = False
        self.runs = 0
        self.doing = ""
        self.known = ""
        self.seconds_a_run = 0.0
        self.seconds_of: dict[str, float] = {}
        """Duration of a run of each variant, if known or estimated."""
        self.left_behind = 0
        self.failures: dict[str, Failure] = {}
        self.interrupted = False
        self.sampler: RunSampler | None = None
        """Samples the runs from now on."""

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
        """Run a variant once, from the initial state of its working folder."""
        self.reset()
        workload = self.variants.enter(variant)
        # A run's output is deleted before the next one of the same variant needs the space.
        out = self.folder / "printed"
        shutil.rmtree(out, ignore_errors=True)
        if self.progress is not None:
            most = self.runs + max(1, round(self.left() / self.seconds_a_run)) if self.seconds_a_run else 0
            self.progress(Step(self.runs + 1, most, self.spent(), self.doing, self.known))
        began = monotonic()
        limits = self.limits
        if variant == BASELINE and limits.seconds:
            # The baseline defines the limits, so those of candidates do not apply to it.
            limits = replace(limits, seconds=max(limits.seconds, self.left()))
        observed = run_once(workload, limits, out, self.sampler)
        took = monotonic() - began
        self.is_server = observed.served is not None
        self.runs += 1
        self.left_behind = max(self.left_behind, observed.left_behind)
        self.seconds_a_run = took if not self.seconds_a_run else 0.8 * self.seconds_a_run + 0.2 * took
        self.seconds_of[variant] = 0.8 * self.seconds_of.get(variant, took) + 0.2 * took
        return observed

    def judge_behaviour(self, variant: str, observed: Observed) -> Failure | None:
        """Return why a run does not show the same behaviour as the baseline; ``None`` if it does.

        If the baseline differs from itself, differences mean nothing: from then on only the exit status counts.
        """
        if observed.trouble:
            return Failure(Verdict.NOT_RUN, observed.trouble)
        if observed.ended is not None:
            why = self.limits.describe(observed.ended)
            return Failure(Verdict.FAILED if variant != BASELINE else Verdict.NOT_RUN, f"{why}, and was stopped")
        if observed.served is not None and observed.served.failure:
            return Failure(Verdict.FAILED if variant != BASELINE else Verdict.NOT_RUN, observed.served.failure)
        difference = self.behaviour.compare(observed)
        if not difference:
            return None
        if observed.status != self.behaviour.status:
            return Failure(Verdict.FAILED if variant != BASELINE else Verdict.NOT_RUN, difference)
        if variant == BASELINE:
            self.unstable = self.unstable or difference
        return None if self.unstable else Failure(Verdict.DIFFERENT_OUTPUT, difference)

    def try_variant(self, variant: str) -> Observed | None:
        """Run a variant and compare its behaviour; ``None`` if it is rejected: see ``failures``."""
        observed = self.observe(variant)
        failure = self.judge_behaviour(variant, observed)
        if failure is None:
            return observed
        self.failures[variant] = failure
        return None
