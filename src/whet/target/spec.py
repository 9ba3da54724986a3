"""The program under study: what it is called and with which words it is started."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TargetKind(StrEnum):
    """How the program was named on the command line."""

    SCRIPT = "script"
    MODULE = "module"
    CODE = "code"
    CONSOLE_SCRIPT = "console script"


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """A program and its arguments.

    ``name`` is the script's path as given, the module's dotted name, the code
    itself, or the path of a console script's file. ``options`` are interpreter
    options that stood before it in the form ``-- python -X dev x.py``.
    """

    kind: TargetKind
    name: str
    args: tuple[str, ...] = ()
    directory: str = "."
    options: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """The words after ``python`` that start this program without whet."""
        match self.kind:
            case TargetKind.MODULE:
                return (*self.options, "-m", self.name, *self.args)
            case TargetKind.CODE:
                return (*self.options, "-c", self.name, *self.args)
            case _:
                return (*self.options, self.name, *self.args)
