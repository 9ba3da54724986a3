"""The profilers that sample the program from outside: attached, followed where it becomes another program, finished."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from whet.collect.attached_profiler import AttachedProfiler
from whet.collect.held_exec import WAITED
from whet.collect.plan import Outcome, Plan
from whet.collect.sampler_fallback import SamplerFallback
from whet.collect.successor import Became, Successor, is_interpreter, read_program
from whet.collect.values import read_own_threads
from whet.model.run import Notice


class OutsideSamplers:
    """The samplers of one execution. What the reader must know of them goes to ``outcome``."""

    def __init__(self, plan: Plan, outcome: Outcome) -> None:
        self.plan = plan
        self.outcome = outcome
        self.pid = 0
        self.has_hook = False
        self.tool = ""
        """The first profiler, which samples computing."""
        self.profilers: list[AttachedProfiler] = []
        self.fallback: SamplerFallback | None = None
        self.successors: list[Successor] = []
        """The samplers of what the process became; the first ones have ended then."""

    @property
    def process(self) -> subprocess.Popen[str] | None:
        """The process of the sampler of computing, if one runs."""
        profilers = self.successors[-1].profilers if self.successors else self.profilers
        return profilers[0].process if profilers else None

    def attach(self, pid: int, *, has_hook: bool) -> bytes:
        """Attach to the process ``pid``; return the word that lets it go on: ``G``, or ``P`` for pyinstrument inside.

        ``has_hook``: whether whet's hook waits there for the word.
        """
        self.pid, self.has_hook = pid, has_hook
        commands = [(command, launch) for launch in self.plan.launches for command in launch.attach]
        self.tool = commands[0][1].tool if commands else self.tool
        try:
            for command, launch in commands:
                self.profilers.append(AttachedProfiler(command, self.pid, says_ready=launch.says_ready))
        except OSError as error:
            self._give_up()
            return self._fall_back(f"cannot be started: {error.strerror or error}")
        failed = [each for each in self.profilers if not each.wait_until_sampling()]
        if self.profilers and self.profilers[0] not in failed:
            self.fallback = SamplerFallback(self.profilers, commands[0][1], self.pid, self._open)
        if not failed:
            return b"G"
        first, complaint = failed[0], failed[0].complaint
        if self.profilers[0] in failed:
            self._give_up()
            why = "may not attach to the program" if first.was_refused else f"failed: {complaint}"
            return b"G" if self._substitute(why) else self._fall_back(why)
        # The sampler works and only the one that looks for waiting does not.
        for each in failed:
            each.kill()
            self.profilers.remove(each)
        self.outcome.notices.append(Notice(self.tool, f"waiting was not sampled: {complaint}"))
        return b"G"

    def _open(self, words: Sequence[str]) -> AttachedProfiler:
        assert self.fallback is not None
        return AttachedProfiler(words, self.pid, says_ready=self.fallback.launch.says_ready)

    def _give_up(self) -> None:
        for each in self.profilers:
            each.kill()
        self.profilers = []

    def _substitute(self, why: str) -> bool:
        """Attach another profiler where there is one; ``False`` when it cannot attach either."""
        launch = self.plan.substitute
        if launch is None:
            return False
        try:
            profiler = AttachedProfiler(launch.attach[0], self.pid, says_ready=launch.says_ready)
        except OSError:
            return False
        if not profiler.wait_until_sampling():
            profiler.kill()
            return False
        self.outcome.notices.append(Notice(self.tool, f"{self.tool} {why}; {launch.tool} sampled instead"))
        self.tool = self.outcome.substituted = launch.tool
        self.profilers = [profiler]
        self.fallback = SamplerFallback(self.profilers, launch, self.pid, self._open)
        return True

    def _fall_back(self, why: str) -> bytes:
        if not self.has_hook or self.plan.fallback is None:
            self.outcome.notices.append(Notice(self.tool, f"{self.tool} {why}", "whet doctor"))
            return b"G"
        self.outcome.fell_back = True
        self.outcome.notices.append(
            Notice(
                self.tool,
                f"{self.tool} {why}; pyinstrument sampled instead, inside the program: it sees one thread, slows "
                "call-heavy code by 2 to 4 times and so overstates it",
                "see `whet doctor` for the fix (in a container: --cap-add SYS_PTRACE)",
            )
        )
        return b"P"

    def check(self) -> None:
        """Let a slower sampler take over where the present one costs too much."""
        if self.successors:
            self.successors[-1].check()
        elif self.fallback is not None:
            self.fallback.check()

    def let_go(self) -> None:
        """End the samplers at once: the program and they wait for each other. See ``held_exec``."""
        for each in self.successors[-1].profilers if self.successors else self.profilers:
            each.process.kill()
        self.outcome.notices.append(Notice(self.tool, WAITED))

    def follow(self, elapsed: float) -> None:
        """Have other samplers go on with what the process has become, where that is an interpreter again."""
        program = read_program(self.pid)
        became = Became(elapsed, program, is_interpreter(program))
        self.outcome.became.append(became)
        if self.fallback is None or self.outcome.stopped:
            return
        self.stop()
        if self.fallback.launch.restarts is not None and became.is_python:
            self.successors.append(Successor(self.pid, self.fallback.launch, len(self.outcome.became), became))

    def stop(self) -> None:
        """Stop sampling; the program goes on."""
        for each in self.profilers:
            each.stop()
        for successor in self.successors:
            successor.stop()

    def finish(self) -> None:
        """Wait for the samplers to end, after the program has; note what failed."""
        if self.fallback is None:
            return
        poller = self.outcome.poller
        if (
            poller is not None
            and not self.successors
            and poller.is_known_awake(self.outcome.wall_ns, read_own_threads(self.plan.out))
        ):
            # They look for where the program waits, and notice its end late: nothing is lost with them.
            for each in self.profilers[1:]:
                each.kill()
            del self.profilers[1:]
        for successor in self.successors:
            if successor.fallback is None:
                successor.check()
            if successor.fallback is None:
                successor.stop()
        followed = [each for each in self.successors if each.fallback is not None]
        # Those before the last have been stopped, and what became of the process in between is no failure of theirs.
        fallbacks = [(each.fallback, each.profilers) for each in followed]
        reasons: list[str] = []
        for fallback, profilers in [(self.fallback, self.profilers), *fallbacks]:
            assert fallback is not None
            complaints = fallback.finish()
            waiting = [each.complaint for each in profilers[1:] if each.finish() != 0]
            if not self.outcome.became or profilers is (fallbacks[-1][1] if fallbacks else None):
                reasons += [f"{self.tool} failed: {complaint}" for complaint in complaints]
                reasons += [f"waiting was not sampled to the end: {complaint}" for complaint in waiting]
        self.outcome.notices += [Notice(self.tool, each, "whet doctor") for each in reasons]
        self.outcome.notices += self.fallback.describe(
            self.tool,
            nonblocking="--nonblocking" in self.fallback.launch.attach[0],
            hint=self.fallback.launch.deeper,
        )
