"""Where the figures come from: provenance, executions and how to read them."""

from __future__ import annotations

from whet.model.hotspot import Hotspots
from whet.model.metric import Metric
from whet.model.run import Execution, Run
from whet.report.parts import ExecutionRow, Method, Provenance
from whet.report.proof import describe_session
from whet.report.routes import explain_requests
from whet.report.units import bytes_figure, format_count, format_seconds, format_share, time_figure
from whet.report.words import describe_end, join_command, mask_again

LEAST_MOVED_NS = 10_000_000
"""Corrections of less than this are not worth a word."""
_METRIC_WORDS = {
    Metric.CPU: "computing",
    Metric.WAITING: "waiting",
    Metric.IDLE: "idle",
    Metric.GIL: "waiting for the GIL",
}


def describe_provenance(run: Run) -> Provenance:
    """Return what was run, by what, where. An old saved run's command is masked again."""
    command = mask_again(run)
    interpreter = run.interpreter
    free = " free-threaded" if interpreter.free_threaded else ""
    cpus = f"{run.host.cpus} CPU{'s' if run.host.cpus != 1 else ''}" if run.host.cpus else ""
    first = run.executions[0] if run.executions else None
    return Provenance(
        command=command,
        command_line=join_command(command),
        python=f"{interpreter.implementation} {interpreter.version}{free}" if interpreter.version else "",
        python_version=interpreter.version,
        python_path=interpreter.path,
        python_implementation=interpreter.implementation,
        python_free_threaded=interpreter.free_threaded,
        python_why=interpreter.why,
        machine=", ".join(part for part in (f"{run.host.system} {run.host.machine}".strip(), cpus) if part),
        started=run.started,
        directory=run.directory,
        commit=run.commit,
        whet=run.whet_version,
        exit_status=first.exit_status if first else None,
        exit_text=describe_end(first) if first else "",
        origins=run.origins,
        python_chosen="" if interpreter.obvious else f"{interpreter.path} ({interpreter.why})",
    )


def describe_method(run: Run, hotspots: Hotspots) -> Method:
    """Return how it was measured."""
    return Method(
        executions=tuple(_describe_execution(execution) for execution in run.executions),
        sentences=(*_explain(run, hotspots), *describe_session(run.proof)),
        values=_describe_values(run),
    )


def _describe_execution(execution: Execution) -> ExecutionRow:
    pooled = f"{execution.repeats:,} executions pooled" if execution.repeats > 1 else ""
    return ExecutionRow(
        purpose=execution.purpose.value,
        collectors=", ".join(execution.collectors),
        wall=time_figure(execution.wall_ns),
        cpu=time_figure(execution.cpu_ns),
        peak_resident=bytes_figure(execution.peak_resident_bytes or None),
        ended=describe_end(execution),
        note="; ".join(part for part in (pooled, execution.stopped) if part),
    )


def _explain(run: Run, hotspots: Hotspots) -> list[str]:
    idle = f" Idle time ({format_seconds(hotspots.idle_ns)}) is left out." if hotspots.idle_ns else ""
    gil = f" Waiting for the GIL ({format_seconds(hotspots.gil_ns)}) is left out." if hotspots.gil_ns else ""
    said = [
        f"Shares are parts of the {format_seconds(hotspots.busy_ns)} in which threads computed or waited.{idle}{gil}",
        "Self is time in the place itself; total adds everything it called; attributed adds only what it called "
        "outside your code, up to your next line. Tables are sorted by attributed time plus waiting.",
    ]
    if hotspots.share_error:
        said.append(
            f"With {hotspots.samples:,} samples, a share of 50 % has a standard error of "
            f"{format_share(hotspots.share_error)}; ± is always one standard error."
        )
    said += [
        f"{profile.collector} sampled every {format_seconds(profile.period_ns)}, {profile.ticks:,} times."
        for profile in run.profiles
        if profile.period_ns
    ]
    said += explain_requests(run)
    said += _explain_corrections(run)
    own = sum(profile.own_ns for profile in run.profiles)
    if own:
        said.append(f"{format_seconds(own)} of CPU time were whet's own, inside the program; they are in no share.")
    said += [_explain_pauses(execution, run) for execution in run.executions if execution.paused_share]
    if any(profile.lines for profile in run.profiles):
        said.append(_explain_hits(run))
    said.append("Memory sizes are decimal: 1 MB is 1,000,000 bytes.")
    return said


def _explain_corrections(run: Run) -> list[str]:
    """Return what was changed of the times as they were sampled, all executions together."""
    moved: dict[tuple[str, Metric], int] = {}
    for profile in run.profiles:
        for each in profile.corrections:
            moved[each.name, each.metric] = moved.get((each.name, each.metric), 0) + each.moved_ns
    steps: dict[str, list[str]] = {}
    for (name, metric), ns in moved.items():
        if abs(ns) >= LEAST_MOVED_NS:
            sign = "+" if ns > 0 else "−"
            steps.setdefault(name, []).append(f"{_METRIC_WORDS[metric]} {sign}{format_seconds(abs(ns))}")
    if not steps:
        return []
    listed = "; ".join(f"{name} ({', '.join(changes)})" for name, changes in steps.items())
    return [f"Times as they were sampled were corrected in this order: {listed}."]


def _explain_pauses(execution: Execution, run: Run) -> str:
    periods = [profile.period_ns for profile in run.profiles if profile.period_ns]
    each = f", {format_seconds(round(execution.paused_share * min(periods)))} for each sample" if periods else ""
    return (
        f"Sampling paused the process for about {format_share(execution.paused_share)} of the time{each}. "
        "--nonblocking samples without pausing it; some samples then fail or show an inconsistent stack."
    )


def _explain_hits(run: Run) -> str:
    timed = run.timed
    share = f"the time of one execution ({timed.repeats:,} were timed)" if timed and timed.repeats > 1 else "the time"
    threads = ", in the thread that started it" if run.interpreter.version.startswith("3.11.") else ""
    return (
        "Hits were counted exactly, in an execution of their own, by line_profiler, in hot functions of the program's"
        f" first process{threads}; nothing is scaled. Time per hit is {share} sampled, divided by the hits; "
        "it is left out if the function also ran where hits were not counted, or an execution was cut short."
    )


def _describe_values(run: Run) -> str:
    evidence = run.evidence
    if evidence.samples:
        names = len(evidence.seen)
        count = f"{format_count(evidence.samples)} value sample{'s' if evidence.samples != 1 else ''}"
        return f"{count} saw the types and lengths of {names:,} variable{'s' if names != 1 else ''}."
    return f"There are no value samples: {evidence.why_missing}" if evidence.why_missing else ""
