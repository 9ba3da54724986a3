"""Samples the runs of a proof from outside, by py-spy."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from time import sleep

from whet.collect.attached_profiler import AttachedProfiler
from whet.collect.pyspy import record_words
from whet.errors import WhetError
from whet.formats.pyspy_raw import PySpyRaw
from whet.model.profile import Profile
from whet.program.tools import find_tool

RATE = 200
"""Samples a second: the shares of short runs need many."""
_START_SECONDS = 0.08
"""The interpreter takes so long until it can be read."""


class ProofSampler:
    """Samples one run after the other; what cannot be sampled yields no profile."""

    def __init__(self, tool: str, folder: Path, rate: int = RATE) -> None:
        self._capture = folder / "samples.raw"
        self._command = (*record_words(tool), "--rate", str(rate), "--output", str(self._capture))
        self._rate = rate
        self._profiler: AttachedProfiler | None = None

    def attach(self, pid: int, spare: Callable[[int], None]) -> None:
        """Begin with a process that was just started; ``spare`` is told the sampler's own."""
        self._capture.unlink(missing_ok=True)
        sleep(_START_SECONDS)
        try:
            self._profiler = AttachedProfiler(self._command, pid, says_ready="Sampling process")
        except OSError:
            return
        spare(self._profiler.process.pid)

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


def make_sampler(folder: Path) -> ProofSampler | None:
    """Return what samples runs, with its files in ``folder``; ``None`` where nothing can."""
    return ProofSampler(str(find_tool("py-spy")), folder) if can_sample() else None


def can_sample() -> bool:
    """Whether there is a sampler; whether the system lets it is seen when it tries."""
    return sys.platform != "win32" and find_tool("py-spy") is not None
