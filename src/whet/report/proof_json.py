"""The results of proving, as JSON: ``whet prove --format json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from whet import __version__
from whet.fix.diff import diff_texts
from whet.fix.edits import apply_edits
from whet.model.run import Run
from whet.model.trial import Checked, Gain, Proof, RequestFigures, Total, Trial
from whet.report.sanitize import encodable

SCHEMA = 1


def render_proof_json(proof: Proof, diffs: Mapping[str, str], whet_version: str) -> str:
    """Return a session of proving as a JSON object in ASCII: durations in seconds, memory in bytes.

    ``diffs`` are the rewrites as unified diffs, by id.
    """
    made = {
        "schema": SCHEMA,
        "whet": whet_version,
        "command": [encodable(word) for word in proof.workload],
        "started": proof.started,
        "total": _total_object(Total(proof.total, proof.total_verdict, proof.applied)),
        "without_offers": None if proof.without_offers is None else _total_object(proof.without_offers),
        "growth": _growth_object(proof),
        "rewrites": [_trial_object(trial, diffs.get(trial.ref.id, "")) for trial in proof.trials],
        "hunks": [_trial_object(part, diffs.get(part.ref.id, "")) for part in proof.parts],
        "checked": _checked_object(proof.checked),
        "executions": proof.runs,
        "seconds": proof.seconds,
        "notes": [encodable(note) for note in proof.notes],
    }
    return json.dumps(made, indent=2, allow_nan=False) + "\n"


def _growth_object(proof: Proof) -> dict[str, Any] | None:
    change = proof.growth
    if change is None:
        return None
    bounds = {"before": change.before, "after": change.after, "difference": change.difference}
    figures = {key: [each.value, each.low, each.high] for key, each in bounds.items()}
    return {"sizes": list(proof.growth_sizes), **figures, "changed": change.is_shown}


def _total_object(total: Total) -> dict[str, Any]:
    return {
        "verdict": total.verdict.value,
        "rewrites": [encodable(id_) for id_ in total.applied],
        "gain": _gain_object(total.gain),
    }


def _trial_object(trial: Trial, diff: str) -> dict[str, Any]:
    return {
        "id": encodable(trial.ref.id),
        "rule": encodable(trial.ref.rule),
        "title": encodable(trial.ref.title),
        "place": encodable(trial.ref.place),
        "safety": trial.ref.safety.value,
        "verdict": trial.verdict.value,
        "why": encodable(trial.why),
        "judged_with": [encodable(id_) for id_ in trial.group if id_ != trial.ref.id],
        "gain": _gain_object(trial.gain),
        "measured": trial.measured or None,
        "diff": encodable(diff),
    }


def _gain_object(gain: Gain | None) -> dict[str, Any] | None:
    if gain is None:
        return None
    return {
        "speed": gain.estimate,
        "low": gain.low,
        "high": gain.high,
        "pairs": gain.pairs,
        "by_samples": gain.by_samples,
        "confidence": gain.confidence,
        "clock": gain.clock.value.lower(),
        "before_seconds": gain.baseline_ns / 1e9,
        "after_seconds": gain.candidate_ns / 1e9,
        "before_peak_bytes": gain.baseline_peak_bytes or None,
        "after_peak_bytes": gain.candidate_peak_bytes or None,
        "memory": None
        if gain.memory is None
        else {"ratio": gain.memory.ratio, "low": gain.memory.low, "high": gain.memory.high},
        "before_requests": _requests_object(gain.baseline_requests),
        "after_requests": _requests_object(gain.candidate_requests),
    }


def _requests_object(found: RequestFigures | None) -> dict[str, float] | None:
    if found is None:
        return None
    return {"per_second": found.per_second, "p50_seconds": found.p50_ns / 1e9, "p95_seconds": found.p95_ns / 1e9}


def _checked_object(checked: Checked) -> dict[str, Any]:
    return {
        "is_checked": checked.is_checked,
        "why_not": encodable(checked.unchecked),
        "stdout_bytes": checked.stdout_bytes,
        "responses": checked.responses,
        "files": [encodable(name) for name in checked.files],
        "file_bytes": checked.file_bytes,
        "written_not_compared": [encodable(name) for name in checked.candidates],
        "tolerance": checked.tolerance,
        "tests": encodable(checked.tests),
    }


def render_run_proof(run: Run) -> str:
    """Return the proof as JSON; ``docs/json.md`` describes it."""
    tried = (*run.proof.trials, *run.proof.parts)
    return render_proof_json(run.proof, {trial.ref.id: _diff(trial, run) for trial in tried}, __version__)


def _diff(trial: Trial, run: Run) -> str:
    """Return a rewrite as a unified diff of the sources that were measured; empty for other files."""
    diff = ""
    for change in trial.changes:
        source = run.sources.get(change.file)
        if source is None or source.sha256 != change.sha256:
            return ""
        diff += diff_texts(source.text, apply_edits(source.text, change.edits), source.shown)
    return diff
