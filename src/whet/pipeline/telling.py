"""What a proof found out, as lines for the terminal and as a value for machines."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict

from whet.model.advice import Advice
from whet.model.finding import Safety
from whet.model.run import Run
from whet.model.trial import REFUTED, Proof, Trial, Verdict
from whet.report.proof import describe_checked, format_gain

SCHEMA = 1
_WORDS = {
    Verdict.FASTER: "measured faster",
    Verdict.NO_DIFFERENCE: "no difference",
    Verdict.SLOWER: "refuted, slower",
    Verdict.DIFFERENT_OUTPUT: "refuted, different output",
    Verdict.FAILED: "refuted, fails",
    Verdict.NOT_RUN: "not run",
    Verdict.UNTESTED: "untested",
}


def tell_trials(proof: Proof, advice: Sequence[Advice]) -> list[str]:
    """Return a line for each rewrite, under the number that it has in the report, and one for its reason."""
    numbers = {item.id: number for number, item in enumerate(advice, 1)}
    lines: list[str] = []
    for trial in proof.trials:
        number = f"{numbers[trial.advice]}." if trial.advice in numbers else "–"
        lines.append(f"{number:>3} {_WORDS[trial.verdict]}{_tell_gain(trial)}: {trial.title}  {trial.place}")
        if trial.why:
            lines.append(f"    {trial.why}")
        if trial.group and trial.group[0] == trial.advice:
            lines.append(f"    judged together with {len(trial.group) - 1} more, each too small to be measured alone")
    return lines


def name_next_command(run: Run, advice: Sequence[Advice]) -> str:
    """Return what comes after measuring: proving where there is a rewrite to try, applying where one was proven."""
    proof = run.proof
    if proof.started:
        is_faster = any(trial.verdict is Verdict.FASTER for trial in proof.trials)
        refused = proof.total_verdict in {Verdict.SLOWER, Verdict.NO_DIFFERENCE}
        if not is_faster or refused:
            return ""
        return "whet apply" if proof.checked.is_checked else "whet apply --accept-unchecked"
    if any(execution.exit_status is None for execution in run.executions):
        return ""
    return "whet prove" if any(is_tried(item) for item in advice) else ""


def is_tried(advice: Advice, allow: Collection[str] = ()) -> bool:
    """Whether `whet prove` tries an advice: it has a rewrite, and is no offer, or one that is allowed by name."""
    finding = advice.finding
    if not finding.edits or finding.safety is Safety.ADVICE:
        return False
    return finding.safety is not Safety.OFFER or finding.rule in allow


def tell_total(run: Run) -> str:
    """Return the one sentence: ``5 rewrites, measured 3.1× faster [2.9, 3.3], output identical: whet apply``."""
    proof = run.proof
    gain = proof.total
    count = len(proof.applied)
    what = f"{count} rewrite{'' if count == 1 else 's'}"
    if gain is not None and proof.total_verdict is Verdict.FASTER:
        checked = describe_checked(proof.checked)
        interval = f"[{format_gain(gain.low).rstrip('×')}, {format_gain(gain.high).rstrip('×')}]"
        command = "whet apply" if proof.checked.is_checked else "whet apply --accept-unchecked"
        return f"{what}, measured {format_gain(gain.estimate)} faster {interval} on this workload, {checked}: {command}"
    faster = sum(trial.verdict is Verdict.FASTER for trial in proof.trials)
    if faster and gain is None:
        return (
            f"{faster} of {len(proof.trials)} rewrites measured faster, the total of them was not measured: whet apply"
        )
    if proof.applied:
        return f"{what} seemed faster one by one; in fresh runs together no difference was shown"
    tried = [trial for trial in proof.trials if trial.verdict is not Verdict.NOT_RUN]
    refuted = sum(trial.verdict in REFUTED for trial in tried)
    if not tried:
        return "nothing could be measured"
    return f"no rewrite was measured faster; {len(tried)} tried, {refuted} refuted"


def tell_notes(proof: Proof) -> list[str]:
    """Return what the reader must know besides."""
    lines = list(proof.notes)
    if proof.checked.candidates:
        names = ", ".join(proof.checked.candidates[:3])
        more = len(proof.checked.candidates) - 3
        lines.append(
            f"written and not compared: {names}{f' and {more} more' if more > 0 else ''} "
            f"(--compare '{proof.checked.candidates[0]}')"
        )
    return lines


def to_json(run: Run) -> str:
    """Return the proof as JSON: ``{"schema": 1, "proof": {…}}``, members as in :class:`whet.model.trial.Proof`."""
    return json.dumps({"schema": SCHEMA, "proof": asdict(run.proof)}, indent=2)


def _tell_gain(trial: Trial) -> str:
    gain = trial.gain
    if gain is None or trial.verdict in {Verdict.NOT_RUN, Verdict.DIFFERENT_OUTPUT, Verdict.FAILED}:
        return ""
    low, high = format_gain(gain.low).rstrip("×"), format_gain(gain.high).rstrip("×")
    return f" {format_gain(gain.estimate)} [{low}, {high}], {gain.pairs} pairs of runs, {gain.clock.value} time"
