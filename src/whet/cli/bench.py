"""``whet bench``: run a program many times and report how long it takes, per interpreter and per version."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from whet.cli.console import fit_encoding, say
from whet.cli.declare import Option
from whet.cli.options import (
    CodeOption,
    ConnectionsOption,
    DurationOption,
    LoadCommandOption,
    LoadOption,
    ModuleOption,
    TargetWords,
)
from whet.cli.terminal_line import TerminalLine
from whet.errors import UsageError
from whet.signals import name_interrupted

if TYPE_CHECKING:
    from whet.model.bench import Bench
    from whet.model.trial import Clock


def bench_command(
    words: TargetWords = None,
    module: ModuleOption = None,
    code: CodeOption = None,
    python: Annotated[
        list[str] | None,
        Option(
            "--python",
            metavar="PYTHON",
            help="An interpreter or its version; repeat to compare several. May include interpreter options and"
            " environment variables: 'PYTHON_JIT=1 3.14', '3.13t -X gil=0'.",
        ),
    ] = None,
    env: Annotated[
        list[str] | None,
        Option("--env", metavar="NAME=VALUE", help="Set an environment variable for all runs; repeatable."),
    ] = None,
    against: Annotated[
        str,
        Option(
            "--against", metavar="REF|FILE", help="Compare with a git commit (runs interleaved), or with a saved bench."
        ),
    ] = "",
    max_slowdown: Annotated[
        str,
        Option(
            "--max-slowdown", metavar="PERCENT", help="With --against: exit with 1 if it is slower by more than this."
        ),
    ] = "10%",
    runs: Annotated[
        int | None, Option("--runs", least=2, most=10_000, metavar="N", help="Exactly N runs per variant.")
    ] = None,
    warmup: Annotated[
        int, Option("--warmup", least=0, most=1000, metavar="N", help="Warm-up runs per variant, not counted.")
    ] = 1,
    budget: Annotated[
        str, Option("--budget", metavar="TIME", help="Time for all runs; each variant runs at least six times.")
    ] = "60s",
    confidence: Annotated[
        str, Option("--confidence", metavar="PERCENT", help="Confidence level, family-wise over all comparisons.")
    ] = "99%",
    clock: Annotated[
        str, Option("--clock", metavar="auto|wall|cpu", help="Which time to compare; auto: whichever fits the program.")
    ] = "auto",
    setup: Annotated[str, Option("--setup", metavar="COMMAND", help="Run this before each run, not timed.")] = "",
    cleanup: Annotated[str, Option("--cleanup", metavar="COMMAND", help="Run this after each run, not timed.")] = "",
    stdin: Annotated[Path | None, Option("--stdin", metavar="FILE", help="Standard input of each run.")] = None,
    serve: Annotated[
        str,
        Option(
            "--serve", metavar="COMMAND", help="Start this server for each run and send it a load; {port} is its port."
        ),
    ] = "",
    load: LoadOption = None,
    load_command: LoadCommandOption = "",
    connections: ConnectionsOption = None,
    duration: DurationOption = None,
    save: Annotated[Path | None, Option("--save", metavar="FILE", help="Save the runs for a later --against.")] = None,
    unlike: Annotated[
        bool, Option("--unlike", help="Compare with a saved bench even of another machine or interpreter.")
    ] = False,
    format_: Annotated[str, Option("--format", "-f", metavar="text|json", help="Output format on stdout.")] = "text",
) -> int:
    """Run a program many times and report how long it takes.

    On one interpreter or several, for the working tree alone or compared with another version. The program's output
    is not shown. If it is pytest and another version is compared, each test gets a verdict too.

    Exit status: 0; with --against, 1 when the slowdown exceeds the limit; 2 for errors, including the program's. Ctrl-C
    ends whet by SIGINT.

    Examples:
        whet bench script.py
        whet bench --python 3.12 --python 3.13 app.py
        whet bench --against main -m package
        whet bench --against main -- pytest -k parser
        whet bench --serve 'uvicorn app:app' --load FILE
    """
    from whet.cli.prove import parse_percent, parse_time
    from whet.pipeline.serve.request import make_load_request

    sent = make_load_request(load, load_command, connections, duration=duration)
    if serve or sent is not None:
        words = _read_serve(serve, sent is not None, words or module or code, save)
    if not words and module is None and code is None:
        raise UsageError("no program given", "whet bench script.py, or whet bench -m module")
    if format_ not in ("text", "json"):
        raise UsageError(f"unknown format {format_[:40]!r}", "use --format text or --format json")
    from whet.pipeline.bench.bench import bench, decide_bench, is_interrupted
    from whet.pipeline.bench.file import load_bench, save_bench
    from whet.pipeline.bench.variants import BenchRequest

    with _BenchLine() as line:
        request = BenchRequest(
            words=tuple(words or ()),
            module=module,
            code=code,
            pythons=tuple(python or ()),
            environ=tuple(env or ()),
            against=(load_bench(Path(against)) if Path(against).is_file() else against) if against else None,
            max_slowdown=parse_percent(max_slowdown, "--max-slowdown", most=100),
            runs=runs,
            warmup=warmup,
            budget=parse_time(budget, "--budget"),
            confidence=parse_percent(confidence, "--confidence", most=0.9999),
            setup=setup,
            cleanup=cleanup,
            stdin=stdin,
            clock=_parse_clock(clock),
            load=sent,
            unlike=unlike,
            progress=line,
        )
        measured = bench(request, Path.cwd())
    _write(measured, format_)
    if save is not None:
        save_bench(measured, save)
        say(f"whet: saved {save}")
    return name_interrupted() if is_interrupted(measured) else decide_bench(measured)


def _read_serve(serve: str, has_load: bool, program: object, save: Path | None) -> list[str]:
    """Return the words of the server's command. Raises ``UsageError`` for options that do not go together."""
    if not serve:
        raise UsageError("a load is for a server, but none is named", "add --serve COMMAND")
    if not has_load:
        raise UsageError(
            "--serve needs requests to send",
            "name a file with --load, one request a line as GET /path, or what sends them with --load-command",
        )
    if program is not None:
        raise UsageError("--serve names the program", "leave the other one out")
    if save is not None:
        raise UsageError("--save keeps no routes", "compare with a git commit: --against REF")
    from whet.pipeline.bench.serve import read_command

    return list(read_command(serve))


def _write(measured: Bench, form: str) -> None:
    from whet.pipeline.bench.bench import render_bench_as

    sys.stdout.write(fit_encoding(render_bench_as(measured, form), sys.stdout))


def _parse_clock(text: str) -> Clock | None:
    from whet.model.trial import Clock

    clocks = {"auto": None, "wall": Clock.WALL, "cpu": Clock.CPU}
    if text not in clocks:
        raise UsageError(f"unknown clock {text[:40]!r}", "use --clock auto, wall or cpu")
    return clocks[text]


class _BenchLine(TerminalLine):
    """A progress line on a terminal; nothing elsewhere."""

    def __call__(self, run: int, seconds: float) -> None:
        """Show that run ``run`` begins, ``seconds`` after the start."""
        self.show(f"whet: run {run}, {seconds:.0f} s")
