"""Which command comes after a run: proving where there is a rewrite to try, applying where one was proven."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from whet.model.advice import Advice
from whet.model.finding import Safety
from whet.model.run import Run
from whet.model.source import is_cell
from whet.model.trial import GAINED, Verdict
from whet.report.proof_text import name_apply
from whet.report.words import has_failed

_WORTH_PROVING = 0.05


def name_next_command(run: Run, advice: Sequence[Advice], reference: str = "") -> str:
    """Return what comes after measuring: proving where there is a rewrite to try, applying where one was proven.

    ``reference`` names the run where it is not the latest. Empty where there is no command that could be pasted.
    """
    proof = run.proof
    if has_failed(run) or run.origins:
        # What was recorded elsewhere is not saved, and what ran there is not known here.
        return ""
    if proof.started:
        is_faster = any(trial.verdict in GAINED for trial in proof.trials)
        refused = proof.total_verdict in {Verdict.SLOWER, Verdict.NO_DIFFERENCE}
        return name_apply(proof, reference=reference) if is_faster and not refused else ""
    if any(execution.exit_status is None for execution in run.executions):
        return ""
    if not any(can_be_tried(item) for item in advice):
        return ""
    from whet.pipeline.prove.workload import can_be_repeated

    metric = ("--metric", "both") if any(can_be_tried(item) and item.memory is not None for item in advice) else ()
    return shlex.join(filter(None, ("whet", "prove", *metric, reference))) if can_be_repeated(run) else ""


def is_worth_proving(advice: Sequence[Advice]) -> bool:
    """Whether a rewrite stands on so large a share of the run that more samples need not come first."""
    return any(can_be_tried(item) and (item.share > _WORTH_PROVING or item.memory is not None) for item in advice)


def can_be_tried(advice: Advice) -> bool:
    """Whether `whet prove` tries an advice: it has a rewrite, of a file."""
    finding = advice.finding
    return bool(finding.edits) and finding.safety is not Safety.ADVICE and not is_cell(finding.file)
