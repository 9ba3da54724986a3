"""Joins findings to the lines that measurements call hot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from whet.advise.awaits import ALONE, AWAITED_ONE_BY_ONE, find_awaited, sum_waiting
from whet.advise.estimate import estimate_gain, saved_share
from whet.advise.frames import weigh_rows
from whet.advise.measured import advise_by_measurement
from whet.advise.measured_advice import PYTHON_FILE, is_seen, tell_time
from whet.advise.memory import find_kept, saved_memory, weigh_memory
from whet.advise.newer_python import NewerPython
from whet.advise.queries import QUERY_IN_LOOP
from whet.advise.weigh import Answer, answer_in_place, weigh_finding
from whet.config import LEAST_SHARE
from whet.model.advice import GENERAL, Advice, Estimate
from whet.model.finding import Finding, Safety, Speed
from whet.model.hotspot import FEW_SAMPLES, Hotspots, LineSpot, share_error
from whet.model.identity import identify_findings
from whet.model.run import Run

_WHOLE_FUNCTION = "The share is that of the whole function: the profile has no lines."
_SHOWN_BY_RUNS = frozenset({"threads-cpu"})
"""Rules whose cause a run shows, or does not: where whet ran the program, only the measurement of that name speaks."""
_ORDER = {safety: rank for rank, safety in enumerate(Safety)}


def advise(
    run: Run,
    hotspots: Hotspots,
    findings: tuple[Finding, ...],
    *,
    least_share: float = LEAST_SHARE,
    answer: Answer = answer_in_place,
    newer: NewerPython | None = None,
) -> tuple[Advice, ...]:
    """Return the relevant findings, sorted by expected saving.

    A finding's share is that of its lines, waiting included; of a loop that awaits one coroutine after
    the other that of what these wait, if no other task was seen to wait meanwhile; of a rule that saves the
    interpreter's own work only (``Speed.CONSTANT``), without what they call in other
    packages; of one that saves whole calls, with all that these call. Dropped are findings
    below ``least_share`` (0 to 1) or with too few samples, unless they free much of the peak
    of memory, those that the value samples of ``run`` refute, those that need values without
    samples, and all but the first on a line;
    what only memory speaks for stands next to it. ``answer`` finds the value
    samples for a question. Advice from measurements alone is sorted among them, where
    no rule has a finding; advice about the whole run comes last (``GENERAL``).
    ``newer`` is an interpreter that the program could run on.
    """
    advice: list[Advice] = []
    unlined = hotspots.index_unlined()
    paths = [source.shown if (source := run.sources.get(each.file)) else each.file for each in findings]
    for identity, finding in zip(identify_findings(zip(paths, findings, strict=True)), findings, strict=True):
        if finding.rule in _SHOWN_BY_RUNS and run.executions:
            continue
        share, error = _share(finding, hotspots)
        awaited = find_awaited(run, finding.file, finding.line) if finding.rule == AWAITED_ONE_BY_ONE else None
        if awaited is not None:
            if awaited.concurrency >= ALONE:
                continue
            waited = sum_waiting(run, finding.file, finding.line)
            share = min(waited / hotspots.busy_ns, 1.0) if hotspots.busy_ns else 0.0
            error = share_error(share, hotspots.samples)
            finding = replace(  # noqa: PLW2901
                finding, message=f"{finding.message} {tell_time(waited)} went by like that, one task at a time."
            )
        function = unlined.get((finding.file, finding.function_line)) if not share else None
        if function is not None:
            cost = function.cost
            share = min(cost.self_share if finding.speed is Speed.CONSTANT else cost.spent_share, 1.0)
            error = cost.share_error
        memory = weigh_memory(finding, hotspots, run.evidence)
        only_memory = finding.frees is not None and finding.frees.needed
        is_timed = not only_memory and share >= least_share and bool(share) and is_seen(share, hotspots)
        if memory is None and not is_timed:
            continue
        weighed = weigh_finding(finding, run.evidence, hotspots, answer)
        if weighed.refuted:
            continue
        finding = weigh_rows(finding, run.evidence)  # noqa: PLW2901
        estimate = estimate_gain(finding, share, error, weighed.lengths, run.interpreter.version)
        if function is not None:
            # How much of the function the lines are is not known: nothing of it, at the least.
            estimate = replace(estimate, low=1.0, is_measured=False)
        seen = weighed.seen
        kept_in = find_kept(finding.frees, run.evidence) if finding.frees is not None and memory is not None else None
        if kept_in is not None and kept_in not in seen:
            seen = (kept_in, *seen)
        if not is_timed or 0 < hotspots.samples < FEW_SAMPLES:
            estimate = Estimate(1.0, 1.0)
        advice.append(
            Advice(
                identity,
                finding if function is None else replace(finding, message=f"{finding.message} {_WHOLE_FUNCTION}"),
                share,
                error,
                estimate,
                seen,
                ratios=weighed.ratios,
                unanswered=weighed.unanswered,
                memory=memory,
            )
        )
    advice.sort(key=_rank)
    kept = _settle_overlaps(advice)
    # A query for each item is the cause, whatever else could be said of its loop.
    slight = _list_places(item for item in kept if item.finding.speed is Speed.CONSTANT)
    measured = tuple(
        advise_by_measurement(
            run,
            hotspots,
            least_share=least_share,
            taken=_list_places(item for item in kept if not _is_about_memory(item)),
            slight=slight,
            held=_list_places(item for item in kept if item.memory is not None),
            newer=newer,
        )
    )
    asked = _list_places(item for item in measured if item.finding.rule == QUERY_IN_LOOP)
    kept = tuple(item for item in kept if not (slight & asked).intersection(_list_places([item])))
    return tuple(sorted((*kept, *_settle_overlaps(sorted(measured, key=_rank))), key=_rank))


def _list_places(advice: Iterable[Advice]) -> set[tuple[str, int]]:
    return {(item.finding.file, line) for item in advice for line in item.finding.lines}


def _share(finding: Finding, hotspots: Hotspots) -> tuple[float, float]:
    """Return the share of the finding's lines, and its standard error."""
    spots = [hotspots.line_index.get((finding.file, line)) for line in dict.fromkeys(finding.lines)]
    found = [spot for spot in spots if spot is not None]
    if not hotspots.busy_ns or not found:
        return 0.0, 0.0
    share = min(sum(_find_saved(finding, spot) for spot in found) / hotspots.busy_ns, 1.0)
    # Lines are parts of one whole: one more sample for one is one less for another, so their errors do not add up.
    if len(found) == 1 and not finding.saves_calls:
        return share, found[0].cost.share_error
    return share, share_error(share, hotspots.samples)


