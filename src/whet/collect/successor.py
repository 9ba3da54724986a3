"""A process that becomes another program (``os.execv`` and its kind), and the samplers that go on with that."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

from whet.collect.api import Launch
from whet.collect.attached_profiler import AttachedProfiler
from whet.collect.proc import PROC, read_state
from whet.collect.sampler_fallback import SamplerFallback
from whet.program.python_words import names_python

AGAIN_SECONDS = 0.25
"""How long after a sampler that could not begin the next one tries: an interpreter that has just started cannot be
read yet."""
PREFIX = "again-"
_START_CODE, _START_STACK = 23, 25


def list_captures(capture: Path) -> list[Path]:
    """Return the captures of that name: of the program, and of what its process became. The first is one."""
    again = sorted(capture.parent.glob(f"{PREFIX}*-{capture.name}"))
    return [capture, *again] if capture.is_file() or not again else again


class ImageWatch:
    """Tells when process ``pid`` becomes another program: its id, start and parent stay, its memory lies elsewhere."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._image = self._read()

    def has_changed(self) -> bool:
        """Whether it has become another program since it was asked last."""
        image = self._read()
        # Where the system does not say it is the same at all times.
        if not image or image == self._image:
            return False
        self._image = image
        return True

    def _read(self) -> tuple[bytes, ...]:
        if not sys.platform.startswith("linux"):
            return ()
        try:
            image = tuple(read_state(f"{PROC}/{self.pid}")[_START_CODE : _START_STACK + 1])
        except OSError:
            return ()
        return image if any(int(each) > 1 for each in image) else ()


@dataclass(slots=True)
class Became:
    """What a process became, and after how many seconds; ``is_sampled``: samplers went on with that."""

    seconds: float
    program: str
    is_python: bool
    is_sampled: bool = False


def read_program(pid: int) -> str:
    """Return the path of what a process runs; empty where the system does not tell."""
    try:
        return str((Path(PROC) / str(pid) / "exe").readlink())
    except OSError:
        return ""


def is_interpreter(program: str) -> bool:
    """Whether a program is called as an interpreter is."""
    return names_python([program]) is not None


class Successor:
    """Samplers for what process ``pid`` has become, the ``number``-th: call :meth:`check` now and then.

    They are ``launch``'s, and leave captures of their own, under the names of the first ones behind a prefix.
    """

    def __init__(self, pid: int, launch: Launch, number: int, became: Became) -> None:
        self.pid = pid
        self.became = became
        assert launch.restarts is not None
        slower = {times: _rename(words, number) for times, words in launch.restarts.slower.items()}
        self.launch = replace(
            launch,
            attach=tuple(_rename(words, number) for words in launch.attach),
            restarts=replace(launch.restarts, slower=slower),
        )
        self.profilers: list[AttachedProfiler] = []
        self.fallback: SamplerFallback | None = None
        self._again_at = 0.0

    def check(self) -> None:
        """Start the samplers, again and again until they have begun."""
        if self.fallback is not None:
            self.fallback.check()
        elif not self.profilers:
            if monotonic() >= self._again_at:
                with contextlib.suppress(OSError):
                    self.profilers = [self._open(words) for words in self.launch.attach]
        elif self.profilers[0].sampling_since:
            self.fallback = SamplerFallback(self.profilers, self.launch, self.pid, self._open)
            self.became.is_sampled = True
        elif not self.profilers[0].is_running:
            self._give_up()
            self._again_at = monotonic() + AGAIN_SECONDS

    def stop(self) -> None:
        """Ask the samplers to end; those that have not begun are ended."""
        if self.fallback is None:
            self._give_up()
        for each in self.profilers:
            each.stop()

    def _give_up(self) -> None:
        for each in self.profilers:
            each.kill()
        self.profilers = []

    def _open(self, words: Sequence[str]) -> AttachedProfiler:
        return AttachedProfiler(words, self.pid, says_ready=self.launch.says_ready)


def _rename(words: Sequence[str], number: int) -> tuple[str, ...]:
    """Return the command with another file behind ``--output``."""
    renamed = list(words)
    at = renamed.index("--output") + 1
    path = Path(renamed[at])
    renamed[at] = str(path.with_name(f"{PREFIX}{number}-{path.name}"))
    return tuple(renamed)
