"""``whet apply``: selects proven rewrites, checks that they may be written, and writes them."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from whet.errors import UsageError, WhetError
from whet.fix.diff import choose_base, diff_texts, relate
from whet.fix.edits import edit_source
from whet.fix.files import hash_bytes
from whet.fix.journal import (
    Change,
    Journal,
    finish_changes,
    read_journal,
    take_back,
    write_changes,
)
from whet.model.advice import refer_to
from whet.model.finding import Edit, Safety
from whet.model.run import Run
from whet.model.trial import GAINED, REFUTED, FileEdits, Proof, Total, Trial, Verdict
from whet.pipeline.advise.advise import advise_run
from whet.pipeline.prove.place import is_inside, refuse_outside
from whet.pipeline.rules.allow import expand_allowed
from whet.records import dataclass
from whet.report.proof import order_advice
from whet.report.proof_text import name_apply
from whet.store import find_home, list_runs, load_run

JOURNAL = "applied.json"


@dataclass(frozen=True, slots=True)
class ApplyPlan:
    """What would be written.

    ``folder`` is what the paths in ``diff`` are relative to. ``total`` is the measured gain of exactly these together,
    where it is known. ``offers`` were measured faster too and are not written, because they were not allowed by name.
    ``earlier`` were already written.
    """

    trials: tuple[Trial, ...]
    changes: tuple[Change, ...]
    diff: str
    folder: Path
    total: Total | None = None
    offers: tuple[Trial, ...] = ()
    earlier: tuple[str, ...] = ()


class NothingProvenError(UsageError):
    """The run holds no proof."""


def name_proven(here: Path, besides: Path) -> UsageError | None:
    """Return the error that names the newest saved run that holds a proof; ``None`` without one.

    Runs that cannot be read are passed over.
    """
    for folder in reversed(list_runs(here)):
        if folder == besides.parent:
            continue
        with contextlib.suppress(WhetError):
            if load_run(folder).proof.started:
                command = shlex.join(("whet", "apply", "--run", folder.name))
                return UsageError("nothing is proven yet in the latest run", f"an older run holds a proof: {command}")
    return None


def plan_apply(
    run: Run, words: Sequence[str] = (), *, allow: Sequence[str] = (), accept_unchecked: bool = False
) -> ApplyPlan:
    """Return what to write: all rewrites that were measured faster, or those that ``words`` (numbers, rules) name.

    ``allow`` names rules whose offers may be written, untried ones too; those that the project's settings
    allow may be when they were measured faster. What an earlier ``whet apply`` wrote of the same proof stays written.
    Raises ``UsageError`` if nothing is proven, if a named rewrite was not measured faster, if the output was not
    checked, if everything is already written, and if a source file has changed since it was proven.
    """
    proof = run.proof
    asked = expand_allowed(run, allow, with_settings=False)
    allowed = expand_allowed(run, allow, with_settings=True)
    trials = {trial.ref.id: trial for trial in _list_trials(run, asked)}
    if not proof.started and not (asked and accept_unchecked):
        also = ", or write anyway with --accept-unchecked" if asked else ""
        raise NothingProvenError("nothing is proven yet", f"run `whet prove` first{also}")
    chosen = _choose(run, trials, words, asked, allowed)
    if not chosen:
        raise _explain_nothing(proof)
    if not proof.checked.is_checked and not accept_unchecked:
        why = proof.checked.unchecked or "nothing was compared"
        raise UsageError(
            f"the output was not checked: {why}",
            "check it with `whet prove --tests COMMAND` or `--compare GLOB`, or write anyway with --accept-unchecked",
        )
    last = _find_earlier(run, trials)
    ids = {trial.ref.id for trial in chosen}
    if last.names and ids <= set(last.names):
        raise UsageError("these rewrites are already written", "undo them with `whet apply --undo`")
    whole = [trial for trial in trials.values() if trial.ref.id in ids or trial.ref.id in last.names]
    changes = _make_changes(run, whole, last)
    folder, diff = _diff_changes(changes, _find_folder(run))
    ids |= set(last.names)
    offers = [trials[id_] for id_ in proof.offers if id_ not in ids and not words]
    total = next((each for each in _list_totals(proof) if each.gain is not None and set(each.applied) == ids), None)
    return ApplyPlan(tuple(whole), tuple(changes), diff, folder, total, tuple(offers), last.names)


def carry_out(run: Run, plan: ApplyPlan) -> None:
    """Write the changes, in the run's project.

    Raises ``UsageError`` for a file outside it, and ``StoreError``; then no file is changed.
    """
    journal = find_journal(_find_folder(run))
    for change in plan.changes:
        refuse_outside(change.path, _find_folder(run))
    if plan.earlier:
        # So that one undo reverts everything: the journal keeps only the last change.
        take_back(journal, _in_project(journal))
    write_changes(list(plan.changes), journal, [trial.ref.id for trial in plan.trials])


def _list_totals(proof: Proof) -> list[Total]:
    whole = Total(proof.total, proof.total_verdict, proof.applied)
    return [whole] if proof.without_offers is None else [whole, proof.without_offers]


def _explain_nothing(proof: Proof) -> UsageError:
    if proof.offers and proof.total_verdict in GAINED:
        some = proof.without_offers is not None and proof.without_offers.applied
        what = "the program was measured faster only with offers" if some else "only offers were measured faster"
        return UsageError(f"{what} (minor behaviour changes; see the report)", f"write them with `{name_apply(proof)}`")
    if any(trial.verdict is Verdict.NOT_RUN for trial in proof.trials):
        return UsageError(
            "no rewrite was measured faster, and some were not measured, so there is nothing to write",
            "give `whet prove` more time with --budget, or a shorter command with --workload",
        )
    return UsageError(
        "no rewrite was measured faster, so there is nothing to write",
        "try another input with `whet prove --workload 'COMMAND'`",
    )


def _find_earlier(run: Run, trials: Mapping[str, Trial]) -> Journal:
    """Return what ``whet apply`` already wrote of this proof, as far as the files are still as it left them."""
    journal = find_journal(_find_folder(run))
    last = read_journal(journal, _in_project(journal))
    proven = {Path(run.directory, each.file): each.sha256 for trial in trials.values() for each in trial.changes}
    is_of_this = set(last.names) <= trials.keys() and all(
        hash_bytes(change.before) == proven.get(change.path) for change in last.changes
    )
    if not last.names or not is_of_this:
        return Journal()
    # A checkout, or an editor, may have brought the old text back.
    there = {change.path for change in last.changes if _has(change.path, change.after)}
    names = tuple(
        name for name in last.names if all(Path(run.directory, each.file) in there for each in trials[name].changes)
    )
    return replace(last, changes=tuple(each for each in last.changes if each.path in there), names=names)


def _has(path: Path, data: bytes) -> bool:
    try:
        return path.read_bytes() == data
    except OSError:
        return False


def finish_earlier(here: Path) -> list[Path]:
    """Finish an interrupted ``whet apply`` in the project that contains ``here``, and return the files."""
    journal = find_journal(here)
    return finish_changes(journal, _in_project(journal))


def undo(here: Path) -> list[Path]:
    """Undo the last ``whet apply`` in the project that contains ``here``, and return the files.

    Raises ``StoreError``.
    """
    journal = find_journal(here)
    return take_back(journal, _in_project(journal))


def _in_project(journal: Path) -> Callable[[Path], bool]:
    """Return what tells the files that a project's journal may change: those in the project."""
    return lambda path: is_inside(path, journal.parent.parent)


def find_journal(here: Path) -> Path:
    """Return the path of the journal of the project that contains ``here``."""
    return find_home(here) / JOURNAL


def _find_folder(run: Run) -> Path:
    return Path(run.project or run.directory)


def _list_trials(run: Run, allow: Collection[str]) -> list[Trial]:
    """Return the trials, and the offers that are allowed by name but were not tried."""
    trials = list(run.proof.trials)
    if allow:
        known = {trial.ref.id for trial in trials}
        for item in advise_run(run).advice:
            finding = item.finding
            if finding.rule in allow and finding.edits and item.id not in known:
                source = run.sources[finding.file]
                changes = (FileEdits(finding.file, source.sha256, finding.edits),)
                trials.append(Trial(refer_to(item, source.shown), Verdict.UNTESTED, changes=changes))
    return trials


def _choose(
    run: Run, trials: dict[str, Trial], words: Sequence[str], asked: Collection[str], allowed: Collection[str]
) -> list[Trial]:
    if not words:
        total = run.proof.total_verdict
        if run.proof.without_offers is not None and not asked:
            total = run.proof.without_offers.verdict
        if total in {Verdict.SLOWER, Verdict.NO_DIFFERENCE}:
            return []
        return [
            trial
            for trial in trials.values()
            if (trial.ref.rule in asked and trial.verdict not in REFUTED)
            or (trial.verdict in GAINED and (trial.ref.safety is not Safety.OFFER or trial.ref.rule in allowed))
        ]
    named: dict[str, Trial] = {}
    numbers: Sequence[str] | None = None
    for word in words:
        if word.isdecimal():
            numbers = numbers if numbers is not None else _number_advice(run)
            if not 0 < int(word) <= len(numbers):
                raise UsageError(
                    f"there is no suggestion {word}", f"there are {len(numbers)}; `whet report` lists them"
                )
            found = [trials[numbers[int(word) - 1]]] if numbers[int(word) - 1] in trials else []
        else:
            found = [trial for trial in trials.values() if word in {trial.ref.rule, trial.ref.id}]
        if not found:
            raise UsageError(f"no rewrite named {word[:60]!a} was tried", "run `whet prove` first")
        for trial in found:
            _refuse_unproven(trial, word, asked)
            named[trial.ref.id] = trial
    # In the order of the proof, so that edits at one place are applied as they were proven.
    return [trial for trial in trials.values() if trial.ref.id in named]


