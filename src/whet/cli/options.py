"""Options that several commands share, and the border between whet's options and the target's words."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

PythonOption = Annotated[
    str | None,
    typer.Option("--python", metavar="PATH|VERSION", help="The interpreter, or its version, as in 3.13."),
]
ModuleOption = Annotated[
    str | None, typer.Option("-m", metavar="MODULE", help="Run a module; everything after it is the target's.")
]
CodeOption = Annotated[
    str | None, typer.Option("-c", metavar="CODE", help="Run code; everything after it is the target's.")
]
RateOption = Annotated[
    int | None,
    typer.Option(
        min=1, max=1000, metavar="HZ", help="Samples a second. Unless told, 100, and fewer where one costs much."
    ),
]
TargetWords = Annotated[
    list[str] | None,
    typer.Argument(metavar="TARGET", help="A script, or the name of a Python console script.", show_default=False),
]

_ENDING = ("m", "c")
_NAMES = re.compile(r"`[^`\n]+`|\S*-\S*")
_BIND, _UNBIND = str.maketrans("- ", "\u2011\u00a0"), str.maketrans("\u2011\u00a0", "- ")


class PlainCommand(TyperCommand):
    """A command whose help names its arguments as ``metavar`` does, without their Python types.

    Versions of typer show arguments in different ways, some with types and more brackets.
    """

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ANN401  click's, vendored in newer typer
        """Return what the usage line says after the command's name."""
        return ["[OPTIONS]", *(_show_in_usage(param) for param in self.get_params(ctx) if _is_argument(param))]

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """Write the help, in which no line ends amid the name of an option or file, or a command that is quoted."""
        text = self.help
        self.help = bind_names(text or "")
        try:
            super().format_help(ctx, formatter)
        finally:
            self.help = text
        formatter.buffer[:] = [part.translate(_UNBIND) for part in formatter.buffer]

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """List arguments and options."""
        records = [(param, param.get_help_record(ctx)) for param in self.get_params(ctx)]
        for title, wanted in (("Arguments", True), ("Options", False)):
            rows = [
                (param.metavar if wanted and param.metavar else record[0], bind_names(record[1]))
                for param, record in records
                if record is not None and _is_argument(param) is wanted
            ]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


class TargetCommand(PlainCommand):
    """A command whose options end at the target, as Python's own do.

    ``whet run --rate 200 -m mod --rate 5`` gives ``--rate 5`` to ``mod``. The
    function takes ``words: TargetWords``, ``module: ModuleOption`` and
    ``code: CodeOption``; with one of the latter, all words are arguments.
    """

    allow_interspersed_args = False

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401  click's, vendored in newer typer
        """Set a border after the last of whet's own options, then parse as usual."""
        options, words = split_run_words(args, _valued_options(self.params))
        # Without words there is no border to set, and an option whose value was forgotten must not take it for one.
        return super().parse_args(ctx, [*options, "--", *words] if words else options)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ANN401
        """Return what the usage line says after the command's name."""
        return ["[OPTIONS]", "TARGET [ARG]..."]


def bind_names(text: str) -> str:
    """Return ``text`` with characters at which no line is broken for hyphens, and for spaces between backticks."""
    return _NAMES.sub(lambda name: name[0].translate(_BIND), text)


def _is_argument(param: Any) -> bool:  # noqa: ANN401
    return bool(param.param_type_name == "argument")


def _show_in_usage(param: Any) -> str:  # noqa: ANN401
    shown = param.metavar or param.name.upper()
    return (shown if param.required else f"[{shown}]") + ("..." if param.nargs != 1 else "")


def split_run_words(argv: Sequence[str], valued: Collection[str]) -> tuple[list[str], list[str]]:
    """Split what follows ``whet run`` into whet's options and the target's words.

    ``valued`` are the options that take a value. Whet's options end before the
    first word that is none, after ``-m MODULE`` or ``-c CODE`` (these belong to the options,
    also written in one word as ``-mMODULE``), and at ``--``, which belongs to neither.
    """
    options: list[str] = []
    rest = list(argv)
    while rest:
        word = rest[0]
        if word == "--":
            return options, rest[1:]
        if word == "-" or not word.startswith("-"):
            break
        del rest[0]
        if word.startswith("--"):
            options.append(word)
            if word in valued and rest:
                options.append(rest.pop(0))
        elif _take_short(word, rest, options, valued):
            break
    return options, rest


def _take_short(word: str, rest: list[str], options: list[str], valued: Collection[str]) -> bool:
    """Take one word of short options; return whether it ended whet's options."""
    for at, letter in enumerate(word[1:], start=1):
        ends = letter in _ENDING
        if not ends and f"-{letter}" not in valued:
            continue
        if at > 1:
            options.append(word[:at])
        value = word[at + 1 :]
        options.append(f"-{letter}")
        if value:
            options.append(value)
        elif rest:
            options.append(rest.pop(0))
        return ends
    options.append(word)
    return False


def _valued_options(params: Sequence[Any]) -> set[str]:
    """Return the names of the options that take a value."""
    return {
        name
        for param in params
        if param.param_type_name == "option" and not param.is_flag and not getattr(param, "count", False)
        for name in (*param.opts, *param.secondary_opts)
    }
