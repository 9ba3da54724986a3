"""Proves rewrites of a program: all together first, then what carries the gain, then fresh runs for the total.

1. The program runs as it is, twice: what it does, what it writes, whether it agrees with itself.
2. All rewrites together run once. Where that fails or does something else, each runs
   alone, then one joins the other, until it is known which of them must go.
3. Rounds: the baseline against all, and all against all but one, for each. Each match is
   played until it is clear.
4. What is left over is tried on top of what won: together, what seems to win too little to be seen alone; one by one,
   what seems to win nothing, because another one may win the same.
5. Fresh rounds, baseline against what won: the figure that is told, free of the luck that chose it.

The error that the user allows holds for all of these comparisons together.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from whet.errors import TargetError
from whet.model.trial import Checked, Clock, Gain, Proof, Trial, Verdict
from whet.prove.behaviour import Behaviour, name_unmatched
from whet.prove.options import ProveOptions
from whet.prove.rewrites import Rewrite, Unit, make_units, settle_overlaps
from whet.prove.rounds import Match, Scores, play
from whet.prove.run import Observed, limit_by
from whet.prove.sides import BASELINE, COMPUTES, SideRunner, Step
from whet.prove.sieve import ALL, Sieve
from whet.prove.stage import Program, Stage
from whet.prove.stats import FIRST_LOOK, Call, Design, plan_looks, share_error

WON = "won"
MOST_PAIRS = 400
TOTAL_PAIRS = 20
"""Pairs of the fresh rounds, where the budget holds so many."""
LEAST_TOTAL = 8
"""Pairs of the fresh rounds for which time is kept, or"""
TOTAL_BUDGET = 0.2
"""so much of the budget, if that is more."""
TOTAL_ERROR = 0.5
"""Part of the error that the fresh rounds may spend; the comparisons before them share the rest."""


@dataclass(slots=True)
class Settled:
    """What is known of one unit so far."""

    unit: Unit
    verdict: Verdict = Verdict.NOT_RUN
    why: str = ""
    gain: Gain | None = None


@dataclass(slots=True)
class ProofSession:
    """One session. ``originals`` are the files that the rewrites change, as they are on disk, by the frames' names."""

    program: Program
    originals: Mapping[str, bytes]
    rewrites: Sequence[Rewrite]
    folder: Path
    environ: Mapping[str, str]
    options: ProveOptions = field(default_factory=ProveOptions)
    settled: dict[tuple[str, ...], Settled] = field(default_factory=dict)
    checked: Checked = field(default_factory=Checked)
    total: Gain | None = None
    total_verdict: Verdict = Verdict.NOT_RUN
    applied: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    _dropped: dict[str, str] = field(default_factory=dict)
    _stage: Stage | None = None
    _runner: SideRunner | None = None
    _sieve: Sieve | None = None
    _comparisons: int = 1
    _reserve: float = 0.0
    _rng: random.Random = field(default_factory=random.Random)

    def run(self) -> Proof:
        """Prove what can be proven within the budget; Ctrl-C ends it with what is settled.

        Raises :class:`whet.errors.WhetError` where the program cannot be run again, or fails by itself.
        """
        options = self.options
        self._rng = random.Random(options.seed)  # noqa: S311  an order of runs, no secret
        kept, self._dropped = settle_overlaps(self.originals, self.rewrites)
        singles = [Unit((rewrite,)) for rewrite in kept]
        for unit in singles:
            self.settled[unit.ids] = Settled(unit, why="the session ended before it was tried")
        try:
            self._prepare()
            units = self._make_units(self._find_sound(singles))
            if units:
                self._play(units)
        except KeyboardInterrupt:
            self.notes.append("ended by Ctrl-C: what was settled before is kept")
        return self._conclude()

    # -- what the program does --------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        options = self.options
        stage = self._stage = Stage(
            self.program, self.originals, self.folder, self.environ, options.isolate, notes=self.notes
        )
        behaviour = Behaviour(stage.directory, self.folder / "reference", options.compare, options.tolerance)
        runner = self._runner = SideRunner(
            stage, self.folder, behaviour, budget=options.budget, reset=stage.reset, progress=options.progress
        )
        runner.doing = "the program as it is"
        if options.progress is not None:
            options.progress(Step(1, 0, 0.0, runner.doing))
        first = stage.open(options.budget)
        runner.runs += 1
        self._refuse_unsound(first)
        behaviour.directory = stage.directory
        self._sieve = Sieve(stage, runner, self.originals, options.tests)
        stage.define({BASELINE: self.originals})
        if stage.is_copy:
            behaviour.remember(first)
            runs = [runner.observe(BASELINE)]
            runner.judge_behaviour(BASELINE, runs[0])
        else:
            runs = [runner.observe(BASELINE)]
            behaviour.remember(runs[0])
            runs.append(runner.observe(BASELINE))
            runner.judge_behaviour(BASELINE, runs[1])
        self._refuse_unsound(runs[-1])
        self.notes += [
            f"--compare {pattern!r} names no file that is there after a run"
            for pattern in name_unmatched(behaviour, options.compare)
        ]
        if runs[-1].status != behaviour.status:
            raise TargetError(
                f"the program ended with status {behaviour.status}, then with {runs[-1].status}, on the same input",
                "--setup and --cleanup let each run find the same state; --isolate copies its folder",
            )
        cpu = sum(each.cpu_ns for each in runs)
        # On a busy machine a program that computes stands in line: that is no waiting of its own.
        wall = sum(each.wall_ns - each.delayed_ns for each in runs)
        runner.clock = Clock.CPU if cpu >= COMPUTES * wall else Clock.WALL
        runner.limits = limit_by([first, *runs])

    def _refuse_unsound(self, observed: Observed) -> None:
        if observed.ended is not None:
            raise TargetError(
                f"the program had not ended after the budget of {self.options.budget:.0f} s",
                "--workload 'COMMAND' names a shorter run of it, --budget allows more",
            )
        if observed.trouble:
            raise TargetError(observed.trouble, "the command is run by the shell, in the program's working folder")

    # -- which rewrites keep the program's behaviour ----------------------------------------------------------------

    def _make_units(self, sound: list[Unit]) -> list[Unit]:
        """Return what is judged apart, best first: those too small for that, and for the budget, are judged as one.

        Where the budget holds no comparison at all, nothing is run, and that is said.
        """
        runner = self._get_runner()
        units = make_units([rewrite for unit in sound for rewrite in unit.rewrites], self.options.threshold)
        a_run = runner.seconds_a_run
        pairs = self.options.runs or FIRST_LOOK
        rounds = 0.9 * runner.left() / a_run / pairs if a_run else len(units)
        # Sides of a round: the baseline, all, one without each; and the two of the fresh rounds. One alone needs fewer.
        most = max(int(rounds - 4), int(rounds >= 4), 0)
        if not most:
            why = f"the budget does not hold it: one run takes {a_run:.1f} s (--budget, or a shorter --workload)"
            for unit in sound:
                self.settled[unit.ids].why = why
            return []
        if most < len(units):
            rest = tuple(rewrite for unit in units[most - 1 :] for rewrite in unit.rewrites)
            units = [*units[: most - 1], Unit(rest)]
            self.notes.append(f"the budget does not hold all {len(sound)} apart, so {len(rest)} were judged as one")
        for unit in sound:
            waiting = self.settled.pop(unit.ids)
            whole = next(each for each in units if unit.rewrites[0] in each.rewrites)
            self.settled.setdefault(whole.ids, Settled(whole, waiting.verdict, waiting.why))
        return units

    def _find_sound(self, units: list[Unit]) -> list[Unit]:
        """Return the units that, all together, do the same as the baseline, and refute the others."""
        if not units:
            return []
        sound, refuted = self._get_sieve().find_sound(units)
        for ids, failure in refuted.items():
            self.settled[ids].verdict, self.settled[ids].why = failure.verdict, failure.why
        return sound

    # -- what they win ----------------------------------------------------------------------------------------------

    def _play(self, units: list[Unit]) -> None:
        runner = self._get_runner()
        # The total, one for each, what is left over (twice), and each of that on top.
        self._comparisons = 2 * len(units) + 3 if len(units) > 1 else 1
        fresh = min(2 * TOTAL_PAIRS * runner.seconds_a_run, TOTAL_BUDGET * self.options.budget)
        self._reserve = max(2 * LEAST_TOTAL * runner.seconds_a_run, fresh)
        won = self._play_alone(units[0]) if len(units) == 1 else self._leave_one_out(units)
        if won:
            self._play_total(won)

    def _play_alone(self, unit: Unit) -> list[Unit]:
        self._get_runner().doing = "with and without the rewrite"
        match = Match("total", BASELINE, ALL, self._design(2))
        scores = self._play_matches([match])
        self._settle(unit, match, scores)
        return [unit] if self.settled[unit.ids].verdict is Verdict.FASTER else []

    def _leave_one_out(self, units: list[Unit]) -> list[Unit]:
        runner = self._get_runner()
        runner.doing = "all rewrites, and all but one"
        design = self._design(len(units) + 2)
        matches: dict[tuple[str, ...], Match] = {}
        for unit in units:
            side = f"without {unit.ids[0]}"
            if self._get_sieve().define(side, [each for each in units if each is not unit]):
                matches[unit.ids] = Match(side, side, ALL, design)
        # Many small gains, none of which can be shown alone, must find time to be shown together.
        keep = 2 * LEAST_TOTAL * runner.seconds_a_run
        scores = self._play_matches([Match("total", BASELINE, ALL, design), *matches.values()], keep)
        for unit in units:
            if unit.ids in matches:
                self._settle(unit, matches[unit.ids], scores)
        won = [unit for unit in units if self.settled[unit.ids].verdict is Verdict.FASTER]
        rest = [unit for unit in units if self.settled[unit.ids].verdict in {Verdict.NO_DIFFERENCE, Verdict.NOT_RUN}]
        return self._try_on_top(won, rest) if rest else won

    def _try_on_top(self, won: list[Unit], rest: list[Unit]) -> list[Unit]:
        """Return what won, and what of the rest wins on top of it.

        What seems to win too little to be seen alone is kept as one where it wins together. What
        seems to win nothing may be because another one wins the same; then one of them is enough.
        """
        self._get_runner().doing = "what is left over"
        little = [unit for unit in rest if self._seems_to_win(unit)]
        if little:
            gain = self._play_on_top(won, little)
            if gain is not None:
                won = [*won, self._settle_as_one(little, gain)]
        others = [unit for unit in rest if unit not in little]
        if len(others) < 2 or self._play_on_top(won, others) is None:
            return won
        for unit in others:
            gain = self._play_on_top(won, [unit])
            if gain is not None:
                won = [*won, self._settle_as_one([unit], gain)]
        return won

    def _seems_to_win(self, unit: Unit) -> bool:
        gain = self.settled[unit.ids].gain
        return gain is not None and gain.estimate > 1 + self.options.threshold

    def _play_on_top(self, won: list[Unit], more: list[Unit]) -> Gain | None:
        """Compare what won with that and more; return the gain where it is faster."""
        if not self._get_sieve().define(WON, won) or not self._get_sieve().define(ALL, [*won, *more]):
            return None
        match = Match("more", WON, ALL, self._design(2))
        scores = self._play_matches([match])
        return scores.gain(match, self._get_runner()) if match.call is Call.FASTER else None

    def _settle_as_one(self, units: list[Unit], gain: Gain) -> Unit:
        """Make one unit of several, which won ``gain`` together."""
        whole = Unit(tuple(rewrite for unit in units for rewrite in unit.rewrites))
        for unit in units:
            del self.settled[unit.ids]
        told = replace(gain, confidence=self.options.confidence)
        self.settled[whole.ids] = Settled(whole, Verdict.FASTER, "", told)
        return whole

    def _play_total(self, won: list[Unit]) -> None:
        """Compare the baseline with all that won, in runs that chose nothing."""
        runner = self._get_runner()
        runner.doing = "fresh runs for the total"
        if not self._get_sieve().define(WON, won):
            return
        if not self._get_sieve().test(WON):
            self.notes.append(f"the total was not measured: {runner.failures[WON].why}")
            return
        pairs = self.options.runs or TOTAL_PAIRS
        pairs = max(2, min(pairs, int(runner.left() / max(2 * runner.seconds_a_run, 1e-9))))
        # One look, at the end: the interval is as narrow as these runs can make it.
        design = Design((pairs,), TOTAL_ERROR * (1 - self.options.confidence), self.options.threshold)
        match = Match("total", BASELINE, WON, design)
        scores = play(runner, [match], self._rng)
        gain = scores.gain(match, runner)
        if match.spoilt or gain is None:
            self.total_verdict = Verdict.NOT_RUN
            self.notes.append(f"the total was not measured: {match.spoilt or 'the budget was used up'}")
            return
        self.total = replace(gain, confidence=self.options.confidence)
        self.total_verdict = _VERDICTS[match.call]
        self.applied = tuple(id_ for unit in won for id_ in unit.ids)

    def _play_matches(self, matches: Sequence[Match], keep: float = 0.0) -> Scores:
        return play(self._get_runner(), matches, self._rng, reserve=self._reserve + keep)

    def _design(self, sides: int) -> Design:
        runner, options = self._get_runner(), self.options
        error = share_error((1 - TOTAL_ERROR) * (1 - options.confidence), self._comparisons)
        if options.runs:
            return Design((max(2, options.runs),), error, options.threshold)
        affordable = int((runner.left() - self._reserve) / max(sides * runner.seconds_a_run, 1e-9))
        return plan_looks(max(FIRST_LOOK, min(MOST_PAIRS, affordable)), error=error, threshold=options.threshold)

    def _settle(self, unit: Unit, match: Match, scores: Scores) -> None:
        settled = self.settled[unit.ids]
        gain = scores.gain(match, self._get_runner())
        settled.gain = replace(gain, confidence=self.options.confidence) if gain is not None else None
        if match.spoilt:
            settled.verdict, settled.why = Verdict.NOT_RUN, match.spoilt
        elif match.judgement is None:
            settled.verdict, settled.why = Verdict.NOT_RUN, "the budget was used up before it could be judged"
        else:
            settled.verdict, settled.why = _VERDICTS[match.call], _WORDS.get(match.call, "")

    # -- what is told -----------------------------------------------------------------------------------------------

    def _conclude(self) -> Proof:
        runner, stage = self._runner, self._stage
        if runner is not None and runner.interrupted:
            self.notes.append("ended by Ctrl-C: what was settled before is kept")
        if runner is not None and runner.left_behind:
            self.notes.append(f"runs left up to {runner.left_behind} processes behind, which were ended")
        return Proof(
            trials=self._list_trials(),
            total=self.total,
            total_verdict=self.total_verdict,
            applied=self.applied,
            checked=self._describe_checks(),
            runs=runner.runs if runner is not None else 0,
            seconds=round(runner.spent(), 3) if runner is not None else 0.0,
            notes=tuple(dict.fromkeys([*(stage.notes if stage is not None else ()), *self.notes])),
        )

    def _describe_checks(self) -> Checked:
        runner, stage, options = self._runner, self._stage, self.options
        if runner is None or stage is None:
            return Checked(unchecked="the program was not run")
        behaviour = runner.behaviour
        unchecked = ""
        if runner.unstable:
            unchecked = f"the program does not do the same twice: {runner.unstable}"
        elif not behaviour.stdout_bytes and not behaviour.files and not options.tests:
            unchecked = "it printed nothing, and no file was compared (--compare GLOB, --tests COMMAND)"
        return Checked(
            stdout_bytes=0 if runner.unstable else behaviour.stdout_bytes,
            files=() if runner.unstable else tuple(behaviour.files),
            file_bytes=0 if runner.unstable else behaviour.file_bytes,
            candidates=tuple(name for name in stage.candidates if name not in behaviour.files),
            tolerance=options.tolerance,
            tests=options.tests,
            unchecked=unchecked,
        )

    def _list_trials(self) -> tuple[Trial, ...]:
        trials: dict[str, Trial] = {}
        for settled in self.settled.values():
            group = settled.unit.ids if len(settled.unit.ids) > 1 else ()
            for rewrite in settled.unit.rewrites:
                trials[rewrite.id] = _make_trial(rewrite, settled.verdict, settled.gain, settled.why, group)
        for rewrite in self.rewrites:
            if rewrite.id in self._dropped:
                trials[rewrite.id] = _make_trial(rewrite, Verdict.NOT_RUN, None, self._dropped[rewrite.id], ())
        return tuple(trials[rewrite.id] for rewrite in self.rewrites)

    def _in_order(self) -> list[Unit]:
        return [settled.unit for settled in self.settled.values()]

    def _get_sieve(self) -> Sieve:
        assert self._sieve is not None
        return self._sieve

    def _get_runner(self) -> SideRunner:
        assert self._runner is not None
        return self._runner


_VERDICTS = {
    Call.FASTER: Verdict.FASTER,
    Call.SLOWER: Verdict.SLOWER,
    Call.SAME: Verdict.NO_DIFFERENCE,
    Call.OPEN: Verdict.NO_DIFFERENCE,
}
_WORDS = {Call.OPEN: "no difference could be shown with so many runs"}


def _make_trial(rewrite: Rewrite, verdict: Verdict, gain: Gain | None, why: str, group: tuple[str, ...]) -> Trial:
    return Trial(
        rewrite.id,
        rewrite.rule,
        verdict,
        gain,
        why,
        group,
        rewrite.changes,
        rewrite.safety,
        rewrite.place,
        rewrite.title,
    )
