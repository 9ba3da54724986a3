"""The first screen: one sentence, and the figures behind it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from whet.model.hotspot import Hotspots, share_error
from whet.model.run import INTERRUPTED, Execution, Purpose, Run
from whet.report.parts import Caution, FunctionRow, Summary
from whet.report.proof import head_proof
from whet.report.units import bytes_figure, format_seconds, format_share, format_whole_share, time_figure
from whet.report.words import (
    FEW_SAMPLES,
    describe_not_measured,
    has_been_ended,
    has_failed,
    measure_rest_command,
    more_samples_command,
    name_run,
    repeat_command,
    stood_idle,
)

_MOSTLY = 0.5
_NOTABLE = 0.05
_CROWDED = 1.15
_MUCH_AWAITED = 0.3
_OF_INTERPRETERS = re.compile(r"[\\/]concurrent[\\/](futures[\\/]interpreter|interpreters[\\/]\w+)\.py$")
"""Files whose own time is that of the interpreters that they call."""
_POLL, _POLL_OF_TRIO = re.compile(r"[\\/]selectors\.py$"), re.compile(r"[\\/]trio[\\/]_core[\\/]_io_\w+\.py$")
_WORTH_A_WORD = 0.03
_MOST_PACKAGES = 3
_WORTH_NAMING = 0.01
_BEFORE_A_SAMPLE_NS = 200_000_000
"""A program that takes no longer may end before the sampler has attached."""
_NOTICED_NS = 50_000_000
"""A smaller difference may be due to a few samples."""


def summarise(run: Run, hotspots: Hotspots, functions: Sequence[FunctionRow]) -> Summary:
    """Return the summary. ``functions`` are sorted, hottest first."""
    first = run.timed
    title = name_run(run)
    more = more_samples_command(run, hotspots)
    spent = _tell_idle(title, run, hotspots) or _judge(title, first, hotspots, functions, _name_time(run))
    proven = head_proof(title, run.proof)
    return Summary(
        title=title,
        verdict=proven or spent,
        spent=spent if proven else "",
        duration=time_figure(first.wall_ns if first else None),
        cpu=time_figure(first.cpu_ns if first else None),
        own=time_figure(_count_own(run, first)),
        busy=time_figure(hotspots.busy_ns),
        waiting=time_figure(hotspots.waiting_ns),
        gil=time_figure(hotspots.gil_ns if hotspots.gil_ns > _NOTABLE * hotspots.busy_ns else 0),
        peak=bytes_figure(find_peak(run) or None),
        samples=hotspots.samples,
        share_error=hotspots.share_error,
        executions=first.repeats if first else 1,
        more_samples=more,
        next_command=_name_next(run, more),
        not_measured=describe_not_measured(run),
        outside=_describe_outside(hotspots),
    )


def _name_next(run: Run, more: str) -> str:
    """Return what to do next; nothing after a program that failed, which has to be put right first."""
    return "" if has_failed(run) or run.origins else more or measure_rest_command(run)


def _describe_outside(hotspots: Hotspots) -> str:
    if not hotspots.busy_ns or hotspots.outside_ns < _NOTABLE * hotspots.busy_ns:
        return ""

    def write(share: float) -> str:
        return format_share(share, share_error(share, hotspots.samples))

    parts = [(name, spent / hotspots.busy_ns) for name, spent in hotspots.outside_packages[:_MOST_PACKAGES]]
    whole = write(hotspots.outside_ns / hotspots.busy_ns)
    named = [f"{name.strip('()')} {write(share)}" for name, share in parts if share >= _WORTH_NAMING]
    told = ", ".join(named).removesuffix(f" {whole}") if len(named) == 1 else ", ".join(named)
    return f"{whole} outside your code{told and f': {told}'}"


def _count_own(run: Run, first: Execution | None) -> int | None:
    own = sum(profile.own_ns for profile in run.profiles)
    return own if first and own >= max(_WORTH_A_WORD * first.cpu_ns, _NOTICED_NS) else None


def list_cautions(run: Run, hotspots: Hotspots) -> tuple[Caution, ...]:
    """Return all warnings: notices, executions cut short, too few samples."""
    cautions = [Caution(notice.about, notice.message, notice.hint) for notice in run.notices]
    for execution in run.executions:
        if execution.stopped and not any(execution.stopped in caution.message for caution in cautions):
            cautions.append(_tell_end(execution))
    cautions += _doubt_times(run, hotspots)
    cautions += _point_to_awaiting(run, hotspots)
    cautions += _doubt_lines(run)
    cautions += _point_to_interpreters(hotspots)
    more = more_samples_command(run, hotspots)
    hides = has_failed(run) or has_been_ended(run) or run.has_hidden_arguments
    if more or (hotspots.samples < FEW_SAMPLES and hides):
        cautions.append(Caution("samples", _tell_few_samples(run, hotspots), more))
    elif stood_idle(run, hotspots):
        hint = "attach while it works" if run.can_run_again else ""
        cautions.append(Caution("samples", "the process had nothing to do", hint))
    return tuple(cautions)


def _tell_few_samples(run: Run, hotspots: Hotspots) -> str:
    if not hotspots.samples:
        first = run.timed
        if first is None or first.wall_ns > _BEFORE_A_SAMPLE_NS * first.repeats:
            return "no samples"
        return (
            f"no samples: the program ended after {format_seconds(first.wall_ns / first.repeats)}, before the first one"
        )
    error = f", with a standard error of up to {format_share(hotspots.share_error)} of the run"
    count = f"{hotspots.samples} sample{'s' if hotspots.samples != 1 else ''}"
    return f"only {count}{error if hotspots.share_error else ''}"


def _tell_end(execution: Execution) -> Caution:
    if execution.stopped == INTERRUPTED:
        return Caution(INTERRUPTED, f"{INTERRUPTED}: the report covers what ran until then")
    return Caution(f"{execution.purpose.value} execution", execution.stopped)


def compare_runs(before: Run, after: Run) -> str:
    """Return the times of one execution each of two runs, with a note that they say nothing about chance."""
    told, counts = [], []
    for run in (before, after):
        first = run.timed
        counts.append(first.repeats if first else 1)
        times = [format_seconds(whole / counts[-1]) for whole in (first.cpu_ns, first.wall_ns)] if first else []
        told.append(f"{times[0]} CPU, {times[1]} wall" if times else "not timed")
    when = f" of {before.started}" if before.started else ""
    of = "These are single executions" if max(counts) == 1 else f"Means of {counts[0]} and {counts[1]} executions"
    return (
        f"Compared with the run{when}: {told[0]} before, {told[1]} now. {of}: "
        "whet prove --against REF tests whether a difference is significant."
    )


def head_difference(summary: Summary, changes: str) -> Summary:
    """Return the summary with the changes first, followed by what the program now spends its time on."""
    return replace(summary, verdict=f"{summary.title}: {changes}", spent=summary.spent or summary.verdict)


def find_peak(run: Run) -> int:
    """Return the highest resident memory of the first execution, in bytes; 0 where it was not measured."""
    first = run.executions[0].peak_resident_bytes if run.executions else 0
    return max(first, run.resident.peak_bytes)


def _tell_idle(title: str, run: Run, hotspots: Hotspots) -> str:
    if not stood_idle(run, hotspots):
        return ""
    spent = (run.executions[0].cpu_ns or hotspots.cpu_ns) + hotspots.waiting_ns
    busy = f"it was busy for {format_seconds(spent)}" if hotspots.busy_ns else "no CPU time was sampled"
    return f"{title} was idle: {busy} in {format_seconds(run.executions[0].wall_ns)}"


def _name_time(run: Run) -> str:
    """Return what the sampled time is of: wall time holds waiting that no stack shows."""
    return "wall time" if any(profile.wall for profile in run.profiles) else "CPU"


def _judge(
    title: str, first: Execution | None, hotspots: Hotspots, functions: Sequence[FunctionRow], time: str = "CPU"
) -> str:
    if hotspots.busy_ns <= 0 or (not functions and not hotspots.outside_ns):
        took = f" in {format_seconds(first.wall_ns)}" if first else ""
        return f"{title}: no CPU time was sampled{took}; there is no hot spot"
    top = functions[0] if functions else None
    hottest, outside = (top.cost.spent_share.value or 0.0) if top else 0.0, hotspots.outside_ns / hotspots.busy_ns
    waiting = hotspots.waiting_ns / hotspots.busy_ns
    error = share_error(max(hottest, outside), hotspots.samples)
    share, place = format_whole_share(hottest, error), f"{top.name} ({top.place})" if top else ""
    if outside > hottest:
        most = ", ".join(name.strip("()") for name, _ in hotspots.outside_packages[:2])
        share, place = format_whole_share(outside, error), f"code that is not yours{most and f' ({most})'}"
    busy = format_seconds(hotspots.busy_ns)
    cpu = format_seconds(_count_cpu(first, hotspots))
    if waiting >= _MOSTLY:
        return f"{title} waits for {format_seconds(hotspots.waiting_ns)} of {busy}; {share} of the time goes to {place}"
    if waiting >= _NOTABLE:
        whole = f"{busy} ({format_seconds(hotspots.cpu_ns)} computing, {format_seconds(hotspots.waiting_ns)} waiting)"
        return f"{title} spends {share} of {whole} in {place}"
    return f"{title} spends {share} of {cpu} {time} in {place}"


def _count_cpu(first: Execution | None, hotspots: Hotspots) -> int:
    """Return the CPU time that shares refer to: the system's count, unless much of it was not sampled."""
    counted = first.cpu_ns if first else 0
    return counted if 0 < counted <= 1.1 * hotspots.cpu_ns else hotspots.cpu_ns


