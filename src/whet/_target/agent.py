"""The agent: a thread of whet's inside the program that takes value samples.

Some fifty times a second, at random times and only while the process computes, it looks at the variables of the
frames on the stacks of all threads. The program meets nothing of it: the thread is a bare one (``_thread``) that no
list of :mod:`threading` has; it waits and repeats in C and has no Python frame meanwhile; it runs no code of the
program's, blocks all signals, and sees to it that neither a garbage collection nor a destructor runs in it. It is
gone before a fork and comes back when ``os.fork`` has returned. It does nothing while a debugger, a coverage tool or
a tracing profiler watches (see ``guard.py``).
"""

from __future__ import annotations

import _thread
import os
import sys
from _functools import partial  # type: ignore[import-not-found]
from _operator import not_
from itertools import chain, repeat
from time import perf_counter_ns, process_time_ns, sleep

from . import captures, guard, pending, user_code, values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from typing import Any

if sys.platform != "win32":
    # Not when they are needed: by then a module of the program's may have the name.
    import _signal  # type: ignore[import-not-found]
    import resource

GAPS = ((1_000_000_000, 0.02), (3_000_000_000, 0.05))
"""Mean seconds between two samples up to a CPU time in nanoseconds,"""
LATER_GAP = 0.1
"""and after these."""
WORTH = 0.4
"""A sample is taken when the process has computed for this part of such a gap: on a busy machine it takes longer."""
IDLE_GAP_SECONDS = 0.32
"""Longest gap while the process does not compute."""
IDLE_SHARE = 0.02
"""A process that computed for less than this part of a gap is idle: on a busy machine one that computes gets little."""
MOST_SECONDS = 0.002
"""A sample ends after so long: the interpreter changes threads every 5 ms, and must not amid one."""
FIRST_SAVE_NS = 40_000_000
SAVE_TIMES = 2
SAVE_EVERY_NS = 2_000_000_000
"""Saved after so many times the CPU time of the last save, and at the latest so much later."""
STOP_SECONDS = 0.25
"""How long the thread is waited for, should something hold it up,"""
SHORT_SECONDS = 0.0001
"""and how long between two looks at whether it is gone."""
MOST_THAT_STAYED = 4
"""Threads that are looked at although they seem to stand still: a program can have hundreds that wait."""
ROWS_A_SAMPLE = 40
"""Rows of the capture that are written at one sample."""
ROOM = 250
"""Objects that the garbage collector counts: more than a sample makes, beside one for each thread."""
LITTLE_ROOM = 20
"""More than is made where none is taken."""
LEFT_NS = 1_000_000_000
"""How long the main thread has to let go of what was looked at."""
MOST_THREADS = 100
"""Ids of the last threads that are told: each fork ends one and begins another."""
GROWTH_WORTH_A_STACK = 1.02
MAX_PEAK_DEPTH = 60

_current_frames = sys._current_frames
_count_threads = _thread._count
_modules = sys.modules
_TASKS = "/proc/self/task/"


