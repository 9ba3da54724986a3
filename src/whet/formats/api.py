"""The seam for profile formats: one way that profiles are stored, ours or others'."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Protocol

from whet.model.metric import Metric
from whet.model.profile import Profile
from whet.records import dataclass


@dataclass(frozen=True, slots=True)
class Keeps:
    """What a format's writer keeps of a profile; all else is lost and reported to the user."""

    metrics: frozenset[Metric]
    stacks: bool = True
    lines: bool = True
    threads: bool = True
    hits: bool = False


class ProfileFormat(Protocol):
    """A file format of profiles. Reading is streaming; hostile input gets a ``FormatError`` that says where and why.

    A format that writes may say in an attribute ``keeps`` (:class:`Keeps`) what it keeps, and in ``binary`` whether
    the file is no text for a terminal.
    """

    name: str

    def recognizes(self, head: bytes) -> bool:
        """Return whether a file that begins with ``head`` is of this format.

        ``head`` is the file's first 64 KiB, or all of it, unpacked where the file is gzip or zstd.
        """

    def read(self, file: BinaryIO) -> Iterator[Profile]:
        """Yield the profiles in ``file``. Frames are as the tool named them, not yet aligned."""

    def write(self, profile: Profile, sink: BinaryIO) -> None:
        """Write ``profile``; raises ``FormatError`` where the format can only be read."""
