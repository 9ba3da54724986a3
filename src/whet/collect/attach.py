"""Samples a process that runs already, and leaves it as it was."""

from __future__ import annotations

import contextlib
import random
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import field
from math import ceil
from pathlib import Path
from time import perf_counter_ns
from types import FrameType

from whet.collect.api import Launch
from whet.collect.attached_profiler import AttachedProfiler
from whet.collect.held_exec import WAITED, HeldExec
from whet.collect.namespaces import ThreadIds
from whet.collect.resident import TreePoller
from whet.collect.sampler_fallback import SamplerFallback
from whet.collect.successor import ImageWatch, read_program
from whet.errors import CollectorError
from whet.model.run import Notice
from whet.program.process import is_alive
from whet.records import dataclass
from whet.signals import handle_signals

GLANCE_SECONDS = (0.006, 0.014)
"""Between two glances at whether the process is stopped: at random, or they would keep step with the sampler."""
GLANCE_UNPAUSED_SECONDS = (0.03, 0.07)
"""The same where nothing stops it: then only memory and clocks are read, at each,"""
RATE_OF_GLANCES = 40
"""and less often in proportion where samples are rarer than so many a second: half as often as these."""
POLL_EVERY = 5
"""Memory and clocks are read at every so manieth glance, and"""
LIST_THREADS_EVERY = 50
"""what containers call their threads at every so manieth."""
SPARE_SECONDS = 10
"""How much longer a sampler that nobody ends goes on."""
_ENDING = ("SIGINT", "SIGTERM", "SIGHUP")


@dataclass(frozen=True, slots=True)
class AttachPlan:
    """Which process is to be sampled, by what, and for how long.

    ``whole_tree``: its descendants are sampled as well, so their time counts.
    """

    pid: int
    launch: Launch
    out: Path
    seconds: float
    whole_tree: bool = True
    rate: int = 100
    """Samples per second."""
    progress: Callable[[float], None] | None = None
    to_end: threading.Event = field(default_factory=threading.Event)
    """Ends the sampling early when it is set."""


@dataclass(slots=True)
class Watched:
    """What became of it.

    ``ended``: the process ended before the time was over. ``overlap`` is the part (0 to 1) of the first sampler's time
    that the second covered. ``paused_share`` is the part of the time in which the process was stopped to be looked at.
    """

    poller: TreePoller
    wall_ns: int = 0
    cpu_ns: int = 0
    ended: bool = False
    interrupted: bool = False
    overlap: float = 1.0
    paused_share: float = 0.0
    own_ids: dict[tuple[int, int], int] = field(default_factory=dict)
    """Where processes number their threads themselves (in containers): from (pid, their id) to ours."""
    notices: list[Notice] = field(default_factory=list)


class AttachError(CollectorError):
    """The sampler could not attach; ``refused`` when the system did not let it."""

    def __init__(self, message: str, *, refused: bool) -> None:
        super().__init__(message)
        self.refused = refused


def attach(plan: AttachPlan) -> Watched:
    """Sample until the time is over, the process ends, or somebody ends it by Ctrl-C or SIGTERM.

    Raises :class:`AttachError` where the first sampler cannot attach.
    """
    plan.out.mkdir(parents=True, exist_ok=True)
    return _Watch(plan).run()


