"""A command: the words after its name become the arguments of its function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from whet.cli.declare import Argument, Option, Parameter, list_parameters
from whet.cli.main import HELP_NAMES
from whet.cli.shared import COLOR, QUIET, choose_color, manner
from whet.errors import UsageError


class Command:
    """A command's name, its function, and what that declares."""

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self.name = name
        self.function = function
        self.parameters = list_parameters(function)
        self.options = [each for each in self.parameters if isinstance(each.declared, Option)]
        self.arguments = [each for each in self.parameters if isinstance(each.declared, Argument)]

    def run(self, words: Sequence[str]) -> object:
        """Call the function and return what it returns, or print the help. Raises ``UsageError`` for wrong use."""
        values = self.parse(words)
        if values is not None:
            return self.function(**values)
        from whet.cli.console import print_line
        from whet.cli.help import format_command

        print_line(format_command(self))
        return 0

    def parse(self, words: Sequence[str]) -> dict[str, object] | None:
        """Return the function's arguments from ``words``; ``None`` if they request help."""
        reader = _Reader(self)
        reader.read(words)
        if reader.asks_for_help:
            return None
        values: dict[str, object] = dict(reader.flags)
        texts = reader.texts | self._share_out(reader.plain)
        for parameter in self.parameters:
            given = texts.get(parameter.name)
            if given:
                try:
                    values[parameter.name] = parameter.convert(given)
                except ValueError as error:
                    self.refuse(f"{_show_name(parameter)}: {error}")
            elif parameter.is_required:
                self.refuse(f"{_show_name(parameter)} is missing")
        return values

    def refuse(self, message: str, hint: str = "") -> NoReturn:
        """Raise ``UsageError``."""
        raise UsageError(message, hint or f"`whet {self.name} --help` lists the options")

    def _share_out(self, words: Sequence[str]) -> dict[str, list[str]]:
        """Return the words of each argument: a repeatable one takes all remaining words."""
        shared: dict[str, list[str]] = {}
        rest = list(words)
        for argument in self.arguments:
            if _is_after_dashes(argument):
                continue
            count = len(rest) if argument.many else 1
            shared[argument.name], rest = rest[:count], rest[count:]
        if rest:
            self.refuse(f"unexpected argument {rest[0]!r}")
        return shared


class _Reader:
    """Reads words once, from the left; their values are converted later.

    Options may follow arguments, unless the first argument takes everything after it:
    ``whet run --rate 200 -m mod --rate 5`` gives ``--rate 5`` to ``mod``.
    """

    def __init__(self, command: Command) -> None:
        self.command = command
        self.ends_at_argument = any(
            isinstance(each.declared, Argument) and each.declared.takes_rest for each in command.arguments
        )
        self.names: dict[str, Parameter] = {}
        self.opposites: dict[str, Parameter] = {}
        for each in command.options:
            assert isinstance(each.declared, Option)
            self.names.update(dict.fromkeys(each.declared.names, each))
            if each.declared.opposite:
                self.opposites[each.declared.opposite] = each
        self.flags: dict[str, bool] = {}
        self.texts: dict[str, list[str]] = {}
        self.plain: list[str] = []
        self.asks_for_help = False
        self.rest: list[str] = []

    def read(self, words: Sequence[str]) -> None:
        """Take all words."""
        self.rest = list(words)
        ended = False
        while self.rest and not ended:
            word = self.rest.pop(0)
            if word == "--":
                if last := next(filter(_is_after_dashes, self.command.arguments), None):
                    self.texts[last.name], self.rest = self.rest, []
                break
            if word == "-" or not word.startswith("-"):
                self.plain.append(word)
                ended = self.ends_at_argument
            elif word.startswith("--"):
                name, equals, value = word.partition("=")
                ended = self._take(name, value if equals else None)
            else:
                ended = self._take_short(word[1:])
        self.plain += self.rest

    def _take_short(self, letters: str) -> bool:
        """Take a word of short options, the last perhaps with its value; return whether it ended the options."""
        for at, letter in enumerate(letters, 1):
            name = f"-{letter}"
            parameter = self.names.get(name)
            if parameter is not None and parameter.takes_value:
                return self._take(name, letters[at:] or None)
            self._take(name, None)
        return False

    def _take(self, name: str, value: str | None) -> bool:
        """Take one option; return whether it ended the options."""
        parameter = self.names.get(name) or self.opposites.get(name)
        if parameter is None and (name in QUIET or name == COLOR):
            self._take_shared(name, value)
            return False
        if parameter is None and name not in HELP_NAMES:
            self._refuse_unknown(name)
        if parameter is None or not parameter.takes_value:
            if value is not None:
                self.command.refuse(f"{name} takes no value")
            if parameter is None:
                self.asks_for_help = True
            else:
                self.flags[parameter.name] = name not in self.opposites
            return False
        if value is None:
            if not self.rest:
                self.command.refuse(f"{name} needs a value")
            value = self.rest.pop(0)
        self.texts.setdefault(parameter.name, []).append(value)
        return isinstance(parameter.declared, Option) and parameter.declared.ends_options

    def _take_shared(self, name: str, value: str | None) -> None:
        """Take an option that all commands have."""
        if name in QUIET:
            if value is not None:
                self.command.refuse(f"{name} takes no value")
            manner.quiet = True
            return
        if value is None and not self.rest:
            self.command.refuse(f"{name} needs a value")
        choose_color(self.rest.pop(0) if value is None else value)

    def _refuse_unknown(self, name: str) -> NoReturn:
        import difflib

        known = (*self.names, *self.opposites, *HELP_NAMES)
        near = difflib.get_close_matches(name, known, n=1) if name.startswith("--") else []
        self.command.refuse(f"unknown option {name}", f"did you mean {near[0]}?" if near else "")


def _is_after_dashes(parameter: Parameter) -> bool:
    return isinstance(parameter.declared, Argument) and parameter.declared.after_dashes


def _show_name(parameter: Parameter) -> str:
    declared = parameter.declared
    return declared.metavar if isinstance(declared, Argument) else max(declared.names, key=len)
