"""``whet check``: what the rules say of source files. Nothing is run.

A linter is started at each commit, and often has one file to look at: so its
options are read without typer, and nothing is imported before it is needed.
"""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from whet.cli.console import STDOUT, may_color, say
from whet.cli.words import WordParser
from whet.errors import StoreError, UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from whet.pipeline.checking import CheckRequest

FOUND = 1
"""Exit status when something was found."""
FAILED = 2
"""Exit status when something could not be examined."""

STDIN = "-"


def check_command(words: Sequence[str]) -> int:
    """Say what the rules find in source files, without running them."""
    parser = make_parser()
    options = parser.parse_args(words)
    if options.help:
        sys.stdout.write(parser.format_help())
        return 0
    if options.show_files:
        return _show_files(options)
    from whet.pipeline.checking import check
    from whet.pipeline.rendering import find_format, render_counts, render_findings

    form = find_format(options.format)
    result = check(_make_request(options), Path.cwd())
    for notice in (*result.notices, *result.failures):
        say(f"whet: {notice.message}{f'; {notice.hint}' if notice.hint else ''}")
    show = render_counts if options.statistics else render_findings
    if options.diff:
        _write(result.diff.encode("utf-8", "backslashreplace"), options.output)
        if result.diff and not options.quiet:
            say(f"whet: {sum(result.fixed.values())} would be mended with --fix")
    elif result.mended_stdin is not None:
        _write(result.mended_stdin, options.output)
        if result.findings:
            say(show(result, find_format("text"), color=may_color(sys.stderr), fixing=True).rstrip("\n"))
    else:
        color = options.output is None and may_color(sys.stdout)
        text = show(result, form, color=color, fixing=options.fix, summary=not options.quiet)
        _write(_encode(text, form, options.output), options.output)
    if result.failures:
        return FAILED
    found = bool(result.diff) if options.diff else bool(result.findings)
    mended = options.exit_non_zero_on_fix and bool(result.fixed)
    return FOUND if (found and not options.exit_zero) or mended else 0


def make_parser() -> WordParser:
    """Return what reads the words behind ``whet check``."""
    parser = WordParser(
        "check",
        "Say what the rules find in source files, without running them.",
        "Exit status: 0 when nothing was found, 1 when something was, 2 when something could not be examined.\n"
        "Settings stand in [tool.whet] of pyproject.toml; docs/configuration.md lists them.",
    )
    add = parser.add_argument
    add("paths", nargs="*", type=Path, metavar="PATH", help="Files and folders; this folder by default; - is stdin.")
    add("--fix", action="store_true", help="Mend what can be mended safely.")
    add("--diff", action="store_true", help="Show what --fix would change, and change nothing.")
    for name, words in (
        ("--allow", "With --fix: the rewrites of this rule too, though they are not safe."),
        ("--select", "Only these rules or families; ALL is whatever any rule can say."),
        ("--extend-select", "These rules too."),
        ("--ignore", "Not these rules or families."),
    ):
        add(name, action="append", metavar="SLUG", help=words)
    add("--profile", metavar="FILE", help="Hot code only; a file that `whet report --format hot` wrote.")
    add("--min-share", type=_read_percent, metavar="PERCENT", help="With a profile: of the run, 1 unless set.")
    add(
        "-f",
        "--format",
        "--output-format",
        default="text",
        metavar="NAME",
        help="text (default), json, sarif, github or gitlab.",
    )
    add("-o", "--output", "--output-file", type=Path, metavar="FILE", help="Write there instead of to stdout.")
    add("--statistics", action="store_true", help="Show how often each rule found something.")
    add("-q", "--quiet", action="store_true", help="Only findings and failures, no summary.")
    add("-e", "--exit-zero", action="store_true", help="Exit with 0 even if something was found.")
    add("--exit-non-zero-on-fix", action="store_true", help="Exit with 1 if something was mended.")
    add("--exclude", action="append", metavar="GLOB", help="Files to pass by, beside the usual.")
    add("--force-exclude", action="store_true", help="Pass by what is excluded even if it is named, as by a hook.")
    add("--stdin-filename", default=STDIN, metavar="FILE", help="The name that goes with what comes on stdin.")
    add("--rules", action="append", type=Path, metavar="DIR", help="A folder with more rules.")
    add("--config", type=Path, metavar="FILE", help="Settings from there, not from the nearest pyproject.toml.")
    add("--show-files", action="store_true", help="Show which files would be looked at.")
    add("-n", "--no-cache", action="store_true", help="Examine everything anew.")
    add("-j", "--jobs", type=_read_count, metavar="N", help="Processes; as many as there are cores by default.")
    return parser


def _show_files(options: Namespace) -> int:
    from whet.pipeline.checking import list_files

    files = "".join(f"{path}\n" for path in list_files(_make_request(options), Path.cwd()))
    _write(_encode(files, "text", options.output), options.output)
    return 0


def _make_request(options: Namespace) -> CheckRequest:
    from whet.pipeline.checking import CheckRequest
    from whet.pipeline.selection import Asked
    from whet.target.cache import cache_folder

    stdin = None
    if any(str(path) == STDIN for path in options.paths):
        if len(options.paths) > 1:
            raise UsageError("`-` stands alone: stdin is one file", "name files, or `-`")
        stdin = (options.stdin_filename, sys.stdin.buffer.read())
    return CheckRequest(
        paths=tuple(options.paths),
        asked=Asked(
            None if options.select is None else _split(options.select),
            _split(options.extend_select),
            _split(options.ignore),
            _split(options.allow),
        ),
        stdin=stdin,
        config=options.config,
        profile=options.profile,
        min_share=options.min_share,
        rules=tuple(options.rules or ()),
        exclude=_split(options.exclude),
        force_exclude=options.force_exclude,
        workers=options.jobs,
        cache=None if options.no_cache else cache_folder() / "check",
        fix=options.fix,
        diff=options.diff,
    )


def _read_percent(text: str) -> float:
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = -1
    if not 0 <= value <= 100:
        raise ArgumentTypeError(f"{text!r} is no percentage, 0 to 100")
    return value / 100


def _read_count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError(f"{text!r} is no number of processes")
    return int(text)


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
