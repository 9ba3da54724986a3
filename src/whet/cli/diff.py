"""``whet diff``: what changed from one saved run to another. Nothing runs again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from whet.cli.browser import open_report, warn_of_size
from whet.cli.console import STDOUT, fit_encoding, say
from whet.cli.declare import Argument, Option
from whet.errors import UsageError

DIFF_REPORT = "whet-diff.html"


def diff_command(
    before: Annotated[str, Argument("BEFORE", "A run's name, folder or file, `latest`, or a profile of another tool.")],
    after: Annotated[str, Argument("AFTER", "The run to compare with it.")] = "latest",
    format_: Annotated[
        str,
        Option(
            "--format",
            "-f",
            metavar="NAME",
            choices=("terminal", "markdown", "html", "json"),
            help="Output format: terminal, markdown, html or json.",
        ),
    ] = "terminal",
    output: Annotated[
        Path | None,
        Option(
            "-o",
            "--output",
            metavar="FILE",
            help=f"Output file, - for stdout; default: stdout, or {DIFF_REPORT} for html.",
        ),
    ] = None,
    threshold: Annotated[str, Option("--threshold", metavar="PERCENT", help="Smallest change to report.")] = "5%",
    confidence: Annotated[
        str, Option("--confidence", metavar="PERCENT", help="Confidence level, family-wise over all intervals.")
    ] = "99%",
    source_root: Annotated[
        list[str] | None,
        Option("--source-root", metavar="OLD=NEW", help="With profiles of other tools: their folder OLD is NEW here."),
    ] = None,
    no_source: Annotated[bool, Option("--no-source", help="Leave source code out of the HTML report.")] = False,
    title: Annotated[str, Option("--title", metavar="TEXT", help="Title of the HTML report.")] = "",
    open_: Annotated[bool, Option("--open", help="Open the HTML report in a browser.")] = False,
) -> int:
    """Compare two saved runs or profiles: what got faster, slower, is new or gone.

    With one run on each side, the intervals cover sampling error, not the variation from run to run.

    Exit status: 0 whatever changed, 2 when the runs cannot be compared.

    Examples:
        whet diff 20261129-1030
        whet diff 20261129-1030 latest -f markdown
    """
    from whet.cli.prove import parse_percent
    from whet.pipeline.advise.diff import (
        DifferenceFormat,
        diff_runs,
        find_difference_format,
        render_difference,
        state_difference,
        write_difference,
        write_difference_report,
    )
    from whet.pipeline.foreign.load import load_any

    form = find_difference_format(format_)
    if output == STDOUT:
        if form is DifferenceFormat.HTML:
            raise UsageError("the HTML report cannot go to stdout", "give a file with -o")
        output = None
    least, sure = (
        parse_percent(threshold, "--threshold", most=1),
        parse_percent(confidence, "--confidence", most=0.9999),
    )
    before_, after_ = (load_any([reference], source_root or [], Path.cwd()) for reference in (before, after))
    old, new = before_.run, after_.run
    with after_.using(), before_.using():
        difference = diff_runs(old, new, confidence=sure, threshold=least)
    if form is DifferenceFormat.HTML:
        path = output or Path(DIFF_REPORT)
        size = write_difference_report(old, new, difference, path, title=title, include_source=not no_source)
        say(f"whet: {state_difference(difference)}")
        for caution in difference.cautions:
            say(f"whet: warning: {caution}")
        say(f"whet: wrote {path}")
        warn_of_size(size, path)
        if open_:
            open_report(path)
        return 0
    if output is not None:
        write_difference(difference, form, output)
        say(f"whet: {state_difference(difference)}; wrote {output}")
        return 0
    sys.stdout.write(fit_encoding(render_difference(difference, form), sys.stdout))
    return 0
