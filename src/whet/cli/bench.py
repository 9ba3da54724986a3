"""``whet bench``: run a program many times and say how long it takes, on which interpreter, in which version."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from whet.cli.console import fit_encoding, say
from whet.cli.declare import Option
from whet.cli.main import INTERRUPTED
from whet.cli.options import CodeOption, ModuleOption, TargetWords
from whet.cli.terminal_line import TerminalLine
from whet.errors import UsageError

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
            help="An interpreter or its version; again for more, side by side. With options and variables:"
            " 'PYTHON_JIT=1 3.14', '3.13t -X gil=0'.",
        ),
    ] = None,
    env: Annotated[
        list[str] | None, Option("--env", metavar="NAME=VALUE", help="Set for all runs; may be given again.")
    ] = None,
    against: Annotated[
        str,
        Option("--against", metavar="REF|FILE", help="Compare with a git commit, in turn, or with a saved bench."),
    ] = "",
    max_slowdown: Annotated[
        str, Option("--max-slowdown", metavar="PERCENT", help="With --against: exit with 1 beyond that.")
    ] = "10%",
    runs: Annotated[
        int | None, Option("--runs", least=2, most=10_000, metavar="N", help="Exactly N runs a variant.")
    ] = None,
    warmup: Annotated[
        int, Option("--warmup", least=0, most=1000, metavar="N", help="Runs a variant before those that count.")
    ] = 1,
    budget: Annotated[
        str, Option("--budget", metavar="TIME", help="Time for all runs; six a variant are made in any case.")
    ] = "60s",
    confidence: Annotated[str, Option("--confidence", metavar="PERCENT", help="Of all comparisons together.")] = "99%",
    clock: Annotated[
        str, Option("--clock", metavar="auto|wall|cpu", help="What is compared; default: what suits the program.")
    ] = "auto",
    setup: Annotated[str, Option("--setup", metavar="COMMAND", help="Before each run, not timed.")] = "",
    cleanup: Annotated[str, Option("--cleanup", metavar="COMMAND", help="After each run, not timed.")] = "",
    stdin: Annotated[Path | None, Option("--stdin", metavar="FILE", help="What each run reads.")] = None,
    save: Annotated[Path | None, Option("--save", metavar="FILE", help="Keep the runs for --against.")] = None,
    unlike: Annotated[
        bool, Option("--unlike", help="Compare with a saved bench of another machine or interpreter too.")
    ] = False,
    format_: Annotated[str, Option("--format", "-f", metavar="text|json", help="What goes to stdout.")] = "text",
) -> int:
    """Run a program many times and say how long it takes.

    On one interpreter or several, in the working tree alone or against another version.

    Exit status 0; with --against 1 when a slow-down beyond the limit is shown; 2 for
    errors, of the program too. The program's output is not shown.
    """
    if not words and module is None and code is None:
        raise UsageError("there is no program to run", "whet bench script.py, whet bench -m module")
    if format_ not in ("text", "json"):
        raise UsageError(f"there is no format {format_[:40]!r}", "--format text or --format json")
    from whet.cli.prove import parse_percent, parse_time
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
            unlike=unlike,
            progress=line,
        )
        measured = bench(request, Path.cwd())
    _write(measured, format_)
    if save is not None:
        save_bench(measured, save)
        say(f"whet: saved {save}")
    return INTERRUPTED if is_interrupted(measured) else decide_bench(measured)


def _write(measured: Bench, form: str) -> None:
    from whet.pipeline.bench.bench import render_bench_as

    sys.stdout.write(fit_encoding(render_bench_as(measured, form), sys.stdout))


def _parse_clock(text: str) -> Clock | None:
    from whet.model.trial import Clock

    clocks = {"auto": None, "wall": Clock.WALL, "cpu": Clock.CPU}
    if text not in clocks:
        raise UsageError(f"there is no clock {text[:40]!r}", "--clock auto, wall or cpu")
    return clocks[text]


class _BenchLine(TerminalLine):
    """A line on a terminal that says how far the runs are; nothing elsewhere."""

    def __call__(self, run: int, seconds: float) -> None:
        """Show that run ``run`` begins, after so many seconds."""
        self.show(f"whet: run {run}, {seconds:.0f} s")
