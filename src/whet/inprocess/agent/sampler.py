"""When the agent's thread takes a value sample, of which threads, and how what is known is saved.

A sample is taken only while the process computes. It runs no code of the program's and sees to it that neither a
garbage collection nor a destructor runs in the thread that takes it.
"""

from __future__ import annotations

import _thread
import gc
import os
import sys
from itertools import chain, repeat
from time import perf_counter_ns, process_time_ns

from .. import captures, user_code
from . import tasks, values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from typing import Any

if sys.platform != "win32":
    import resource

GAPS = ((1_000_000_000, 0.02), (3_000_000_000, 0.05))
"""Mean seconds between two samples up to a CPU time in nanoseconds,"""
LATER_GAP = 0.1
"""and after these."""
WORTH = 0.4
"""A sample is taken when the process has computed for this part of such a gap: on a busy machine it takes longer."""
IDLE_GAP_SECONDS = 0.32
"""Longest gap while the process does not compute."""
WAITING_GAPS = ((3_000_000_000, 0.05), (60_000_000_000, 0.1))
"""Seconds from one look at tasks to the next while an event loop polls, up to a time in nanoseconds of that."""
IDLE_SHARE = 0.02
"""A process that computed for less than this part of a gap is idle: on a busy machine one that computes gets little."""
MOST_SECONDS = 0.002
"""A sample ends after so long: the interpreter changes threads every 5 ms, and must not amid one."""
FIRST_SAVE_NS = 40_000_000
SAVE_TIMES = 2
SAVE_EVERY_NS = 2_000_000_000
"""Saved after so many times the CPU time of the last save, and at the latest so much later."""
MOST_THAT_STAYED = 4
"""Threads that are looked at although they seem to stand still: a program can have hundreds that wait."""
ROWS_A_SAMPLE = 40
"""Rows of the capture that are written at one sample."""
ROOM = 250
"""Objects that the garbage collector counts: more than a sample makes, beside one for each thread."""
RESERVES = 8
"""Times that as much room can be made. In a program that allocates nothing itself the count stays where it is, but for
what samples leave: near the threshold, there would never be room again."""
LITTLE_ROOM = 20
"""More than is made where none is taken."""
GROWTH_WORTH_A_STACK = 1.02
MAX_PEAK_DEPTH = 60
MAX_TRIGGERS = 200
TOO_LATE = 2
"""Switch intervals by which a sample is late where something has kept the GIL."""

_current_frames = sys._current_frames
_FRAME = type(sys._getframe())
_count_threads = _thread._count
_get_stats = gc.get_stats
_modules = sys.modules