class Agent:
    """Value samples of one process. ``settings``: what :class:`user_code.UserCode` takes, and ``capture``, a path."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.capture: str = settings["capture"]
        self.first_capture = self.capture
        self.is_user = user_code.UserCode(settings)
        self.why_none = _find_obstacle()
        self.random = perf_counter_ns() | 1
        self.stop_lock, self.end_lock = _thread.allocate_lock(), _thread.allocate_lock()
        # Both are held but for the moment in which one thread tells the other something.
        self.stop_lock.acquire()
        self.end_lock.acquire()
        self.running: list[bool] = []
        """Holds something while there is a thread: what is asked in C needs an object."""
        self.begun: list[Any] = [0, None]
        """The thread's id for the kernel, and the signals that it blocked when it began."""
        self.wait: list[Any] = [bool]
        """What the thread calls to wait, each time."""
        self.reserve: list[object] = []
        self.left: list[object] = []
        """What was looked at and may be nobody else's by now."""
        self.clear_left = pending.make_caller(guard.in_turn(self.left.clear)) or self.left.clear
        # What is freed counts too, and leaves room the next time.
        self.sample = guard.where_there_is_room(LITTLE_ROOM, guard.guard(self._sample), self.reserve.clear)
        self.finish = guard.guard(self._finish)
        """Stops, and saves everything."""
        self.come_back = pending.make_caller(guard.guard(self._come_back))
        self._begin_process()

    def _begin_process(self) -> None:
        self.pid = os.getpid()
        self.values = values.Values(self.is_user)
        self.began, self.began_cpu = perf_counter_ns(), process_time_ns()
        self.sampled_at = self.began
        self.sampled_cpu = self.looked_cpu = self.began_cpu
        self.gap = GAPS[0][1]
        self.save_at_ns = FIRST_SAVE_NS
        self.saving: tuple[captures.LinesFile, Iterator[object]] | None = None
        self.peak_kilobytes = 0
        self.peak_stack: list[tuple[str, int, str]] = []
        self.seen: dict[int, int] = {}
        """By thread, the innermost frame (its identity) and instruction of the last sample, as one number."""
        self.turn = 0
        self.was_running = self.is_running = self.is_wanted = False
        self.threads: list[int] = []
        """The ids that the kernel has given to threads of this agent's."""
        self.left_at = 0
        self.forks_at = (0, 0)
        """The frame (its identity) and instruction of the last fork."""

    def start(self) -> None:
        """Begin sampling; the program starts now. Raises ``OSError`` where the capture cannot be written."""
        self._begin_process()
        self._save()
        if self.why_none:
            return
        self._fill_reserve()
        if hasattr(os, "register_at_fork"):
            is_watched = guard.in_turn(*guard.list_watchers())
            # The last is called first. The thread ends whoever watches; where nobody may see Python code of ours,
            # what is left of it gets a moment to go.
            os.register_at_fork(before=guard.guard(self._before_fork))
            os.register_at_fork(before=guard.when(is_watched, partial(sleep, MOST_SECONDS)))
            os.register_at_fork(before=self._make_stop(), after_in_child=guard.guard(self._in_child))
            if self.come_back is not None:
                os.register_at_fork(after_in_parent=self.come_back)
                self._end_before_exec()
        self._start_thread()

    def _end_before_exec(self) -> None:
        """Have the thread end before the process becomes another program.

        The kernel lets a process with several threads wait there for a tracer that waits for the process: a sampler
        that stops it at that moment would hold it up for ever. What is called has no frame in tracebacks; where there
        is no such program the thread comes back.
        """
        assert self.come_back is not None
        leave = guard.in_turn(guard.quietly(self._make_stop()), guard.guard(self._before_exec), self.come_back)
        for name in ("execv", "execve"):
            setattr(os, name, guard.call_before(leave, getattr(os, name)))

    # -- the thread -------------------------------------------------------------------------------------------------

    def _start_thread(self) -> None:
        self._draw_wait()
        first = [guard.store(self.begun, 0, _thread.get_native_id), guard.append(self.threads, _thread.get_native_id)]
        if sys.platform != "win32":
            # What is sent to the process is for the program's threads, whichever of them waits for it.
            block = partial(_signal.pthread_sigmask, _signal.SIG_BLOCK, _signal.valid_signals())
            first.append(guard.store(self.begun, 1, block))
        rounds = guard.loop(first, [guard.call_item(self.wait, 0), self.sample], self.end_lock.release)
        self.running.append(True)
        try:
            _thread.start_new_thread(all, (rounds,))
        except RuntimeError as error:
            self.running.clear()
            self.why_none = f"no thread could be started in the program: {error}"
        else:
            self.is_running = True

    def _make_stop(self) -> Callable[..., bool]:
        """Return a callable in C that ends the thread, if there is one, and waits until it is at its end."""
        wait = partial(self.end_lock.acquire, True, STOP_SECONDS)
        return guard.in_turn(partial(not_, self.running), self.running.clear, self.stop_lock.release, wait)

    def _stop_thread(self) -> None:
        if self._make_stop()():
            self._wait_until_gone()

    def _wait_until_gone(self) -> None:
        """Wait until the thread is gone for the kernel as well."""
        deadline = perf_counter_ns() + STOP_SECONDS * 1e9
        while self.begun[0] and sys.platform == "linux" and perf_counter_ns() < deadline:
            try:
                os.stat(f"{_TASKS}{self.begun[0]}")
            except OSError:
                break
            sleep(SHORT_SECONDS)
        self.begun[0] = 0

    def _draw_wait(self) -> None:
        # Its own numbers: those of `random` are the program's.
        self.random = (self.random * 6364136223846793005 + 1442695040888963407) & (2**64 - 1)
        self.wait[0] = partial(self.stop_lock.acquire, True, self.gap * (0.2 + 1.6 * (self.random >> 32) / 2**32))

    def _sample(self) -> None:
        try:
            self._look_if_it_computes()
        except Exception as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self.why_none = self.why_none or f"the agent failed: {type(error).__name__}: {error}"[:500]
        self.wait[0] = partial(bool, True)

    def _look_if_it_computes(self) -> None:
        now, cpu = perf_counter_ns(), process_time_ns()
        spent, passed = cpu - self.sampled_cpu, now - self.sampled_at
        self.sampled_at, self.sampled_cpu = now, cpu
        if self.left and now > self.left_at + LEFT_NS:
            self.left.clear()
        if spent < IDLE_SHARE * passed:
            self.gap = min(2 * self.gap, IDLE_GAP_SECONDS)
        else:
            self.gap = next((gap for until, gap in GAPS if cpu - self.began_cpu < until), LATER_GAP)
            if cpu - self.looked_cpu > WORTH * self.gap * 1e9 and self._has_room():
                self.looked_cpu = cpu
                self._look(now)
        self._draw_wait()
        if self._has_room():
            self._save_some(cpu - self.began_cpu)

    def _has_room(self) -> bool:
        """Tell whether a sample can allocate what it needs without setting off a garbage collection.

        A collection runs in the thread that allocates, and with it the program's own destructors. To turn it off
        meanwhile would show, and last where the program stores ``gc.isenabled()`` at that moment.
        """
        needed = ROOM + _count_threads()
        if values.has_room(needed + ROOM):
            if not self.reserve:
                self._fill_reserve()
            return True
        if not values.has_room(needed):
            # What is freed counts too.
            self.reserve.clear()
        return values.has_room(needed)

    def _fill_reserve(self) -> None:
        self.reserve += map(repeat, range(ROOM))

    def _look(self, now: int) -> None:
        interval = sys.getswitchinterval()
        most = min(MOST_SECONDS, 0.4 * interval)
        # Where threads change faster than that, one may change amid a sample, and what the program lets go of
        # meanwhile would end here. Interpreters have frames that must not be touched from another one.
        if most < 0.2 * MOST_SECONDS or _has_interpreters():
            return
        frames = _current_frames()
        del frames[_thread.get_ident()]
        moved: list[int] = []
        stayed: list[int] = []
        frame = None
        for thread, frame in frames.items():
            place = id(frame) << 32 | frame.f_lasti
            (stayed if self.seen.get(thread) == place else moved).append(thread)
            self.seen[thread] = place
        del frame
        if len(self.seen) > 2 * len(frames) + 8:
            self.seen = {thread: place for thread, place in self.seen.items() if thread in frames}
        # Those that have moved compute; of the others some may, in a loop that gives way at one place only.
        self.turn += MOST_THAT_STAYED
        begin = self.turn % len(stayed) if len(stayed) > MOST_THAT_STAYED else 0
        chosen = [*moved, *stayed[begin : begin + MOST_THAT_STAYED]]
        held: list[object] = [frames]
        if chosen:
            self.values.begin(held)
        for thread in chosen:
            self._note_peak(frames[thread])
            # Not by a name here: who looks counts who else has the frame.
            self.values.look(frames.pop(thread), now + int(most * 1e9))
            if perf_counter_ns() > now + most * 1e9:
                break
        self.values.hold = type
        # Had others run meanwhile, which they cannot much before, functions may have ended and left us all they had.
        if perf_counter_ns() > now + 0.7 * interval * 1e9:
            self.left.append(held)
            self.left_at = perf_counter_ns()
            self.clear_left()

    def _note_peak(self, frame: FrameType | None) -> None:
        kilobytes = _peak_kilobytes()
        if kilobytes <= self.peak_kilobytes * GROWTH_WORTH_A_STACK:
            return
        self.peak_kilobytes = kilobytes
        stack: list[tuple[str, int, str]] = []
        while frame is not None and len(stack) < MAX_PEAK_DEPTH:
            code = frame.f_code
            stack.append((code.co_filename, frame.f_lineno or code.co_firstlineno, code.co_qualname))
            frame = frame.f_back
        stack.reverse()
        self.peak_stack = stack

    # -- saving -----------------------------------------------------------------------------------------------------

    def _head(self) -> dict[str, object]:
        return {
            "schema": 2,
            "pid": self.pid,
            "cpu_ns": process_time_ns() - self.began_cpu,
            "wall_ns": perf_counter_ns() - self.began,
            "why_none": self.why_none,
            "began": not _is_broken(),
            "threads": self.threads,
            "samples": self.values.samples,
            "peak_kilobytes": self.peak_kilobytes,
            "peak_stack": self.peak_stack,
        }

    def _save_some(self, cpu_ns: int) -> None:
        """Write a little of what is to be saved, at each sample: a program can be killed at any moment."""
        if self.saving is None:
            if cpu_ns < self.save_at_ns:
                return
            self.save_at_ns = min(SAVE_TIMES * cpu_ns, cpu_ns + SAVE_EVERY_NS)
            self.saving = (captures.LinesFile(self.capture), chain((self._head(),), self.values.rows()))
        capture, rows = self.saving
        lines = [captures.encode(row) for _, row in zip(range(ROWS_A_SAMPLE), rows, strict=False)]
        try:
            # Others run while this writes, so nothing of it comes before.
            capture.write(lines)
            if len(lines) < ROWS_A_SAMPLE:
                self.saving = None
                capture.finish()
        except OSError:
            # There may be room, or a descriptor, the next time.
            self.saving = None

    def _save(self) -> None:
        self.saving = None
        capture = captures.LinesFile(self.capture)
        capture.write(map(captures.encode, (self._head(), *self.values.rows())))
        capture.finish()

    def _finish(self) -> None:
        try:
            if os.getpid() == self.pid:
                self._stop_thread()
                self._save()
        except Exception as error:
            self._give_up(error)

    # -- forking ----------------------------------------------------------------------------------------------------

    def _before_fork(self) -> None:
        """Take note of how it was; the thread is at its end already."""
        try:
            if os.getpid() == self.pid:
                self.was_running, self.is_running = self.is_running, False
                self.is_wanted = self.was_running
                self._wait_until_gone()
                # What calls this is in C.
                forks = sys._getframe(1)
                self.child_lives = _goes_on(forks)
                self.forks_at = (id(forks), forks.f_lasti)
                del forks
        except Exception as error:
            self._give_up(error)

    def _before_exec(self) -> None:
        try:
            if self.is_running and self.come_back is not None and os.getpid() == self.pid:
                self._save()
                self.is_wanted, self.is_running, self.forks_at = True, False, (0, 0)
        except Exception as error:
            self._give_up(error)

    def _in_child(self) -> None:
        try:
            is_wanted = self.was_running and self.child_lives
            self._begin_process()
            self.capture = f"{self.first_capture}.{self.pid}"
            if is_wanted and self.come_back is not None:
                self.is_wanted = True
                self.come_back()
        except Exception as error:
            self._give_up(error)

    def _come_back(self) -> None:
        try:
            if not self.is_wanted or self.running or self.why_none or os.getpid() != self.pid:
                return
            if self._is_in_fork():
                assert self.come_back is not None
                self.come_back()
                return
            self.is_wanted = False
            del self.threads[:-MOST_THREADS]
            self._start_thread()
        except Exception as error:
            self._give_up(error)

    def _is_in_fork(self) -> bool:
        """Tell whether something that others registered for the fork runs: ``os.fork`` has not returned then."""
        frame = sys._getframe(2).f_back
        for _ in range(MAX_PEAK_DEPTH):
            if frame is None:
                return False
            if (id(frame), frame.f_lasti) == self.forks_at:
                return True
            frame = frame.f_back
        return False


def _find_obstacle() -> str:
    is_gil_enabled = getattr(sys, "_is_gil_enabled", None)
    if is_gil_enabled is not None and not is_gil_enabled():
        return "without the GIL, variables cannot be read from another thread"
    return ""


def _has_interpreters() -> bool:
    """Tell whether the process has subinterpreters."""
    for name in ("_interpreters", "_xxsubinterpreters"):
        module = _modules.get(name)
        if module is not None:
            return len(module.list_all()) > 1
    return False


def _is_broken() -> bool:
    """Tell whether the program ended before its first line since it does not compile: an error without a traceback."""
    error = getattr(sys, "last_value", None)
    return isinstance(error, SyntaxError) and getattr(sys, "last_traceback", None) is None


_NOT_FOR_LONG = ("exec", "forkpty", "setns", "unshare")


def _goes_on(caller: FrameType) -> bool:
    """Tell whether the child of a fork goes on as a Python program: who forks to become another one must be alone.

    ``caller`` is the frame that forks.
    """
    names = caller.f_code.co_names
    return "fork" in names and not any(name.startswith(_NOT_FOR_LONG) for name in names)


def _peak_kilobytes() -> int:
    if sys.platform == "win32":
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak
