"""Programs whose output is not buffered: a sampler that stops them would make them lose a part of it.

A write to a pipe or terminal that the stop interrupts returns early, having written a part. Buffered streams go on
from there; the text layer above an unbuffered one drops the rest. To put something between the two would show in the
program, so it is sampled without being stopped.
"""

from __future__ import annotations

import os
import stat
import sys

from whet.program.host import TargetHost
from whet.program.spec import TargetSpec

OPTION = "python's option -u"
VARIABLE = "PYTHONUNBUFFERED"


def find_unbuffered(spec: TargetSpec, host: TargetHost) -> str:
    """Return what asks the interpreter not to buffer what the program prints; empty where nothing does."""
    if spec.has_option("u"):
        return OPTION
    ignores = host.ignores_environment or spec.has_option("EI")
    return VARIABLE if os.environ.get(VARIABLE) and not ignores else ""


def can_lose_output(descriptors: tuple[int, ...] = (1, 2)) -> bool:
    """Whether a program that is stopped amid a write to stdout or stderr, as whet has them, may write a part only."""
    return sys.platform == "linux" and any(map(_can_be_interrupted, descriptors))


def _can_be_interrupted(descriptor: int) -> bool:
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:  # closed
        return False
    # Writes to files, and to devices that take everything at once, are carried out whole.
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)
