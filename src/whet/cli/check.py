"""``whet check``: lint source files without running them.

A linter is started at each commit, often for a single file: so nothing is
imported before it is needed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from whet.cli.console import STDOUT, may_color, say
from whet.cli.declare import Argument, Option
from whet.cli.options import ProjectRulesOption, tell_untrusted
from whet.cli.shared import manner
from whet.errors import StoreError, UsageError

FOUND = 1
"""Exit status when something was found."""
FAILED = 2
"""Exit status when something could not be examined."""

STDIN = "-"


def _read_percent(text: str) -> float:
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = -1
    if not 0 <= value <= 100:
        raise ValueError(f"{text!r} is not a percentage from 0 to 100")
    return value / 100


def _read_count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ValueError(f"{text!r} is not a number of processes")
    return int(text)


def check_command(
    paths: Annotated[
        list[Path] | None, Argument("PATH", "Files and folders; default: the current folder; - for stdin.")
    ] = None,
    fix: Annotated[bool, Option("--fix", help="Apply safe fixes.")] = False,
    diff: Annotated[bool, Option("--diff", help="Print what --fix would change, and change nothing.")] = False,
    allow: Annotated[
        list[str] | None,
        Option("--allow", metavar="SLUG", help="With --fix: also apply this rule's unsafe rewrites."),
    ] = None,
    select: Annotated[
        list[str] | None,
        Option("--select", metavar="SLUG", help="Only these rules or families; ALL also selects rules for hot code."),
    ] = None,
    extend_select: Annotated[
        list[str] | None, Option("--extend-select", metavar="SLUG", help="Also these rules or families.")
    ] = None,
    ignore: Annotated[list[str] | None, Option("--ignore", metavar="SLUG", help="Not these rules or families.")] = None,
    profile: Annotated[
        str | None,
        Option(
            "--profile",
            metavar="FILE",
            help="Only hot code, by a file of `report --format hot` or another tool's profile.",
        ),
    ] = None,
    min_share: Annotated[
        float | None,
        Option(
            "--min-share",
            metavar="PERCENT",
            help="With --profile: minimum share of the run (default: 1).",
            read=_read_percent,
        ),
    ] = None,
    diff_base: Annotated[
        str, Option("--diff-base", metavar="REF", help="Only findings on lines that changed since this git commit.")
    ] = "",
    format_: Annotated[
        str,
        Option(
            "-f",
            "--format",
            "--output-format",
            metavar="NAME",
            choices=("text", "json", "sarif", "github", "gitlab"),
            help="Output format: text, json, sarif, github or gitlab.",
        ),
    ] = "text",
    output: Annotated[
        Path | None,
        Option("-o", "--output", "--output-file", metavar="FILE", help="Write to FILE instead of stdout."),
    ] = None,
    statistics: Annotated[bool, Option("--statistics", help="Show the number of findings per rule.")] = False,
    quiet: Annotated[bool, Option("-q", "--quiet", help="Print findings and failures only, no summary.")] = False,
    exit_zero: Annotated[bool, Option("-e", "--exit-zero", help="Exit with 0 even if there are findings.")] = False,
    exit_non_zero_on_fix: Annotated[
        bool, Option("--exit-non-zero-on-fix", help="Exit with 1 if something was fixed.")
    ] = False,
    exclude: Annotated[list[str] | None, Option("--exclude", metavar="GLOB", help="Extra files to exclude.")] = None,
    force_exclude: Annotated[
        bool, Option("--force-exclude", help="Apply excludes even to files named explicitly (for pre-commit).")
    ] = False,
    stdin_filename: Annotated[
        str | None, Option("--stdin-filename", metavar="FILE", help="The file name to use for stdin.")
    ] = None,
    rules: Annotated[
        list[Path] | None, Option("--rules", metavar="DIR", help="A folder with additional rules.")
    ] = None,
    project_rules: ProjectRulesOption = True,
    config: Annotated[
        Path | None,
        Option("--config", metavar="FILE", help="Read settings from FILE, not from the nearest pyproject.toml."),
    ] = None,
    show_files: Annotated[bool, Option("--show-files", help="List the files that would be checked, and exit.")] = False,
    no_cache: Annotated[bool, Option("-n", "--no-cache", help="Ignore cached results.")] = False,
    jobs: Annotated[
        int | None,
        Option("-j", "--jobs", metavar="N", help="Number of worker processes (default: CPU cores).", read=_read_count),
    ] = None,
) -> int:
    """Lint source files without running them.

    Settings are read from [tool.whet] in pyproject.toml; docs/configuration.md lists them. Of the project, only the
    rules in its .whet/rules are run, and these only if they are yours: see `whet trust`.

    Exit status: 0 when there are no findings, 1 when there are, 2 when a file could not be checked.

    Examples:
        whet check src
        whet check --fix --diff src
        whet check --select containers app.py
        whet check --diff-base origin/main
    """
    from whet.pipeline.check.check import CheckRequest, check, list_files
    from whet.pipeline.rules.selection import Asked
    from whet.program.cache import cache_folder

    quiet = quiet or manner.quiet

    request = CheckRequest(
        paths=tuple(paths or ()),
        asked=Asked(None if select is None else _split(select), _split(extend_select), _split(ignore), _split(allow)),
        stdin=_read_stdin(paths or (), stdin_filename or STDIN),
        config=config,
        profile=profile,
        min_share=min_share,
        rules=tuple(rules or ()),
        project_rules=project_rules,
        diff_base=diff_base,
        exclude=_split(exclude),
        force_exclude=force_exclude,
        workers=jobs,
        cache=None if no_cache else cache_folder() / "check",
        fix=fix,
        diff=diff,
    )
    if show_files:
        files = "".join(f"{path}\n" for path in list_files(request, Path.cwd()))
        _write(_encode(files, "text", output), output)
        return 0
    from whet.pipeline.check.render import find_format, render_counts, render_findings

    form = find_format(format_)
    if project_rules:
        tell_untrusted(Path.cwd(), config)
    result = check(request, Path.cwd())
    for notice in (*result.notices, *result.failures):
        say(f"whet: {notice.message}{f'; {notice.hint}' if notice.hint else ''}")
    show = render_counts if statistics else render_findings
    if diff:
        _write(result.diff.encode("utf-8", "surrogateescape"), output)
        if result.diff and not quiet:
            say(f"whet: {sum(result.fixed.values())} can be fixed with --fix")
    elif result.mended_stdin is not None:
        _write(result.mended_stdin, output)
        if result.findings:
            say(show(result, find_format("text"), color=may_color(sys.stderr), fixing=True).rstrip("\n"))
    else:
        color = output is None and may_color(sys.stdout)
        text = show(result, form, color=color, fixing=fix, summary=not quiet)
        _write(_encode(text, form, output), output)
    if result.failures:
        return FAILED
    found = bool(result.diff) if diff else bool(result.findings)
    mended = exit_non_zero_on_fix and bool(result.fixed)
    return FOUND if (found and not exit_zero) or mended else 0


def _read_stdin(paths: Sequence[Path], name: str) -> tuple[str, bytes] | None:
    """Return stdin's contents and its file name, if ``-`` is among the paths."""
    if not any(str(path) == STDIN for path in paths):
        return None
    if len(paths) > 1:
        raise UsageError("`-` (stdin) cannot be combined with other files", "name files, or `-`")
    return name, sys.stdin.buffer.read()


def _split(values: list[str] | None) -> tuple[str, ...]:
    """Return the values of an option that is repeatable and takes comma-separated lists."""
    return tuple(word for value in values or () for word in value.split(",") if word)


def _encode(text: str, form: str, output: Path | None) -> bytes:
    """Return text for people in the encoding of the terminal or pipe, all else in UTF-8."""
    encoding = getattr(sys.stdout, "encoding", None) if output is None and form == "text" else None
    return text.encode(encoding or "utf-8", "backslashreplace")


def _write(data: bytes, output: Path | None) -> None:
    if output is None or output == STDOUT:
        if sys.stdout is not None:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
        return
    try:
        output.write_bytes(data)
    except OSError as error:
        raise StoreError(
            f"{output} cannot be written: {error.strerror or error}", "give another file with -o"
        ) from error
