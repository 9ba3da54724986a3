"""Reads ``python -X dev x.py``: a target that is spelt as the command that starts it without whet."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from whet.errors import TargetError
from whet.records import dataclass

_PYTHON = re.compile(r"(python|pypy)(\d+(\.\d+)*t?)?(\.exe)?", re.IGNORECASE)
_WITH_VALUE = "WX"
_PLAIN = "bBdEIOPqRsSuv"
_ENDING = "cm"


@dataclass(frozen=True, slots=True)
class PythonCommand:
    """The parts of a command that starts Python; one of ``module``, ``code`` and ``script`` is set."""

    interpreter: str
    options: tuple[str, ...] = ()
    module: str | None = None
    code: str | None = None
    script: str | None = None
    args: tuple[str, ...] = ()


def names_python(words: Sequence[str]) -> str | None:
    """Return the interpreter if ``words`` are a command that starts one, as ``python3`` or ``/venv/bin/python``."""
    if not words:
        return None
    base = words[0].replace("\\", "/").rpartition("/")[2]
    return words[0] if _PYTHON.fullmatch(base) else None


def read_python_command(words: Sequence[str]) -> PythonCommand:
    """Split ``python [options] (-m MODULE | -c CODE | SCRIPT) [args]`` as the interpreter itself would.

    Raises ``TargetError``: nothing to run, or an option that cannot be kept when whet starts the program.
    """
    interpreter, rest = words[0], list(words[1:])
    options: list[str] = []
    while rest:
        word = rest.pop(0)
        if word == "--":
            break
        if word == "-" or not word.startswith("-"):
            rest.insert(0, word)
            break
        if word.startswith("--"):
            if word != "--check-hash-based-pycs" or not rest:
                raise _refuse(word)
            options += [word, rest.pop(0)]
            continue
        ending = _take_cluster(word, rest, options)
        if ending is not None:
            kind, value = ending
            module, code = (value, None) if kind == "m" else (None, value)
            return PythonCommand(interpreter, tuple(options), module=module, code=code, args=tuple(rest))
    if not rest:
        raise TargetError(
            f"{Path(interpreter).name} is given nothing to run", "name a script, -m MODULE or -c CODE after it"
        )
    return PythonCommand(interpreter, tuple(options), script=rest[0], args=tuple(rest[1:]))


def _take_cluster(word: str, rest: list[str], options: list[str]) -> tuple[str, str] | None:
    """Take short options written together, as ``-Bum``; return what ends them: ``c`` or ``m``, and its value.

    They stay together: the program can look at them.
    """
    for at, letter in enumerate(word[1:], start=1):
        joined = word[at + 1 :]
        if letter in _PLAIN:
            continue
        if letter not in _WITH_VALUE + _ENDING:
            raise _refuse(f"-{letter}")
        if not joined and not rest:
            raise TargetError(f"python's -{letter} needs a value")
        value = joined or rest.pop(0)
        if letter in _ENDING:
            options += [word[:at]] if at > 1 else []
            return letter, value
        options += [word] if joined else [word, value]
        return None
    options.append(word)
    return None


def _refuse(option: str) -> TargetError:
    return TargetError(
        f"python's option {option} cannot be used under whet",
        "leave it out, or name the program as a script or with -m MODULE",
    )
