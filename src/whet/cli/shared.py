"""Options that all commands have, before their name or after it: how whet itself speaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from whet.errors import UsageError

QUIET = ("-q", "--quiet")
COLOR = "--color"
COLORS = ("auto", "always", "never")
HELP = (
    ("-q, --quiet", "No progress, notes and summaries, only results and errors."),
    ("--color WHEN", "Use colours: auto (on terminals, unless NO_COLOR is set), always or never."),
)


@dataclass(slots=True)
class Manner:
    """How this process speaks."""

    quiet: bool = False
    color: str = "auto"


manner = Manner()


def take_shared(words: Sequence[str]) -> list[str]:
    """Take the shared options at the start of ``words`` and return the rest. Raises ``UsageError``."""
    rest = list(words)
    while rest:
        name, equals, value = rest[0].partition("=")
        if rest[0] in QUIET:
            manner.quiet = True
            del rest[0]
        elif name == COLOR:
            if not equals and len(rest) < 2:
                raise UsageError("--color needs a value", f"one of {', '.join(COLORS)}")
            choose_color(value if equals else rest[1])
            del rest[: 1 if equals else 2]
        else:
            break
    return rest


def choose_color(text: str) -> None:
    """Set when colours are used. Raises ``UsageError``."""
    if text not in COLORS:
        raise UsageError(f"--color {text[:40]!r} is unknown", f"one of {', '.join(COLORS)}")
    manner.color = text
