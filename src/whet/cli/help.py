"""Help on a terminal, in one layout for whet and all of its commands."""

from __future__ import annotations

import inspect
import re
import shutil
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from whet.cli.declare import Argument, Option, Parameter
from whet.cli.main import COMMANDS, HELP_NAMES
from whet.cli.shared import HELP

if TYPE_CHECKING:
    from whet.cli.command import Command

_NARROWEST, _WIDEST = 50, 78
_MOST_LEFT = 30
"""Columns beyond which a name gets a line of its own."""
_HELP = (", ".join(HELP_NAMES), "Show this message and exit.")
_EXAMPLES = "Examples"
"""Starts the last section of a command's docstring: command lines, one a line."""
_QUOTED = re.compile(r"`[^`\n]+`")
_BOUND = "\u00a0"
"""Replaces a space at which no line may end."""


def format_whet() -> str:
    """Return the help of whet itself: lists the commands, imports none of them."""
    return _join(
        _write_usage("[OPTIONS] COMMAND [ARGS]..."),
        _wrap("Measure a Python program, suggest rewrites of its hot code, and prove them.", "  "),
        _write_rows("Options", [("--version", "Show the version and exit."), *HELP, _HELP]),
        _write_rows("Commands", list(COMMANDS.items())),
        _write_examples(["whet run script.py", "whet prove", "whet apply"]),
        _wrap("`whet COMMAND --help` describes a command and its options.", "  "),
    )


def format_command(command: Command) -> str:
    """Return the help of one command: its function's docstring and declarations, the docstring's examples last."""
    page, _, examples = (inspect.getdoc(command.function) or "").partition(f"\n\n{_EXAMPLES}:\n")
    return _join(
        _write_usage(" ".join((command.name, "[OPTIONS]", *map(_show_argument, command.arguments)))),
        *(_wrap(" ".join(part.split()), "  ") for part in page.split("\n\n")),
        _write_rows("Arguments", [(each.declared.metavar, _describe(each)) for each in command.arguments]),
        _write_rows("Options", [(_name_option(each), _describe(each)) for each in command.options]),
        _write_rows("Options of all commands", [*_list_shared(command), _HELP]),
        _write_examples(examples.split("\n")),
    )


def _list_shared(command: Command) -> list[tuple[str, str]]:
    """Return the shared options, but for one that the command describes itself."""
    own = {name for each in command.options if isinstance(each.declared, Option) for name in each.declared.names}
    return [(names, text) for names, text in HELP if not own.intersection(re.findall(r"-[-\w]+", names))]


def _write_examples(lines: Sequence[str]) -> str:
    """Return the section of command lines, unwrapped so that they can be pasted."""
    shown = [f"  {line.strip()}" for line in lines if line.strip()]
    return "\n".join([f"{_EXAMPLES}:", *shown]) + "\n" if shown else ""


def _show_argument(parameter: Parameter) -> str:
    declared = parameter.declared
    if isinstance(declared, Argument) and declared.takes_rest:
        return f"{declared.metavar} [ARG]..."
    if isinstance(declared, Argument) and declared.after_dashes:
        return f"[-- {declared.metavar} [ARG]...]"
    shown = declared.metavar if parameter.is_required else f"[{declared.metavar}]"
    return f"{shown}..." if parameter.many else shown


def _name_option(parameter: Parameter) -> str:
    declared = parameter.declared
    assert isinstance(declared, Option)
    # Short names first.
    names = ", ".join(sorted(declared.names, key=lambda name: name.startswith("--")))
    if declared.opposite:
        names += f" / {declared.opposite}"
    return f"{names} {declared.metavar}" if parameter.takes_value else names


def _describe(parameter: Parameter) -> str:
    """Return the help of an option or argument, with its default and bounds in brackets."""
    notes = []
    declared, default = parameter.declared, parameter.default
    if parameter.is_required:
        notes.append("required")
    elif isinstance(declared, Option) and declared.opposite:
        notes.append(f"default: {(declared.names[-1] if default else declared.opposite).removeprefix('--')}")
    elif parameter.takes_value and default not in (None, ""):
        notes.append(f"default: {default}")
    if isinstance(declared, Option) and (bounds := _show_bounds(declared)):
        notes.append(bounds)
    return f"{declared.help}  [{'; '.join(notes)}]" if notes else declared.help


def _show_bounds(option: Option) -> str:
    if option.least is not None and option.most is not None:
        return f"{option.least}<=x<={option.most}"
    return f"x>={option.least}" if option.least is not None else f"x<={option.most}" if option.most is not None else ""


def _write_usage(words: str) -> str:
    return f"Usage: whet {words}\n"


def _write_rows(title: str, rows: Sequence[tuple[str, str]]) -> str:
    """Return a section of names and their descriptions in two columns."""
    if not rows:
        return ""
    left = min(max(len(name) for name, _ in rows), _MOST_LEFT) + 2
    lines = [f"{title}:"]
    for name, text in rows:
        first, *more = _break(text, max(_find_width() - left - 2, 10))
        lines += [f"  {name.ljust(left)}{first}"] if len(name) <= left - 2 else [f"  {name}", " " * (left + 2) + first]
        lines += [" " * (left + 2) + line for line in more]
    return "\n".join(lines) + "\n"


def _wrap(text: str, indent: str) -> str:
    return "".join(f"{indent}{line}\n" for line in _break(text, _find_width() - len(indent)))


def _break(text: str, width: int) -> list[str]:
    """Return the lines of ``text``, broken neither within an option's or file's name nor within a quoted command."""
    bound = _QUOTED.sub(lambda quoted: quoted[0].replace(" ", _BOUND), text)
    lines = textwrap.wrap(bound, width, break_on_hyphens=False, break_long_words=False)
    return [line.replace(_BOUND, " ") for line in lines] or [""]


def _find_width() -> int:
    return max(_NARROWEST, min(shutil.get_terminal_size().columns - 2, _WIDEST))


def _join(*parts: str) -> str:
    return "\n".join(part for part in parts if part).rstrip("\n")
