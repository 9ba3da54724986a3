"""``whet check``: what the rules say of source files. Nothing is run.

A linter is started at each commit, and often has one file to look at: so
nothing is imported before it is needed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from whet.cli.console import STDOUT, may_color, say
from whet.cli.declare import Argument, Option
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
        raise ValueError(f"{text!r} is no percentage, 0 to 100")
    return value / 100


def _read_count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ValueError(f"{text!r} is no number of processes")
    return int(text)


def check_command(
    paths: Annotated[
        list[Path] | None, Argument("PATH", "Files and folders; this folder by default; - is stdin.")
    ] = None,
    fix: Annotated[bool, Option("--fix", help="Mend what can be mended safely.")] = False,
    diff: Annotated[bool, Option("--diff", help="Show what --fix would change, and change nothing.")] = False,
    allow: Annotated[
        list[str] | None,
        Option("--allow", metavar="SLUG", help="With --fix: the rewrites of this rule too, though they are not safe."),
    ] = None,
    select: Annotated[
        list[str] | None,
        Option("--select", metavar="SLUG", help="Only these rules or families; ALL is whatever any rule can say."),
    ] = None,
    extend_select: Annotated[
        list[str] | None, Option("--extend-select", metavar="SLUG", help="These rules too.")
    ] = None,
    ignore: Annotated[list[str] | None, Option("--ignore", metavar="SLUG", help="Not these rules or families.")] = None,
    profile: Annotated[
        str | None,
        Option("--profile", metavar="FILE", help="Hot code only; a file that `whet report --format hot` wrote."),
    ] = None,
    min_share: Annotated[
        float | None,
        Option("--min-share", metavar="PERCENT", help="With a profile: of the run, 1 unless set.", read=_read_percent),
    ] = None,
    format_: Annotated[
        str, Option("-f", "--format", "--output-format", metavar="NAME", help="text, json, sarif, github or gitlab.")
    ] = "text",
    output: Annotated[
        Path | None,
        Option("-o", "--output", "--output-file", metavar="FILE", help="Write there instead of to stdout."),
    ] = None,
    statistics: Annotated[bool, Option("--statistics", help="Show how often each rule found something.")] = False,
    quiet: Annotated[bool, Option("-q", "--quiet", help="Only findings and failures, no summary.")] = False,
    exit_zero: Annotated[bool, Option("-e", "--exit-zero", help="Exit with 0 even if something was found.")] = False,
    exit_non_zero_on_fix: Annotated[
        bool, Option("--exit-non-zero-on-fix", help="Exit with 1 if something was mended.")
    ] = False,
    exclude: Annotated[
        list[str] | None, Option("--exclude", metavar="GLOB", help="Files to pass by, beside the usual.")
    ] = None,
    force_exclude: Annotated[
        bool, Option("--force-exclude", help="Pass by what is excluded even if it is named, as by a hook.")
    ] = False,
    stdin_filename: Annotated[
        str | None, Option("--stdin-filename", metavar="FILE", help="The name that goes with what comes on stdin.")
    ] = None,
    rules: Annotated[list[Path] | None, Option("--rules", metavar="DIR", help="A folder with more rules.")] = None,
    config: Annotated[
        Path | None,
        Option("--config", metavar="FILE", help="Settings from there, not from the nearest pyproject.toml."),
    ] = None,
    show_files: Annotated[bool, Option("--show-files", help="Show which files would be looked at.")] = False,
    no_cache: Annotated[bool, Option("-n", "--no-cache", help="Examine everything anew.")] = False,
    jobs: Annotated[
        int | None,
        Option("-j", "--jobs", metavar="N", help="Processes; as many as there are cores by default.", read=_read_count),
    ] = None,
) -> int:
    """Say what the rules find in source files, without running them.

    Exit status: 0 when nothing was found, 1 when something was, 2 when something could not be examined.

    Settings stand in [tool.whet] of pyproject.toml; docs/configuration.md lists them.
    """
    from whet.pipeline.check.check import CheckRequest, check, list_files
    from whet.pipeline.rules.selection import Asked
    from whet.program.cache import cache_folder

    request = CheckRequest(
        paths=tuple(paths or ()),
        asked=Asked(None if select is None else _split(select), _split(extend_select), _split(ignore), _split(allow)),
        stdin=_read_stdin(paths or (), stdin_filename or STDIN),
        config=config,
        profile=profile,
        min_share=min_share,
        rules=tuple(rules or ()),
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
    result = check(request, Path.cwd())
    for notice in (*result.notices, *result.failures):
        say(f"whet: {notice.message}{f'; {notice.hint}' if notice.hint else ''}")
    show = render_counts if statistics else render_findings
    if diff:
        _write(result.diff.encode("utf-8", "backslashreplace"), output)
        if result.diff and not quiet:
            say(f"whet: {sum(result.fixed.values())} would be mended with --fix")
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
    """Return what comes on stdin and the name that it goes by, where ``-`` stands for it."""
    if not any(str(path) == STDIN for path in paths):
        return None
    if len(paths) > 1:
        raise UsageError("`-` stands alone: stdin is one file", "name files, or `-`")
    return name, sys.stdin.buffer.read()


def _split(values: list[str] | None) -> tuple[str, ...]:
    """Return the words of an option that may be given several times, or hold several, with commas between them."""
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
            f"{output} cannot be written: {error.strerror or error}", "name another place with -o"
        ) from error
