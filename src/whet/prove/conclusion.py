"""The results of a session: trials, and what was compared."""

from __future__ import annotations

from whet.model.trial import Checked, Gain, Trial, Verdict
from whet.prove.options import Aim, ProveOptions
from whet.prove.rewrites import Rewrite, Unit
from whet.prove.rounds import Match
from whet.prove.sandbox import Sandbox
from whet.prove.stats import Call
from whet.prove.variants import VariantRunner

_VERDICTS = {
    Call.FASTER: Verdict.FASTER,
    Call.SLOWER: Verdict.SLOWER,
    Call.SAME: Verdict.NO_DIFFERENCE,
    Call.OPEN: Verdict.NO_DIFFERENCE,
}


def judge_match(match: Match, options: ProveOptions) -> Verdict:
    """Return the verdict of a match on what the rewrites are to gain."""
    aim, memory, least = options.aim, match.memory, 1 + options.threshold
    if aim is Aim.TIME or (aim is Aim.BOTH and match.call in {Call.FASTER, Call.SLOWER}):
        return _VERDICTS[match.call]
    if memory is not None and memory.high < 1 and memory.ratio < 1 / least:
        return Verdict.LESS_MEMORY
    return Verdict.NO_DIFFERENCE


def make_trial(rewrite: Rewrite, verdict: Verdict, gain: Gain | None, why: str, unit: Unit | None = None) -> Trial:
    """Return the result of a rewrite, which was judged as part of ``unit``."""
    group = unit.ids if unit is not None and len(unit.ids) > 1 else ()
    return Trial(rewrite.ref, verdict, gain, why, group, rewrite.changes)


def describe_checks(runner: VariantRunner | None, sandbox: Sandbox | None, options: ProveOptions) -> Checked:
    """Return what was compared of the program's behaviour, or why that is inconclusive."""
    if runner is None or sandbox is None:
        return Checked(unchecked="the program was not run")
    behaviour = runner.behaviour
    unchecked = ""
    if runner.unstable:
        unchecked = f"the program's behaviour is not reproducible: {runner.unstable}"
    elif not behaviour.stdout_bytes and not behaviour.files and not options.tests:
        nothing = "the responses are the load command's" if runner.is_server else "it printed nothing"
        unchecked = f"{nothing}, and no file was compared (--compare GLOB, --tests COMMAND)"
    return Checked(
        stdout_bytes=0 if runner.unstable else behaviour.stdout_bytes,
        responses=0 if runner.unstable else behaviour.responses,
        files=() if runner.unstable else tuple(behaviour.files),
        file_bytes=0 if runner.unstable else behaviour.file_bytes,
        candidates=tuple(name for name in sandbox.candidates if name not in behaviour.files),
        tolerance=options.tolerance,
        tests=options.tests,
        unchecked=unchecked,
    )
