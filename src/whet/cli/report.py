"""``whet report``: show a saved run again, in any form. Nothing runs again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from whet.cli.console import say
from whet.cli.run import DEFAULT_REPORT
from whet.errors import StoreError, UsageError

BINARY_TO_FILE = ("html",)


def report_command(
    reference: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="A run's name, folder or file; default: the latest.")
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", "-f", metavar="NAME", help="html, terminal, json, or a plug-in's.")
    ] = "html",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Where to; default: stdout, html to a file.")
    ] = None,
    no_source: Annotated[bool, typer.Option("--no-source", help="Leave source out of the report.")] = False,
    runs: Annotated[bool, typer.Option("--list", help="List the saved runs and exit.")] = False,
) -> int:
    """Show a saved run: `whet report --format json` prints it for machines."""
    from whet.store import find_run, list_runs, load_run

    if runs:
        for folder in list_runs(Path.cwd()):
            typer.echo(folder.name)
        return 0
    from whet.pipeline.showing import find_renderer, print_terminal, render, show, write_html

    renderer = find_renderer(format_)
    shown = show(load_run(find_run(reference, Path.cwd())), include_source=not no_source)
    if format_ == "html":
        path = output or Path(DEFAULT_REPORT)
        write_html(shown, path)
        say(f"whet: wrote {path}")
    elif format_ == "terminal" and output is None:
        print_terminal(shown, sys.stdout, None)
    elif output is None:
        render(shown, renderer, sys.stdout.buffer)
    elif output.exists() and not output.is_file():
        raise UsageError(f"{output} is no file", "name a file with -o")
    else:
        try:
            with output.open("wb") as sink:
                render(shown, renderer, sink)
        except OSError as error:
            raise StoreError(f"{output} cannot be written: {error.strerror}", "name another place with -o") from error
    return 0
