"""The results of a proof, as lines for the terminal."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from whet.model.advice import Advice
from whet.model.finding import Safety
from whet.model.trial import GAINED, REFUTED, Gain, Proof, Total, Trial, Verdict
from whet.report.growth import format_exponent
from whet.report.proof import add_memory, describe_checked, describe_memory, describe_runs, format_gain, order_advice

_WORDS = {
    Verdict.FASTER: "measured faster",
    Verdict.LESS_MEMORY: "measured less memory",
    Verdict.NO_DIFFERENCE: "no difference",
    Verdict.SLOWER: "refuted, slower",
    Verdict.DIFFERENT_OUTPUT: "refuted, different output",
    Verdict.FAILED: "refuted, fails",
    Verdict.NOT_RUN: "not run",
    Verdict.UNTESTED: "untested",
}


def describe_trials(proof: Proof, advice: Sequence[Advice]) -> list[str]:
    """Return a line for each rewrite, under the number that it has in the report, and one for its reason."""
    order = {item.id: number for number, item in enumerate(order_advice(advice, proof), 1)}
    lines: list[str] = []
    leaders: dict[tuple[str, ...], str] = {}
    for trial in sorted(proof.trials, key=lambda trial: order.get(trial.ref.id, len(order) + 1)):
        number = f"{order[trial.ref.id]}." if trial.ref.id in order else "–"
        offer = ", an offer" if trial.ref.safety is Safety.OFFER else ""
        leader = leaders.setdefault(trial.group, number) if trial.group else number
        gain = _write_gain(trial) if leader == number else f", with {leader.rstrip('.')}"
        lines.append(f"{number:>3} {_name_verdict(trial)}{gain}: {trial.ref.title}{offer}  {trial.ref.place}")
        if leader != number:
            continue
        if trial.why:
            lines.append(f"    {trial.why}")
        if trial.measured:
            lines.append(f"    measured on {trial.measured[:16].replace('T', ' ')}, not again")
        if trial.group:
            lines.append(f"    judged together with {_name_others(trial, order)}, each too small to measure separately")
    return lines


def _name_verdict(trial: Trial) -> str:
    """Return the verdict in words; a comparison that ended without one is not said to show that nothing changed."""
    is_open = trial.verdict is Verdict.NO_DIFFERENCE or (trial.verdict is Verdict.NOT_RUN and trial.gain is not None)
    is_open = is_open or trial.why.startswith("the session ended")
    return "undecided" if is_open and trial.why else _WORDS[trial.verdict]


def describe_hunks(proof: Proof) -> list[str]:
    """Return a line for each hunk of a change of the user's own: what it gains with the others in place."""
    told = []
    for part in proof.parts:
        verdict = _name_verdict(part).removeprefix("refuted, ")
        if part.verdict is Verdict.NOT_RUN and part.why:
            verdict = part.why
        told.append(f"{part.ref.title}, {part.ref.place}: {verdict}{_write_gain(part)}")
    return told


def _name_others(trial: Trial, order: Mapping[str, int]) -> str:
    """Return the numbers of the rewrites judged together with ``trial``, as in ``2 to 5 and 7``."""
    others = sorted(order[id_] for id_ in trial.group if id_ in order and id_ != trial.ref.id)
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


def name_apply(proof: Proof, *, offers: bool = True, reference: str = "") -> str:
    """Return the command that writes what was measured faster, with or without ``offers``.

    ``reference`` names the run where it is not the latest.
    """
    words = ["whet apply"]
    if reference:
        words.append(f"--run {shlex.quote(reference)}")
    rules = {trial.ref.id: trial.ref.rule for trial in proof.trials}
    if offers and proof.offers:
        words.append(f"--allow {','.join(dict.fromkeys(rules[id_] for id_ in proof.offers))}")
    if not proof.checked.is_checked:
        words.append("--accept-unchecked")
    return " ".join(words)