def _number_advice(run: Run) -> Sequence[str]:
    """Return the ids of the advice as the proof numbered it; a proof of an earlier version did not keep that."""
    return run.proof.order or [item.id for item in order_advice(advise_run(run).advice, run.proof)]


def _refuse_unproven(trial: Trial, word: str, allow: Collection[str]) -> None:
    if trial.verdict in GAINED or (trial.ref.rule in allow and trial.verdict not in REFUTED):
        return
    why = f": {trial.why}" if trial.why else ""
    raise UsageError(
        f"{word} ({trial.ref.title}, {trial.ref.place}) was not measured faster, but {trial.verdict.value}{why}",
        "try another input with `whet prove --workload 'COMMAND'`",
    )


def _make_changes(run: Run, trials: Sequence[Trial], last: Journal) -> dict[Change, bytes]:
    """Return the edited files, each based on the proven source, and their current contents."""
    edits: dict[str, list[Edit]] = {}
    hashes: dict[str, str] = {}
    for trial in trials:
        for change in trial.changes:
            edits.setdefault(change.file, []).extend(change.edits)
            hashes[change.file] = change.sha256
    written = {change.path: change for change in last.changes}
    changes: dict[Change, bytes] = {}
    for file, own in sorted(edits.items()):
        path = Path(run.directory, file)
        shown = run.sources[file].shown if file in run.sources else file
        try:
            now = path.read_bytes()
        except OSError as error:
            raise UsageError(
                f"{shown} cannot be read: {error.strerror}", "re-run `whet run`, then `whet prove`"
            ) from error
        before = written[path].before if path in written and now == written[path].after else now
        if hash_bytes(before) != hashes[file]:
            raise UsageError(f"{shown} has changed since it was proven", "re-run `whet run`, then `whet prove`")
        try:
            after = edit_source(before, own)
        except WhetError as error:
            raise UsageError(f"{shown}: {error.message}", "select fewer rewrites") from error
        changes[Change(path, before, after)] = now
    return changes


def _diff_changes(changes: Mapping[Change, bytes], project: Path) -> tuple[Path, str]:
    """Return the diff from the files' current contents, and the folder it is relative to: the current one if possible.

    Bytes that are not UTF-8 are kept as surrogates: a patch in another encoding than its file does not apply.
    """
    folder = choose_base((change.path for change in changes), Path.cwd(), project)
    return folder, "".join(
        diff_texts(
            now.decode("utf-8", "surrogateescape"),
            change.after.decode("utf-8", "surrogateescape"),
            relate(change.path, folder),
        )
        for change, now in changes.items()
    )
