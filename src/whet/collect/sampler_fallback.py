"""The sampler of computing, and the slower one that takes over where it falls behind or costs too much.

A stack of 1,000 frames takes longer to read than lies between two samples. A
sampler that is late takes the next sample at once, and the program stands
still nearly all the time: it would take fifty times as long as alone. And one that
keeps up may still take a tenth of the program's time, where it reads 60 frames for each sample.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from time import monotonic

from whet.collect.api import Launch, Restarts, slow_down
from whet.collect.attached_profiler import AttachedProfiler
from whet.collect.stops import Stops
from whet.model.run import Notice

AGAIN_SECONDS = 1.0
"""How long after one that could not begin the next one tries."""
_NEAR = 4
"""Stacks of a part of the deepest that can be read are called deep."""
FEW_FAILED = 10
MANY_FAILED = 0.1
"""Failed samples are reported from more than so many on that are more than this part."""


class SamplerFallback:
    """Keeps the first of ``profilers`` from holding up the program: ``check`` it now and then while that runs.

    ``launch`` says which may follow, and what the first may take from process ``pid``. ``start`` starts the one that
    follows; it takes the first place in ``profilers``.
    """

    def __init__(
        self,
        profilers: list[AttachedProfiler],
        launch: Launch,
        pid: int,
        start: Callable[[Sequence[str]], AttachedProfiler],
    ) -> None:
        self.profilers = profilers
        self.launch = launch
        self.start = start
        self.first = profilers[0]
        """The one that the program began with."""
        self.times = 0
        """How many times lower the rate is of the one that takes over; 0: none does."""
        self.share = 0.0
        """Part of the program's time that the first took, where that was too much."""
        self.restarts = launch.restarts or Restarts(0)
        costs = self.restarts.most_share > 0
        self._stops = Stops(pid, self.first.process.pid, self.restarts.rate) if costs else None
        self._again_at = 0.0

    @property
    def second(self) -> AttachedProfiler | None:
        """The one that took over."""
        return None if self.profilers[0] is self.first else self.profilers[0]

    @property
    def goes_on(self) -> bool:
        """Whether there is a sampler, or may be one again."""
        return self.profilers[0].is_running or (self.times > 0 and not self._has_begun)

    @property
    def _has_begun(self) -> bool:
        return self.second is not None and self.second.sampling_since > 0

    def check(self) -> None:
        """Have a sampler end that is too slow; once it has, start the slower one, again and again until it begins."""
        if not self.times:
            self.times = self._judge()
            if self.times:
                self.first.stop()
        # Two cannot hold the program at a time, and none begins with a stack that it cannot read.
        elif not self._has_begun and not self.profilers[0].is_running and monotonic() >= self._again_at:
            self._again_at = monotonic() + AGAIN_SECONDS
            with contextlib.suppress(OSError):
                self.profilers[0] = self.start(self.restarts.slower[self.times])

    def _judge(self) -> int:
        """Return how many times lower the rate is to be from now on; 0: as before."""
        slower, most = self.restarts.slower, self.restarts.most_share
        if self.first.is_behind or not slower:
            return max(slower, default=0)
        share = self._stops.share() if self._stops is not None and self.first.is_running else 0.0
        if share <= most:
            return 0
        self.share = share
        return min((times for times in slower if share / times <= most), default=max(slower))

    def finish(self) -> list[str]:
        """Wait for all that were started; return what those complain of that had begun to sample."""
        return [each.complaint for each in self._both() if each.finish() != 0 and each.sampling_since]

    def describe(self, tool: str, *, nonblocking: bool = False, hint: str = "") -> list[Notice]:
        """Return what the reader must know of their work, once they have ended.

        ``nonblocking``: they do not stop the program. ``hint`` names what makes fewer looks fail.
        """
        notices = []
        if self.first.is_behind:
            late = "the sampler could not keep up (very deep stacks, or a busy machine), "
            if self._has_begun:
                late += "so after its first seconds a slower one went on, with fewer samples for the same time"
            elif self.times and not self.share:
                late += "and no slower one could begin: the shares are those of the first seconds"
            else:
                late += "so fewer samples stand for the same time"
            notices.append(Notice(tool, late, "a lower --rate"))
        elif self.share:
            notices.append(self._describe_cost(tool))
        samples, failed = (sum(counts) for counts in zip(*(each.counted for each in self._both()), strict=True))
        if failed > max(FEW_FAILED, MANY_FAILED * (samples + failed)):
            why = "because the stacks changed while they were read"
            if not nonblocking and samples and not self._has_deep_stacks():
                why = "because the process could not be read at those moments"
            elif not nonblocking:
                frames = self.launch.deepest
                which = f"stacks of more than {frames:,} frames" if frames else "very deep stacks"
                why = (
                    f"most likely at {which}, which it cannot read; part of the time that was spent there may show as "
                    "waiting"
                )
            notices.append(Notice(tool, f"{failed:,} of {samples + failed:,} samples failed, {why}", hint))
        return notices

    def _has_deep_stacks(self) -> bool:
        """Whether stacks near the limit were seen, or nothing can be said about that.

        Deeper ones fail, but a program that gets there passes through less deep ones.
        """
        captures = [path for form, path in self.launch.captures if form == "pyspy-raw"]
        if not captures:
            return True
        depth = 0
        with contextlib.suppress(OSError):
            for path in captures:
                with path.open("rb") as file:
                    depth = max(depth, max((line.count(b";") for line in file), default=0))
        return depth >= self.launch.deepest // _NEAR

    def _describe_cost(self, tool: str) -> Notice:
        rate = self.restarts.rate
        then = slow_down(rate, self.times)
        costly = (
            f"each sample paused the program for {1_000 * self.share / rate:.1f} ms (deep stacks, or a slow machine), "
        )
        if not self._has_begun:
            costly += "and no sampler with a lower rate could start: the shares are those of the first seconds"
            return Notice(tool, costly, f"--rate {then}")
        costly += f"so after the first seconds the rate was {then} samples per second, not {rate}"
        return Notice(tool, costly, f"--rate {rate} keeps the rate")

    def _both(self) -> list[AttachedProfiler]:
        return [self.first] if self.second is None else [self.first, self.second]
