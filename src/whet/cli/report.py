"""``whet report``: show a saved run in any format, without running the program again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from whet.cli.browser import open_report, warn_of_size
from whet.cli.console import STDOUT, may_color, print_line, say
from whet.cli.declare import Argument, Option
from whet.cli.options import NoSourceOption, ProjectRulesOption, tell_untrusted
from whet.errors import UsageError
from whet.pipeline.run.options import DEFAULT_REPORT

if TYPE_CHECKING:
    from whet.model.run import Run
    from whet.pipeline.foreign.formats import ProfileFormat
    from whet.pipeline.foreign.load import Loaded

FORMATS = ("html", "terminal", "json", "markdown", "csv", "hot")
"""Without those of plug-ins."""
PROFILE_FORMATS = ("speedscope", "collapsed", "pprof", "pstats", "firefox", "chrome")


def report_command(
    reference: Annotated[
        str | None, Argument("RUN", "A run's name, folder or file, or a profile of another tool; default: the latest.")
    ] = None,
    from_: Annotated[
        list[str] | None,
        Option("--from", metavar="FILE", help="A profile that another tool recorded; repeat it to merge several."),
    ] = None,
    source_root: Annotated[
        list[str] | None,
        Option("--source-root", metavar="OLD=NEW", help="With a profile: its folder OLD is NEW here."),
    ] = None,
    format_: Annotated[
        str,
        Option(
            "--format",
            "-f",
            metavar="NAME",
            choices=(*FORMATS, *PROFILE_FORMATS),
            help="html, terminal, json, markdown, csv, hot (for `whet check --profile`), a profile format (speedscope, "
            "collapsed, pprof, pstats, firefox, chrome), or a plug-in's format.",
        ),
    ] = "html",
    output: Annotated[
        Path | None,
        Option(
            "-o",
            "--output",
            metavar="FILE",
            help=f"Output file, - for stdout; default: stdout, or {DEFAULT_REPORT} for html.",
        ),
    ] = None,
    no_source: NoSourceOption = False,
    title: Annotated[str | None, Option("--title", metavar="TEXT", help="Title of the report.")] = None,
    open_: Annotated[bool, Option("--open", help="Open the HTML report in a browser.")] = False,
    project_rules: ProjectRulesOption = True,
    runs: Annotated[bool, Option("--list", help="List the saved runs and exit.")] = False,
) -> int:
    """Show a saved run, or profiles of other tools.

    Examples:
        whet report --open
        whet report --format json -o run.json
        whet report --from a.pprof --from b.pprof
        whet report --format speedscope -o run.speedscope.json
        whet report --list
    """
    from whet.store import list_runs, name_reference

    to_stdout, output = output == STDOUT, None if output == STDOUT else output
    if runs:
        for folder in list_runs(Path.cwd()):
            print_line(folder.name)
        return 0
    from whet.pipeline.advise.show import find_renderer, print_terminal, render, show, write_rendering
    from whet.pipeline.foreign.formats import find_writer

    writer = find_writer(format_)
    renderer = find_renderer(format_) if writer is None and format_ != "hot" else None
    if project_rules and renderer is not None:
        tell_untrusted(Path.cwd())
    loaded = _load(reference, from_ or [], source_root or [])
    with loaded.using():
        if writer is not None:
            _write_profile(loaded.run, writer, output, to_stdout=to_stdout)
            return 0
        if renderer is None:
            _write_hot(loaded.run, output)
            return 0
        shown = show(
            loaded.run,
            include_source=not no_source,
            title=title or "",
            reference=name_reference(reference, loaded.path, Path.cwd()) if loaded.path is not None else "",
            project_rules=project_rules,
        )
        if output is None and format_ == "html" and not to_stdout:
            output = Path(DEFAULT_REPORT)
        if output is not None:
            size = write_rendering(shown, renderer, output)
            say(f"whet: wrote {output}")
        elif format_ == "terminal":
            print_terminal(shown, sys.stdout, None, color=may_color(sys.stdout))
        else:
            render(shown, renderer, sys.stdout.buffer)
    if output is not None and format_ == "html":
        warn_of_size(size, output)
        if open_:
            open_report(output)
    return 0


def _load(reference: str | None, files: list[str], source_roots: list[str]) -> Loaded:
    """Return the run that is named, or made from files of other tools."""
    from whet.pipeline.foreign.load import load_any

    if reference is not None and files:
        raise UsageError(
            "a run and --from cannot be combined", "name profiles with --from only, each with one of its own"
        )
    if not files and source_roots and reference is None:
        raise UsageError("--source-root needs a profile", "name it with --from FILE")
    return load_any(files or [reference], source_roots, Path.cwd())


def _write_profile(run: Run, writer: ProfileFormat, output: Path | None, *, to_stdout: bool) -> None:
    """Write a run in a profile format, and say what that does not keep."""
    from whet.pipeline.foreign.formats import save_profile, write_profile

    if output is not None:
        losses = save_profile(run, writer, output)
        say(f"whet: wrote {output}")
    else:
        if getattr(writer, "binary", False) and not to_stdout and sys.stdout.isatty():
            raise UsageError(f"{writer.name} is not text", "give a file with -o, or -o - for stdout")
        losses = write_profile(run, writer, sys.stdout.buffer)
    if losses:
        say(f"whet: {writer.name} does not keep: {losses}")


def _write_hot(run: Run, output: Path | None) -> None:
    from whet.pipeline.check.hot_profile import write_hot_profile

    hot = write_hot_profile(run, output, sys.stdout.buffer)
    if output is not None:
        say(f"whet: wrote {output}: {len(hot.places)} places with at least 1 % of the run each")
