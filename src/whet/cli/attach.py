"""``whet attach``: sample a running process."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from whet.cli.console import say
from whet.cli.declare import Argument, Option
from whet.cli.options import (
    ExcludeOption,
    IncludeOption,
    NoSourceOption,
    OutputOption,
    RateOption,
    name_options,
    tell_untrusted,
)
from whet.cli.progress import LiveLine
from whet.cli.run import check_output, show_run
from whet.errors import UsageError
from whet.pipeline.run.options import DEFAULT_RATE, DEFAULT_REPORT, Sampler


def attach_command(
    process: Annotated[str, Argument("PID", "The process ID.")],
    duration: Annotated[float, Option("--duration", least=0.1, metavar="S", help="Sample for S seconds.")] = 30.0,
    rate: RateOption = None,
    nonblocking: Annotated[
        bool, Option("--nonblocking", help="Never pause the process for a sample; some samples then fail.")
    ] = False,
    sampler: Annotated[
        str,
        Option(
            "--sampler",
            metavar="NAME",
            choices=("py-spy", "tachyon"),
            help="The sampler: py-spy, or tachyon on Python 3.15.",
        ),
    ] = "py-spy",
    native: Annotated[bool, Option("--native", help="Also sample native (C) stacks.")] = False,
    children: Annotated[bool, Option("--children/--no-children", help="Sample child processes.")] = True,
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    output: OutputOption = Path(DEFAULT_REPORT),
    keep_raw: Annotated[bool, Option("--keep-raw", help="Keep the profilers' raw files with the run.")] = False,
    no_source: NoSourceOption = False,
) -> int:
    """Sample a running process.

    Ctrl-C ends the sampling early and still writes the report. The process keeps running either way.

    Exit status: 0 when the process was sampled, 125 when whet fails.

    Examples:
        whet attach 4711
        whet attach 4711 --duration 60 -o report.html
    """
    from whet.pipeline.rules.rulebook import check_rules
    from whet.pipeline.run.attach import attach_to
    from whet.pipeline.run.options import AttachOptions
    from whet.program.process import parse_pid

    check_output(output)
    if sampler not in {Sampler.PY_SPY, Sampler.TACHYON}:
        raise UsageError(f"{sampler!r} is not a sampler that can attach", "use --sampler py-spy or --sampler tachyon")
    pid = parse_pid(process)
    tell_untrusted(Path.cwd())
    config = check_rules(Path.cwd())
    given = {
        "--rate": rate,
        "--nonblocking": nonblocking,
        "--sampler": sampler if sampler != Sampler.PY_SPY else None,
        "--native": native,
        "--no-children": not children,
        "--include": include,
        "--exclude": exclude,
        "--output": output if output != Path(DEFAULT_REPORT) else None,
        "--keep-raw": keep_raw,
        "--no-source": no_source,
    }
    with LiveLine(rate or DEFAULT_RATE) as progress:
        options = AttachOptions(
            duration=duration,
            rate=rate or DEFAULT_RATE,
            keep_rate=rate is not None,
            native=native,
            children=children,
            nonblocking=nonblocking,
            sampler=Sampler(sampler),
            include=(*config.include, *(include or ())),
            exclude=(*config.exclude, *(exclude or ())),
            keep_raw=keep_raw,
            words=name_options(given),
            progress=progress,
        )
        attached = attach_to(pid, options)
    if attached.saved.notice is not None:
        say(f"whet: {attached.saved.notice.message}")
    show_run(attached.run, output, include_source=not no_source)
    return 0
