"""The seam for profile formats: one way that profiles are stored, ours or others'."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Protocol

from whet.model.profile import Profile


class ProfileFormat(Protocol):
    """A file format of profiles. Reading is streaming; hostile input gets a ``FormatError`` that says where and why."""

    name: str

    def read(self, file: BinaryIO) -> Iterator[Profile]:
        """Yield the profiles in ``file``. Frames are as the tool named them, not yet aligned."""

    def write(self, profile: Profile, sink: BinaryIO) -> None:
        """Write ``profile``; raises ``FormatError`` where the format can only be read."""
