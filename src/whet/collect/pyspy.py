"""py-spy: where time goes, sampled from outside.

Two samplers look at the program. The first pauses it for each sample and takes
the threads that compute; its samples are the shares. The second, slower and
without pausing anything, takes all threads whether they compute or not; what
it sees more often than the first explains is waiting.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from whet.collect.api import Launch, Missing, Restarts, slow_down
from whet.collect.successor import list_captures
from whet.model.metric import Metric
from whet.model.profile import Profile
from whet.program.host import TargetHost
from whet.program.spec import TargetSpec
from whet.program.tools import describe_tool, find_tool
from whet.records import dataclass

ACTIVE = "pyspy.raw"
WALL = "pyspy-wall.raw"
SLOWER = (2, 3, 5, 10)
"""How many times lower the rate may be of the sampler that takes over from one that costs too much or is late."""
MOST_SHARE = 0.03
"""Part of the program's time that samples may take; at more, a slower sampler takes over."""
DEEPEST = 4_096
"""Frames of the deepest stack that it reads."""
WALL_PART = 4
"""The second sampler takes one sample for so many of the first."""


def slow_capture(times: int) -> str:
    """Return the name of the file that this one leaves."""
    return f"pyspy-slow-{times}.raw"


def record_words(tool: str, *, children: bool = True) -> list[str]:
    """Return the command that records what :class:`whet.formats.pyspy_raw.PySpyRaw` reads, up to rate and output."""
    words = [tool, "record", "--pid", "{pid}", "--format", "raw", "--threads", "--full-filenames"]
    return [*words, "--subprocesses"] if children else words


class PySpyCollector:
    """Samples the target from outside. ``rate`` is in samples a second, kept with ``keep_rate`` whatever it costs."""

    name = "py-spy"
    metrics = frozenset((Metric.CPU, Metric.WAITING, Metric.IDLE))

    def __init__(
        self,
        rate: int = 100,
        native: bool = False,
        children: bool = True,
        nonblocking: bool = False,
        keep_rate: bool = False,
    ) -> None:
        self.rate = rate
        self.keep_rate = keep_rate
        self.native = native
        self.children = children
        self.nonblocking = nonblocking

    @property
    def wall_rate(self) -> int:
        """Samples a second of the second sampler."""
        return max(1, self.rate // WALL_PART)

    def missing(self, host: TargetHost) -> Missing | None:
        """Return why py-spy cannot sample on ``host``. Whether the kernel lets it is seen when it tries."""
        if find_tool("py-spy") is None:
            return Missing("py-spy is not installed next to whet", f"{sys.executable} -m pip install py-spy")
        if host.interpreter.implementation != "CPython":
            return Missing(f"py-spy reads CPython, and this is {host.interpreter.implementation}")
        return None

    def launch(self, spec: TargetSpec, out: Path) -> Launch:
        """Return the two commands that attach to the target."""
        common = record_words(str(find_tool("py-spy") or "py-spy"), children=self.children)
        words = [*common, *["--native"] * self.native, *["--nonblocking"] * self.nonblocking]
        active = [*words, "--rate", str(self.rate), "--output", str(out / ACTIVE)]
        slower = {
            times: (*words, "--rate", str(slow_down(self.rate, times)), "--output", str(out / slow_capture(times)))
            for times in SLOWER
        }
        wall = [*common, "--rate", str(self.wall_rate), "--output", str(out / WALL), "--idle", "--nonblocking"]
        return Launch(
            attach=(tuple(active), tuple(wall)),
            captures=(("pyspy-raw", out / ACTIVE), ("pyspy-raw", out / WALL)),
            reader=PySpyReader(self.rate, self.wall_rate),
            wall=out / WALL,
            says_ready="Sampling process",
            restarts=Restarts(self.rate, slower, 0.0 if self.keep_rate or self.nonblocking else MOST_SHARE),
            deepest=DEEPEST,
        )


@dataclass(frozen=True, slots=True)
class PySpyReader:
    """Joins the captures of samplers that followed one another. The rates are in samples a second."""

    rate: int
    wall_rate: int

    def read(self, capture: Path, pid: int) -> Iterator[Profile]:
        """Yield one profile of the captures called so, and of what slower samplers left."""
        from whet.formats.pyspy_raw import PySpyRaw

        is_wall = capture.name == WALL
        rate, metric = (self.wall_rate, Metric.WAITING) if is_wall else (self.rate, Metric.CPU)
        weighted = [(path, 1) for path in list_captures(capture)]
        for times in () if is_wall else SLOWER:
            slower = list_captures(capture.with_name(slow_capture(times)))
            weighted += [(path, rate // slow_down(rate, times)) for path in slower if path.is_file()]
        with contextlib.ExitStack() as stack:
            files = [(stack.enter_context(path.open("rb")), weight) for path, weight in weighted]
            yield from PySpyRaw(rate, metric, describe_tool("py-spy"), lenient=True).read_all(files)
