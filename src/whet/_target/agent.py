"""The agent: what whet does inside the target while the program runs.

One CPU timer (``ITIMER_PROF``) drives everything: at a tick it glances at the
variables on the stack and opens a window of line tracing, at the next it closes
the window. The timer counts CPU time, so a program that waits is not disturbed.
"""

from __future__ import annotations

import os
import signal
import sys
import types
from contextlib import suppress
from time import perf_counter_ns, process_time_ns
from typing import Any

if sys.platform != "win32":
    # Not when it is needed: by then a module of the program's may have the name.
    import resource

from . import captures, counting, exits, importer, looks, placing, precise, schedule, toggling, unseen, windows

FIRST_SAVE_NS = 30_000_000
SAVE_TIMES = 3
SAVE_EVERY_NS = 3_000_000_000
"""The next save comes after so many times the CPU time of the last, and at the latest so much later."""
SAVE_SHARE = 0.003
"""Saving what is known so far may cost this part of the CPU time: a program can be killed at any moment."""
GROWTH_WORTH_A_STACK = 1.02
MAX_PEAK_DEPTH = 60
MAX_STRANGERS = 20


class Agent:
    """Line windows and looks in one process of the program."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.out: str = settings["lines"]
        self.pid = os.getpid()
        self.is_user = importer.UserCode(
            settings["foreign"], settings["program"], settings["include"], settings["exclude"]
        )
        self.looks = looks.Looks(self.is_user)
        self.windows: windows.LineWindows | None = None
        self.toggles = counting.Toggles()
        self.why_no_hits = ""
        self.why_no_looks = ""
        self.compiler = importer.Compiler(self.is_user, self._take_module, self._leave_alone)
        self.schedule = schedule.Schedule()
        self.armed = False
        self.handler: Any = None
        self.save_at_ns = FIRST_SAVE_NS
        self.save_ns = 0
        self.began_cpu = 0
        self.began = 0
        self.peak_kilobytes = 0
        self.peak_stack: list[tuple[str, int, str]] = []
        self.ticks = 0
        self.in_tick = False
        self.own_profile_function: Any = None
        """Set where whet samples from inside, by a profile function that is no reason to leave the program alone."""
        self.timer: precise.PreciseTimer | None = None

    # -- setting up -------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Load line_profiler and hook imports. Everything that can fail does so here, before the program starts."""
        reason = windows.reason_to_stay_out()
        if not hasattr(signal, "setitimer"):
            reason = "this system has no CPU timer"
        if reason:
            self.why_no_hits = reason
        else:
            try:
                self.windows = windows.LineWindows(
                    windows.load_line_profiler(self.settings.get("line_profiler_folder"))
                )
            except ImportError as error:
                self.why_no_hits = str(error)
        self.compiler.togglable = self.windows is not None and toggling.can_toggle()
        importer.hook_imports(self.compiler)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._before_fork, after_in_parent=self._after_fork, after_in_child=self._in_child
            )
        exits.wrap_exits(self)

    def _take_module(self, placed: placing.Placed, _source: bytes) -> types.CodeType:
        if self.compiler.claim and self.armed:
            self.stand_down(self.compiler.claim)
        if self.windows is None:
            return placed.code
        code = self.windows.pad(placed.code)
        self._take(code, placed.anchors)
        return code

    def take_main(self, code: types.CodeType, anchors: list[Any], _source: bytes) -> None:
        """Take note of the program's own code, which is running already."""
        if self.windows is not None:
            self.windows.take_running(code)
            self._take(code, anchors)

    def _take(self, code: types.CodeType, anchors: list[Any]) -> None:
        if self.windows is not None:
            self.windows.add_anchors(anchors)
            if self.compiler.togglable:
                self.toggles.add(code)

    def start(self) -> None:
        """Begin ticking; the program starts now."""
        self.began, self.began_cpu = perf_counter_ns(), process_time_ns()
        self._arm_for_the_first_time()

    def _arm_for_the_first_time(self) -> None:
        if not hasattr(signal, "setitimer"):
            self.why_no_looks = "this system has no CPU timer"
        elif self.compiler.claim:
            self.stand_down(self.compiler.claim)
        else:
            self.handler = self._on_tick
            try:
                signal.signal(signal.SIGPROF, self.handler)
            except ValueError:
                # A thread tried to become another program, which failed.
                return
            signal.siginterrupt(signal.SIGPROF, False)
            self.armed = True
            self._make_precise_timer()
            self._arm(self.schedule.draw_first_gap())

    def _make_precise_timer(self) -> None:
        # A timer belongs to one process: a forked child makes its own.
        try:
            self.timer = precise.PreciseTimer() if self.windows is not None else None
        except (OSError, ImportError):
            self.timer = None

    def _arm(self, seconds: float) -> None:
        self.in_tick = False
        if self.armed:
            signal.setitimer(signal.ITIMER_PROF, seconds)

    def stand_down(self, reason: str) -> None:
        """Stop ticking for good and leave the timer to the program."""
        if self.windows is not None and self.windows.open:
            self.windows.stop(process_time_ns() - self.began_cpu)
        self.why_no_hits = self.why_no_hits or reason
        self.why_no_looks = self.why_no_looks or reason
        self.disarm()

    def _leave_alone(self) -> None:
        """Let nothing of whet's be called from now on: the program has loaded what counts calls."""
        self.stand_down(self.compiler.claim)
        self.toggles.close_gates()

    def disarm(self) -> None:
        """Stop the timer. A signal already under way meets a handler that ignores it."""
        if self.armed:
            self.armed = False
            signal.setitimer(signal.ITIMER_PROF, 0)
            if self.timer is not None:
                self.timer.arm(0)
            if signal.getsignal(signal.SIGPROF) == self.handler:
                with suppress(ValueError):  # from another thread than the main one; then the handler ignores it
                    signal.signal(signal.SIGPROF, signal.SIG_IGN)

    # -- ticking ----------------------------------------------------------------------------------------------------

    def _on_tick(self, _number: int, frame: types.FrameType | None) -> None:
        if not self.armed or self.in_tick or os.getpid() != self.pid:
            return
        # The timer behind a precise one may go off while a tick still works, which is to arm the next when it is done.
        self.in_tick = True
        try:
            self._tick(frame)
        except BaseException as error:
            if not _is_ours(error) or not isinstance(error, Exception):
                # A signal handler of the program ran inside ours and raised: that is for the program. What was begun
                # here is ended by the next tick.
                self._arm(schedule.FIRST_GAPS)
                raise
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        """Leave the program alone from now on."""
        self.why_no_hits = self.why_no_hits or f"the agent failed: {type(error).__name__}: {error}"
        self.why_no_looks = self.why_no_looks or self.why_no_hits
        try:
            if self.windows is not None and self.windows.open:
                self.windows.close()
            self.disarm()
        except Exception:
            self.armed = False

    def _tick(self, frame: types.FrameType | None) -> None:
        lines = self.windows
        cpu = process_time_ns() - self.began_cpu
        if self.toggles.counting:
            self.toggles.end_counting(cpu)
            self._begin_gap(cpu)
            return
        if lines is not None and lines.open:
            lines.stop(cpu)
            self._save_now_and_then(cpu)
            self._begin_gap(cpu)
            return
        if lines is not None:
            self.toggles.end_gap(cpu)
            if self.toggles.off and self.schedule.is_turn_of_counting(cpu):
                self._begin_counting()
                return
        self.ticks += 1
        self.looks.look(frame)
        self.compiler.note_stranger(frame)
        self._note_peak(frame)
        if lines is None or self.why_no_hits:
            self._save_now_and_then(cpu)
            self._begin_gap(cpu)
            return
        reason = windows.reason_to_stay_out(self.own_profile_function)
        if reason:
            self.why_no_hits = reason
            self._begin_gap(cpu)
            return
        lines.register_seen(frame)
        lines.start()
        # Armed last: should the timer go off before this handler returns, the handler that then runs inside it finds
        # the window open and closes it.
        self._arm_briefly(schedule.WINDOW_SECONDS)

    def _begin_counting(self) -> None:
        self.toggles.begin_counting()
        self._arm_briefly(schedule.COUNTING_SECONDS)
        self.toggles.time_counting(process_time_ns() - self.began_cpu)

    def _begin_gap(self, cpu_ns: int) -> None:
        self.toggles.begin_gap(process_time_ns() - self.began_cpu)
        self._arm(self.schedule.draw_gap(cpu_ns, with_phases=bool(self.toggles.off)))

    def _arm_briefly(self, seconds: float) -> None:
        """Arm the precise timer, and the other one behind it in case the signal is lost."""
        if self.timer is not None:
            self._arm(10 * seconds)
            self.timer.arm(seconds)
        else:
            self._arm(seconds)

    def _note_peak(self, frame: types.FrameType | None) -> None:
        kilobytes = _peak_kilobytes()
        if kilobytes <= self.peak_kilobytes * GROWTH_WORTH_A_STACK:
            return
        self.peak_kilobytes = kilobytes
        stack: list[tuple[str, int, str]] = []
        while frame is not None and len(stack) < MAX_PEAK_DEPTH:
            code = frame.f_code
            if not code.co_filename.startswith((self.is_user.own, unseen.FOLDER)):
                stack.append((code.co_filename, frame.f_lineno or code.co_firstlineno, code.co_qualname))
            frame = frame.f_back
        stack.reverse()
        self.peak_stack = stack

    # -- leaving ----------------------------------------------------------------------------------------------------

    @property
    def is_on(self) -> bool:
        """Whether it ticks in this process."""
        return self.armed and self.pid == os.getpid()

    def resume(self) -> None:
        """Tick again after :meth:`finish`."""
        self._arm_for_the_first_time()

    def finish(self) -> None:
        """Stop, and save everything."""
        if os.getpid() != self.pid:
            return
        cpu = process_time_ns() - self.began_cpu
        if self.windows is not None and self.windows.open:
            self.windows.stop(cpu)
        elif self.toggles.counting:
            self.toggles.end_counting(cpu)
        else:
            self.toggles.end_gap(cpu)
        self.disarm()
        self._save(cpu, thoroughly=True)

    def _save_now_and_then(self, cpu_ns: int) -> None:
        # At growing distances, so that a short program that is killed leaves something and a long one pays little.
        if cpu_ns > self.save_at_ns and self.save_ns <= SAVE_SHARE * cpu_ns:
            began = perf_counter_ns()
            self._save(cpu_ns)
            self.save_ns += perf_counter_ns() - began
            self.save_at_ns = min(SAVE_TIMES * cpu_ns, cpu_ns + SAVE_EVERY_NS)

    def _save(self, cpu_ns: int, *, thoroughly: bool = False) -> None:
        report = {
            "schema": 1,
            "pid": self.pid,
            "cpu_ns": cpu_ns,
            "wall_ns": perf_counter_ns() - self.began,
            "why_no_hits": self.why_no_hits,
            "why_no_looks": self.why_no_looks,
            "lines": self.windows and self.windows.report(cpu_ns, self.toggles.estimates(thoroughly=thoroughly)),
            "looks": self.looks.looks,
            "seen": self.looks.report(),
            "peak_kilobytes": self.peak_kilobytes,
            "peak_stack": self.peak_stack,
            "left_plain": len(self.compiler.other_files),
            "strangers": sorted(self.compiler.strangers)[:MAX_STRANGERS],
            "sources": {file: data.decode("latin-1") for file, data in self.compiler.sources.items()},
        }
        # whet notes that the capture is missing; the program must not notice.
        with suppress(OSError):
            captures.write_capture(self.out, report)

    # -- forking ----------------------------------------------------------------------------------------------------

    def _before_fork(self) -> None:
        if self.windows is not None and self.windows.open and os.getpid() == self.pid:
            self.windows.stop(process_time_ns() - self.began_cpu)

    def _after_fork(self) -> None:
        # The timer may have been meant to close the window that the fork closed; it opens the next instead.
        return

    def _in_child(self) -> None:
        """Count the child's lines into a capture of its own. Its timer is not armed: the kernel does not inherit it."""
        self.pid = os.getpid()
        self.out = f"{self.settings['lines']}.{self.pid}"
        if self.windows is not None:
            self.windows.forget()
            self.toggles.forget()
        self.looks = looks.Looks(self.is_user)
        self.schedule = schedule.Schedule()
        self.began = perf_counter_ns()
        self.began_cpu = process_time_ns()
        self.save_ns = 0
        self.save_at_ns = FIRST_SAVE_NS
        if self.armed:
            self._make_precise_timer()
            self._arm(self.schedule.draw_first_gap())


def _peak_kilobytes() -> int:
    if sys.platform == "win32":
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak


def _is_ours(error: BaseException) -> bool:
    """Tell whether an exception arose in the agent rather than in a signal handler of the program run inside it."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return True
    file = traceback.tb_frame.f_code.co_filename
    own, library = os.path.dirname(os.path.abspath(__file__)), os.path.dirname(os.__file__)
    of_library = file.startswith(library) and "site-packages" not in file
    return file.startswith((own, unseen.FOLDER)) or of_library or "line_profiler" in file
