"""The agent: a thread of whet's inside the program that takes value samples.

Some fifty times a second, at random times and only while the process computes, it looks at the variables of the
frames on the stacks of all threads (see ``sampler.py``). The program meets nothing of it: the thread is a bare one
(``_thread``) that no list of :mod:`threading` has; it waits and repeats in C and has no Python frame meanwhile, and
blocks all signals. It is gone before a fork and comes back after it, unless other threads of the program's would run
while its end is awaited: then it stays, and the child is without it. It does nothing while a debugger, a coverage tool,
a tracing profiler or tracemalloc watches (see ``guard.py``).
"""

from __future__ import annotations

import _thread
import os
import sys
from _functools import partial  # type: ignore[import-not-found]
from _operator import call, gt, not_, setitem
from itertools import repeat
from time import perf_counter_ns, sleep

from . import guard, sampler

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

if sys.platform != "win32":
    # Not when it is needed: by then a module of the program's may have the name.
    import _signal  # type: ignore[import-not-found]

STOP_SECONDS = 0.25
"""How long the thread is waited for, should something hold it up,"""
SHORT_SECONDS = 0.0001
"""and how long between two looks at whether it is gone."""
MOST_THREADS = 100
"""Ids of the last threads that are reported: each fork ends one and begins another."""
_TASKS = "/proc/self/task/"
COUNTS_THREADS_FIRST = not ((3, 13) <= sys.version_info < (3, 13, 10) or (3, 14) <= sys.version_info < (3, 14, 1))
"""Whether ``os.fork`` counts threads, of which it warns, before it calls what is registered for after the fork."""
WHY_ENDED = (
    "os.fork of CPython 3.13.0 to 3.13.9 and 3.14.0 would warn of a thread that begins again after it, so a process "
    "is not sampled after its first fork"
)