def _find_saved(finding: Finding, spot: LineSpot) -> float:
    """Return the nanoseconds of a line that a finding is about."""
    if finding.saves_calls:
        return max(spot.cost.total_ns, spot.cost.spent_ns)
    return spot.cost.spent_ns * (_find_own_part(spot) if finding.speed is Speed.CONSTANT else 1.0)


def _find_own_part(spot: LineSpot) -> float:
    """Return the part of a line's time (0 to 1) that it did not spend in Python code that it called."""
    return max(0.0, 1 - sum(callee.share for callee in spot.callees if PYTHON_FILE.search(callee.file)))


def _rank(advice: Advice) -> tuple[int, float, int, str, int, int, str]:
    finding = advice.finding
    return (
        GENERAL.index(finding.rule) + 1 if finding.rule in GENERAL else 0,
        -max(saved_share(advice.estimate), saved_memory(advice.memory)),
        _ORDER[finding.safety],
        finding.file,
        finding.line,
        finding.column,
        finding.rule,
    )


def _settle_overlaps(ranked: Iterable[Advice]) -> tuple[Advice, ...]:
    """Return one advice per place, and one about memory: those on a line of a better one are dropped."""
    taken: dict[bool, set[tuple[str, int]]] = {False: set(), True: set()}
    kept: list[Advice] = []
    for advice in ranked:
        lines, about_memory = _list_places([advice]), _is_about_memory(advice)
        if lines.isdisjoint(taken[about_memory]):
            taken[about_memory] |= lines
            kept.append(advice)
    return tuple(kept)


def _is_about_memory(advice: Advice) -> bool:
    """Return whether only memory speaks for it: no time is expected to be saved."""
    return advice.memory is not None and saved_share(advice.estimate) == 0
