"""A place in a program, and who owns it."""

from __future__ import annotations

from enum import StrEnum

from whet.records import dataclass


class Owner(StrEnum):
    """Whose code a frame belongs to."""

    USER = "user"
    DEPENDENCY = "dependency"
    STDLIB = "stdlib"
    NATIVE = "native"


@dataclass(frozen=True, slots=True)
class Frame:
    """One entry of a stack: a function, and the line that it stands on.

    ``file`` is the path that the profiler said (absolute where the target knew
    it), a name in angle brackets for generated code, or a library's path for
    native frames. ``name`` is what the profiler calls the function until
    :mod:`whet.merge.align` replaces it by the qualified name of the code
    object that owns ``line``. ``line`` and ``first_line`` count from 1; 0 is
    "unknown". ``first_line`` is where the code object starts, and together with
    ``file`` it is the identity of a function.
    """

    file: str
    name: str
    line: int = 0
    first_line: int = 0
    owner: Owner = Owner.USER


NO_FRAME = Frame("", "<no Python frame>", owner=Owner.NATIVE)
"""Stands for the stack of a sample without any Python frame, such as those of an interpreter that starts or ends."""