class Agent:
    """Value samples of one process. ``settings``: what :class:`user_code.UserCode` takes, and ``capture``, a path."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.first_capture: str = settings["capture"]
        self.random = perf_counter_ns() | 1
        self.stop_lock, self.end_lock = _thread.allocate_lock(), _thread.allocate_lock()
        # Both are held but for the moment in which one thread tells the other something.
        self.stop_lock.acquire()
        self.end_lock.acquire()
        self.running: list[bool] = []
        """Holds something while there is a thread: what is asked in C needs an object."""
        self.waiting = [False]
        """Holds ``True`` while the thread waits, in C: then it has hold of nothing of the program's. To note that
        allocates nothing, which tracemalloc would show."""
        self.forking: list[bool] = []
        """Holds something for each thread that forks: the last one to come back from it begins sampling again."""
        self.is_wanted = self.child_lives = False
        self.begun: list[Any] = []
        """Of the thread, once it has begun: its id for the kernel, and the signals that it blocked before."""
        self.wait: list[Any] = [bool]
        """What the thread calls to wait, each time."""
        self.sampler = sampler.Sampler(settings)
        # What is freed counts too, and leaves room the next time.
        free_some = partial(self.sampler.reserve.__delitem__, slice(-sampler.ROOM, None))
        sample = guard.where_there_is_room(sampler.LITTLE_ROOM, self._guard(self._sample), free_some)
        # To ask for room makes integers, which CPython 3.14 keeps for others: tracemalloc would show them.
        self.sample = guard.unless_tracing(sample)
        self.finish = self._guard(self._finish)
        """Stops, and saves everything."""

    def start(self) -> None:
        """Begin sampling; the program starts now. Raises ``OSError`` where the capture cannot be written."""
        self.sampler.begin()
        self.sampler.why_none = _find_obstacle()
        self.sampler.save()
        if self.sampler.why_none:
            return
        self.is_wanted = True
        if hasattr(os, "register_at_fork"):
            is_watched = guard.in_turn(*guard.list_watchers())
            os.register_at_fork(
                after_in_parent=partial(self.forking.__delitem__, slice(1)), after_in_child=self.forking.clear
            )
            for left in self.running, self.begun:
                os.register_at_fork(after_in_child=left.clear)
            # The last is called first. The thread ends whoever watches; where nobody may see Python code of ours,
            # what is left of it gets a moment to go.
            in_parent, in_child = self._guard(self._in_parent), self._guard(self._in_child)
            os.register_at_fork(
                before=self._guard(self._before_fork), after_in_parent=in_parent, after_in_child=in_child
            )
            get_time = guard.when(is_watched, partial(sleep, sampler.MOST_SECONDS))
            os.register_at_fork(before=guard.when(partial(not_, self.running), get_time))
            stop = guard.when(self._make_must_stop(), self._make_stop())
            os.register_at_fork(before=guard.in_turn(partial(self.forking.append, True), stop))
            self._end_before_exec()
        self._start_thread()

    def _end_before_exec(self) -> None:
        """Have the thread end before the process becomes another program.

        The kernel lets a process with several threads wait there for a tracer that waits for the process: a sampler
        that stops it at that moment would hold it up for ever. What is called has no frame in tracebacks.
        """
        leave = guard.in_turn(guard.quietly(self._make_stop()), self._guard(self._before_exec))
        for name in ("execv", "execve"):
            setattr(os, name, guard.call_before(leave, getattr(os, name)))

    def _guard(self, function: Callable[[], None]) -> Callable[..., bool]:
        """Return a callable in C for ``function``, which gives up where that fails. See :func:`guard.guard`."""

        def safely() -> None:
            try:
                function()
            except Exception as error:
                self._give_up(f"the agent failed: {type(error).__name__}: {error}"[:500])

        return guard.guard(safely)

    def _give_up(self, why: str) -> None:
        self.is_wanted = False
        self.sampler.why_none = self.sampler.why_none or why
        self.wait[0] = partial(bool, True)

    # -- the thread -------------------------------------------------------------------------------------------------

    def _start_thread(self) -> None:
        self._draw_wait()
        threads = self.sampler.threads
        del threads[:-MOST_THREADS]
        first = [guard.append(ids, _thread.get_native_id) for ids in (self.begun, threads)]
        if sys.platform != "win32":
            # What is sent to the process is for the program's threads, whichever of them waits for it.
            block = partial(_signal.pthread_sigmask, _signal.SIG_BLOCK, _signal.valid_signals())
            first.append(guard.append(self.begun, block))
        # The list's own method would make a tuple of its arguments, and so, at times, set off a collection.
        begin, end = (partial(setitem, self.waiting, 0, is_waiting) for is_waiting in (True, False))
        wait = begin, guard.call_item(self.wait, 0), end
        rounds = guard.loop(first, [*wait, self.sample], self.end_lock.release)
        self.running.append(True)
        try:
            _thread.start_new_thread(all, (rounds,))
        except RuntimeError as error:
            self.running.clear()
            self._give_up(f"no thread could be started in the program: {error}")

    def _make_stop(self) -> Callable[..., bool]:
        """Return a callable in C that ends the thread, if there is one, and waits until it is at its end."""
        wait = partial(self.end_lock.acquire, True, STOP_SECONDS)
        return guard.in_turn(partial(not_, self.running), self.running.clear, self.stop_lock.release, wait)

    def _make_must_stop(self) -> Callable[..., bool]:
        """Return a callable in C: whether the thread has to end before a fork.

        While its end is awaited, the program's other threads run. What one of them writes then, between the moment in
        which :mod:`multiprocessing` empties the buffers and the fork, would be in the buffers of both processes. In a
        fork of a process with threads one more changes nothing, unless it holds objects of the program's.
        """
        is_alone = partial(next, map(gt, repeat(2), map(call, repeat(_thread._count))))
        is_busy = partial(next, map(not_, map(self.waiting.__getitem__, repeat(0))))
        return guard.in_turn(is_busy, is_alone)

    def _wait_until_gone(self) -> None:
        """Wait until the thread is gone for the kernel as well."""
        deadline = perf_counter_ns() + STOP_SECONDS * 1e9
        while self.begun and sys.platform == "linux" and perf_counter_ns() < deadline:
            try:
                os.stat(f"{_TASKS}{self.begun[0]}")
            except OSError:
                break
            sleep(SHORT_SECONDS)
        self.begun.clear()

    def _draw_wait(self) -> None:
        # Its own numbers: those of `random` are the program's.
        self.random = (self.random * 6364136223846793005 + 1442695040888963407) & (2**64 - 1)
        seconds = self.sampler.gap * (0.2 + 1.6 * (self.random >> 32) / 2**32)
        self.sampler.due = perf_counter_ns() + round(seconds * 1e9)
        self.wait[0] = partial(self.stop_lock.acquire, True, seconds)

    def _sample(self) -> None:
        self.sampler.take()
        self._draw_wait()

    def _finish(self) -> None:
        if os.getpid() == self.sampler.pid:
            self.is_wanted = False
            if self._make_stop()():
                self._wait_until_gone()
            self.sampler.save()

    # -- when the process becomes two, or another program ------------------------------------------------------------

    def _before_fork(self) -> None:
        """Take note of who forks; the thread is at its end already, if it is to end."""
        if not self.running:
            self._wait_until_gone()
        # What calls this is in C, and what calls that is above.
        self.child_lives = _goes_on(sys._getframe(2))

    def _in_parent(self) -> None:
        if self.running or not self.is_wanted or os.getpid() != self.sampler.pid or self.forking:
            return
        if COUNTS_THREADS_FIRST:
            self._start_thread()
        else:
            self.sampler.why_none = WHY_ENDED

    def _in_child(self) -> None:
        # Another thread may have been ending ours as this one forked.
        for lock in (self.stop_lock, self.end_lock):
            lock._at_fork_reinit()  # type: ignore[attr-defined]  # as threading does
            lock.acquire()
        self.sampler.begin()
        self.sampler.capture = f"{self.first_capture}.{self.sampler.pid}"
        if self.is_wanted:
            self.sampler.why_none = ""
            if self.child_lives:
                self._start_thread()

    def _before_exec(self) -> None:
        if self.is_wanted and os.getpid() == self.sampler.pid:
            self.is_wanted = False
            self.sampler.save()


def _find_obstacle() -> str:
    has_gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    return "" if has_gil else "without the GIL, variables cannot be read from another thread"


_NOT_FOR_LONG = ("exec", "forkpty", "setns", "unshare")


def _goes_on(caller: FrameType) -> bool:
    """Tell whether the child of a fork goes on as a Python program: who forks to become another one must be alone.

    ``caller`` is the frame that forks.
    """
    names = caller.f_code.co_names
    return "fork" in names and not any(name.startswith(_NOT_FOR_LONG) for name in names)
