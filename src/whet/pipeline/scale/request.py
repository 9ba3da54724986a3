"""What ``whet scale`` is asked for: the sizes, and where in the command they go."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from pathlib import Path

from whet.errors import UsageError
from whet.model.scaling import SIZE
from whet.pipeline.run.options import MeasureOptions
from whet.program.host import TargetHost
from whet.program.spec import TargetKind, TargetSpec
from whet.records import dataclass
from whet.scale.fit import LEAST_SIZES

AUTO = "auto"
AUTO_SMALLEST = 100
AUTO_SECONDS = 20.0
"""``--sizes auto`` doubles the size until a run takes as long."""
MOST_SIZES = 40
_LARGEST = 10**15
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_SIZE = re.compile(r"(\d[\d_]*)([kmg]?)", re.IGNORECASE)
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes to run, ascending; without any, they are found by doubling from ``smallest``."""

    given: tuple[int, ...] = ()
    smallest: int = AUTO_SMALLEST


@dataclass(frozen=True, slots=True)
class ScaleRequest:
    """What the user requested. ``make`` is a line for the shell that is run before each run, not timed.

    ``budget`` is seconds; ``precision`` is the half-width of the interval at which the exponent of the whole is known.
    """

    spec: TargetSpec
    host: TargetHost
    sizes: Sizes
    make: str = ""
    environ: tuple[str, ...] = ()
    budget: float = 120.0
    rounds: int | None = None
    """Exactly so many runs of each size, else as many as precision needs and the budget allows."""
    precision: float = 0.1
    memory: bool = False
    predict: int = 0
    """The size to predict costs for; 0 for ten times the largest."""
    seed: int | None = None
    options: MeasureOptions = field(default_factory=MeasureOptions)
    progress: Callable[[int, int, float], None] | None = None
    """Called before each run with its size, its number, and the seconds since the first."""


def parse_sizes(text: str) -> Sizes:
    """Read ``1000,2k,4_000`` or ``auto``, ``auto:500``. Raises ``UsageError``."""
    if text == AUTO or text.startswith(f"{AUTO}:"):
        smallest = text.partition(":")[2]
        return Sizes(smallest=parse_size(smallest) if smallest else AUTO_SMALLEST)
    sizes = sorted({parse_size(part.strip()) for part in text.split(",")})
    if not LEAST_SIZES <= len(sizes) <= MOST_SIZES:
        raise UsageError(
            f"--sizes {text[:40]!r} has {len(sizes)} size{'s' * (len(sizes) != 1)}",
            f"give {LEAST_SIZES} to {MOST_SIZES} different ones, each about twice the one before: 1000,2000,4000,8000",
        )
    return Sizes(tuple(sizes))


def parse_size(text: str, option: str = "--sizes") -> int:
    """Read ``1000`` or ``2k``. Raises ``UsageError``, which names the option."""
    found = _SIZE.fullmatch(text)
    size = int(found[1].replace("_", "")) * _UNITS[found[2].lower()] if found and len(text) < 30 else 0
    if not 0 < size <= _LARGEST:
        raise UsageError(
            f"{option}: {text[:40]!r} is not a size", "sizes are whole numbers above 0, such as 8000, 8_000 or 8k"
        )
    return size


def check_request(request: ScaleRequest) -> None:
    """Raise ``UsageError`` where the size goes nowhere, or an option cannot be read."""
    for text in request.environ:
        if not _ASSIGNMENT.fullmatch(text):
            raise UsageError(f"--env {text[:40]!r} is not NAME=VALUE", "for example --env ROWS={n}")
    words = request.spec.words if request.spec.kind is TargetKind.CODE else request.spec.args
    if not any(SIZE in word for word in (*words, request.make, *request.environ)):
        raise UsageError(
            f"{SIZE} stands nowhere in the command, so all runs would be alike",
            f"put it where the size goes: whet scale … app.py --rows {SIZE}, --make 'gen.py {SIZE} > data.csv' "
            f"or --env ROWS={SIZE}",
        )


def put_size(spec: TargetSpec, size: int) -> TargetSpec:
    """Return the program with its size in place of ``{n}``."""
    name = _put(spec.name, size) if spec.kind is TargetKind.CODE else spec.name
    return replace(spec, name=name, args=tuple(_put(word, size) for word in spec.args))


def make_environ(request: ScaleRequest, size: int) -> Mapping[str, str]:
    """Return what is set in the environment for a run of a size."""
    return dict(_put(text, size).split("=", 1) for text in request.environ)


def make_line(request: ScaleRequest, size: int) -> str:
    """Return the line of ``--make`` for a size. A script that is not executable is run by the program's Python."""
    line = _put(request.make, size)
    first = line.split(maxsplit=1)[0] if line.split() else ""
    script = Path(request.spec.directory, first)
    if first.endswith(".py") and script.is_file() and not os.access(script, os.X_OK):
        return f"{shlex.quote(request.host.interpreter.path)} {line}"
    return line


def _put(text: str, size: int) -> str:
    return text.replace(SIZE, str(size))
