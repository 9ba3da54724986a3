"""The runs of a bench: a warm-up, then rounds in which each variant runs once, in random order."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from whet.errors import TargetError
from whet.model.bench import SlowdownCall
from whet.model.trial import Clock
from whet.pipeline.bench.figures import choose_clock, compare_pairs
from whet.pipeline.bench.tests import Run, TestComparer, read_tests
from whet.pipeline.bench.variants import BenchRequest, Runner
from whet.prove.run import Limits, Observed, describe_status, limit_by, run_once
from whet.prove.stats import FIRST_LOOK, plan_looks

MOST_ROUNDS = 100
LEAST_ROUNDS = FIRST_LOOK
"""Minimum number of runs, whatever the budget: fewer show next to nothing."""
LEAST_FOR_LIMITS = 2
INTERRUPTED = "ended by Ctrl-C"


class BenchSession:
    """The runs: warm-up, then rounds in which each variant runs once, in random order."""

    def __init__(
        self, request: BenchRequest, runners: Sequence[Runner], folder: Path, tests: TestComparer | None = None
    ) -> None:
        self.request, self.runners, self.folder = request, runners, folder
        self.tests = tests
        """Where the program is pytest in two versions."""
        self.is_versions = isinstance(request.against, str)
        self.planned = request.runs or MOST_ROUNDS
        self.rounds = 0
        self.began = monotonic()
        self.clock = request.clock
        """Chosen once: a clock that could change between interim looks would be chosen by its result."""
        self._runs = 0
        self._limits = Limits()
        self._first: list[Observed] = []
        self._random = random.Random(request.seed)  # noqa: S311  the order of runs is no secret
        self._design = plan_looks(max(2, self.planned), error=1 - request.confidence)

    def run(self) -> tuple[str, ...]:
        """Run everything and return notes."""
        try:
            for _ in range(self.request.warmup):
                for runner in self.runners:
                    self._observe(runner)
            while self.rounds < self.planned and not self._is_over():
                self._play_round()
        except KeyboardInterrupt:
            if self.rounds < 2:
                raise
            return (f"{INTERRUPTED} after {self.rounds} runs per variant",)
        return ()

    def _is_over(self) -> bool:
        if self.request.runs is not None:
            return False
        if self.is_versions and self.rounds in self._design.looks and self._is_settled():
            return True
        spent = monotonic() - self.began
        a_round = spent / max(1, self.rounds + self.request.warmup)
        return self.rounds >= LEAST_ROUNDS and spent + a_round > self.request.budget

    def _is_settled(self) -> bool:
        """Whether it is clear on which side of the limit the slowdown is: the design allows interim looks."""
        before, after = (runner.finish() for runner in self.runners)
        clock = self.choose_clock()
        planned = self._design.most_pairs
        found = compare_pairs(
            before, after, clock, error=self.find_error(), limit=self.request.max_slowdown, planned=planned
        )
        return found.call is not SlowdownCall.OPEN and (
            self.tests is None or self.tests.is_settled((before, after), planned)
        )

    @property
    def plan(self) -> int | None:
        """The pairs at most, where interim looks share the error; ``None`` for a fixed number of runs."""
        return None if self.request.runs is not None else self.planned

    def find_error(self) -> float:
        """Return the error that the comparison of two versions may have; tests have their share of it."""
        return self.tests.split() if self.tests is not None else 1 - self.request.confidence

    def choose_clock(self) -> Clock:
        """Return the clock to compare by, decided from the first variant at the first call."""
        first = self.runners[0]
        self.clock = self.clock or choose_clock(first.finish(), first.delayed_ns)
        return self.clock

    def _play_round(self) -> None:
        order = list(self.runners)
        self._random.shuffle(order)
        taken = [(runner, self._observe(runner), self._read_tests(runner)) for runner in order]
        # A round counts whole or not at all, so that Ctrl-C leaves the pairs complete.
        for runner, observed, tests in taken:
            if self.tests is not None:
                (self.tests.baseline if runner is self.runners[0] else self.tests.candidate).append(tests)
            runner.wall_ns.append(observed.cost(Clock.WALL))
            runner.cpu_ns.append(observed.cpu_ns)
            runner.peak_bytes.append(observed.peak_bytes)
            runner.delayed_ns += observed.delayed_ns
        self.rounds += 1

    def _read_tests(self, runner: Runner) -> Run:
        return read_tests(runner.durations) if runner.durations is not None else {}

    def _observe(self, runner: Runner) -> Observed:
        out = self.folder / "printed"
        shutil.rmtree(out, ignore_errors=True)
        if self.request.progress is not None:
            self.request.progress(self._runs + 1, monotonic() - self.began)
        is_baseline = runner is self.runners[0]
        limits = self._limits if self.is_versions and not is_baseline else Limits()
        observed = run_once(runner.workload, limits, out)
        self._runs += 1
        label = runner.variant.label
        if observed.trouble:
            raise TargetError(f"{label}: {observed.trouble}", "fix the command, or drop it")
        if observed.ended is not None:
            raise TargetError(
                f"{label}: {limits.describe(observed.ended)}, far more than the other variant needed, and was stopped",
                "run the program by hand to see why",
            )
        if observed.status:
            said = observed.last_words() or observed.last_words("stdout")
            hint = "the program must exit with status 0"
            if self.is_versions and is_baseline:
                hint = "a checkout contains only files tracked by git: ignored data and compiled files are missing"
            raise TargetError(f"{label}: the program ended with {describe_status(observed.status)}: {said}", hint)
        if is_baseline and len(self._first) < LEAST_FOR_LIMITS:
            self._first.append(observed)
            self._limits = limit_by(self._first)
        return observed
