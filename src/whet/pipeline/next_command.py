"""Which command comes after a run: proving where there is a rewrite to try, applying where one was proven."""

from __future__ import annotations

from collections.abc import Sequence

from whet.model.advice import Advice
from whet.model.finding import Safety
from whet.model.run import Run
from whet.model.trial import Verdict
from whet.report.proof_text import name_apply
from whet.report.words import has_failed


def name_next_command(run: Run, advice: Sequence[Advice]) -> str:
    """Return what comes after measuring: proving where there is a rewrite to try, applying where one was proven."""
    proof = run.proof
    if run.origins:
        # It is not saved, and what ran where it was recorded is not known here.
        return ""
    if proof.started:
        is_faster = any(trial.verdict is Verdict.FASTER for trial in proof.trials)
        refused = proof.total_verdict in {Verdict.SLOWER, Verdict.NO_DIFFERENCE}
        return name_apply(proof) if is_faster and not refused else ""
    if any(execution.exit_status is None for execution in run.executions) or has_failed(run):
        return ""
    if not any(can_be_tried(item) for item in advice):
        return ""
    from whet.pipeline.prove.workload import can_be_repeated

    return "whet prove" if can_be_repeated(run) else "whet prove --workload COMMAND"


def can_be_tried(advice: Advice) -> bool:
    """Whether `whet prove` tries an advice: it has a rewrite."""
    return bool(advice.finding.edits) and advice.finding.safety is not Safety.ADVICE
