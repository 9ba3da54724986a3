"""Which profiles of a run answer for which metric."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from whet.model.metric import Metric
from whet.model.profile import Profile
from whet.model.run import Purpose, Run

TIME = frozenset({Metric.CPU, Metric.WAITING, Metric.IDLE, Metric.GIL})
MEMORY = frozenset({Metric.ALLOCATED, Metric.ALLOCATIONS, Metric.PEAK, Metric.BRIEF, Metric.LIVE, Metric.GROWN})
_TRUTH = ("py-spy", "tachyon", "pyinstrument")
"""Samplers by trust: those that look from outside bias nothing."""


def time_profiles(run: Run) -> list[Profile]:
    """Return the profiles that say where time went: one tool for each execution, repeated executions beside each other.

    Executions made for another purpose (memory, exact lines) are slowed by their
    profilers and say nothing about time, unless there is no other.
    """
    having = _having(run.profiles, TIME)
    timed = [p for p in having if _purpose(run, p) in (Purpose.TIME, Purpose.ATTACH, None)]
    return _one_tool_each(timed or having)


def memory_profiles(run: Run) -> list[Profile]:
    """Return the profiles that say where memory went: those of the first execution that measured it, or all files'."""
    having = _having(run.profiles, MEMORY)
    measured = [p for p in having if _purpose(run, p) is Purpose.MEMORY] or having
    if run.origins:
        return measured
    first = min((p.execution for p in measured), default=0)
    return _one_tool_each(p for p in measured if p.execution == first)


def profiles_for(run: Run, metric: Metric) -> list[Profile]:
    """Return the profiles whose samples of ``metric`` are added up."""
    return memory_profiles(run) if metric in MEMORY else time_profiles(run)


def tool_name(profile: Profile) -> str:
    """Return the collector without its version."""
    return profile.collector.partition(" ")[0]


def _having(profiles: Iterable[Profile], metrics: Collection[Metric]) -> list[Profile]:
    return [p for p in profiles if any(entry.metric in metrics for entry in p.samples)]


def _purpose(run: Run, profile: Profile) -> Purpose | None:
    """Return what a profile's execution was for; ``None`` for one that whet did not make (an imported profile)."""
    if 0 <= profile.execution < len(run.executions):
        return run.executions[profile.execution].purpose
    return None


def _one_tool_each(profiles: Iterable[Profile]) -> list[Profile]:
    """Keep one tool's profiles for each execution: two samplers of one execution would count its time twice."""
    by_execution: dict[int, list[Profile]] = {}
    for profile in profiles:
        by_execution.setdefault(profile.execution, []).append(profile)
    chosen: list[Profile] = []
    for group in by_execution.values():
        tools = list(dict.fromkeys(tool_name(profile) for profile in group))
        tool = next((name for name in _TRUTH if name in tools), tools[0])
        chosen += [profile for profile in group if tool_name(profile) == tool]
    return chosen
