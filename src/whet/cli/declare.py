"""Options and arguments as a command's function declares them: by annotations of its parameters.

::

    def attach_command(
        process: Annotated[str, Argument("PID", "The process ID.")],
        duration: Annotated[float, Option("--duration", metavar="S", help="How long to sample.", least=0.1)] = 30.0,
    ) -> int:

A parameter without a default is required. ``bool`` is a flag, ``list`` is
repeatable, ``| None`` is optional.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from whet.records import dataclass


class Option:
    """An option by all its names; ``"--x/--no-x"`` is a flag and its opposite.

    ``metavar`` stands for the value in help. ``choices`` are values that shells offer; there may be others. ``least``
    and ``most`` bound a number. ``read`` converts the text and raises ``ValueError`` with what is wrong. All words
    after one that ``ends_options`` are arguments.
    """

    def __init__(
        self,
        *names: str,
        help: str,
        metavar: str = "",
        choices: tuple[str, ...] = (),
        least: float | None = None,
        most: float | None = None,
        read: Callable[[str], object] | None = None,
        ends_options: bool = False,
    ) -> None:
        self.names = tuple(name.partition("/")[0] for name in names)
        self.opposite = names[-1].partition("/")[2]
        self.help = help
        self.metavar = metavar
        self.choices = choices or (tuple(metavar.split("|")) if "|" in metavar and metavar.islower() else ())
        self.least = least
        self.most = most
        self.read = read
        self.ends_options = ends_options


class Argument:
    """A word that is not an option. After the first word of one that ``takes_rest``, whet parses nothing more.

    One that is ``after_dashes`` takes all the words after ``--``, and no others. ``choices`` are those of an option.
    """

    def __init__(
        self,
        metavar: str,
        help: str,
        *,
        takes_rest: bool = False,
        after_dashes: bool = False,
        choices: tuple[str, ...] = (),
    ) -> None:
        self.metavar = metavar
        self.help = help
        self.takes_rest = takes_rest
        self.after_dashes = after_dashes
        self.choices = choices


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a command's function: its declaration, the type of a value, whether it is repeatable."""

    name: str
    declared: Option | Argument
    kind: type
    many: bool
    default: object

    @property
    def is_required(self) -> bool:
        """Whether it has no default."""
        return self.default is inspect.Parameter.empty

    @property
    def takes_value(self) -> bool:
        """Whether a value follows: not after a flag."""
        return self.kind is not bool

    def convert(self, texts: Sequence[str]) -> object:
        """Return the function's argument for the user's words. Raises ``ValueError`` with the reason."""
        values = [self._convert(text) for text in texts]
        return values if self.many else values[-1]

    def _convert(self, text: str) -> object:
        declared = self.declared
        if isinstance(declared, Option) and declared.read is not None:
            return declared.read(text)
        if self.kind is Path:
            return Path(text)
        if self.kind not in (int, float):
            return text
        try:
            value: float = self.kind(text)
        except ValueError:
            raise ValueError(f"{text[:40]!r} is not {'an integer' if self.kind is int else 'a number'}") from None
        if isinstance(declared, Option):
            if declared.least is not None and not value >= declared.least:
                raise ValueError(f"{text[:40]} is less than {declared.least:g}")
            if declared.most is not None and not value <= declared.most:
                raise ValueError(f"{text[:40]} is more than {declared.most:g}")
        return value


def list_parameters(function: Callable[..., Any]) -> tuple[Parameter, ...]:
    """Return the parameters of a command's function, in its order."""
    hints = typing.get_type_hints(function, include_extras=True)
    return tuple(
        _read(parameter.name, hints[parameter.name], parameter.default)
        for parameter in inspect.signature(function).parameters.values()
    )


def _read(name: str, hint: Any, default: object) -> Parameter:  # noqa: ANN401 - an annotation
    kind = hint.__origin__
    if isinstance(kind, types.UnionType):
        (kind,) = (each for each in kind.__args__ if each is not type(None))
    many = typing.get_origin(kind) is list
    return Parameter(name, hint.__metadata__[0], kind.__args__[0] if many else kind, many, default)
