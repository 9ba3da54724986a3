"""Commands and outcomes in words."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from math import ceil
from pathlib import PurePath

from whet.model.hotspot import Hotspots
from whet.model.imbalance import name_parts
from whet.model.masking import mask_argv
from whet.model.metric import NANOSECONDS_PER_SECOND
from whet.model.run import ENDED_BY_DURATION, INTERRUPTED, Execution, Purpose, Run, name_signal
from whet.report.units import format_share

FEW_SAMPLES = 200
_ENOUGH_SAMPLES = 500
_MOST_REPEATS = 30
_IDLE = 0.02
"""A process that was busy for a smaller fraction of the time was idle."""
MOST_SECONDS = 600
"""Maximum duration that is suggested for sampling a running process."""
_PYTHON = re.compile(r"(python|pypy)[\d.]*t?(\.exe)?$", re.IGNORECASE)

_WANTS_VALUE = re.compile(r"-[a-zA-VY-Z]*[WX]")


def name_program(command: Sequence[str]) -> str:
    """Return what to call a program: the script's file name, the module, or ``-c`` for code."""
    words = list(command)
    if words and _PYTHON.search(words[0]):
        words.pop(0)
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option == "-m" and words:
            return words[0]
        if option == "-c":
            return "python -c"
        # Short options may stand together, and the value of the last one by itself.
        if (option == "--check-hash-based-pycs" or _WANTS_VALUE.fullmatch(option)) and words:
            words.pop(0)
    return PurePath(words[0].replace("\\", "/")).name or words[0] if words else "the program"


def name_run(run: Run) -> str:
    """Return what to call the program of a run; of profiles of other tools the names of their files."""
    if not run.origins or run.parts:
        program = name_program(run.command) if run.command else "the job"
        count = sum(part.is_worker for part in run.parts)
        of = ", ".join(filter(None, (run.label, f"{count:,} {name_parts(run.parts)}" if count > 1 else "")))
        return f"{program} ({of})" if of else program
    names = [PurePath(origin.file.replace("\\", "/")).name for origin in run.origins]
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def repeat_command(run: Run, *options: str) -> str:
    """Return the command line that measures the same program again with ``options``.

    What whet was asked for the first time stays, but for what ``options`` say otherwise; so does a file on stdin.
    Empty where the command contains a secret: it could not be pasted.
    """
    if run.has_hidden_arguments:
        return ""
    named = {word for word in options if word.startswith("--")}
    for word in run.options:
        if word.partition("=")[0] not in named:
            options += tuple(word.split("=", 1))
    attached = find_attached(run)
    if attached:
        return shlex.join(["whet", "attach", *options, str(attached)])
    words = list(mask_again(run))
    if words[:2] == ["whet", "run"]:
        words = words[2:]
    chosen = run.interpreter.path if run.interpreter.why == "--python" else ""
    if words and words[0].startswith("-") and words[0] not in {"-m", "-c"}:
        # An option of the interpreter is not one of whet's.
        words = ["--", chosen or "python", *words]
    elif words and _PYTHON.search(words[0]):
        words.insert(0, "--")
    elif chosen:
        options = (*options, "--python", chosen)
    stdin = f" < {shlex.quote(run.stdin.file)}" if run.stdin.kind == "file" and run.stdin.file else ""
    return shlex.join(["whet", "run", *options, *words]) + stdin


def mask_again(run: Run) -> tuple[str, ...]:
    """Return the command of a run; of one of an older whet, which knew fewer secrets, masked as of today."""
    return mask_argv(run.command) if run.is_masked is None else run.command


def find_attached(run: Run) -> int:
    """Return the id of the process that whet attached to; 0 where it started the program itself."""
    return next((execution.pid for execution in run.executions if execution.purpose is Purpose.ATTACH), 0)


def stood_idle(run: Run, hotspots: Hotspots) -> bool:
    """Whether a process that whet attached to had nothing to do: sampling longer would show no more."""
    if not find_attached(run):
        return False
    first = run.executions[0]
    # A sample can represent more than the actual CPU time, and the sampler sees only Python threads.
    return (first.cpu_ns or hotspots.cpu_ns) + hotspots.waiting_ns < _IDLE * first.wall_ns


def more_samples_command(run: Run, hotspots: Hotspots) -> str:
    """Return the command that gets enough samples; empty if there are enough."""
    if hotspots.samples >= FEW_SAMPLES or has_failed(run) or not run.can_run_again:
        return ""
    times = -(-_ENOUGH_SAMPLES // max(hotspots.samples, 1))
    if find_attached(run):
        if stood_idle(run, hotspots):
            return ""
        seconds = run.executions[0].wall_ns / NANOSECONDS_PER_SECOND
        return repeat_command(run, "--duration", str(min(max(60, ceil(times * seconds / 10) * 10), MOST_SECONDS)))
    if has_been_ended(run):
        # Run again, it would not end by itself either.
        seconds = times * run.executions[0].wall_ns / NANOSECONDS_PER_SECOND
        asked = run.executions[0].stopped != INTERRUPTED
        return repeat_command(run, "--duration", str(min(ceil(seconds / 10) * 10, MOST_SECONDS))) if asked else ""
    times *= run.timed.repeats if run.timed else 1
    if times <= _MOST_REPEATS:
        return repeat_command(run, "--repeat", str(max(times, 2)))
    return repeat_command(run, "--rate", "1000", "--repeat", str(min(max(times // 10, 2), _MOST_REPEATS)))


def has_failed(run: Run) -> bool:
    """Return whether the program failed by itself: then no option that runs it again is useful."""
    return bool(run.executions and run.executions[0].exit_status) and not has_been_ended(run)


def has_been_ended(run: Run) -> bool:
    """Return whether the program was ended from outside, by Ctrl-C or ``--duration``, as servers are."""
    stopped = run.executions[0].stopped if run.executions and not find_attached(run) else ""
    return stopped == INTERRUPTED or stopped.startswith(ENDED_BY_DURATION)


def describe_not_measured(run: Run) -> str:
    """Return one sentence that names it and the options that measure it: the summary's last line."""
    if not run.not_measured:
        return ""
    return "Not measured: " + ", ".join(f"{what} ({option})" if option else what for what, option in run.not_measured)


def measure_rest_command(run: Run) -> str:
    """Return the command that measures what was not; empty where no option of ``whet run`` does."""
    if has_failed(run) or has_been_ended(run) or not run.can_run_again:
        return ""
    options = dict.fromkeys(option for _, option in run.not_measured if option.startswith("-"))
    return repeat_command(run, *(word for option in options for word in option.split())) if options else ""


def describe_end(execution: Execution) -> str:
    """Return how an execution ended: ``exit 0``, ``ended by SIGTERM``, ``went on``."""
    if execution.purpose is Purpose.ATTACH:
        share = format_share(execution.paused_share)
        paused = f" (paused {share} by sampling)" if execution.paused_share else ""
        return f"{'ended' if execution.stopped else 'went on'}{paused}"
    if execution.signal:
        return f"ended by {name_signal(execution.signal)}"
    return "went on" if execution.exit_status is None else f"exit {execution.exit_status}"


def join_command(words: Sequence[str]) -> str:
    """Return a command line as a shell would take it."""
    return shlex.join(words)
