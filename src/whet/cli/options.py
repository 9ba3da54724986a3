"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from whet.cli.console import say
from whet.cli.declare import Argument, Option

PythonOption = Annotated[
    str | None,
    Option("--python", metavar="PATH|VERSION", help="The interpreter, or its version, such as 3.13."),
]
ModuleOption = Annotated[
    str | None,
    Option(
        "-m", metavar="MODULE", help="Run a module; everything after it is passed to the program.", ends_options=True
    ),
]
CodeOption = Annotated[
    str | None,
    Option("-c", metavar="CODE", help="Run code; everything after it is passed to the program.", ends_options=True),
]
IncludeOption = Annotated[list[str] | None, Option("--include", metavar="GLOB", help="Files that count as your code.")]
ExcludeOption = Annotated[
    list[str] | None, Option("--exclude", metavar="GLOB", help="Files that do not count as your code.")
]
OutputOption = Annotated[Path, Option("-o", "--output", metavar="FILE", help="Where to write the HTML report.")]
NoSourceOption = Annotated[bool, Option("--no-source", help="Leave source code out of the report.")]
RateOption = Annotated[
    int | None,
    Option(
        "--rate",
        metavar="HZ",
        help="Samples per second (default: 100, lowered automatically when sampling gets expensive).",
        least=1,
        most=1000,
    ),
]
TargetWords = Annotated[
    list[str] | None, Argument("TARGET", "A script, or the name of a Python console script.", takes_rest=True)
]
"""The program and its arguments; whet's options come before it. Used with both options above."""


LoadOption = Annotated[
    Path | None,
    Option("--load", metavar="FILE", help="The program is a server: send it these requests, one a line: GET /path."),
]
LoadCommandOption = Annotated[
    str,
    Option(
        "--load-command",
        metavar="COMMAND",
        help="The program is a server: this command sends it requests, on {port}; whet counts them in the server.",
    ),
]
ConnectionsOption = Annotated[
    int | None,
    Option(
        "--connections", least=1, most=1000, metavar="N", help="With --load: requests at the same time (default 1)."
    ),
]
DurationOption = Annotated[
    float | None,
    Option("--duration", least=0.1, metavar="S", help="With --load-command: end it after S seconds of counting."),
]
ProjectRulesOption = Annotated[
    bool,
    Option("--project-rules/--no-project-rules", help="Run the rules in the project's .whet/rules, if it is trusted."),
]


def tell_untrusted(start: Path, config: Path | None = None) -> None:
    """Report what of the project at ``start`` is not used because it belongs to another user."""
    from whet.pipeline.rules.rulebook import describe_untrusted

    for line in describe_untrusted(start, config):
        say(f"whet: {line}")


def name_options(given: Mapping[str, object]) -> tuple[str, ...]:
    """Return the options that were given, each in one word; ``given`` has none, false or an empty list for the others.

    >>> name_options({"--outside": True, "--rate": 50, "--include": ["a", "b"], "--title": None})
    ('--outside', '--rate=50', '--include=a', '--include=b')
    """
    words: list[str] = []
    for name, value in given.items():
        if value is True:
            words.append(name)
        elif value is not None and value is not False:
            words += [f"{name}={each}" for each in (value if isinstance(value, list) else [value])]
    return tuple(words)
