"""What a proof found out, as lines for the terminal and as a value for machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from whet.fix.diff import diff_texts
from whet.fix.edits import apply_edits
from whet.model.advice import Advice
from whet.model.finding import Safety
from whet.model.run import Run
from whet.model.trial import REFUTED, Gain, Proof, Total, Trial, Verdict
from whet.report.proof import describe_checked, format_gain, order_advice
from whet.report.words import has_failed

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
    order = {item.id: number for number, item in enumerate(order_advice(advice, proof), 1)}
    lines: list[str] = []
    leaders: dict[tuple[str, ...], str] = {}
    for trial in sorted(proof.trials, key=lambda trial: order.get(trial.advice, len(order) + 1)):
        number = f"{order[trial.advice]}." if trial.advice in order else "–"
        offer = ", an offer" if trial.safety is Safety.OFFER else ""
        leader = leaders.setdefault(trial.group, number) if trial.group else number
        gain = _tell_gain(trial) if leader == number else f", with {leader.rstrip('.')}"
        lines.append(f"{number:>3} {_WORDS[trial.verdict]}{gain}: {trial.title}{offer}  {trial.place}")
        if leader != number:
            continue
        if trial.why:
            lines.append(f"    {trial.why}")
        if trial.group:
            lines.append(f"    judged together with {_name_others(trial, order)}, each too little to be told apart")
    return lines


def _name_others(trial: Trial, order: Mapping[str, int]) -> str:
    """Return the numbers of those that were judged as one with ``trial``, as in ``2 to 5 and 7``."""
    others = sorted(order[id_] for id_ in trial.group if id_ in order and id_ != trial.advice)
    if len(others) < len(trial.group) - 1:
        return f"{len(trial.group) - 1} more"
    spans: list[tuple[int, int]] = []
    for number in others:
        if spans and spans[-1][1] == number - 1:
            spans[-1] = spans[-1][0], number
        else:
            spans.append((number, number))
    named = [str(first) if first == last else f"{first} to {last}" for first, last in spans]
    return " and ".join(filter(None, (", ".join(named[:-1]), named[-1])))


def name_next_command(run: Run, advice: Sequence[Advice]) -> str:
    """Return what comes after measuring: proving where there is a rewrite to try, applying where one was proven."""
    proof = run.proof
    if proof.started:
        is_faster = any(trial.verdict is Verdict.FASTER for trial in proof.trials)
        refused = proof.total_verdict in {Verdict.SLOWER, Verdict.NO_DIFFERENCE}
        return name_apply(proof) if is_faster and not refused else ""
    if any(execution.exit_status is None for execution in run.executions) or has_failed(run):
        return ""
    if not any(can_be_tried(item) for item in advice):
        return ""
    from whet.pipeline.workload import can_be_repeated

    return "whet prove" if can_be_repeated(run) else "whet prove --workload COMMAND"


def name_apply(proof: Proof, *, offers: bool = True) -> str:
    """Return the command that writes what was measured faster, ``offers`` too or without them."""
    words = ["whet apply"]
    rules = {trial.advice: trial.rule for trial in proof.trials}
    if offers and proof.offers:
        words.append(f"--allow {','.join(dict.fromkeys(rules[id_] for id_ in proof.offers))}")
    if not proof.checked.is_checked:
        words.append("--accept-unchecked")
    return " ".join(words)


def can_be_tried(advice: Advice) -> bool:
    """Whether `whet prove` tries an advice: it has a rewrite."""
    return bool(advice.finding.edits) and advice.finding.safety is not Safety.ADVICE


def tell_total(proof: Proof) -> list[str]:
    """Return the total in one sentence, and in another what `whet apply` writes of it unless offers are allowed.

    The first is ``5 rewrites, measured 3.1× faster [2.9, 3.3] on this workload, output identical: whet apply``.
    """
    gain, count = proof.total, len(proof.applied)
    if gain is not None and proof.total_verdict is Verdict.FASTER:
        told = f"{_count(count)}, {_tell_faster(gain)} on this workload, {describe_checked(proof.checked)}"
        return [f"{told}: {name_apply(proof)}", *_tell_unasked(proof)]
    faster = sum(trial.verdict is Verdict.FASTER for trial in proof.trials)
    if faster and gain is None:
        of = f"{faster} of {_count(len(proof.trials))} measured faster, the total of them was not measured"
        return [f"{of}: {name_apply(proof)}"]
    if proof.applied:
        how, together = ("", "") if count == 1 else (" one by one", " together")
        return [f"{_count(count)} seemed faster{how}; in fresh runs{together} no difference was shown"]
    tried = [trial for trial in proof.trials if trial.verdict is not Verdict.NOT_RUN]
    refuted = sum(trial.verdict in REFUTED for trial in tried)
    if not tried:
        return ["nothing could be measured"]
    return [f"no rewrite was measured faster; {len(tried)} tried, {refuted} refuted"]


def _tell_unasked(proof: Proof) -> list[str]:
    """Return what is won without the offers, where there are some."""
    offers, unasked = len(proof.offers), proof.unasked
    if not offers or unasked is None:
        return []
    are = "is an offer, which changes" if offers == 1 else "are offers, each of which changes"
    which = f"{offers} of them" if unasked.applied else "it" if offers == 1 else "all of them"
    told = f"{which} {are} something small: the report says what"
    if not unasked.applied:
        return [told]
    gain = unasked.gain
    if gain is None or unasked.verdict is not Verdict.FASTER:
        said = "was not measured" if gain is None else "no difference was shown"
        return [f"{told}; of the other {len(unasked.applied)} together {said}"]
    return [f"{told}; the other {len(unasked.applied)}, {_tell_faster(gain)}: {name_apply(proof, offers=False)}"]


def tell_faster(total: Total | None) -> str:
    """Return what rewrites won in the proof, to stand behind their number."""
    if total is None or total.gain is None or total.verdict is not Verdict.FASTER:
        return ", not measured together"
    return f", {_tell_faster(total.gain)} on the workload of the proof"


def _tell_faster(gain: Gain) -> str:
    interval = f"[{format_gain(gain.low).rstrip('×')}, {format_gain(gain.high).rstrip('×')}]"
    return f"measured {format_gain(gain.estimate)} faster {interval}"


def _count(rewrites: int) -> str:
    return f"{rewrites} rewrite{'' if rewrites == 1 else 's'}"


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


def render_proof(run: Run) -> str:
    """Return the proof as JSON; ``docs/json.md`` describes it."""
    from whet import __version__
    from whet.report.proof_json import render_proof_json

    return render_proof_json(run.proof, {trial.advice: _diff(trial, run) for trial in run.proof.trials}, __version__)


def _diff(trial: Trial, run: Run) -> str:
    """Return a rewrite as a unified diff of the sources that were measured; empty for other files."""
    diff = ""
    for change in trial.changes:
        source = run.sources.get(change.file)
        if source is None or source.sha256 != change.sha256:
            return ""
        diff += diff_texts(source.text, apply_edits(source.text, change.edits), source.shown)
    return diff


def _tell_gain(trial: Trial) -> str:
    gain = trial.gain
    if gain is None or trial.verdict in {Verdict.NOT_RUN, Verdict.DIFFERENT_OUTPUT, Verdict.FAILED}:
        return ""
    low, high = format_gain(gain.low).rstrip("×"), format_gain(gain.high).rstrip("×")
    return f" {format_gain(gain.estimate)} [{low}, {high}], {gain.pairs} pairs of runs, {gain.clock.value} time"
