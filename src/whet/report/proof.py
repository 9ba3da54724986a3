"""The results of proving, formatted: each verdict with its interval, what was compared, and on which workload."""

from __future__ import annotations

from collections.abc import Iterable

from whet.model.advice import Advice
from whet.model.masking import mask_argv
from whet.model.trial import GAINED, Checked, Clock, Gain, Proof, Trial, Verdict
from whet.report.parts import GainFigures, ProofFigures
from whet.report.units import (
    Figure,
    bytes_figure,
    format_bytes,
    format_seconds,
    time_figure,
)
from whet.report.words import join_command

LEAST_MEMORY = 0.02
"""A smaller change of the peak memory (0 to 1) is not worth a word."""
_TOLD = {
    Verdict.FASTER: "measured faster on this workload",
    Verdict.LESS_MEMORY: "measured to need less memory on this workload",
    Verdict.NO_DIFFERENCE: "no significant change on this workload",
    Verdict.SLOWER: "measured slower on this workload",
    Verdict.DIFFERENT_OUTPUT: "the program's output differs",
    Verdict.FAILED: "the program fails with it",
    Verdict.NOT_RUN: "not tried",
}


def format_gain(factor: float) -> str:
    """Format a factor so that its difference from 1 is visible: ``3.1×``, ``1.04×``, ``12×``.

    The ends of an interval from a few runs can be anywhere: ``over 1,000×``.
    """
    if not 0.005 <= factor < 1000:
        return "over 1,000×" if factor > 1 else "under 0.01×"
    return f"{factor:.0f}×" if factor >= 9.95 else f"{factor:.1f}×" if factor >= 1.995 else f"{factor:.2f}×"


def order_advice(advice: Iterable[Advice], proof: Proof) -> tuple[Advice, ...]:
    """Return advice as reports number it: measured faster by what it saves, then untested, then tried without gain.

    Within these the order is that of ``advice``. What was numbered when it was proven keeps its number.
    """
    numbers = {id_: number for number, id_ in enumerate(proof.order)}

    def rank(item: Advice) -> tuple[int, int, float]:
        return (numbers[item.id], 0, 0.0) if item.id in numbers else (len(numbers), *rank_by_gain(item))

    def rank_by_gain(item: Advice) -> tuple[int, float]:
        trial = item.trial or proof.trial_of(item.id)
        verdict = trial.verdict if trial is not None else item.verdict
        if verdict is not Verdict.FASTER:
            return 1 if verdict in {Verdict.UNTESTED, Verdict.NOT_RUN} else 2, 0.0
        gain = trial.gain if trial is not None else None
        return 0, -float(max(gain.baseline_ns - gain.candidate_ns, 0)) if gain is not None else 0.0

    return tuple(sorted(advice, key=rank))


def describe_gain(gain: Gain) -> GainFigures:
    """Return a measured gain, formatted."""
    low, high = format_gain(gain.low).rstrip("×"), format_gain(gain.high).rstrip("×")
    return GainFigures(
        factor=Figure(format_gain(gain.estimate), gain.estimate),
        interval=f"[{low}, {high}]",
        low=gain.low,
        high=gain.high,
        pairs=gain.pairs,
        runs=describe_runs(gain),
        confidence=gain.confidence,
        clock=gain.clock.value if gain.clock is Clock.CPU else "wall time",
        before=time_figure(gain.baseline_ns or None),
        after=time_figure(gain.candidate_ns or None),
        peak_before=bytes_figure(gain.baseline_peak_bytes or None),
        peak_after=bytes_figure(gain.candidate_peak_bytes or None),
        saved=time_figure(max(gain.baseline_ns - gain.candidate_ns, 0) or None),
    )


def describe_runs(gain: Gain) -> str:
    """Return what kind of runs show a gain."""
    return "sampled runs" if gain.by_samples else "runs"


def describe_memory(gain: Gain) -> str:
    """Return a change of the peak memory that is more than chance: ``27 % less memory [25, 29]``; else nothing."""
    change = gain.memory
    if change is None or change.low <= 1 <= change.high or abs(change.ratio - 1) < LEAST_MEMORY:
        return ""
    parts = sorted(abs(each - 1) * 100 for each in (change.low, change.high))
    more = "less" if change.ratio < 1 else "more"
    return f"{abs(change.ratio - 1) * 100:.0f} % {more} memory [{parts[0]:.0f}, {parts[1]:.0f}]"


def add_memory(gain: Gain) -> str:
    """Return what :func:`describe_memory` does, to follow a speed: with a comma before it, or nothing."""
    memory = describe_memory(gain)
    return f", {memory}" if memory else ""


def describe_requests(proof: Proof) -> list[str]:
    """Return what a server answered with both versions, in a sentence; nothing for any other program."""
    gain = proof.total or next((trial.gain for trial in proof.trials if len(proof.trials) == 1), None)
    before, after = (gain.baseline_requests, gain.candidate_requests) if gain is not None else (None, None)
    if before is None or after is None or not before.p50_ns or not after.p50_ns:
        return []
    told = [f"{before.per_second:,.0f} → {after.per_second:,.0f} requests a second"]
    for name in ("p50_ns", "p95_ns"):
        one, other = (format_seconds(getattr(each, name)) for each in (before, after))
        told.append(f"{name[:3]} {one} → {other}")
    return [f"medians of the runs: {', '.join(told)}"]


def describe_trial(trial: Trial, proof: Proof) -> ProofFigures:
    """Return the result of one rewrite."""
    words = _TOLD.get(trial.verdict, trial.verdict.value)
    gain = describe_gain(trial.gain) if trial.gain else None
    sentence = words
    others = len([each for each in trial.group if each != trial.ref.id])
    together = f", together with {others} other rewrite{'s' if others != 1 else ''}" if others else ""
    ran = trial.verdict in (*GAINED, Verdict.NO_DIFFERENCE, Verdict.SLOWER)
    if gain and ran:
        sentence = f"{words}{together}: {gain.factor} {gain.interval}{add_memory(trial.gain) if trial.gain else ''}"
    notes = [_as_sentence(trial.why)] if trial.why else []
    if trial.measured:
        notes.append(f"Measured on {trial.measured[:16].replace('T', ' ')}, by an earlier proof of the same code.")
    if others:
        notes.append("Their individual gains are too small to measure separately within the budget.")
    return ProofFigures(
        verdict=trial.verdict.value,
        sentence=sentence[:1].upper() + sentence[1:],
        gain=gain,
        checked=describe_checked(proof.checked) if ran else "",
        notes=tuple(notes),
        others=others,
    )


def _as_sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def describe_checked(checked: Checked) -> str:
    """Return what was compared: ``output identical (3 files, 41 kB)``, or why nothing was."""
    if checked.unchecked:
        return f"output not checked: {checked.unchecked}"
    told = []
    if checked.responses:
        told.append(f"{checked.responses:,} responses, {format_bytes(checked.stdout_bytes)}")
    elif checked.stdout_bytes:
        told.append(f"{format_bytes(checked.stdout_bytes)} printed")
    if checked.files:
        count = len(checked.files)
        told.append(f"{count} file{'s' if count != 1 else ''}, {format_bytes(checked.file_bytes)}")
    alike = f"alike within {checked.tolerance:g}" if checked.tolerance else "identical"
    said = [f"output {alike} ({', '.join(told)})"] if told else []
    if checked.tests:
        said.append(f"tests passed ({checked.tests})")
    return ", ".join(said) or "output not checked"


def head_proof(title: str, proof: Proof) -> str:
    """Return the headline once something was proven; empty before.

    As in ``orders.py: 3.12 → 1.01 s CPU, 3.1× [2.9, 3.3], n=20, output identical (3 files, 41 kB), on this input``.
    """
    gain = proof.total
    if gain is None:
        return ""
    figures = describe_gain(gain)
    if proof.total_verdict in GAINED:
        times = f"{_join_times(gain)} {gain.clock.value}, " if gain.baseline_ns and gain.candidate_ns else ""
        return (
            f"{title}: {times}{figures.factor} {figures.interval}{add_memory(gain)}, n={gain.pairs}, "
            f"{describe_checked(proof.checked)}, on this input{_describe_without_offers(proof)}"
        )
    if proof.total_verdict is Verdict.NO_DIFFERENCE:
        return f"{title}: no significant change, {figures.factor} {figures.interval}, n={gain.pairs}, on this input"
    return ""


def _describe_without_offers(proof: Proof) -> str:
    """Return the gain without the offers, if there are any among the faster ones."""
    without_offers = proof.without_offers
    if without_offers is None or without_offers.gain is None or without_offers.verdict not in GAINED:
        return ""
    figures, count = describe_gain(without_offers.gain), len(proof.offers)
    return f"; {figures.factor} {figures.interval} without the {count} offer{'s' if count != 1 else ''}"


def describe_session(proof: Proof) -> tuple[str, ...]:
    """Return sentences about a session of proving, for the method section."""
    if not proof.started:
        return ()
    said = [f"Rewrites were tried on {join_command(mask_argv(proof.workload))}, {proof.started}."]
    if proof.runs:
        said.append(
            f"That took {proof.runs:,} executions and {format_seconds(proof.seconds * 1e9)}: with and without "
            "the rewrites, in random order, without a profiler."
        )
    gains = [gain for gain in (proof.total, *(trial.gain for trial in proof.trials)) if gain]
    if gains:
        said.append(
            f"[low, high] is the confidence interval of the ratio, {gains[0].confidence * 100:.4g} % for the whole "
            "session; a rewrite is called faster only if all of it is above 1."
        )
    if proof.checked.candidates:
        said.append(f"Written and not compared: {', '.join(proof.checked.candidates)}.")
    return (*said, *map(_as_sentence, proof.notes))


def _join_times(gain: Gain) -> str:
    """Return ``3.12 → 1.01 s``: the unit once if both have it."""
    before, after = format_seconds(gain.baseline_ns), format_seconds(gain.candidate_ns)
    unit = " " + after.rpartition(" ")[2]
    return f"{before.removesuffix(unit)} → {after}" if before.endswith(unit) else f"{before} → {after}"