class _Watch:
    def __init__(self, plan: AttachPlan) -> None:
        self.plan = plan
        self.poller = TreePoller(plan.pid)
        self.watched = Watched(self.poller)
        self.profilers: list[AttachedProfiler] = []
        self.to_end = plan.to_end
        self.cpu_before: dict[int, int] = {}
        self.cpu_after: dict[int, int] = {}
        self.thread_ids = ThreadIds()

    def run(self) -> Watched:
        try:
            self._open_all()
            self._start()
            fallback = SamplerFallback(self.profilers, self.plan.launch, self.plan.pid, self._open)
            with self._signals_caught():
                self._watch(fallback)
            for each in self.profilers:
                each.stop()
            self._finish(fallback)
        except BaseException:
            # Ctrl-C before sampling began, or again while the samplers write.
            for each in self.profilers:
                each.stop()
            for each in self.profilers:
                each.finish()
            raise
        return self.watched

    def _open_all(self) -> None:
        for command in self.plan.launch.attach:
            try:
                self.profilers.append(self._open(command))
            except OSError as error:
                message = f"{command[0]} cannot be started: {error.strerror or error}"
                raise AttachError(message, refused=False) from error

    def _open(self, command: Sequence[str]) -> AttachedProfiler:
        # Should whet be killed where there is no leash, the samplers end by themselves.
        limit = str(ceil(self.plan.seconds) + SPARE_SECONDS)
        return AttachedProfiler((*command, "--duration", limit), self.plan.pid, says_ready=self.plan.launch.says_ready)

    def _start(self) -> None:
        first, *others = self.profilers
        if not first.wait_until_sampling():
            raise AttachError(first.complaint, refused=first.was_refused)
        self.poller.note_sampler(first.process)
        self.poller.start_clocks()
        self.cpu_before = {pid: self.poller.cpu_ns(pid) for pid in self._pids()}
        for each in others:
            if not each.wait_until_sampling():
                self.profilers.remove(each)
                each.kill()
                self._notice(self.plan.launch.tool, f"waiting was not sampled: {each.complaint}")

    def _watch(self, fallback: SamplerFallback) -> None:
        began = fallback.first.sampling_since
        glances, elapsed = 0, 0.0
        image, held = ImageWatch(self.plan.pid), HeldExec(self.plan.pid)
        between, poll_every = self._plan_glances()
        while elapsed < self.plan.seconds and fallback.goes_on:
            if glances % poll_every == 0:
                if not is_alive(self.plan.pid):
                    break
                if held.is_held(self.profilers[0].process.pid):
                    for each in self.profilers:
                        each.process.kill()
                    self._notice(self.plan.launch.tool, WAITED)
                    break
                if image.has_changed():
                    self._notice(
                        self.plan.launch.tool,
                        f"after {elapsed:.1f} s the process became another program ({read_program(self.plan.pid)}, by "
                        "os.exec…): sampling ended then",
                        f"whet attach {self.plan.pid} samples what it is now",
                    )
                    break
                self.poller.note_sampler(self.profilers[0].process)
                self.poller.poll_when_due(perf_counter_ns() - began)
                fallback.check()
                self._read_cpu()
                if glances % LIST_THREADS_EVERY == 0:
                    self.thread_ids.note(self._pids())
            else:
                self.poller.note_pause()
            if self.plan.progress is not None:
                self.plan.progress(elapsed)
            glances += 1
            if self.to_end.wait(random.uniform(*between)):  # noqa: S311  no secret
                self.watched.interrupted = True
                break
            elapsed = (perf_counter_ns() - began) / 1e9
        ended_at = perf_counter_ns()
        self._read_cpu()
        self.poller.end_clocks()
        self.thread_ids.note(self._pids())
        watched = self.watched
        watched.own_ids = self.thread_ids.ours
        if watched.own_ids:
            self._notice(
                self.plan.launch.tool,
                "the process runs in a container, and from outside the sampler cannot see which threads compute; "
                "that was derived from their CPU time, so single lines may be wrong",
                "run whet in its namespace: docker run --pid=container:NAME, or kubectl debug --target=NAME",
            )
        watched.ended = not is_alive(self.plan.pid)
        watched.wall_ns = ended_at - began
        watched.cpu_ns = sum(max(0, spent - self.cpu_before.get(pid, 0)) for pid, spent in self.cpu_after.items())
        watched.paused_share = 0.0 if self._is_nonblocking() else self.poller.paused_share
        if len(self.profilers) > 1:
            watched.overlap = min(1.0, (ended_at - self.profilers[1].sampling_since) / max(1, watched.wall_ns))

    def _pids(self) -> list[int]:
        return self.poller.tree() if self.plan.whole_tree else [self.plan.pid]

    def _read_cpu(self) -> None:
        for pid in self._pids():
            spent = self.poller.cpu_ns(pid)
            if spent:  # one that has just ended keeps what was seen last
                self.cpu_after[pid] = spent

    def _finish(self, fallback: SamplerFallback) -> None:
        """Wait for the samplers, and say what they said of their own work."""
        failed = fallback.finish()
        waiting = [each.complaint for each in self.profilers[1:] if each.finish() != 0]
        if self.watched.ended:
            return
        tool = self.plan.launch.tool
        for complaint in failed:
            self._notice(tool, f"{tool} failed before the time was over: {complaint}", "whet doctor")
        for complaint in waiting:
            self._notice(tool, f"waiting was not sampled to the end: {complaint}")
        self.watched.notices += fallback.describe(
            tool,
            nonblocking=self._is_nonblocking(),
            hint="leave out --nonblocking" if self._is_nonblocking() else "",
        )

    def _is_nonblocking(self) -> bool:
        return "--nonblocking" in self.plan.launch.attach[0]

    def _plan_glances(self) -> tuple[tuple[float, float], int]:
        """Return the least and most seconds between glances, and at every so manieth of them clocks are read."""
        if not self._is_nonblocking():
            return GLANCE_SECONDS, POLL_EVERY
        least, most = GLANCE_UNPAUSED_SECONDS
        times = max(1.0, RATE_OF_GLANCES / self.plan.rate)
        return (least * times, most * times), 1

    def _notice(self, about: str, message: str, hint: str = "") -> None:
        self.watched.notices.append(Notice(about, message, hint))

    def _signals_caught(self) -> contextlib.AbstractContextManager[None]:
        """Let the signals that would end whet end the sampling, so that there is a report."""

        def end(_number: int, _frame: FrameType | None) -> None:
            self.to_end.set()

        # Under nohup a lost terminal is to end nothing.
        under_nohup = hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        return handle_signals({name: end for name in _ENDING if not (name == "SIGHUP" and under_nohup)})
