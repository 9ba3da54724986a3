"""From a run to its advice: merge, find, advise, and join the results of earlier proving.

Rules and their dependencies are imported only if a run has enough samples for advice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from whet.config import LEAST_SHARE
from whet.errors import PluginError, UsageError, WhetError
from whet.merge.hotspots import merge_run
from whet.model.advice import Advice
from whet.model.finding import Finding, Safety
from whet.model.frame import Owner
from whet.model.hotspot import LEAST_SAMPLES, Hotspots
from whet.model.run import Notice, Purpose, Run
from whet.pipeline.project import find_project
from whet.pipeline.rules.rulebook import load_rulebook, stands_in
from whet.records import dataclass

if TYPE_CHECKING:
    from whet.advise.newer_python import NewerPython
    from whet.engine.loading import RuleModule

HOT_SHARE = 0.005
"""Rules are run on functions with a line of at least this share of the run,"""
HELD_SHARE = 0.05
"""or of the memory at its peak."""


@dataclass(frozen=True, slots=True)
class Advised:
    """The result for a run. ``run`` includes the notices of rules that failed."""

    run: Run
    hotspots: Hotspots
    advice: tuple[Advice, ...]


def advise_run(run: Run, *, project_rules: bool = True) -> Advised:
    """Merge a run, run the rules on its hot functions, and join the findings with earlier verdicts.

    Rewrites that an earlier session refuted are left out as long as the code is the same.
    """
    hotspots = merge_run(run)
    if _is_nothing_seen(hotspots):
        return Advised(run, hotspots, ())
    from whet.advise.answers import answer
    from whet.advise.join import advise
    from whet.pipeline.advise.refuted import load_refutations

    findings, notices, least_share = find_in_hot_code(run, hotspots, project_rules=project_rules)
    refutations = load_refutations(Path(run.project or run.directory or "."))
    advice = tuple(
        _complete(item, run)
        for item in advise(run, hotspots, findings, least_share=least_share, answer=answer, newer=_find_newer(run))
        if run.proof.trial_of(item.id) is not None or not refutations.holds(item, run)
    )
    if notices:
        run = replace(run, notices=(*run.notices, *notices))
    return Advised(run, hotspots, advice)


def _is_nothing_seen(hotspots: Hotspots) -> bool:
    """Return whether the program's own code has too few samples for advice."""
    seen = not hotspots.samples or hotspots.samples >= LEAST_SAMPLES
    own = any(spot.owner is Owner.USER for spot in hotspots.lines) or hotspots.index_unlined()
    return not (seen and hotspots.busy_ns and own)


def _find_newer(run: Run) -> NewerPython | None:
    from whet.advise.newer_python import NewerPython
    from whet.program.newer_python import find_newer

    found = find_newer(run.interpreter.path, run.interpreter.version)
    return NewerPython(*found) if found is not None else None


def find_in_hot_code(
    run: Run, hotspots: Hotspots, *, project_rules: bool = True
) -> tuple[tuple[Finding, ...], tuple[Notice, ...], float]:
    """Return the rules' findings in hot code, notices on failed rules, and the share below which it is not advice."""
    from whet.engine.run import find_findings

    hot: dict[str, set[int]] = {}
    for spot in hotspots.lines:
        cost = spot.cost
        holds = bool(hotspots.peak_bytes) and (cost.peak_bytes or 0) / hotspots.peak_bytes >= HELD_SHARE
        if holds or (hotspots.busy_ns and cost.spent_ns / hotspots.busy_ns >= HOT_SHARE):
            hot.setdefault(spot.file, set()).add(spot.line)
    for awaited in run.evidence.awaited:
        # What the line waits for stands where the innermost coroutine waits.
        spot_there = hotspots.line_index.get((awaited.file, awaited.line))
        if spot_there is not None and awaited.ns >= HOT_SHARE * run.evidence.awaited[0].ns:
            hot.setdefault(awaited.file, set()).add(awaited.line)
    for (file, line), function in hotspots.index_unlined().items():
        if hotspots.busy_ns and function.cost.spent_ns / hotspots.busy_ns >= HOT_SHARE:
            hot.setdefault(file, set()).update(range(line, function.end_line + 1))
    notices: tuple[Notice, ...] = ()
    rules: tuple[RuleModule, ...] = ()
    least_share = LEAST_SHARE
    python = tuple(int(part) for part in run.interpreter.version.split(".")[:2] if part.isdigit())
    try:
        project = _find_rules_of(run)
        rulebook = load_rulebook(project, project_rules=project_rules and stands_in(project))
        rules, least_share = rulebook.wanted, rulebook.config.min_share
        if run.origins and not run.interpreter.version:
            # Which interpreter ran stands in no profile.
            python = rulebook.config.target_version
    except (PluginError, UsageError) as error:
        # The measurement is done and must be shown; before a program runs, this is an error.
        notices = (Notice("rules", f"the rules were not run on the program: {error.message}", error.hint),)
    findings, troubles = find_findings(
        run.sources,
        rules,
        {file: frozenset(lines) for file, lines in hot.items()},
        (python[0], python[1]) if len(python) == 2 else None,
        run.interpreter.libraries,
    )
    return tuple(_heed_comments(run, findings)), (*notices, *troubles), least_share


def _heed_comments(run: Run, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the findings that no ``# whet: ignore[slug]`` suppresses."""
    from whet.engine.suppress import find_suppressions

    comments = {}
    for finding in findings:
        if finding.file not in comments:
            source = run.sources.get(finding.file)
            comments[finding.file] = find_suppressions(source.text) if source is not None else ()
        if not any(item.silences(finding) for item in comments[finding.file]):
            yield finding


def _find_rules_of(run: Run) -> Path:
    """Return the project whose settings apply and whose own rules are run on ``run``.

    The folder of a process that whet attached to may be another user's, or a
    different folder here: only rules of the folder where whet was started count.
    """
    if any(execution.purpose is Purpose.ATTACH for execution in run.executions):
        return find_project(Path.cwd())
    return Path(run.project or run.directory or ".")


def _complete(advice: Advice, run: Run) -> Advice:
    """Add the diff, and the verdict if there is one."""
    diff = advice.diff or make_diff(advice.finding, run)
    trial = run.proof.trial_of(advice.id)
    if trial is None:
        return replace(advice, diff=diff)
    return replace(advice, diff=diff, trial=trial, verdict=trial.verdict)


def make_diff(finding: Finding, run: Run) -> str:
    """Return the unified diff of a finding's edits; empty for none, and for edits that do not apply to the source."""
    source = run.sources.get(finding.file)
    if source is None or not finding.edits or finding.safety is Safety.ADVICE:
        return ""
    from whet.fix.diff import diff_texts
    from whet.fix.edits import apply_edits

    try:
        changed = apply_edits(source.text, finding.edits)
    except WhetError:
        return ""
    return diff_texts(source.text, changed, source.shown)
