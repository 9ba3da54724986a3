"""Runs matches between variants: rounds in random order, each match until it is decided, all within the budget."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from whet.model.trial import Clock, Gain, MemoryChange
from whet.prove.run import Observed
from whet.prove.stats import Call, Design, Judgement, find_interval, judge, log_ratio
from whet.prove.variants import Tally, VariantRunner


@dataclass(slots=True)
class Match:
    """A comparison of two variants. ``design`` defines its interim looks."""

    name: str
    baseline: str
    candidate: str
    design: Design
    log_ratios: list[float] = field(default_factory=list)
    peak_log_ratios: list[float] = field(default_factory=list)
    """The same of the most resident memory, of the pairs in which it was seen."""
    judgement: Judgement | None = None
    spoilt: str = ""
    """Why it cannot continue: one of its variants failed."""

    @property
    def is_open(self) -> bool:
        """Whether it needs more pairs."""
        return not self.spoilt and not (self.judgement is not None and self.judgement.settled)

    @property
    def call(self) -> Call:
        """The current verdict."""
        return self.judgement.call if self.judgement is not None and not self.spoilt else Call.OPEN

    def compare(self, before: Observed, after: Observed, clock: Clock) -> float | None:
        """Return the logarithm of a pair's ratio; ``None`` if it does not count."""
        return log_ratio(before.cost(clock), after.cost(clock))

    @property
    def memory(self) -> MemoryChange | None:
        """The change of the most resident memory so far; it has no part in when the match ends."""
        if len(self.peak_log_ratios) < 2:
            return None
        found = find_interval(self.peak_log_ratios, self.design.error_a_look)
        return MemoryChange(1 / found.estimate, 1 / found.high, 1 / found.low)


@dataclass(slots=True)
class Scores:
    """The results: matches, and the costs of each variant in them."""

    tallies: dict[str, Tally] = field(default_factory=dict)

    def gain(self, match: Match, runner: VariantRunner) -> Gain | None:
        """Return the match as a gain; ``None`` before there is a verdict."""
        if match.judgement is None or match.spoilt:
            return None
        interval = match.judgement.interval
        before, after = self.tallies[match.baseline], self.tallies[match.candidate]
        return Gain(
            interval.estimate,
            interval.low,
            interval.high,
            interval.pairs,
            interval.confidence,
            runner.clock,
            before.median(runner.clock),
            after.median(runner.clock),
            before.peak,
            after.peak,
            match.memory,
            baseline_requests=before.requests,
            candidate_requests=after.requests,
        )


class Play(Protocol):
    """Runs matches within what a session has left, as :func:`play` does."""

    def __call__(
        self, matches: Sequence[Match], *, beside: Sequence[Match] = (), is_enough: Callable[[], bool] = lambda: False
    ) -> Scores:
        """Return the results."""


def play(
    runner: VariantRunner,
    matches: Sequence[Match],
    rng: random.Random,
    *,
    reserve: float = 0.0,
    scores: Scores | None = None,
    beside: Sequence[Match] = (),
    is_enough: Callable[[], bool] = lambda: False,
) -> Scores:
    """Run ``matches`` until all are decided, or only ``reserve`` seconds of the budget are left, or it is enough.

    Each round runs every variant that an open match needs once, in random order, so
    that drift affects all of them. Ctrl-C ends the rounds as the budget does: the results
    so far are judged, and the runner is marked as interrupted. ``scores`` are those of earlier rounds to go on from.
    Matches ``beside`` take part in all rounds, and nothing is run for them alone.
    """
    scores = scores or Scores()
    try:
        while any(match.is_open for match in matches):
            runner.known = tell_known(matches)
            if is_enough():
                break
            variants = list(
                dict.fromkeys(variant for m in matches if m.is_open for variant in (m.baseline, m.candidate))
            )
            if runner.left() - reserve < runner.expect(variants):
                break
            _play_round(runner, [*matches, *beside], variants, rng, scores)
    except KeyboardInterrupt:
        runner.interrupted = True
    runner.known = ""
    for match in (*matches, *beside):
        if match.is_open:
            match.judgement = judge(match.log_ratios, match.design, ending=True)
    return scores


def tell_known(matches: Sequence[Match]) -> str:
    """Return what matches show so far, for a progress line; empty before the first look."""
    judged = [match.judgement.interval for match in matches if match.judgement is not None]
    if len(matches) == 1 and judged:
        return f"so far {judged[0].estimate:.2f}× [{judged[0].low:.2f}, {judged[0].high:.2f}]"
    return f"{sum(not match.is_open for match in matches)} of {len(matches)} decided" if judged else ""


def play_on(
    runner: VariantRunner,
    matches: Sequence[Match],
    rng: random.Random,
    looks: tuple[int, ...],
    error: float,
    scores: Scores,
) -> None:
    """Give decided matches more pairs, with ``looks`` at all of their pairs that may spend ``error`` in addition.

    A match for which nothing was added keeps what it had.
    """
    before = [(match, match.judgement, match.design, len(match.log_ratios)) for match in matches]
    for match in matches:
        match.judgement, match.design = None, Design(looks, error, match.design.threshold)
    play(runner, matches, rng, scores=scores)
    for match, judgement, design, count in before:
        if len(match.log_ratios) == count and not match.spoilt:
            match.judgement, match.design = judgement, design


def _play_round(
    runner: VariantRunner, matches: Sequence[Match], variants: list[str], rng: random.Random, scores: Scores
) -> None:
    rng.shuffle(variants)
    runs: dict[str, Observed] = {}
    for variant in variants:
        observed = runner.try_variant(variant)
        if observed is None:
            for match in matches:
                if match.is_open and variant in (match.baseline, match.candidate):
                    match.spoilt = runner.failures[variant].why
            continue
        tally = scores.tallies.setdefault(variant, Tally([], [], []))
        tally.wall_ns.append(observed.cost(Clock.WALL))
        tally.cpu_ns.append(observed.cpu_ns)
        if observed.served is not None:
            tally.served.append(observed.served)
        if observed.peak_bytes:
            tally.peak_bytes.append(observed.peak_bytes)
        runs[variant] = observed
    for match in matches:
        if match.is_open and match.baseline in runs and match.candidate in runs:
            before, after = runs[match.baseline], runs[match.candidate]
            ratio = match.compare(before, after, runner.clock)
            if ratio is None:
                continue
            match.log_ratios.append(ratio)
            if before.peak_bytes and after.peak_bytes:
                match.peak_log_ratios.append(log_ratio(before.peak_bytes, after.peak_bytes))
            if len(match.log_ratios) in match.design.looks:
                match.judgement = judge(match.log_ratios, match.design)
