"""What was seen at run time at a place of the source.

A value sample is one glance at the variables of the frames on the stack. Value
samples are pooled by place and name: how often, which types, how long, of what elements.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from whet.model.finding import Ask
from whet.records import dataclass


@dataclass(frozen=True, slots=True)
class Seen:
    """Pooled value samples of one name in one function.

    ``name`` is a local (``seen``) or a plain attribute of ``self``
    (``self.seen``). ``types`` and ``elements`` map type names
    (``builtins.list``) to the number of samples in which they were seen;
    ``elements`` is empty for values that have none or that were not opened.
    Lengths are ``None`` for values without one.
    """

    file: str
    function: str
    function_line: int
    name: str
    samples: int
    types: Mapping[str, int] = field(default_factory=dict)
    elements: Mapping[str, int] = field(default_factory=dict)
    min_length: int | None = None
    median_length: int | None = None
    max_length: int | None = None
    track: tuple[int, ...] = ()
    """How the length rose: the length, and for how many microseconds the process had computed, of one value sample
    after the other, two numbers each. Empty where it did not rise much."""
    distinct: int | None = None
    """Of the arguments of a function's calls, whose name is ``(arguments)``: how many of the samples differed."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """A line that ran when a collection of garbage ended, and so set it off. ``samples`` is how often that was met."""

    file: str
    line: int
    function: str
    function_line: int
    samples: int


@dataclass(frozen=True, slots=True)
class Awaited:
    """A line of a coroutine on which tasks waited, or waited for others that did, while the event loop polled.

    ``ns`` is the time that counts for it, ``concurrency`` how many tasks waited at once meanwhile, on average.
    """

    file: str
    line: int
    ns: int
    concurrency: float


@dataclass(frozen=True, slots=True)
class Ratio:
    """How often ``lines`` ran for each time that ``of`` did (``runs``), or what they cost of it (``share``).

    ``value`` is 1.0 where they are equal. ``of`` is empty for a share of the whole run.
    """

    ask: Ask
    file: str
    lines: tuple[int, ...]
    of: tuple[int, ...]
    value: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """All value samples of a run; ``samples`` counts them, ``why_missing`` says why there are none."""

    samples: int = 0
    seen: tuple[Seen, ...] = ()
    why_missing: str = ""
    triggers: tuple[Trigger, ...] = ()
    collections: tuple[int, ...] = ()
    """How many collections of garbage there were, by generation, in all processes."""
    awaited: tuple[Awaited, ...] = ()
    """Lines of coroutines, the ones with most waiting first."""

    def about(self, file: str, function_line: int, name: str) -> Seen | None:
        """Return the samples of ``name`` in the function that starts at ``function_line`` of ``file``."""
        for seen in self.seen:
            if seen.name == name and seen.function_line == function_line and seen.file == file:
                return seen
        return None
