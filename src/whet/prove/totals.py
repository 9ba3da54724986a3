"""Fresh rounds, baseline against the faster rewrites: the reported figure, free of selection bias."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from whet.model.trial import GAINED, Total, Verdict
from whet.prove.behaviour_filter import BehaviourFilter
from whet.prove.conclusion import judge_match
from whet.prove.options import Aim, ProveOptions
from whet.prove.rewrites import Unit
from whet.prove.rounds import Match, Scores, play_on
from whet.prove.stats import Call, Design, split_error
from whet.prove.variants import BASELINE, VariantRunner

WON = "won"
WITHOUT_OFFERS = "won without offers"
EARLY_PAIRS, MIDDLE_PAIRS, TOTAL_PAIRS = 8, 13, 20
"""Pairs of the fresh rounds, if they fit into the budget. They end at the earlier ones where the interval is narrow:"""
NARROW = 0.1
"""at most this fraction of the gain to either side, both as logarithms,"""
NARROWEST, WIDEST = 0.03, 0.05
"""but never to be narrower than the first of these, nor wider than the second."""
LEAST_TOTAL = 8
"""Pairs of the fresh rounds for which time is reserved, or"""
TOTAL_BUDGET = 0.2
"""this fraction of the budget, if that is more."""
MORE_PAIRS = (2, 3)
"""As many times the pairs there may be where they do not suffice to show a gain, as far as the budget goes."""
LOOK_ERRORS = {EARLY_PAIRS: 0.2, MIDDLE_PAIRS: 0.2, TOTAL_PAIRS: 0.4}
"""Fractions of the error that the looks may spend; the rest is for those further pairs."""
TOTAL_ERROR = 0.5
"""Fraction of the session's error that the fresh rounds may spend; the comparisons before them share the rest."""
_NAMES = {WON: "total", WITHOUT_OFFERS: "total without offers"}


@dataclass(slots=True)
class FreshRounds:
    """Measures totals. ``filter`` creates the variants, ``notes`` are told what was not measured."""

    filter: BehaviourFilter
    runner: VariantRunner
    options: ProveOptions
    rng: random.Random
    notes: list[str]

    def play(self, won: Sequence[Unit], a_round: float) -> dict[str, Total]:
        """Return the total of the faster units, ``WON``, and of those that are no offers where both kinds are there.

        ``a_round`` is the expected duration of one round, in seconds.
        """
        variants = {WON: list(won)}
        without_offers = [unit for unit in won if not unit.is_offer]
        if without_offers and len(without_offers) < len(won):
            variants[WITHOUT_OFFERS] = without_offers
        error = split_error(TOTAL_ERROR * (1 - self.options.confidence), len(variants))
        sound = [variant for variant, units in variants.items() if self._is_fit(variant, units)]
        scores, matches = self.play_matches(sound, a_round, error)
        nothing = {variant: _make_nothing(variant, units) for variant, units in variants.items()}
        return nothing | {match.name: self._make_total(variants[match.name], match, scores) for match in matches}

    def play_matches(self, variants: Sequence[str], a_round: float, error: float) -> tuple[Scores, list[Match]]:
        """Run the rounds: few where they show enough, as many as planned, or more where these show no gain yet.

        Each of ``variants`` may spend ``error``.
        """
        options, scores = self.options, Scores()
        matches = [Match(each, BASELINE, each, Design((), error, options.threshold)) for each in variants]
        pairs = max(2, min(options.runs or TOTAL_PAIRS, self._afford(a_round)))
        left, wide = sum(LOOK_ERRORS.values()), matches
        for early in [] if options.runs else [look for look in LOOK_ERRORS if look < pairs]:
            play_on(self.runner, wide, self.rng, (early,), LOOK_ERRORS[early] * error, scores)
            left -= LOOK_ERRORS[early]
            wide = [match for match in wide if not is_narrow(match, options.aim)]
        play_on(self.runner, wide, self.rng, (pairs,), left * error, scores)
        # Each of the rewrites was shown to gain.
        unclear = [match for match in wide if match.judgement and not match.spoilt and self._shows_nothing(match)]
        if unclear and not options.runs and not self.runner.interrupted:
            most = pairs + self._afford(self.runner.expect([BASELINE, *(match.candidate for match in unclear)]))
            looks = tuple(dict.fromkeys(min(times * pairs, most) for times in MORE_PAIRS))
            if looks[0] > pairs:
                play_on(self.runner, unclear, self.rng, looks, (1 - sum(LOOK_ERRORS.values())) * error, scores)
        return scores, matches

    def _shows_nothing(self, match: Match) -> bool:
        return match.call is Call.OPEN and judge_match(match, self.options) not in GAINED

    def _afford(self, a_round: float) -> int:
        return int(self.runner.left() / max(a_round, 1e-9))

    def _is_fit(self, variant: str, units: list[Unit]) -> bool:
        """Create a variant from units and run the tests on it, if there are any."""
        if self.filter.define(variant, units) and self.filter.test(variant):
            return True
        self.notes.append(f"the {_NAMES[variant]} was not measured: {self.runner.failures[variant].why}")
        return False

    def _make_total(self, units: Sequence[Unit], match: Match, scores: Scores) -> Total:
        gain = scores.gain(match, self.runner)
        if match.spoilt or gain is None:
            ended = "it was ended by Ctrl-C" if self.runner.interrupted else "the budget was used up"
            self.notes.append(f"the {_NAMES[match.name]} was not measured: {match.spoilt or ended}")
            return _make_nothing(match.name, units)
        told = replace(gain, confidence=self.options.confidence)
        return Total(told, judge_match(match, self.options), list_ids(units))


def _make_nothing(name: str, units: Sequence[Unit]) -> Total:
    # Without a measurement together, no gain together is reported.
    return Total(None, Verdict.NOT_RUN, () if name == WON else list_ids(units))


def is_narrow(match: Match, aim: Aim) -> bool:
    """Whether a match shows a difference, and its size well enough that more pairs would tell nobody more."""
    if match.judgement is None:
        return False
    is_time = aim is Aim.TIME or (aim is Aim.BOTH and match.call in {Call.FASTER, Call.SLOWER})
    found = match.judgement.interval if is_time else match.memory
    if found is None or found.low <= 1 <= found.high:
        return False
    half = math.log(found.high / found.low) / 2
    return half <= min(WIDEST, max(NARROWEST, NARROW * abs(math.log(found.low * found.high) / 2)))


def list_ids(units: Sequence[Unit]) -> tuple[str, ...]:
    """Return the ids of the rewrites of some units."""
    return tuple(id_ for unit in units for id_ in unit.ids)
