"""What each of several units gains: told by samples where these can, else by runs without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from whet.model.trial import GAINED, Gain, Verdict
from whet.prove.allowance import Allowance
from whet.prove.behaviour_filter import ALL, BehaviourFilter
from whet.prove.conclusion import judge_match
from whet.prove.options import ProveOptions
from whet.prove.parts import judge_parts
from whet.prove.regions import Regions
from whet.prove.rewrites import Unit
from whet.prove.rounds import Match
from whet.prove.run import RunSampler
from whet.prove.sandbox import Sandbox
from whet.prove.stats import FIRST_LOOK, Call
from whet.prove.variants import BASELINE, VariantRunner

_WORDS = {Call.OPEN: "no difference was shown with that many runs"}
NOT_TRIED = "the session ended before it was tried"
Told = tuple[Unit, Match, Gain | None]


@dataclass(slots=True)
class Settled:
    """The state of one unit so far."""

    unit: Unit
    verdict: Verdict = Verdict.NOT_RUN
    why: str = ""
    gain: Gain | None = None


def settle(unit: Unit, match: Match, gain: Gain | None, options: ProveOptions) -> Settled:
    """Return what a match says of a unit."""
    gain = replace(gain, confidence=options.confidence) if gain is not None else None
    if match.spoilt:
        return Settled(unit, Verdict.NOT_RUN, match.spoilt, gain)
    if match.judgement is None:
        return Settled(unit, Verdict.NOT_RUN, "the budget was used up before it could be judged", gain)
    verdict = judge_match(match, options)
    return Settled(unit, verdict, "" if verdict in GAINED else _WORDS.get(match.call, ""), gain)


@dataclass(slots=True)
class Contributions:
    """Tells units apart that are in the variant ``ALL`` together, and leaves ``keep`` seconds for what follows."""

    runner: VariantRunner
    filter: BehaviourFilter
    sandbox: Sandbox
    allowance: Allowance
    keep: float

    def tell(self, units: list[Unit]) -> list[Told]:
        """Return the match of each unit, and its gain; those that could not be created are left out."""
        sampler = self.allowance.sampler if self.allowance.can_sample() else None
        told, unclear = self._tell_by_samples(units, sampler) if sampler is not None else ([], units)
        return [*told, *self._leave_one_out(units, unclear)] if unclear else told

    def _tell_by_samples(self, units: list[Unit], sampler: RunSampler) -> tuple[list[Told], list[Unit]]:
        """Return what sampled runs tell, and the units of which they do not tell what they gain."""
        runner = self.runner
        runner.doing, runner.sampler = "all rewrites, sampled", sampler
        sampler.set_pace(runner.expect([ALL]))
        try:
            told, unclear = judge_parts(
                units,
                Regions(units, self.sandbox.name_files()),
                runner,
                self.allowance.design([BASELINE, ALL], self.keep),
                partial(self.allowance.play, keep=self.keep),
                self._is_dear,
            )
        finally:
            runner.sampler = None
        return [*told], unclear

    def _is_dear(self, undecided: Sequence[Unit]) -> bool:
        """Whether a sampled pair takes longer than a round without each of some units, for which there is time."""
        expect = self.runner.expect
        without = {_name_without(unit): self.allowance.guess_seconds([unit]) for unit in undecided}
        self.runner.seconds_of |= without
        is_dear = expect([ALL, *without]) < expect([BASELINE, ALL])
        return is_dear and self.allowance.design([ALL, *without], self.keep).most_pairs > FIRST_LOOK

    def _leave_one_out(self, units: list[Unit], unclear: list[Unit]) -> list[Told]:
        """Return what runs without each of the unclear units tell."""
        runner = self.runner
        runner.doing = "all rewrites, and all but one"
        variants: dict[tuple[str, ...], str] = {}
        for unit in unclear:
            variant = _name_without(unit)
            if self.filter.define(variant, [each for each in units if each is not unit]):
                variants[unit.ids] = variant
                runner.seconds_of[variant] = self.allowance.guess_seconds([unit])
        # Where samples told the others, it is little that they do not tell soon.
        is_little = len(unclear) < len(units)
        design = self.allowance.design([ALL, *variants.values()], self.keep, is_little=is_little)
        matches = {ids: Match(variant, variant, ALL, design) for ids, variant in variants.items()}
        scores = self.allowance.play([*matches.values()], self.keep)
        found = [(unit, matches[unit.ids]) for unit in unclear if unit.ids in matches]
        return [(unit, match, scores.gain(match, runner)) for unit, match in found]


def _name_without(unit: Unit) -> str:
    return f"without {unit.ids[0]}"
