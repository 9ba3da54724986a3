"""The loops that repeat what a stack's line calls: in its own function, or in those of the user's that called it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from whet.advise.source_loops import SourceLoop, find_loop
from whet.model.frame import Owner
from whet.model.profile import ROOT, Profile
from whet.model.run import Run
from whet.records import dataclass

_CALLERS = 8
"""How many of the user's functions may lie between a line and its loop: a server's loop over its requests is none."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """A loop, where it is, and the helper that it calls; ``distance`` is how many functions further out that is."""

    loop: SourceLoop
    file: str
    function: str
    helper: str
    distance: int


def find_repeats(run: Run, profile: Profile, row: int, called: Collection[str]) -> Iterator[Repeat]:
    """Yield the loops around the call of one of ``called`` by the user's frame at ``row``, the nearest first."""
    frames, stacks = profile.frames, profile.stacks
    helper, distance = "", 0
    while row != ROOT and distance < _CALLERS:
        frame = frames[stacks.frame[row]]
        if frame.owner is Owner.USER:
            source = run.sources.get(frame.file)
            loop = find_loop(source.text, frame.line, called, frame.name) if source is not None else None
            if loop is not None:
                yield Repeat(loop, frame.file, _name_around(frame.name), helper, distance)
            helper = frame.name.rpartition(".")[2]
            called = (helper,)
            distance += 1
        row = stacks.parent[row]


def _name_around(name: str) -> str:
    """Return the function that a comprehension's code object belongs to."""
    outer, _, inner = name.rpartition(".<locals>.")
    return outer if inner.startswith("<") and outer else name
