"""``whet run``: measure a program and say where its time goes."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from whet.cli.browser import open_report, warn_of_size
from whet.cli.console import STDOUT, begin_line, may_color, say
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
from whet.cli.progress import LiveLine
from whet.cli.prove import (
    DEFAULT_BUDGET,
    AllowOption,
    BudgetOption,
    CompareOption,
    OffersOption,
    TestsOption,
    parse_time,
    was_interrupted,
)
from whet.cli.shared import manner
from whet.errors import UsageError, WhetError
from whet.pipeline.run.options import DEFAULT_RATE, DEFAULT_REPORT
from whet.signals import name_interrupted

if TYPE_CHECKING:
    from whet.model.run import Run
    from whet.pipeline.run.measure import Measured, NeverBegan
    from whet.pipeline.run.options import MeasureOptions
    from whet.program.host import TargetHost
    from whet.program.spec import TargetSpec


def run_command(
    words: TargetWords = None,
    module: ModuleOption = None,
    code: CodeOption = None,
    python: PythonOption = None,
    memory: Annotated[bool, Option("--memory", help="Run once more to measure memory (with memray).")] = False,
    full: Annotated[bool, Option("--full", help="Measure everything: --lines and --memory.")] = False,
    lines: Annotated[
        bool,
        Option(
            "--lines",
            "--exact-lines",
            help="Run once more to count line hits in hot functions. --exact-lines is the old name.",
        ),
    ] = False,
    outside: Annotated[
        bool, Option("--outside", help="Put nothing into the program except the permission to sample it.")
    ] = False,
    rate: RateOption = None,
    routes: Annotated[
        bool | None,
        Option(
            "--routes/--no-routes",
            help="Time the requests that a server answers, by route. Default: if the program is uvicorn, gunicorn,"
            " hypercorn, flask or Django's runserver.",
        ),
    ] = None,
    sampler: Annotated[
        str,
        Option(
            "--sampler",
            metavar="NAME",
            choices=("py-spy", "tachyon", "pyinstrument"),
            help="The sampler: py-spy, tachyon, pyinstrument, or a plug-in's name.",
        ),
    ] = "py-spy",
    native: Annotated[bool, Option("--native", help="Also sample native (C) stacks.")] = False,
    children: Annotated[bool, Option("--children/--no-children", help="Sample child processes.")] = True,
    repeat: Annotated[
        int,
        Option("--repeat", least=1, most=1000, metavar="N", help="Run a short program N times and pool the samples."),
    ] = 1,
    duration: Annotated[
        float | None, Option("--duration", least=0.1, metavar="S", help="Stop the program after S seconds.")
    ] = None,
    max_time: Annotated[
        float | None,
        Option("--max-time", least=0.1, metavar="S", help="Record at most S seconds of each execution."),
    ] = None,
    trace_python_allocators: Annotated[
        bool, Option("--trace-python-allocators", help="With --memory: also trace small objects (slower).")
    ] = False,
    prove: Annotated[
        bool, Option("--prove", help="Then prove the rewrites: run many times with and without them.")
    ] = False,
    budget: BudgetOption = DEFAULT_BUDGET,
    compare: CompareOption = None,
    allow: AllowOption = None,
    offers: OffersOption = True,
    tests: TestsOption = "",
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    output: OutputOption = Path(DEFAULT_REPORT),
    keep_raw: Annotated[bool, Option("--keep-raw", help="Keep the profilers' raw files with the run.")] = False,
    keep_arguments: Annotated[
        bool, Option("--keep-arguments", help="Save secrets among the arguments too, so `whet prove` can use them.")
    ] = False,
    no_source: NoSourceOption = False,
    title: Annotated[str | None, Option("--title", metavar="TEXT", help="Title of the report.")] = None,
    label: Annotated[
        list[str] | None,
        Option("--label", metavar="NAME=VALUE", help="What distinguishes this run in `whet merge`, as rank=3."),
    ] = None,
    dask: Annotated[
        str | None,
        Option("--dask", metavar="ADDRESS", help="Also sample the workers of the Dask scheduler at ADDRESS."),
    ] = None,
    open_: Annotated[bool, Option("--open", help="Open the report in a browser.")] = False,
) -> int:
    """Run a program and report where its time goes.

    TARGET is a script, the name of a console script (black), `-m MODULE`, `-c CODE`, or `-` for a program on standard
    input. whet's options come before it; everything after it is passed to the program.
    --budget, --compare, --tests, --allow and --no-offers require --prove.

    Exit status: the program's, and whet ends by the signal that ended the program; 125 when whet fails.

    Examples:
        whet run script.py data.csv
        whet run -m package.module
        whet run --full -o report.html script.py
        whet run --prove --budget 5m script.py
        whet run --label rank=3 script.py
        whet run uvicorn app:app
    """
    if not words and module is None and code is None:
        raise UsageError("there is no program to run", "whet run script.py, whet run -m module, or whet run -c 'code'")
    check_output(output)
    proving = {"--compare": compare, "--tests": tests, "--allow": allow, "--no-offers": not offers}
    _refuse_idle_options({**proving, "--budget": budget != DEFAULT_BUDGET}, "--prove", is_there=prove)
    _refuse_idle_options({"--trace-python-allocators": trace_python_allocators}, "--memory", is_there=memory or full)
    inside = {"--lines": lines, "--memory": memory, "--full": full, "--routes": routes is True}
    inside["--sampler pyinstrument"] = sampler == "pyinstrument"
    runs_again = {"--lines": lines, "--memory": memory, "--full": full, "--repeat": repeat != 1, "--prove": prove}
    _refuse_running_again(runs_again if dask is not None else {})
    if outside and any(inside.values()):
        asked = next(name for name, is_asked in inside.items() if is_asked)
        raise UsageError(
            f"{asked} runs a profiler inside the program, which --outside keeps out", "leave one of them out"
        )
    from whet.pipeline.rules.rulebook import check_rules
    from whet.pipeline.run.measure import NeverBegan, measure
    from whet.pipeline.run.options import MeasureOptions
    from whet.pipeline.run.samplers import find_sampler
    from whet.program.labels import choose_labels, label_path, read_labels
    from whet.program.naming import choose_target

    labels = choose_labels(read_labels(label or ()), os.environ)
    given = {
        "--full": full,
        "--lines": lines,
        "--memory": memory,
        "--trace-python-allocators": trace_python_allocators,
        "--outside": outside,
        "--routes": routes is True,
        "--no-routes": routes is False,
        "--rate": rate,
        "--sampler": sampler if sampler != "py-spy" else None,
        "--native": native,
        "--no-children": not children,
        "--repeat": repeat if repeat != 1 else None,
        "--duration": duration,
        "--max-time": max_time,
        "--include": include,
        "--exclude": exclude,
        "--output": output if output != Path(DEFAULT_REPORT) else None,
        "--keep-raw": keep_raw,
        "--keep-arguments": keep_arguments,
        "--no-source": no_source,
        "--title": title,
        "--label": label,
        "--dask": dask,
    }
    chosen = find_sampler(sampler)
    if prove:
        parse_time(budget, "--budget")
    host, spec = choose_target(words or [], module, code, python=python, environ=os.environ, cwd=Path.cwd())
    tell_untrusted(Path.cwd())
    config = check_rules(Path.cwd(), allow or ())
    with LiveLine(rate or DEFAULT_RATE) as progress:
        options = MeasureOptions(
            rate=rate or DEFAULT_RATE,
            keep_rate=rate is not None,
            native=native,
            children=children,
            sampler=chosen,
            memory=memory or full,
            lines=lines or full,
            outside=outside,
            routes=routes,
            trace_python_allocators=trace_python_allocators,
            repeat=repeat,
            duration=duration,
            max_time=max_time,
            include=(*config.include, *(include or ())),
            exclude=(*config.exclude, *(exclude or ())),
            keep_raw=keep_raw,
            keep_arguments=keep_arguments,
            labels=labels,
            words=name_options(given),
            progress=progress,
        )
        measured = measure(spec, host, options) if dask is None else _measure_with_workers(dask, spec, host, options)
    begin_line()
    if isinstance(measured, NeverBegan):
        say("whet: the program ended before its first line, so nothing was measured; earlier runs and reports stay")
        tell_absent_modules(spec, host, measured.status)
        return measured.status
    notice = measured.saved.notice
    if notice is not None:
        say(f"whet: {notice.message}")
    again = notice.hint if notice is not None else "whet report"
    run, status = measured.run, measured.status
    if prove:
        run = prove_measured(
            run,
            measured.saved.path,
            spec,
            budget=budget,
            compare=compare or (),
            tests=tests,
            allow=allow or (),
            offers=offers,
        )
        status = name_interrupted() if was_interrupted(run) else status
    written = show_run(run, label_path(output, labels), include_source=not no_source, title=title or "", again=again)
    tell_absent_modules(spec, host, measured.status)
    if open_ and written is not None:
        open_report(written)
    return status


def tell_absent_modules(spec: TargetSpec, host: TargetHost, status: int) -> None:
    """Where the program may have failed because its interpreter lacks a module, name the one that has it."""
    if status != 1:  # that of an exception that nobody caught
        return
    from whet.program.absent_modules import explain_absent_modules

    notice = explain_absent_modules(spec, host, os.environ, Path.cwd())
    if notice is not None:
        say(f"whet: {notice.message}")
        say(f"whet: {notice.hint}")


def check_output(output: Path) -> None:
    """Refuse stdout as the place for the report: it is the program's alone."""
    if output == STDOUT:
        raise UsageError("the report cannot go to stdout here", "name a file with -o; `whet report -o -` prints it")


