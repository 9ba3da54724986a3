"""Samples the runs of a proof from outside, by py-spy."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

from whet.collect.attached_profiler import AttachedProfiler
from whet.collect.pyspy import record_words
from whet.errors import WhetError
from whet.formats.pyspy_raw import PySpyRaw
from whet.model.profile import Profile
from whet.program.tools import find_tool
from whet.prove.overlay import STARTED

ENOUGH = 400
"""Samples that tell the shares of a run; as many are taken of the short ones,"""
LEAST_RATE, MOST_RATE = 200, 500
"""at so many a second: each stops the program for about a tenth of a millisecond."""
START_SECONDS = 1.0
"""How long the interpreter's start may take. Of one that cannot be read yet, py-spy looks again a second later."""
ATTACH_SECONDS = 2.0
_POLL_SECONDS = 0.002
_ATTEMPTS = 2


class ProofSampler:
    """Samples one run after the other; what cannot be sampled yields no profile."""

    def __init__(self, tool: str, folder: Path) -> None:
        self._capture = folder / "samples.raw"
        self._command = (*record_words(tool), "--output", str(self._capture))
        self._started = folder / "overlay" / STARTED
        self._rate = LEAST_RATE
        self._profiler: AttachedProfiler | None = None

    def set_pace(self, seconds: float) -> None:
        """Choose the rate for runs of which the shortest take about ``seconds``."""
        self._rate = choose_rate(seconds)

    def prepare(self) -> None:
        """Forget the last run, before the next one is started."""
        for file in (self._started, self._capture):
            file.unlink(missing_ok=True)

    def attach(self, pid: int, spare: Callable[[int], None]) -> None:
        """Begin with a process that was just started; ``spare`` is told the sampler's own."""
        deadline = monotonic() + START_SECONDS
        while not self._started.exists() and monotonic() < deadline:
            sleep(_POLL_SECONDS)
        for _ in range(_ATTEMPTS):
            try:
                command = (*self._command, "--rate", str(self._rate))
                self._profiler = AttachedProfiler(command, pid, says_ready="Sampling process")
            except OSError:
                return
            spare(self._profiler.process.pid)
            if self._profiler.wait_until_sampling(ATTACH_SECONDS) or self._profiler.is_running:
                return

    def finish(self) -> tuple[Profile, ...]:
        """Return what was seen, once the process has ended."""
        if self._profiler is None:
            return ()
        profiler, self._profiler = self._profiler, None
        profiler.finish()
        try:
            with self._capture.open("rb") as file:
                return tuple(PySpyRaw(self._rate, lenient=True).read(file))
        except (OSError, WhetError):
            return ()


def choose_rate(seconds: float) -> int:
    """Return the samples a second that tell enough of a run of ``seconds``."""
    return round(min(MOST_RATE, max(LEAST_RATE, ENOUGH / max(seconds, 0.001))))


def make_sampler(folder: Path) -> ProofSampler | None:
    """Return what samples runs, with its files in ``folder``; ``None`` where nothing can."""
    return ProofSampler(str(find_tool("py-spy")), folder) if can_sample() else None


def can_sample() -> bool:
    """Whether there is a sampler; whether the system lets it is seen when it tries."""
    return sys.platform != "win32" and find_tool("py-spy") is not None