def describe_total(proof: Proof, reference: str = "") -> list[str]:
    """Return the total in one sentence, and in another what `whet apply` writes without offers.

    ``reference`` names the run where it is not the latest.
    The first is ``5 rewrites, measured 3.1× faster [2.9, 3.3] on this workload, output identical: whet apply``.
    """
    gain, count = proof.total, len(proof.applied)
    if gain is not None and proof.total_verdict in GAINED:
        whole = f"{_count(count)}, {_describe_gain(gain)} on this workload, {describe_checked(proof.checked)}"
        total = [f"{whole}: {name_apply(proof, reference=reference)}", *_describe_without_offers(proof, reference)]
        return [*total, *describe_growth(proof)]
    faster = sum(trial.verdict in GAINED for trial in proof.trials)
    if faster and gain is None:
        of = f"{faster} of {_count(len(proof.trials))} measured faster; their total was not measured"
        return [f"{of}: {name_apply(proof, reference=reference)}"]
    if proof.applied:
        how, together = ("", "") if count == 1 else (" one by one", " together")
        return [f"{_count(count)} seemed faster{how}; in fresh runs{together} no difference was shown"]
    tried = [trial for trial in proof.trials if trial.verdict is not Verdict.NOT_RUN]
    refuted = sum(trial.verdict in REFUTED for trial in tried)
    if not tried:
        return ["nothing could be measured"]
    return [f"no rewrite was measured faster; {len(tried)} tried, {refuted} refuted"]


def describe_growth(proof: Proof) -> list[str]:
    """Return what the faster rewrites do to the program's exponent, in one sentence, where it was measured."""
    change = proof.growth
    if change is None:
        return []
    both = f"{format_exponent(change.before)} → {format_exponent(change.after)}"
    sizes = f"n = {proof.growth_sizes[0]:,} to {proof.growth_sizes[-1]:,}" if proof.growth_sizes else "these sizes"
    shown = "" if change.is_shown else ", no change was shown"
    return [f"the program grows as {both} with them, at {sizes}{shown}"]


def _describe_without_offers(proof: Proof, reference: str) -> list[str]:
    """Return the gain without the offers, if there are any."""
    offers, without_offers = len(proof.offers), proof.without_offers
    if not offers or without_offers is None:
        return []
    are = "is an offer (a minor behaviour change" if offers == 1 else "are offers (minor behaviour changes"
    which = f"{offers} of them" if without_offers.applied else "it" if offers == 1 else "all of them"
    which = f"{which} {are}; see the report)"
    if not without_offers.applied:
        return [which]
    gain = without_offers.gain
    if gain is None or without_offers.verdict not in GAINED:
        said = "was not measured" if gain is None else "was not significant"
        return [f"{which}; the gain of the other {len(without_offers.applied)} together {said}"]
    command = name_apply(proof, offers=False, reference=reference)
    return [f"{which}; the other {len(without_offers.applied)}, {_describe_gain(gain)}: {command}"]


def describe_faster(total: Total | None) -> str:
    """Return the gain of rewrites in the proof, to follow their number."""
    if total is None or total.gain is None or total.verdict not in GAINED:
        return ", not measured together"
    return f", {_describe_gain(total.gain)} on the workload of the proof"


def _describe_gain(gain: Gain) -> str:
    interval = f"[{format_gain(gain.low).rstrip('×')}, {format_gain(gain.high).rstrip('×')}]"
    memory = describe_memory(gain)
    if gain.low > 1 or not memory:
        return f"measured {format_gain(gain.estimate)} faster {interval}{add_memory(gain)}"
    slower = gain.high < 1
    speed = f"measured {format_gain(gain.estimate)} as fast {interval}" if slower else f"measured same speed {interval}"
    return f"{speed}, {memory}"


def _count(rewrites: int) -> str:
    return f"{rewrites} rewrite{'' if rewrites == 1 else 's'}"


def describe_notes(proof: Proof) -> list[str]:
    """Return further notes for the reader."""
    lines = list(proof.notes)
    if proof.checked.candidates:
        names = ", ".join(proof.checked.candidates[:3])
        more = len(proof.checked.candidates) - 3
        lines.append(
            f"written and not compared: {names}{f' and {more} more' if more > 0 else ''} "
            f"(--compare '{proof.checked.candidates[0]}')"
        )
    return lines


def _write_gain(trial: Trial) -> str:
    gain = trial.gain
    if gain is None or trial.verdict in {Verdict.NOT_RUN, Verdict.DIFFERENT_OUTPUT, Verdict.FAILED}:
        return ""
    low, high = format_gain(gain.low).rstrip("×"), format_gain(gain.high).rstrip("×")
    times = f"{format_gain(gain.estimate)} [{low}, {high}]{add_memory(gain)}"
    return f" {times}, {gain.pairs} pairs of {describe_runs(gain)}, {gain.clock.value} time"
