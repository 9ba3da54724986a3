"""The requests that a server answered, by route: how many, and how long each took."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import field
from math import ceil

from whet.records import dataclass

REQUEST_FILE = "<whet-request>"
"""The file of frames that stand for a request on stacks; the frame's name is the route's."""
PARTS = 16
CLASSES = 40 * PARTS
"""Durations are counted in classes: ``PARTS`` for each power of two, of at most 6 % in width."""
MOST_ROUTES = 500
_WORD = re.compile(r"[A-Za-z_.-]{0,24}|[vV]\d{1,2}")


def find_bounds(index: int) -> tuple[int, int]:
    """Return the durations (nanoseconds) of a class: from the first to below the second.

    >>> find_bounds(31), find_bounds(32), find_bounds(270)
    ((31, 32), (32, 34), (983040, 1015808))
    """
    index = min(max(0, index), CLASSES - 1)
    shift = max(0, index // PARTS - 1)
    low = (index - shift * PARTS) << shift
    return low, low + (1 << shift)


def shorten_path(path: str) -> str:
    """Return a path without its query, with ``{}`` for what may be an id or a secret.

    >>> shorten_path("/api/v1/users/4711?token=x")
    '/api/v1/users/{}'
    """
    parts = path.partition("?")[0].split("/")
    return "/".join(part if _WORD.fullmatch(part) else "{}" for part in parts)


@dataclass(frozen=True, slots=True)
class RouteTotals:
    """The requests of a route. ``classes`` and ``counts`` are the durations that occurred, shortest first.

    ``file``, ``line`` and ``function`` are those of what handles the route, where the framework said so; the line is
    the first of the function.
    """

    name: str
    """As ``GET /users/{id}``."""
    spent_ns: int = 0
    """The durations of all requests together."""
    classes: Sequence[int] = ()
    counts: Sequence[int] = ()
    file: str = ""
    line: int = 0
    function: str = ""

    @property
    def requests(self) -> int:
        """How many requests were answered."""
        return sum(self.counts)

    def find_quantile(self, part: float) -> int:
        """Return the duration (nanoseconds) that a ``part`` of the requests did not exceed; 0 without any.

        It is accurate to 3 %, half of a class.
        """
        rank = ceil(part * self.requests)
        for index, count in zip(self.classes, self.counts, strict=True):
            rank -= count
            if rank <= 0:
                return sum(find_bounds(index)) // 2
        return 0


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests of a run. ``elapsed_ns`` is from the first one's begin to the last one's end."""

    elapsed_ns: int = 0
    routes: tuple[RouteTotals, ...] = ()
    processes: int = 0
    """How many processes answered some."""
    timed: tuple[str, ...] = field(default=())
    """The modules of servers in which requests were to be timed; none where they were not."""
