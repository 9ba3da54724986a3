"""What the reader must know of how an execution went, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from whet.collect.api import slow_down
from whet.collect.plan import Outcome
from whet.collect.pyspy import SLOWER
from whet.model.run import Notice, Purpose

if TYPE_CHECKING:
    from whet.model.agent_report import AgentReport

STOOD_STILL = 0.3
"""From this part of its time on in which a program stood still to be looked at, the reader is told."""
MUCH_WORK_NS = 500_000_000
_MOST_PIDS = 5


def describe_sampling(outcome: Outcome, tool: str, rate: int, unbuffered: str, *, native: bool) -> Iterator[Notice]:
    """Yield what the samples of ``tool`` lack. ``unbuffered`` is why py-spy's were taken without stopping the program.

    ``rate`` is in samples a second, 0 where it is not whet that sets it.
    """
    if unbuffered:
        yield Notice(
            "py-spy",
            f"{unbuffered} leaves the program's output unbuffered, and to stop the program would cut off what it is "
            f"writing; so samples were taken while it ran on{', without C stacks' * native}, and some show a stack "
            "that was just changing",
            f"without {unbuffered}, or with the output in files, it is stopped for each sample",
        )
    if outcome.poller is not None and outcome.poller.paused_share > STOOD_STILL:
        from whet.report.units import format_whole_share

        yield Notice(
            tool,
            f"the sampler paused the program for {format_whole_share(outcome.poller.paused_share)} of its time to "
            "read stacks: they are very deep, or the machine is busy; that time is not counted",
            f"--rate {slow_down(rate, SLOWER[-1])} disturbs it less" if rate else "",
        )


def describe_missing_values(agents: Sequence[AgentReport], outcome: Outcome) -> Iterator[Notice]:
    """Yield why there are no values of a program that had whet's agent inside."""
    if outcome.became:
        return
    if not agents:
        yield Notice("values", "the program ended before its value samples were written")
    elif reasons := dict.fromkeys(each.evidence.why_missing for each in agents if each.evidence.why_missing):
        # Where there are none at all, the report's method says why.
        for why in reasons if any(each.evidence.samples for each in agents) else ():
            yield Notice("values", f"values were sampled in part of the run only: {why}")
    elif outcome.poller is not None and not any(each.evidence.samples for each in agents):
        spent = sum(ns for (pid, _), ns in outcome.poller.thread_clocks().items() if pid == agents[0].pid)
        if spent > MUCH_WORK_NS:
            yield Notice(
                "values",
                f"no value samples of {spent / 1e9:.1f} s of computing: none are taken while a debugger, a "
                "coverage tool, a tracing profiler or tracemalloc is active, nor where the first number of "
                "gc.set_threshold is below about 300 plus the number of threads, and they are lost where the program "
                "ends without saving them",
            )


def describe_became(outcome: Outcome, purpose: Purpose) -> Iterator[Notice]:
    """Yield what other programs the process became, and what is known of those."""
    for became in outcome.became:
        after = f"after {became.seconds:.1f} s the process became another program ({became.program}, by os.exec…)"
        if purpose is not Purpose.TIME:
            yield Notice("executions", f"{after}: {purpose.value} is of what ran before that")
        elif became.is_sampled:
            yield Notice("values", f"{after}: it was sampled on, without values")
        else:
            why = "is no Python" if not became.is_python else "could not be sampled"
            yield Notice("py-spy", f"{after}, which {why}: the report is of what ran before that")


def describe_left_behind(pids: Sequence[int]) -> Iterator[Notice]:
    """Yield which processes of the program were still running when it had ended."""
    if not pids:
        return
    many = len(pids) > 1
    named = ", ".join(map(str, pids[:_MOST_PIDS])) + ", …" * (len(pids) > _MOST_PIDS)
    which = f"{len(pids)} processes of the program (pids {named}) were" if many else ""
    yield Notice(
        "processes",
        f"{which or f'a process of the program (pid {named}) was'} still running when it ended; what "
        f"{'they' if many else 'it'} did later is not in the report",
        f"whet attach {pids[0]}, for a Python process",
    )


def describe_uncounted(left: Sequence[tuple[str, int]]) -> Iterator[Notice]:
    """Yield which functions, by file and line, have no hits because other threads than the first ran them."""
    if left:
        names = ", ".join(f"{Path(file).name}:{line}" for file, line in left)
        message = f"no hits for {names}: before Python 3.12 only the first thread is counted, and others ran them"
        yield Notice("line_profiler", message, "measure with Python 3.12 or newer")


def describe_bodies(files: Sequence[str]) -> Iterator[Notice]:
    """Yield in which files hot lines stand outside any function."""
    if files:
        names = ", ".join(Path(file).name for file in files)
        message = f"no hits for the module-level lines of {names}: only lines in functions are counted"
        yield Notice("line_profiler", message, "move them into a function")


def describe_compiled(count: int) -> Iterator[Notice]:
    """Yield that ``count`` modules of the program's own are compiled."""
    if count:
        yield Notice(
            "py-spy",
            f"{count} module{'s' * (count > 1)} of the program's own package {'are' if count > 1 else 'is'} compiled; "
            "the time of compiled functions counts for what calls them",
            "--native shows them in the flame graph",
        )
