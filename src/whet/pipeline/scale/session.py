"""The runs of a scaling: a warm-up, a round in ascending order, then rounds in random order until it is known."""

from __future__ import annotations

import random
from dataclasses import replace
from math import log, sqrt
from pathlib import Path
from time import monotonic

from whet.model.run import Run
from whet.model.scaling import Scaling
from whet.model.trial import Clock
from whet.pipeline.scale.request import AUTO_SECONDS, MOST_SIZES, ScaleRequest
from whet.pipeline.scale.sized import Costs, pool_runs, run_memory, run_sized
from whet.program.arguments import mask_spec, mask_words
from whet.scale.fit import LEAST_SIZES, SIZE_ERROR, find_spread, fit_growth
from whet.scale.fit import Run as Measured

LEAST_ROUNDS = 2
"""Runs of each size, if the budget allows: without a second one nothing is known of the spread between runs."""
MOST_ROUNDS = 30
AUTO_SIZES = 8
AUTO_PART = 0.02
"""Of the sizes that ``auto`` tried, those count whose run took at least this part of the longest one's time."""
ENOUGH = 0.5
"""Part of the model's own error below which the error of the mean run does not matter."""
COMPUTES = 0.5
"""Part of its time that a program must compute for its CPU time to be fitted, which others affect less."""
INTERRUPTED = "ended by Ctrl-C"


