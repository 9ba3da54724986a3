"""Proves rewrites of a program: all together first, then which of them contribute, then fresh runs for the total.

1. The unmodified program runs twice: its behaviour, its output files, whether it is reproducible.
2. All rewrites together run once. If that fails or behaves differently, each runs alone, then they are combined one by
   one, until it is known which of them must be dropped.
3. Sampled runs of the baseline and of all: the time on the lines of each rewrite tells what it gains (see ``parts``).
   Where that cannot tell, or not soon: rounds of all against all but one, for each. Each match is run until it is
   decided.
4. The remaining rewrites are tried on top of the faster ones: together, those whose gain seems too small to measure
   alone; one by one, those that seem to gain nothing, because another one may have the same effect.
5. Fresh rounds, baseline against the faster ones: the reported figure, free of selection bias. If there are offers
   among them, which are written only when allowed by name, the faster ones without them are a third variant.

A change of the user's own is one rewrite; when all of it was measured, its hunks are told apart as in 3.

The user's error level holds for all of these comparisons together.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from whet.errors import TargetError
from whet.model.trial import GAINED, Checked, Gain, Proof, Total, Trial, Verdict
from whet.prove.allowance import MOST_PAIRS, Allowance
from whet.prove.behaviour import Behaviour, name_unmatched
from whet.prove.behaviour_filter import ALL, BehaviourFilter
from whet.prove.conclusion import describe_checks, judge_match, make_trial
from whet.prove.contributions import NOT_TRIED, Contributions, Settled, settle
from whet.prove.options import Aim, ProveOptions
from whet.prove.rewrites import (
    Rewrite,
    Unit,
    find_negligible,
    fold_units,
    make_units,
    settle_overlaps,
)
from whet.prove.rounds import Match
from whet.prove.run import Observed, RunSampler, describe_status, limit_by
from whet.prove.sandbox import Program, Sandbox
from whet.prove.startup import tell_start, time_start
from whet.prove.stats import FIRST_LOOK, Design, plan_looks
from whet.prove.totals import (
    WITHOUT_OFFERS,
    WON,
    FreshRounds,
    list_ids,
)
from whet.prove.variants import BASELINE, Step, VariantRunner, choose_clock

TIGHT_RUNS = 8
"""With a budget of fewer runs, all but the first run are pairs: what they show is checked in them."""
LEAST_PAIRS = 3
"""Pairs for which the budget must be enough; fewer show next to nothing."""


NO_TOTAL = Total(verdict=Verdict.NOT_RUN)


@dataclass(slots=True)
class ProofSession:
    """One session. ``originals`` are the files that the rewrites change, as on disk, by the frames' names."""

    program: Program
    originals: Mapping[str, bytes]
    rewrites: Sequence[Rewrite]
    folder: Path
    environ: Mapping[str, str]
    options: ProveOptions = field(default_factory=ProveOptions)
    sampler: RunSampler | None = None
    hunks: Sequence[Rewrite] = ()
    """What the only rewrite consists of, where each is to be told what it gains; two at least."""
    gained: Sequence[Rewrite] = ()
    """Rewrites that an earlier session showed to gain: they are part of the total, and have no trial here."""
    has_total: bool = True
    """Whether the total of only those is known."""
    parts: tuple[Trial, ...] = ()
    settled: dict[tuple[str, ...], Settled] = field(default_factory=dict)
    checked: Checked = field(default_factory=Checked)
    total: Total = NO_TOTAL
    without_offers: Total | None = None
    notes: list[str] = field(default_factory=list)
    _is_tight: bool = False
    _is_only: bool = False
    """The budget is enough for one rewrite only."""
    _dropped: dict[str, str] = field(default_factory=dict)
    _sandbox: Sandbox | None = None
    _runner: VariantRunner | None = None
    _filter: BehaviourFilter | None = None
    _allowance: Allowance | None = None
    _start: int = 0
    _rng: random.Random = field(default_factory=random.Random)

    def run(self) -> Proof:
        """Prove what can be proven within the budget; Ctrl-C ends it with the verdicts reached by then.

        Raises :class:`whet.errors.WhetError` where the program cannot be run again, or fails by itself.
        """
        options = self.options
        self._rng = random.Random(options.seed)  # noqa: S311  an order of runs, no secret
        # A rewrite that is not an offer takes precedence over an offer.
        rest = sorted(self.rewrites, key=lambda each: each.is_offer)
        kept, self._dropped = settle_overlaps(self.originals, [*self.gained, *rest])
        if options.aim is Aim.TIME:
            self._dropped |= find_negligible(kept, options.threshold)
        kept = [rewrite for rewrite in self.rewrites if rewrite in kept and rewrite.ref.id not in self._dropped]
        singles = [Unit((rewrite,)) for rewrite in kept]
        for unit in singles:
            self.settled[unit.ids] = Settled(unit, why=NOT_TRIED)
        try:
            units = []
            if kept or not self.has_total:
                self._prepare()
                singles = self._keep_exchanged(singles)
            if singles:
                units = self._make_units(singles if self._is_tight else self._find_sound(singles))
            if units and self._is_only:
                self._play_only(units[0])
            elif units:
                self._play(units)
            elif not self.has_total:
                self._get_allowance().least_seconds = self._get_runner().expect([BASELINE])
                self._play_total([])
        except KeyboardInterrupt:
            self.notes.append("ended by Ctrl-C: earlier verdicts are kept")
        return self._conclude()

    # -- what the program does --------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        options = self.options
        sandbox = self._sandbox = Sandbox(
            self.program, self.originals, self.folder, self.environ, options.isolate, notes=self.notes
        )
        behaviour = Behaviour(sandbox.directory, self.folder / "reference", options.compare, options.tolerance)
        runner = self._runner = VariantRunner(
            sandbox, self.folder, behaviour, budget=options.budget, reset=sandbox.reset, progress=options.progress
        )
        self._allowance = Allowance(runner, options, self.sampler, self._rng)
        runner.doing = "the unmodified program"
        if options.progress is not None:
            options.progress(Step(1, 0, 0.0, runner.doing))
        first = sandbox.open(options.budget)
        runner.runs += 1
        self._refuse_unsound(first)
        behaviour.directory = sandbox.directory
        self._filter = BehaviourFilter(sandbox, runner, self.originals, options.tests)
        sandbox.define({BASELINE: self.originals})
        self._is_tight = options.budget * 1e9 < TIGHT_RUNS * first.wall_ns and not options.tests
        runner.seconds_a_run = first.wall_ns / 1e9
        behaviour.remember(first)
        runs = [first if self._is_tight else runner.observe(BASELINE)]
        if not sandbox.is_copy and not self._is_tight and (options.compare or behaviour.compare(runs[0])):
            # The first run was in a copy of the folder, and what it printed may name that.
            behaviour.remember(runs[0])
            runs.append(runner.observe(BASELINE))
        runner.judge_behaviour(BASELINE, runs[-1])
        self._refuse_unsound(runs[-1])
        self.notes += [
            f"--compare {pattern!r} matches no file after a run"
            for pattern in name_unmatched(behaviour, options.compare)
        ]
        if runs[-1].status != behaviour.status:
            raise TargetError(
                f"the program ended with status {behaviour.status}, then with {runs[-1].status}, on the same input",
                "restore the same state for each run with --setup and --cleanup, or copy its folder with --isolate",
            )
        if runs[-1].status and self.program.status is None:
            said = runs[-1].last_words()
            ended = f"the unmodified program ends with {describe_status(runs[-1].status)}"
            self.notes.append(f"{ended}: {said}" if said else ended)
        runner.clock = choose_clock(runs)
        runner.limits = limit_by([first, *runs])
        self._start = time_start(sandbox.make_start(), runs, runner.clock, runner.limits, self.folder / "start")

    def _keep_exchanged(self, units: list[Unit]) -> list[Unit]:
        """Return the units that can reach the program; of the others no run could tell anything."""
        assert self._sandbox is not None
        kept = []
        for unit in units:
            why = self._sandbox.why_not_exchanged({change.file for each in unit.rewrites for change in each.changes})
            if why:
                self.settled[unit.ids].why = why
            else:
                kept.append(unit)
        return kept

    def _refuse_unsound(self, observed: Observed) -> None:
        if observed.ended is not None:
            raise TargetError(
                f"the program did not end within the budget of {self.options.budget:.0f} s",
                "give a shorter command with --workload 'COMMAND', or more time with --budget",
            )
        if observed.served is not None and observed.served.failure:
            raise TargetError(observed.served.failure, "run the server and send it the load by hand to see why")
        if observed.trouble:
            raise TargetError(observed.trouble, "the command is run by the shell, in the program's working folder")

    # -- which rewrites keep the program's behaviour ----------------------------------------------------------------

    def _make_units(self, sound: list[Unit]) -> list[Unit]:
        """Return the units to judge, best first: those too small to measure alone, or beyond the budget, are merged.

        If no comparison fits into the budget, nothing is run, and that is reported.
        """
        runner = self._get_runner()
        # What a rewrite may save of the time says nothing about memory: then none is too small to be judged alone.
        threshold = self.options.threshold if self.options.aim is Aim.TIME else 0.0
        whole = make_units([rewrite for unit in sound for rewrite in unit.rewrites], threshold)
        self._get_allowance().least_seconds = runner.expect([ALL])
        folded = (fold_units(whole, most) for most in range(len(whole), 0, -1))
        units = next((units for units in folded if self._get_allowance().is_affordable(units)), [])
        if not units and sound and (best := self._find_affordable(sound)) is not None:
            return [best]
        if not units:
            a_run = runner.expect([BASELINE])
            why = f"the budget is too small: one run takes {a_run:.1f} s (use --budget, or a shorter --workload)"
            for unit in sound:
                self.settled[unit.ids].why = why
            return []
        if len(units) < len(whole):
            groups = [len(unit.rewrites) for unit in units if len(unit.rewrites) > 1]
            how = "together" if len(groups) == 1 else f"in {len(groups)} groups"
            self.notes.append(
                f"the budget is too small to judge all {len(sound)} separately, so {sum(groups)} were judged {how}"
            )
        for unit in sound:
            waiting = self.settled.pop(unit.ids)
            own = next(each for each in units if unit.rewrites[0] in each.rewrites)
            self.settled.setdefault(own.ids, Settled(own, waiting.verdict, waiting.why))
        return units

    def _find_affordable(self, sound: list[Unit]) -> Unit | None:
        """Return the unit with the largest share, if the budget is enough for a few pairs of it and nothing else."""
        runner = self._get_runner()
        best = max(sound, key=lambda unit: unit.rewrites[0].share)
        baseline = runner.expect([BASELINE])
        runner.seconds_of[ALL] = baseline * max(0.5, 1 - best.rewrites[0].share)
        pairs = int(runner.left() / max(runner.expect([BASELINE, ALL]), 1e-9))
        if pairs < (self.options.runs or LEAST_PAIRS) or not self._get_filter().define(ALL, [best]):
            return None
        self._is_only = True
        for unit in sound:
            if unit is not best:
                self.settled[unit.ids].why = "the budget is only enough for the most promising rewrite (--budget)"
        return best

    def _find_sound(self, units: list[Unit]) -> list[Unit]:
        """Return the units that, all together, behave like the baseline, and refute the others."""
        if not units:
            return []
        sound, refuted = self._get_filter().find_sound(units)
        for ids, failure in refuted.items():
            self.settled[ids].verdict, self.settled[ids].why = failure.verdict, failure.why
        return sound

    # -- what they win ----------------------------------------------------------------------------------------------

    def _play(self, units: list[Unit]) -> None:
        # One for each, the remaining ones (three times), and each of those on top.
        allowance = self._get_allowance()
        if len(units) > 1:  # with samples also what these tell of each, and of the rest of the program
            allowance.comparisons = 2 * len(units) + 3 + (len(units) + 1) * allowance.can_sample()
        elif self.hunks:
            allowance.comparisons = 2 * (len(self.hunks) + 1)
        allowance.reserve_total(units)
        won = self._play_alone(units[0]) if len(units) == 1 else self._judge_parts(units)
        if won or not self.has_total:
            self._play_total(won)
        measured = all(each.gain is not None for each in self.settled.values())
        if self.hunks and measured and not self._get_runner().interrupted:
            self._tell_hunks()

    def _play_alone(self, unit: Unit) -> list[Unit]:
        self._get_runner().doing = "with and without the rewrite"
        match = Match("total", BASELINE, ALL, self._get_allowance().design([BASELINE, ALL]))
        scores = self._get_allowance().play([match])
        self.settled[unit.ids] = settle(unit, match, scores.gain(match, self._get_runner()), self.options)
        return [unit] if self.settled[unit.ids].verdict in GAINED else []

    def _play_only(self, unit: Unit) -> None:
        """Compare the only unit that the budget is enough for. Nothing is selected, so its gain is the total too."""
        runner, options = self._get_runner(), self.options
        runner.doing = "the most promising rewrite"
        pairs = max(LEAST_PAIRS, int(runner.left() / max(runner.expect([BASELINE, ALL]), 1e-9)))
        error, first = 1 - options.confidence, min(FIRST_LOOK, pairs)
        design = plan_looks(min(pairs, MOST_PAIRS), error=error, threshold=options.threshold, first=first)
        if options.runs:
            design = Design((options.runs,), error, options.threshold)
        match = Match("total", BASELINE, ALL, design)
        scores = self._get_allowance().play([match])
        if match.spoilt and self._get_filter().is_by_chance(ALL):
            match.spoilt = ""
            scores = self._get_allowance().play([match], scores=scores)
        settled = self.settled[unit.ids] = settle(unit, match, scores.gain(match, runner), options)
        if match.spoilt:
            failure = runner.failures[ALL if ALL in runner.failures else BASELINE]
            settled.verdict, settled.why = failure.verdict, failure.why
        if settled.verdict in GAINED:
            self.total = Total(settled.gain, settled.verdict, unit.ids)
        self.notes.append("the budget is too small for more than these pairs of runs")

    def _judge_parts(self, units: list[Unit]) -> list[Unit]:
        """Return the units that gain."""
        for unit, match, gain in self._make_contributions(self._get_allowance().keep_for_top(units)).tell(units):
            self.settled[unit.ids] = settle(unit, match, gain, self.options)
        won = [unit for unit in units if self.settled[unit.ids].verdict in GAINED]
        rest = [unit for unit in units if self.settled[unit.ids].verdict in {Verdict.NO_DIFFERENCE, Verdict.NOT_RUN}]
        return self._try_on_top(won, rest) if rest else won

    def _make_contributions(self, keep: float = 0.0) -> Contributions:
        assert self._sandbox is not None
        return Contributions(self._get_runner(), self._get_filter(), self._sandbox, self._get_allowance(), keep)

    def _tell_hunks(self) -> None:
        """Tell what each hunk of the change gains, once all of it was measured."""
        units = [Unit((hunk,)) for hunk in self.hunks]
        self._get_allowance().reserve = 0.0
        found = self._make_contributions().tell(units)
        told = {unit.ids: settle(unit, match, gain, self.options) for unit, match, gain in found}
        self.parts = tuple(_make_part(hunk, told.get((hunk.ref.id,))) for hunk in self.hunks)

    def _try_on_top(self, won: list[Unit], rest: list[Unit]) -> list[Unit]:
        """Return the faster units, and those of the rest that add a gain.

        Those whose gain seems too small to measure alone are kept as one if they are faster together. One that
        seems to gain nothing may have the same effect as another one; then one of them is enough.
        """
        only = self.settled[rest[0].ids].gain
        if len(rest) == 1 and only is not None and not only.by_samples:
            return won  # runs without it were this comparison
        self._get_runner().doing = "the remaining rewrites"
        little = [unit for unit in rest if self._seems_to_win(unit)]
        kinds = [kind for is_offer in (False, True) if (kind := [u for u in little if u.is_offer is is_offer])]
        for later, alike in zip(reversed(range(len(kinds))), kinds, strict=True):
            found = self._play_on_top(won, alike, later * self._get_allowance().guess_on_top())
            if found is not None:
                won = [*won, self._settle_as_one(alike, *found)]
        others = sorted((unit for unit in rest if unit not in little), key=lambda unit: unit.is_offer)
        if len(others) < 2 or self._play_on_top(won, others) is None:
            return won
        for unit in others:
            found = self._play_on_top(won, [unit])
            if found is not None:
                won = [*won, self._settle_as_one([unit], *found)]
        return won

    def _seems_to_win(self, unit: Unit) -> bool:
        gain = self.settled[unit.ids].gain
        return gain is not None and gain.estimate > 1 + self.options.threshold

    def _play_on_top(self, won: list[Unit], more: list[Unit], keep: float = 0.0) -> tuple[Gain, Verdict] | None:
        """Compare the faster units with and without more; return what is gained, if anything.

        ``keep`` is reserved time.
        """
        if not self._get_filter().define(WON, won) or not self._get_filter().define(ALL, [*won, *more]):
            return None
        match = Match("more", WON, ALL, self._get_allowance().design([WON, ALL], keep, is_little=True))
        scores = self._get_allowance().play([match], keep)
        gain, verdict = scores.gain(match, self._get_runner()), judge_match(match, self.options)
        return (gain, verdict) if gain is not None and verdict in GAINED else None

    def _settle_as_one(self, units: list[Unit], gain: Gain, verdict: Verdict) -> Unit:
        """Merge several units, which gained ``gain`` together, into one."""
        whole = Unit(tuple(rewrite for unit in units for rewrite in unit.rewrites))
        for unit in units:
            del self.settled[unit.ids]
        told = replace(gain, confidence=self.options.confidence)
        self.settled[whole.ids] = Settled(whole, verdict, "", told)
        return whole

    def _play_total(self, won: list[Unit]) -> None:
        """Compare the baseline with the faster units, and with those without offers, in runs not used for selection.

        What gained in an earlier session is among them.
        """
        won = [*(Unit((rewrite,)) for rewrite in self.gained), *won]
        runner = self._get_runner()
        runner.doing = "fresh runs for the total"
        without_offers = [unit for unit in won if not unit.is_offer]
        if len(without_offers) < len(won):
            self.without_offers = Total(applied=list_ids(without_offers))
        rounds = FreshRounds(self._get_filter(), runner, self.options, self._rng, self.notes)
        totals = rounds.play(won, self._get_allowance().guess_fresh_round(won))
        self.total, self.without_offers = totals[WON], totals.get(WITHOUT_OFFERS, self.without_offers)

    # -- the report --------------------------------------------------------------------------------------------------

    def _conclude(self) -> Proof:
        runner, sandbox = self._runner, self._sandbox
        if runner is not None and runner.interrupted:
            self.notes.append("ended by Ctrl-C: earlier verdicts are kept")
        if runner is not None and runner.left_behind:
            self.notes.append(f"runs left up to {runner.left_behind} processes running, which were ended")
        notes = [*(sandbox.notes if sandbox is not None else ()), *self.notes, *tell_start(self._start, self.total)]
        trials = {
            rewrite.ref.id: make_trial(rewrite, settled.verdict, settled.gain, settled.why, settled.unit)
            for settled in self.settled.values()
            for rewrite in settled.unit.rewrites
        }
        return Proof(
            trials=tuple(
                trials.get(each.ref.id) or make_trial(each, Verdict.NOT_RUN, None, self._dropped[each.ref.id])
                for each in self.rewrites
            ),
            parts=self.parts,
            total=self.total.gain,
            total_verdict=self.total.verdict,
            applied=self.total.applied,
            without_offers=self.without_offers,
            checked=describe_checks(runner, sandbox, self.options),
            runs=runner.runs if runner is not None else 0,
            seconds=round(runner.spent(), 3) if runner is not None else 0.0,
            notes=tuple(dict.fromkeys(notes)),
        )

    def _get_filter(self) -> BehaviourFilter:
        assert self._filter is not None
        return self._filter

    def _get_allowance(self) -> Allowance:
        assert self._allowance is not None
        return self._allowance

    def _get_runner(self) -> VariantRunner:
        assert self._runner is not None
        return self._runner


def _make_part(hunk: Rewrite, settled: Settled | None) -> Trial:
    """Return what became of a hunk; one that could not be left out is told so."""
    if settled is None:
        return make_trial(hunk, Verdict.NOT_RUN, None, "the rest of the change does not compile without it")
    why = f"without it: {settled.why}" if settled.verdict is Verdict.NOT_RUN and settled.gain is None else settled.why
    return make_trial(hunk, settled.verdict, settled.gain, why)
