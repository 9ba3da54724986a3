"""A source as rules look at it, and what there is to say of one that they could not look at."""

from __future__ import annotations

from dataclasses import dataclass

from whet.model.frame import Owner


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A source as it was when the program ran."""

    file: str
    """The path that frames use."""
    shown: str
    """The path that people are shown: relative to the project where it lies inside."""
    sha256: str
    text: str
    owner: Owner = Owner.USER


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the reader of the report must know: what is missing, why, and what mends it."""

    about: str
    """The collector or stage, as in ``line_profiler``."""
    message: str
    hint: str = ""
