"""``whet apply``: which proven rewrites are written, whether they may be, and the writing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from whet.errors import UsageError, WhetError
from whet.fix.decoding import decode_source, encode_source
from whet.fix.edits import apply_edits
from whet.fix.journal import Change, finish_changes, hash_bytes, take_back, write_changes
from whet.model.finding import Edit, Safety
from whet.model.run import Run
from whet.model.trial import REFUTED, FileEdits, Trial, Verdict
from whet.pipeline.advising import advise_run, diff_texts
from whet.pipeline.allowing import expand_allowed
from whet.store import find_home

JOURNAL = "applied.json"


@dataclass(frozen=True, slots=True)
class ApplyPlan:
    """What would be written. ``is_whole``: exactly what the total of the proof is about."""

    trials: tuple[Trial, ...]
    changes: tuple[Change, ...]
    diff: str
    is_whole: bool


def plan_apply(
    run: Run, words: Sequence[str] = (), *, allow: Sequence[str] = (), accept_unchecked: bool = False
) -> ApplyPlan:
    """Return what to write: all rewrites that were measured faster, or those that ``words`` (numbers, rules) name.

    ``allow`` names rules whose offers may be written, untried ones too; those that the project's settings
    allow may be when they were measured faster. Raises ``UsageError`` where nothing is proven, where what is named
    was not measured faster, where the output was not checked, and where a source is not what was proven.
    """
    proof = run.proof
    asked = expand_allowed(run, allow, with_settings=False)
    allowed = expand_allowed(run, allow, with_settings=True)
    trials = {trial.advice: trial for trial in _list_trials(run, asked)}
    if not proof.started and not asked:
        raise UsageError("nothing is proven yet", "whet prove tries the advice of the last run")
    chosen = _choose(run, trials, words, asked, allowed)
    if not chosen:
        raise UsageError(
            "no rewrite was measured faster, so there is nothing to write",
            "whet prove --workload 'COMMAND' tries them on another input",
        )
    if not proof.checked.is_checked and not accept_unchecked:
        why = proof.checked.unchecked or "nothing was compared"
        raise UsageError(
            f"the output was not checked: {why}",
            "whet prove --tests COMMAND or --compare GLOB checks it; whet apply --accept-unchecked writes it anyway",
        )
    changes, diff = _make_changes(run, chosen)
    is_whole = {trial.advice for trial in chosen} == set(proof.applied)
    return ApplyPlan(tuple(chosen), tuple(changes), diff, is_whole)


def carry_out(run: Run, plan: ApplyPlan) -> None:
    """Write the changes. Raises ``StoreError``; the files are then as they were."""
    write_changes(list(plan.changes), find_journal(run))


def finish_earlier(run: Run) -> list[Path]:
    """Finish what an earlier ``whet apply`` began and could not end, and return the files."""
    return finish_changes(find_journal(run), _list_sources(run))


def undo(run: Run) -> list[Path]:
    """Take the last ``whet apply`` back, and return the files. Raises ``StoreError``."""
    return take_back(find_journal(run), _list_sources(run))


def _list_sources(run: Run) -> set[Path]:
    return {Path(run.directory, file) for file in run.sources}


def find_journal(run: Run) -> Path:
    """Return where the last change of a run's project is kept."""
    return find_home(Path(run.project or run.directory)) / JOURNAL


def _list_trials(run: Run, allow: Collection[str]) -> list[Trial]:
    """Return the trials, and beside them the offers that are allowed by name and were not tried."""
    trials = list(run.proof.trials)
    if allow:
        known = {trial.advice for trial in trials}
        for item in advise_run(run).advice:
            finding = item.finding
            if finding.rule in allow and finding.edits and item.id not in known:
                source = run.sources[finding.file]
                changes = (FileEdits(finding.file, source.sha256, finding.edits),)
                place = f"{source.shown}:{finding.line}"
                trials.append(
                    Trial(
                        item.id,
                        finding.rule,
                        Verdict.UNTESTED,
                        changes=changes,
                        safety=finding.safety,
                        place=place,
                        title=finding.title,
                    )
                )
    return trials


def _choose(
    run: Run, trials: dict[str, Trial], words: Sequence[str], asked: Collection[str], allowed: Collection[str]
) -> list[Trial]:
    if not words:
        if run.proof.total_verdict in {Verdict.SLOWER, Verdict.NO_DIFFERENCE}:
            return []
        return [
            trial
            for trial in trials.values()
            if (trial.rule in asked and trial.verdict not in REFUTED)
            or (trial.verdict is Verdict.FASTER and (trial.safety is not Safety.OFFER or trial.rule in allowed))
        ]
    named: dict[str, Trial] = {}
    numbers: list[str] | None = None
    for word in words:
        if word.isdecimal():
            numbers = numbers if numbers is not None else [item.id for item in advise_run(run).advice]
            if not 0 < int(word) <= len(numbers):
                raise UsageError(f"there is no suggestion {word}", f"there are {len(numbers)}; whet report shows them")
            found = [trials[numbers[int(word) - 1]]] if numbers[int(word) - 1] in trials else []
        else:
            found = [trial for trial in trials.values() if word in {trial.rule, trial.advice}]
        if not found:
            raise UsageError(
                f"no rewrite called {word[:60]!a} was tried", "whet prove tries the advice of the last run"
            )
        for trial in found:
            _refuse_unproven(trial, word, asked)
            named[trial.advice] = trial
    # In the order of the proof, so that edits at one place come as they were proven.
    return [trial for trial in trials.values() if trial.advice in named]


def _refuse_unproven(trial: Trial, word: str, allow: Collection[str]) -> None:
    if trial.verdict is Verdict.FASTER or (trial.rule in allow and trial.verdict not in REFUTED):
        return
    why = f": {trial.why}" if trial.why else ""
    raise UsageError(
        f"{word} ({trial.title}, {trial.place}) was not measured faster, but {trial.verdict.value}{why}",
        "whet prove --workload 'COMMAND' tries it on another input",
    )


def _make_changes(run: Run, trials: Sequence[Trial]) -> tuple[list[Change], str]:
    edits: dict[str, list[Edit]] = {}
    hashes: dict[str, str] = {}
    for trial in trials:
        for change in trial.changes:
            edits.setdefault(change.file, []).extend(change.edits)
            hashes[change.file] = change.sha256
    changes, diff = [], ""
    for file, own in sorted(edits.items()):
        path = Path(run.directory, file)
        shown = run.sources[file].shown if file in run.sources else file
        try:
            before = path.read_bytes()
        except OSError as error:
            raise UsageError(f"{shown} cannot be read: {error.strerror}", "whet run it again, then prove") from error
        if hash_bytes(before) != hashes[file]:
            raise UsageError(f"{shown} is not what was proven any more", "whet run it again, then prove")
        text, encoding = decode_source(before)
        try:
            changed = apply_edits(text, own)
        except WhetError as error:
            raise UsageError(f"{shown}: {error.message}", "name fewer rewrites") from error
        changes.append(Change(path, before, encode_source(changed, encoding)))
        diff += diff_texts(text, changed, shown)
    return changes, diff
