"""The program under study: what it is called and with which words it is started."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from whet.records import dataclass

_ISOLATING = frozenset("EIS")
"""Options of the interpreter with which it takes no notice of ``PYTHONPATH``, or loads no ``sitecustomize``."""
_VALUED = frozenset("WXQ")


class TargetKind(StrEnum):
    """How the program was named on the command line."""

    SCRIPT = "script"
    MODULE = "module"
    CODE = "code"
    INPUT = "standard input"
    CONSOLE_SCRIPT = "console script"


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """A program and its arguments.

    ``name`` is the script's path as given, the module's dotted name, the code
    itself, the path of a console script's file, or ``-`` for a program on standard input. ``options`` are interpreter
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

    @property
    def isolating_option(self) -> str:
        """The interpreter's option that keeps a ``sitecustomize`` on ``PYTHONPATH`` out, as ``-I``; empty without."""
        return next((f"-{letter}" for letter, _ in self._list_options() if letter in _ISOLATING), "")

    @property
    def announcing_option(self) -> str:
        """The interpreter's option that has it print each import, as ``-v``; empty without."""
        for letter, value in self._list_options():
            if letter == "v" or (letter == "X" and value.partition("=")[0] == "importtime"):
                return f"-X {value}" if letter == "X" else "-v"
        return ""

    def has_option(self, letters: str) -> bool:
        """Return whether one of the interpreter's options without a value is among ``letters``, as ``u``."""
        return any(letter in letters for letter, _ in self._list_options() if letter not in _VALUED)

    def _list_options(self) -> Iterator[tuple[str, str]]:
        """Yield the letter and the value, empty for none, of each short option; several may stand in a word."""
        words = iter(self.options)
        for word in words:
            if not word.startswith("-") or word.startswith("--"):
                continue
            for at, letter in enumerate(word[1:], start=1):
                if letter in _VALUED:
                    yield letter, word[at + 1 :] or next(words, "")
                    break
                yield letter, ""

    @property
    def first_import_folder(self) -> str:
        """The folder that the program imports from before any other, as the interpreter finds it."""
        folder = Path(self.directory)
        if self.kind not in (TargetKind.SCRIPT, TargetKind.CONSOLE_SCRIPT):
            return str(folder.absolute())
        path = folder / self.name
        return str(path if path.is_dir() else path.resolve().parent)
