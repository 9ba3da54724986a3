"""``whet scale``: run a program at several sizes of its input and report how its cost grows."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from whet.cli.browser import open_report
from whet.cli.console import begin_line, say
from whet.cli.declare import Option
from whet.cli.options import (
    CodeOption,
    ExcludeOption,
    IncludeOption,
    ModuleOption,
    NoSourceOption,
    OutputOption,
    PythonOption,
    RateOption,
    TargetWords,
    name_options,
    tell_untrusted,
)
from whet.cli.terminal_line import TerminalLine
from whet.errors import UsageError
from whet.pipeline.run.options import DEFAULT_RATE, DEFAULT_REPORT
from whet.signals import name_interrupted

if TYPE_CHECKING:
    from whet.pipeline.scale.scale import Scaled

DEFAULT_BUDGET = "2m"


def scale_command(
    words: TargetWords = None,
    module: ModuleOption = None,
    code: CodeOption = None,
    sizes: Annotated[
        str,
        Option(
            "--sizes",
            metavar="N,N,…|auto",
            help="The sizes, three at least; auto, or auto:N: doubled from 100, or N, until a run takes 20 s.",
        ),
    ] = "",
    make: Annotated[
        str, Option("--make", metavar="COMMAND", help="Run this before each run, not timed; {n} is the size.")
    ] = "",
    env: Annotated[
        list[str] | None,
        Option("--env", metavar="NAME=VALUE", help="Set an environment variable; {n} is the size. Repeatable."),
    ] = None,
    python: PythonOption = None,
    budget: Annotated[
        str, Option("--budget", metavar="TIME", help="Time for all runs; each size runs once at least.")
    ] = DEFAULT_BUDGET,
    runs: Annotated[
        int | None, Option("--runs", least=1, most=1000, metavar="N", help="Exactly N runs of each size.")
    ] = None,
    memory: Annotated[
        bool, Option("--memory", help="Then run each size once more to measure what is allocated (with memray).")
    ] = False,
    predict: Annotated[
        str,
        Option(
            "--predict",
            metavar="N",
            help="Report the cost at this size, which need not run; otherwise at ten times the largest.",
        ),
    ] = "",
    rate: RateOption = None,
    max_exponent: Annotated[
        float | None,
        Option(
            "--max-exponent",
            least=0,
            most=10,
            metavar="K",
            help="Exit with 1 if the program, or a function of --in, grows faster than n^K with its whole interval.",
        ),
    ] = None,
    in_: Annotated[
        list[str] | None,
        Option("--in", metavar="GLOB", help="With --max-exponent: check the functions in these files instead."),
    ] = None,
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    output: OutputOption = Path(DEFAULT_REPORT),
    no_source: NoSourceOption = False,
    title: Annotated[str | None, Option("--title", metavar="TEXT", help="Title of the report.")] = None,
    format_: Annotated[
        str, Option("--format", "-f", metavar="text|json", help="With json, print the report to stdout.")
    ] = "text",
    open_: Annotated[bool, Option("--open", help="Open the report in a browser.")] = False,
) -> int:
    """Run a program at several sizes of its input and report how its cost grows.

    {n} stands for the size in the program's arguments, in --make and in --env. Sizes run interleaved until the
    exponent of the whole is known to ±0.1 or the budget is spent. The program's output is not shown.

    Exit status: 0; with --max-exponent, 1 when it is exceeded; 2 for errors, including the program's. Ctrl-C ends whet
    by SIGINT.

    Examples:
        whet scale --sizes 1000,2000,4000,8000 app.py --rows {n}
        whet scale --sizes auto --make "gen.py {n}" app.py
        whet scale --sizes 1k,2k,4k,8k --predict 1m app.py {n}
        whet scale --sizes 1k,2k,4k --max-exponent 1.2 app.py {n}
    """
    if not words and module is None and code is None:
        raise UsageError("there is no program to run", "whet scale --sizes 1000,2000,4000 script.py {n}")
    if not sizes:
        raise UsageError("no sizes given", "give --sizes 1000,2000,4000,8000 or --sizes auto")
    if format_ not in ("text", "json"):
        raise UsageError(f"unknown format {format_[:40]!r}", "use --format text or --format json")
    if in_ and max_exponent is None:
        raise UsageError("--in does nothing without --max-exponent", "add --max-exponent 1.2, or leave --in out")
    from whet.cli.prove import parse_time
    from whet.cli.run import check_output, show_run
    from whet.pipeline.rules.rulebook import check_rules
    from whet.pipeline.run.options import MeasureOptions
    from whet.pipeline.scale.request import ScaleRequest, check_request, parse_size, parse_sizes
    from whet.pipeline.scale.scale import find_exceeded, scale, state_exceeded
    from whet.program.naming import choose_target

    check_output(output)
    chosen = parse_sizes(sizes)
    predicted = parse_size(predict, "--predict") if predict else 0
    seconds = parse_time(budget, "--budget")
    host, spec = choose_target(words or [], module, code, python=python, environ=os.environ, cwd=Path.cwd())
    tell_untrusted(Path.cwd())
    config = check_rules(Path.cwd(), ())
    with _ScaleLine() as line:
        request = ScaleRequest(
            spec=spec,
            host=host,
            sizes=chosen,
            make=make,
            environ=tuple(env or ()),
            budget=seconds,
            rounds=runs,
            memory=memory,
            predict=predicted,
            options=MeasureOptions(
                rate=rate or DEFAULT_RATE,
                keep_rate=rate is not None,
                include=(*config.include, *(include or ())),
                exclude=(*config.exclude, *(exclude or ())),
                words=name_options({"--rate": rate, "--include": include, "--exclude": exclude}),
            ),
            progress=line,
        )
        check_request(request)
        scaled = scale(request)
    begin_line()
    again = scaled.saved.notice.hint if scaled.saved.notice is not None else "whet report"
    written = show_run(scaled.run, output, include_source=not no_source, title=title or "", again=again)
    say(_state_cost(scaled))
    if format_ == "json":
        from whet.pipeline.advise.show import find_renderer, render, show

        shown = show(scaled.run, include_source=not no_source, title=title or "")
        render(shown, find_renderer("json"), sys.stdout.buffer)
    if open_ and written is not None:
        open_report(written)
    if scaled.interrupted:
        return name_interrupted()
    if max_exponent is None:
        return 0
    exceeded = find_exceeded(scaled.run, scaled.growth, max_exponent, in_ or ())
    for each in exceeded:
        say(f"whet: {state_exceeded(each, max_exponent)}")
    if not exceeded:
        say(f"whet: nothing is shown to grow faster than n^{max_exponent:g}")
    return int(bool(exceeded))


def _state_cost(scaled: Scaled) -> str:
    scaling = scaled.run.scaling
    ran = sum(run.wall_ns for run in scaling.runs) / 1e9
    return f"whet: {len(scaling.runs)} runs took {ran:.0f} s, with all around them {scaling.seconds:.0f} s"


class _ScaleLine(TerminalLine):
    """A progress line on a terminal; nothing elsewhere."""

    def __call__(self, size: int, run: int, seconds: float) -> None:
        """Show that run ``run`` begins, of a size, ``seconds`` after the start."""
        self.show(f"whet: run {run}, n = {size:,}, {seconds:.0f} s")
