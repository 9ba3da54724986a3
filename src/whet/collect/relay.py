"""The sampler of computing, and the slower one that takes over where it falls behind.

A stack of 1,000 frames takes longer to read than lies between two samples. A
sampler that is late looks again at once, and again, and the program stands
still nearly all the time: it would take fifty times as long as alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from time import monotonic

from whet.collect.sidecar import Sidecar
from whet.model.run import Notice

AGAIN_SECONDS = 1.0
"""How long after one that could not begin the next one tries."""
FEW_FAILED = 10
MANY_FAILED = 0.1
"""The reader is told of failed looks from more than so many on that are more than this part."""
MAX_FRAMES = 4_096
"""The deepest stack that py-spy reads."""


class Relay:
    """Keeps the first of ``sidecars`` from holding up the program: ``check`` it now and then while that runs.

    ``slower`` is the command of the one that follows (empty: none does), ``start`` starts it; it takes the first
    place in ``sidecars``.
    """

    def __init__(
        self, sidecars: list[Sidecar], slower: Sequence[str], start: Callable[[Sequence[str]], Sidecar]
    ) -> None:
        self.sidecars = sidecars
        self.slower = slower
        self.start = start
        self.first = sidecars[0]
        """The one that the program began with."""
        self.was_slow = False
        self._again_at = 0.0

    @property
    def second(self) -> Sidecar | None:
        """The one that took over."""
        return None if self.sidecars[0] is self.first else self.sidecars[0]

    @property
    def goes_on(self) -> bool:
        """Whether there is a sampler, or may be one again."""
        return self.sidecars[0].is_running or (self.was_slow and not self._has_begun)

    @property
    def _has_begun(self) -> bool:
        return self.second is not None and self.second.sampling_since > 0

    def check(self) -> None:
        """Have a sampler that fell behind end; once it has, start the slower one, again and again until it begins."""
        if not self.was_slow:
            self.was_slow = bool(self.slower) and self.first.is_behind
            if self.was_slow:
                self.first.stop()
        # Two cannot hold the program at a time, and none begins with a stack that it cannot read.
        elif not self._has_begun and not self.sidecars[0].is_running and monotonic() >= self._again_at:
            self._again_at = monotonic() + AGAIN_SECONDS
            with contextlib.suppress(OSError):
                self.sidecars[0] = self.start(self.slower)

    def finish(self) -> list[str]:
        """Wait for all that were started; return what those complain of that had begun to sample."""
        return [each.complaint for each in self._both() if each.finish() != 0 and each.sampling_since]

    def describe(self, tool: str, *, nonblocking: bool = False, deeper: str = "") -> list[Notice]:
        """Return what the reader must know of their work, once they have ended.

        ``nonblocking``: they do not stop the program. ``deeper`` names what reads deeper stacks.
        """
        notices = []
        if self.was_slow or self.first.is_behind:
            late = "the sampler could not keep up (very deep stacks, or a busy machine), "
            if self._has_begun:
                late += "so after its first seconds a slower one went on, with fewer samples for the same time"
            elif self.was_slow:
                late += "and no slower one could begin: the shares are those of the first seconds"
            else:
                late += "so fewer samples stand for the same time"
            notices.append(Notice(tool, late, "a lower --rate"))
        samples, failed = (sum(counts) for counts in zip(*(each.counted for each in self._both()), strict=True))
        if failed > max(FEW_FAILED, MANY_FAILED * (samples + failed)):
            why = "because the stacks changed while they were read"
            if not nonblocking:
                why = f"most likely at stacks of more than {MAX_FRAMES:,} frames, which it cannot read"
            hint = "leave out --nonblocking" if nonblocking else deeper
            notices.append(Notice(tool, f"{failed:,} of {samples + failed:,} looks failed, {why}", hint))
        return notices

    def _both(self) -> list[Sidecar]:
        return [self.first] if self.second is None else [self.first, self.second]