class Sampler:
    """Takes and saves the samples of one process. ``settings``: see :class:`whet.inprocess.agent.agent.Agent`."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.capture: str = settings["capture"]
        self.is_user = user_code.UserCode(settings)
        self.why_none = ""
        """Why there are no samples, or no more."""
        self.lists = id(gc.garbage), id(gc.callbacks)
        """Where they are tells whoever reads the process's memory where the collector's state is."""
        self.reserve: list[object] = []
        """Objects whose end leaves room for others."""
        for _ in range(RESERVES):
            self._fill_reserve()

    def begin(self) -> None:
        """Begin in this process, with nothing seen so far."""
        self.pid = os.getpid()
        self.values = values.Values(self.is_user)
        self.tasks = tasks.Tasks()
        self.began, self.began_cpu = perf_counter_ns(), process_time_ns()
        self.sampled_at = self.began
        self.sampled_cpu = self.looked_cpu = self.began_cpu
        self.gap = GAPS[0][1]
        """Mean seconds until the next sample."""
        self.save_at_ns = FIRST_SAVE_NS
        self.saving: tuple[captures.LinesFile, Iterator[object]] | None = None
        self.peak_kilobytes = 0
        self.peak_stack: list[tuple[str, int, str]] = []
        self.seen: dict[int, int] = {}
        """By thread, the innermost frame (its identity) and instruction of the last sample, as one number."""
        self.turn = 0
        self.due = 0
        """When the sample was to be taken, as ``perf_counter_ns`` counts."""
        self.collections = self.began_collections = _count_collections()
        self.triggers: dict[tuple[str, int, str, int], int] = {}
        """Lines that ran when a collection had kept the thread from taking its sample: file, line, function."""
        self.threads: list[int] = []
        """The ids that the kernel has given to threads of the agent's."""
        if not self.reserve:
            self._fill_reserve()

    def take(self) -> None:
        """Take a sample if the process has computed since the last one, and save a little."""
        now, cpu = perf_counter_ns(), process_time_ns()
        spent, passed = cpu - self.sampled_cpu, now - self.sampled_at
        self.sampled_at, self.sampled_cpu = now, cpu
        if spent < IDLE_SHARE * passed:
            self.gap = min(2 * self.gap, IDLE_GAP_SECONDS)
        else:
            self.gap = next((gap for until, gap in GAPS if cpu - self.began_cpu < until), LATER_GAP)
            if cpu - self.looked_cpu > WORTH * self.gap * 1e9 and self._has_room():
                self.looked_cpu = cpu
                self._look(now)
        least = next((gap for until, gap in WAITING_GAPS if self.tasks.polled_ns < until), IDLE_GAP_SECONDS)
        if tasks.has_tasks() and now - self.tasks.looked > 0.8e9 * least and self._has_room(2 * tasks.ROOM):
            polled_ns = self.tasks.polled_ns
            self._look_at_tasks(perf_counter_ns())
            if self.tasks.polled_ns > polled_ns:
                self.gap = min(self.gap, least)
        if self._has_room():
            self._save_some(cpu - self.began_cpu)

    def _has_room(self, room: int = ROOM) -> bool:
        """Tell whether a sample can allocate what it needs without setting off a garbage collection.

        A collection runs in the thread that allocates, and with it the program's own destructors. To turn it off
        meanwhile would show, and last where the program stores ``gc.isenabled()`` at that moment.
        """
        needed = room + _count_threads()
        if values.has_room(max(needed, ROOM) + ROOM):
            if len(self.reserve) < RESERVES * ROOM:
                self._fill_reserve()
            return True
        if not values.has_room(needed):
            # What is freed counts too.
            del self.reserve[-ROOM:]
        return values.has_room(needed)

    def _fill_reserve(self) -> None:
        self.reserve += map(repeat, range(ROOM))

    def _note_trigger(self, frames: dict[int, FrameType], places: dict[int, int]) -> None:
        """Note which line has set off the collection that has just ended: that of the only thread which went on."""
        moved = [thread for thread, place in places.items() if self.seen.get(thread) != place]
        frame: FrameType | None = frames[moved[0]] if len(moved) == 1 else None
        for _ in range(MAX_PEAK_DEPTH):
            if frame is None:
                return
            code = frame.f_code
            # From 3.12 on a function is collected for where it begins, which is its caller's doing.
            begins = frame.f_lineno == code.co_firstlineno and code.co_name != "<module>"
            if not begins and type(code.co_filename) is str and self.is_user(code.co_filename):
                key = (code.co_filename, frame.f_lineno or 0, code.co_qualname, code.co_firstlineno)
                if key in self.triggers or len(self.triggers) < MAX_TRIGGERS:
                    self.triggers[key] = self.triggers.get(key, 0) + 1
                return
            frame = frame.f_back

    def _look(self, now: int) -> None:
        interval, most = _find_limits()
        if not most:
            return
        frames = _current_frames()
        del frames[_thread.get_ident()]
        places = _find_places(frames)
        collections = _count_collections()
        # A thread that computes lets another one go on after the switch interval; a collection does not.
        if self.due and now - self.due > TOO_LATE * interval * 1e9 and collections[1:] != self.collections[1:]:
            self._note_trigger(frames, places)
        self.collections = collections
        moved = [thread for thread, place in places.items() if self.seen.get(thread) != place]
        stayed = [thread for thread, place in places.items() if self.seen.get(thread) == place]
        self.seen = places
        # Those that have moved compute; of the others some may, in a loop that gives way at one place only.
        self.turn += MOST_THAT_STAYED
        begin = self.turn % len(stayed) if len(stayed) > MOST_THAT_STAYED else 0
        held: list[object] = [frames]
        self.values.begin(held)
        for thread in (*moved, *stayed[begin : begin + MOST_THAT_STAYED]):
            self._note_peak(frames[thread])
            # Not by a name here: who looks counts who else has the frame.
            self.values.look(frames.pop(thread), now + int(most * 1e9), thread)
            if perf_counter_ns() > now + most * 1e9:
                break
        self.values.hold = type
        self._let_go(held, frames, places, now + int(0.7 * interval * 1e9))

    def _look_at_tasks(self, now: int) -> None:
        interval, most = _find_limits()
        if not most:
            return
        frames = _current_frames()
        del frames[_thread.get_ident()]
        places = _find_places(frames)
        held: list[object] = [frames]
        self.tasks.look(frames, now + int(most * 1e9), held)
        self._let_go(held, frames, places, now + int(0.7 * interval * 1e9))

    def _let_go(self, held: list[object], frames: dict[int, FrameType], places: dict[int, int], late: int) -> None:
        """Let go of what a look held, here or, if anything else can have run since, as garbage of the program's.

        Had others run meanwhile, functions may have ended and left us all that they had. Then it becomes garbage, for
        the program's threads to collect: what ends with it ends there. ``late`` is when others run for sure.
        """
        held.append(later := _current_frames())
        del later[_thread.get_ident()]
        if (perf_counter_ns() > late or _find_places(later) != places) and values.is_collecting():
            self.values.leave(held, (*_only_frames(held), *frames.values(), *later.values()))

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
            "lists": self.lists,
            "collections": [
                after - before for after, before in zip(_count_collections(), self.began_collections, strict=False)
            ],
            "triggers": [[*place, count] for place, count in list(self.triggers.items())],
            "polled_ns": self.tasks.polled_ns,
        }

    def _save_some(self, cpu_ns: int) -> None:
        """Write a little of what is to be saved, at each sample: a program can be killed at any moment."""
        if self.saving is None:
            if cpu_ns < self.save_at_ns:
                return
            self.save_at_ns = min(SAVE_TIMES * cpu_ns, cpu_ns + SAVE_EVERY_NS)
            self.saving = (
                captures.LinesFile(self.capture),
                chain((self._head(),), self.tasks.rows(), self.values.rows()),
            )
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

    def save(self) -> None:
        """Write all that is known. Raises ``OSError``."""
        self.saving = None
        captures.write_capture(self.capture, self._head(), *self.tasks.rows(), *self.values.rows())


def _count_collections() -> list[int]:
    """Return how many collections there were, by generation."""
    return [each["collections"] for each in _get_stats()]


def _only_frames(held: list[object]) -> list[FrameType]:
    return [each for each in held if type(each) is _FRAME]


def _find_places(frames: dict[int, FrameType]) -> dict[int, int]:
    return {thread: id(frame) << 32 | frame.f_lasti for thread, frame in frames.items()}


def _find_limits() -> tuple[float, float]:
    """Return the switch interval, and how long a look may take, in seconds; 0 where none may be taken.

    Where threads change faster than that, one may change amid a sample, and what the program lets go of meanwhile would
    end here. Interpreters have frames that must not be touched from another one.
    """
    interval = sys.getswitchinterval()
    most = min(MOST_SECONDS, 0.4 * interval)
    return interval, 0.0 if most < 0.2 * MOST_SECONDS or _has_interpreters() else most


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


def _peak_kilobytes() -> int:
    if sys.platform == "win32":
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak
