"""What the commands say of a proof: its verdicts as lines, as JSON, and what was written of it."""

from __future__ import annotations

from collections.abc import Sequence

from whet.model.advice import Advice
from whet.model.run import Run
from whet.model.trial import Proof
from whet.pipeline.prove.apply import ApplyPlan
from whet.records import dataclass
from whet.report.proof_json import render_run_proof
from whet.report.proof_text import (
    describe_faster,
    describe_hunks,
    describe_notes,
    describe_total,
    describe_trials,
    name_apply,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Lines of text: one or two a rewrite, what the reader must know besides, and the total."""

    trials: Sequence[str]
    notes: Sequence[str]
    total: Sequence[str]
    hunks: Sequence[str]
    """Of a change of the user's own."""


def describe_outcome(proof: Proof, advice: Sequence[Advice] = (), reference: str = "") -> Outcome:
    """Return what a proof found out; ``advice`` gives its rewrites their numbers.

    ``reference`` names the run where it is not the latest.
    """
    total = describe_total(proof, reference)
    return Outcome(describe_trials(proof, advice), describe_notes(proof), total, describe_hunks(proof))


def render_outcome(run: Run) -> str:
    """Return the proof of ``run`` as JSON; ``docs/json.md`` describes it."""
    return render_run_proof(run)


def describe_applied(plan: ApplyPlan) -> str:
    """Return how much faster the rewrites that were written made the program, to stand after their number."""
    return describe_faster(plan.total)


def name_offers_command(run: Run, reference: str = "") -> str:
    """Return the command that writes the offers as well; ``reference`` names the run where it is not the latest."""
    return name_apply(run.proof, reference=reference)