class ScaleSession:
    """Runs the program at each size in turn. ``out`` is where captures go; they are removed after each run."""

    def __init__(self, request: ScaleRequest, out: Path) -> None:
        self.request, self.out = request, out
        self.costs = Costs()
        self.sizes: list[int] = list(request.sizes.given)
        self.notes: list[str] = []
        self.interrupted = False
        self.largest: list[Run] = []
        """The runs at the largest size so far."""
        self._largest_size = 0
        self._began = monotonic()
        self._made = 0
        self._seconds: dict[int, float] = {}
        """How long the last run of a size took, with all that whet did for it."""
        self._random = random.Random(request.seed)  # noqa: S311  the order of runs is no secret

    def run(self) -> Run:
        """Run everything and return the run at the largest size, with the scaling in it.

        Raises ``TargetError`` where the program fails, ``KeyboardInterrupt`` where that comes before anything is known.
        """
        try:
            self._warm_up()
            if self.sizes:
                self._play_first()
            else:
                self._find_sizes()
            self._play_on()
            if self.request.memory:
                self._measure_memory()
        except KeyboardInterrupt:
            if len({run.size for run in self.costs.runs}) < LEAST_SIZES:
                raise
            self.interrupted = True
            self.notes.append(f"{INTERRUPTED} after {len(self.costs.runs)} runs")
        return self._assemble()

    def _warm_up(self) -> None:
        """Run the smallest size once without counting it: it compiles modules and fills the system's caches."""
        self._measure(self.sizes[0] if self.sizes else self.request.sizes.smallest, counts=False)

    def _play_first(self) -> None:
        """Run each size once, ascending, as long as the next one is expected to fit into the budget."""
        for index, size in enumerate(list(self.sizes)):
            expected = self._expect(size)
            if index >= LEAST_SIZES and self._spent() + expected > self.request.budget:
                left = ", ".join(f"{each:,}" for each in self.sizes[index:])
                self.notes.append(
                    f"not run: n = {left}; a run at {size:,} was expected to take {expected:.0f} s of a budget of "
                    f"{self.request.budget:.0f} s (--budget)"
                )
                del self.sizes[index:]
                return
            self._measure(size)

    def _find_sizes(self) -> None:
        """Double the size until a run takes long enough; keep the sizes whose runs cost something."""
        size = self.request.sizes.smallest
        for _ in range(MOST_SIZES):
            self.sizes.append(size)
            self._measure(size)
            took = self.costs.runs[-1].wall_ns / 1e9
            size *= 2
            expected = self._expect(size)
            enough = took >= AUTO_SECONDS or self._spent() + expected > self.request.budget
            if len(self.sizes) >= LEAST_SIZES and (enough or expected > 4 * AUTO_SECONDS):
                break
        costs = {run.size: max(run.wall_ns, run.cpu_ns) for run in self.costs.runs}
        longest = max(costs.values())
        kept = [each for each in self.sizes if costs[each] >= AUTO_PART * longest][-AUTO_SIZES:]
        self.sizes = kept if len(kept) >= LEAST_SIZES else self.sizes[-LEAST_SIZES:]

    def _play_on(self) -> None:
        """Run rounds in random order until the exponent of the whole is known or the budget is spent."""
        rounds = 1
        while rounds < (self.request.rounds or MOST_ROUNDS):
            if self.request.rounds is None:
                expected = sum(self._seconds[size] for size in self.sizes)
                if self._spent() + expected > self.request.budget:
                    break
                if rounds >= LEAST_ROUNDS and self._is_known(rounds):
                    break
            order = list(self.sizes)
            self._random.shuffle(order)
            for size in order:
                self._measure(size)
            rounds += 1
        if rounds == 1:
            self.notes.append("each size ran once: how runs differ from one another is assumed, not measured")

    def _measure_memory(self) -> None:
        for size in self.sizes:
            self.costs.add_memory(size, run_memory(self.request, size, self.out))

    def _is_known(self, rounds: int) -> bool:
        """Whether the exponent of the whole is known, or as well as these sizes allow: more runs would not help."""
        clock = self._choose_clock()
        runs = [
            Measured(run.size, run.cost(clock), block=run.round) for run in self.costs.runs if run.size in self.sizes
        ]
        fit = fit_growth(runs)
        if fit is None or (fit.exponent.high - fit.exponent.low) / 2 <= self.request.precision:
            return fit is not None
        return find_spread(runs) / sqrt(rounds) <= ENOUGH * SIZE_ERROR

    def _measure(self, size: int, *, counts: bool = True) -> None:
        if self.request.progress is not None:
            self.request.progress(size, self._made + 1, self._spent())
        began = monotonic()
        run = run_sized(self.request, size, self.out)
        self._made += 1
        if counts:
            self.costs.add(size, run)
            if size > self._largest_size:
                self._largest_size = size
                self.largest.clear()
            if size == self._largest_size:
                self.largest.append(run)
        self._seconds[size] = monotonic() - began

    def _expect(self, size: int) -> float:
        """Return how long a run of a size takes, by the two largest ones before."""
        known = sorted(each for each in self._seconds if each < size)[-2:]
        if len(known) < 2:
            return self._seconds[known[0]] if known else 0.0
        first, last = known
        ratio = max(1.0, self._seconds[last] / self._seconds[first])
        return self._seconds[last] * float(ratio ** (log(size / last) / log(last / first)))

    def _spent(self) -> float:
        return monotonic() - self._began

    def _choose_clock(self) -> Clock:
        runs = [run for run in self.costs.runs if run.size == self.sizes[-1]]
        waited, busy = sum(run.waiting_ns for run in runs), sum(run.busy_ns for run in runs)
        if not busy:  # ended before it was sampled
            waited, busy = sum(run.wall_ns - run.cpu_ns for run in runs), sum(run.wall_ns for run in runs)
        computes = waited <= (1 - COMPUTES) * busy
        return Clock.CPU if computes else Clock.WALL

    def _assemble(self) -> Run:
        sizes = {run.size for run in self.costs.runs}.intersection(self.sizes)
        self.sizes = sorted(sizes)
        self.costs.keep(sizes)
        request = self.request
        make, *environ = mask_words((request.make, *request.environ), request.spec.directory)
        scaling = Scaling(
            command=mask_spec(request.spec),
            make=make,
            environ=tuple(environ),
            clock=self._choose_clock(),
            runs=tuple(self.costs.runs),
            places=self.costs.list_places(),
            lengths=self.costs.list_lengths(),
            memory_runs=tuple(self.costs.memory_runs),
            seconds=self._spent(),
            notes=tuple(self.notes),
            predict=request.predict,
        )
        run = pool_runs(self.largest)
        # What memray saw is in the scaling.
        missing = tuple(each for each in run.not_measured if each[0] != "memory" or not scaling.memory_runs)
        return replace(run, scaling=scaling, not_measured=missing)