def _doubt_times(run: Run, hotspots: Hotspots) -> tuple[Caution, ...]:
    """Return a warning if threads were runnable while others had the processors: samplers see them computing."""
    first = run.timed
    if not first or not 0 < first.cpu_ns * _CROWDED < hotspots.cpu_ns - _NOTICED_NS:
        return ()
    message = (
        f"{format_seconds(hotspots.cpu_ns)} of CPU time were sampled, but the system counted "
        f"{format_seconds(first.cpu_ns)}: the processors were busy with other programs. Shares are right, "
        f"times are too long by {format_whole_share(hotspots.cpu_ns / first.cpu_ns - 1)}"
    )
    return (Caution("machine", message, "run it again on a quiet machine"),)


def _doubt_lines(run: Run) -> tuple[Caution, ...]:
    """Return a warning if the sampler is called by the interpreter, which happens only at calls and returns."""
    first = run.executions[0] if run.executions else None
    if not first or "pyinstrument" not in first.collectors:
        return ()
    message = (
        "pyinstrument samples only when a function is called or returns: time in a loop without calls is attributed to "
        "a later line of the same function; times of functions are right"
    )
    return (Caution("lines", message),)


def _point_to_interpreters(hotspots: Hotspots) -> tuple[Caution, ...]:
    """Return a warning if calls of other interpreters computed much: samplers see one interpreter of a thread."""
    calls = [spot.cost.self_ns for spot in hotspots.functions if _OF_INTERPRETERS.search(spot.file)]
    if not hotspots.cpu_ns or sum(calls) < _WORTH_A_WORD * hotspots.cpu_ns:
        return ()
    message = (
        f"{format_seconds(sum(calls))} of CPU time went by in subinterpreters, whose frames the sampler does not"
        " see: it counts for the lines that call them"
    )
    return (Caution("interpreters", message, "run the same code in threads or processes to see its lines"),)


def _point_to_awaiting(run: Run, hotspots: Hotspots) -> tuple[Caution, ...]:
    """Return a warning if an event loop waited for coroutines that nobody saw."""
    first = run.executions[0] if run.executions else None
    if not first or "py-spy" not in first.collectors or first.purpose is Purpose.ATTACH:
        return ()
    in_asyncio = any(spot.name.endswith("_run_once") and "asyncio" in spot.file for spot in hotspots.functions)
    poll = _POLL if in_asyncio else _POLL_OF_TRIO
    polling = sum(spot.cost.self_share for spot in hotspots.functions if poll.search(spot.file))
    if hotspots.busy_ns <= 0 or min(polling, hotspots.waiting_ns / hotspots.busy_ns) < _MUCH_AWAITED:
        return ()
    message = "an event loop waited for coroutines, of which nobody saw which"
    again = "" if has_failed(run) or not run.can_run_again else repeat_command(run, "--sampler", "pyinstrument")
    return (Caution("waiting", message, again if "--outside" not in run.options else ""),)
