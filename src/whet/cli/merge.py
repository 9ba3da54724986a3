"""``whet merge``: the runs and profiles of many processes in one report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from whet.cli.browser import open_report
from whet.cli.console import say
from whet.cli.declare import Argument, Option
from whet.cli.options import NoSourceOption, OutputOption, tell_untrusted
from whet.cli.run import check_output, show_run
from whet.errors import UsageError
from whet.pipeline.run.options import DEFAULT_REPORT


def merge_command(
    references: Annotated[
        list[str] | None,
        Argument("RUN...", "Runs, profiles of other tools, folders of them, globs, or URLs (with fsspec)."),
    ] = None,
    source_root: Annotated[
        list[str] | None,
        Option("--source-root", metavar="OLD=NEW", help="With profiles: their folder OLD is NEW here."),
    ] = None,
    output: OutputOption = Path(DEFAULT_REPORT),
    no_source: NoSourceOption = False,
    title: Annotated[str | None, Option("--title", metavar="TEXT", help="Title of the report.")] = None,
    open_: Annotated[bool, Option("--open", help="Open the report in a browser.")] = False,
) -> int:
    """Merge the runs and profiles of many processes into one report.

    Each has a label: that of `whet run --label rank=3`, the rank that a launcher of MPI or Slurm set, else its name.
    The report says which label is the slowest, where it loses its time, and how evenly the work is spread. The merged
    run is saved, for `whet report` and `whet diff`.

    Examples:
        whet merge .whet/runs/*job*
        whet merge rank-0.pstats rank-1.pstats
        whet merge s3://bucket/profiles/*.pprof
    """
    if not references:
        raise UsageError("there is nothing to merge", "whet merge .whet/runs/*, or whet merge a.pprof b.pprof")
    check_output(output)
    from whet.pipeline.foreign.merge import merge_runs
    from whet.store import save_run

    tell_untrusted(Path.cwd())
    run = merge_runs(references, source_root or [], Path.cwd())
    saved = save_run(run, Path.cwd(), "merged")
    if saved.notice is not None:
        say(f"whet: {saved.notice.message}")
    again = saved.notice.hint if saved.notice is not None else "whet report"
    written = show_run(run, output, include_source=not no_source, title=title or "", again=again)
    if open_ and written is not None:
        open_report(written)
    return 0
