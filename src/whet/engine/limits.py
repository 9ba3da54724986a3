"""Which sources are checked: how large they may be, and the errors for those that are not."""

from __future__ import annotations

SIZE_LIMIT = 5_000_000
"""Characters; longer sources are usually generated, and not worth the time to check."""
ELEMENT_LIMIT = 400_000
"""Elements and operators of a source that is checked: each takes about a kilobyte of the tree."""
EVERY_LINE = range(1, SIZE_LIMIT + 2)
"""The lines of any source: with them as its hot ones, each function counts as called many times."""


class UnreadableError(Exception):
    """A source that cannot be parsed; the message gives the reason for the user, ``remedy`` what to do."""

    def __init__(self, reason: str, remedy: str = "fix it") -> None:
        super().__init__(reason)
        self.remedy = remedy


class TooLargeError(UnreadableError):
    """A source that may be valid, but would take too much memory."""
