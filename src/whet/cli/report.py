"""``whet report``: show a saved run in any format, without running the program again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from whet.cli.browser import open_report, warn_of_size
from whet.cli.console import STDOUT, print_line, say
from whet.cli.declare import Argument, Option
from whet.cli.options import ProjectRulesOption, tell_untrusted
from whet.pipeline.run.options import DEFAULT_REPORT


def report_command(
    reference: Annotated[str | None, Argument("RUN", "A run's name, folder or file; default: the latest.")] = None,
    format_: Annotated[
        str,
        Option(
            "--format",
            "-f",
            metavar="NAME",
            help="html, terminal, json, markdown, hot (for `whet check --profile`), or a plug-in's format.",
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
    no_source: Annotated[bool, Option("--no-source", help="Leave source code out of the report.")] = False,
    title: Annotated[str | None, Option("--title", metavar="TEXT", help="Title of the report.")] = None,
    open_: Annotated[bool, Option("--open", help="Open the HTML report in a browser.")] = False,
    project_rules: ProjectRulesOption = True,
    runs: Annotated[bool, Option("--list", help="List the saved runs and exit.")] = False,
) -> int:
    """Show a saved run as HTML, text, JSON or Markdown.

    Examples:
        whet report --open
        whet report --format json -o run.json
        whet report --list
    """
    from whet.store import find_run, list_runs, load_run, name_reference, using_run

    to_stdout, output = output == STDOUT, None if output == STDOUT else output
    if runs:
        for folder in list_runs(Path.cwd()):
            print_line(folder.name)
        return 0
    if format_ == "hot":
        from whet.pipeline.check.hot_profile import write_hot_profile

        path = find_run(reference, Path.cwd())
        with using_run(path):
            hot = write_hot_profile(load_run(path), output, sys.stdout.buffer)
        if output is not None:
            say(f"whet: wrote {output}: {len(hot.places)} places with at least 1 % of the run each")
        return 0
    from whet.pipeline.advise.show import find_renderer, print_terminal, render, show, write_rendering

    renderer = find_renderer(format_)
    if project_rules:
        tell_untrusted(Path.cwd())
    path = find_run(reference, Path.cwd())
    with using_run(path):
        shown = show(
            load_run(path),
            include_source=not no_source,
            title=title or "",
            reference=name_reference(reference, path, Path.cwd()),
            project_rules=project_rules,
        )
        if output is None and format_ == "html" and not to_stdout:
            output = Path(DEFAULT_REPORT)
        if output is not None:
            size = write_rendering(shown, renderer, output)
            say(f"whet: wrote {output}")
        elif format_ == "terminal":
            print_terminal(shown, sys.stdout, None)
        else:
            render(shown, renderer, sys.stdout.buffer)
    if output is not None and format_ == "html":
        warn_of_size(size, output)
        if open_:
            open_report(output)
    return 0