def _refuse_idle_options(given: Mapping[str, object], needed: str, *, is_there: bool) -> None:
    """Refuse options that would do nothing because the one that they belong to was forgotten."""
    idle = [name for name, value in given.items() if value]
    if idle and not is_there:
        raise UsageError(f"{idle[0]} does nothing without {needed}", f"add {needed}, or leave {idle[0]} out")


def _refuse_running_again(given: Mapping[str, bool]) -> None:
    """Refuse options that run the program more than once, where the workers are sampled once."""
    asked = next((name for name, is_asked in given.items() if is_asked), None)
    if asked is not None:
        remedy = "`whet.dask.profile(client, memory=True)` does" if asked == "--memory" else "leave one of them out"
        raise UsageError(f"{asked} runs the program again, which --dask does not", remedy)


def _measure_with_workers(
    address: str, spec: TargetSpec, host: TargetHost, options: MeasureOptions
) -> Measured | NeverBegan:
    """Measure the program and the workers that it sends tasks to."""
    from whet.pipeline.dask.program import measure_with_workers
    from whet.pipeline.dask.session import DaskOptions

    workers = DaskOptions(native=options.native, include=options.include, exclude=options.exclude)
    return measure_with_workers(address, spec, host, options, workers)


def prove_measured(
    run: Run,
    path: Path,
    spec: TargetSpec,
    *,
    budget: str,
    compare: Sequence[str],
    tests: str,
    allow: Sequence[str],
    offers: bool,
) -> Run:
    """Prove the advice on a run that was just measured. That this fails loses nothing of what was measured."""
    from whet.cli.prove import prove_run
    from whet.pipeline.prove.prove import ProvingRequest
    from whet.prove.options import ProveOptions

    options = ProveOptions(budget=parse_time(budget, "--budget"), compare=tuple(compare), tests=tests)
    try:
        return prove_run(run, path, ProvingRequest(options, allow=tuple(allow), offers=offers), spec=spec)
    except WhetError as error:
        say(f"whet: nothing was proven: {error.message}")
        if error.hint:
            say(f"whet: {error.hint}")
        return run


def show_run(
    run: object, output: Path, *, include_source: bool = True, title: str = "", again: str = "whet report"
) -> Path | None:
    """Write the HTML report and print the summary. A report that cannot be written loses neither run nor summary.

    ``again`` is the command that shows this run again. Returns where the report is; ``None`` when it is not.
    """
    from whet.errors import StoreError
    from whet.model.run import Run
    from whet.pipeline.advise.show import print_terminal, show, write_html

    assert isinstance(run, Run)
    shown = show(run, include_source=include_source, title=title)
    written: Path | None = output
    try:
        warn_of_size(write_html(shown, output), output)
    except StoreError as error:
        written = None
        say(f"whet: {error.message}")
        say(f"whet: {error.hint}; `{again} -o FILE` writes it without running the program again")
    if sys.stderr is not None and not manner.quiet:
        # Whoever closed it does not want to read, or its disk is full; the status is the program's all the same.
        with contextlib.suppress(OSError):
            print_terminal(shown, sys.stderr, written, color=may_color(sys.stderr))
            sys.stderr.flush()
    return written
