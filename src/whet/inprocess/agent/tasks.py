"""Where the tasks of asyncio wait while their event loop polls, seen from another thread.

A look runs no code of the program's and calls none of its objects: tasks are read by the descriptors of asyncio's own
type in C, coroutines by those of the interpreter. Each task that waits is given an equal part of the time since the
last look, so that the parts of all add up to the time that passed. Which tasks count:

- A task that waits for others (``gather``, a ``TaskGroup``, ``await task``) passes its part on to those.
- While the program's main task waits for some tasks, others that go on in the background have no part in it.
- A task that waits for a lock, an event or a queue waits for another task: it counts where no other does.
"""

from __future__ import annotations

import gc
import sys
from _weakref import ref
from itertools import islice
from time import perf_counter_ns

from .frames import find_member
from .objects import plain_attributes
from .values import count_room, has_room, is_collecting, name_of_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import CodeType, FrameType
    from typing import Any

    Place = tuple[str, int, str, int]
    """File, line, name and first line of a function."""

MAX_TASKS = 20_000
"""A program with more tasks than this is not looked at: to list them takes too long."""
FEW = 8
"""Tasks that tell whether all loops have something to run."""
MAX_SCANNED = 32
"""Tasks of which one look finds out who waits for them, another part of all each time,"""
MAX_PICKED = 8
"""and those whose lines it reads: that makes an object for each coroutine."""
ROOM = 80
"""More objects than a look makes besides those for each task,"""
ROOM_A_TASK = 4
"""and more than one makes for a task that is scanned."""
MAX_DEPTH, MAX_AWAITERS = 40, 12
"""Coroutines of one task, and tasks of which each waits for the next."""
MAX_STACKS = 500
MAX_CALLBACKS, MAX_REACHED = 4, 40
LONGEST_NS = 500_000_000
"""A look stands for no more time than that."""

_SEPARATORS = str.maketrans("\\", "/")
_POLLS = ("/selectors.py", "/asyncio/windows_events.py")
_RUNNERS = ("/asyncio/runners.py", "/uvloop/__init__.py")
"""Where a thread is while a loop that is written in C polls."""
_HANDOVERS = ("/asyncio/locks.py", "/asyncio/queues.py")
_FOR_TASKS = (
    ("/asyncio/taskgroups.py", "__aexit__"),
    ("/asyncio/taskgroups.py", "_aexit"),
    ("/asyncio/tasks.py", "_wait"),
)
_GATHERING = "asyncio.tasks._GatheringFuture"
_MAIN = "_run_until_complete_cb"

_modules = sys.modules
_get_order: Any = type.__dict__["__mro__"].__get__
_get_table: Any = type.__dict__["__dict__"].__get__
_FUNCTION: Any = type(lambda: None)
_METHOD: Any = type(_FUNCTION.__get__(lambda _: None, 0))
_WRAPPERS = frozenset(
    f"builtins.{name}"
    for name in ("async_generator_asend", "async_generator_athrow", "anext_awaitable", "coroutine_wrapper")
)
"""What stands between a coroutine and the one that it awaits, in C and without members."""


def _find_kinds() -> tuple[Any, Any, Any]:
    async def wait() -> None:
        pass

    async def generate() -> Any:
        yield

    coroutine = wait()
    coroutine.close()
    return type(coroutine), type(generate()), type(None for _ in ())


_COROUTINE, _ASYNC_GENERATOR, _GENERATOR = _find_kinds()
_KINDS = {
    id(_COROUTINE): ("cr_code", "cr_frame", "cr_await"),
    id(_ASYNC_GENERATOR): ("ag_code", "ag_frame", "ag_await"),
    id(_GENERATOR): ("gi_code", "gi_frame", "gi_yieldfrom"),
}


class Waited:
    """How long tasks waited with one stack: nanoseconds, and these times the tasks that waited at the same moments."""

    __slots__ = ("ns", "together")

    def __init__(self) -> None:
        self.ns = self.together = 0


class _Task:
    """A task as one look finds it."""

    __slots__ = ("awaiter", "codes", "coroutine", "future", "is_main", "is_parent", "task")

    def __init__(self, task: Any, coroutine: object, future: object) -> None:
        self.task, self.coroutine, self.future = task, coroutine, future
        self.awaiter: _Task | None = None
        self.is_main = self.is_parent = False
        self.codes: list[CodeType] = []


class Tasks:
    """What is known of the tasks of a process."""

    def __init__(self) -> None:
        self.looked = perf_counter_ns()
        self.waited: dict[tuple[int, tuple[Place, ...]], Waited] = {}
        """By the system's id of the loop's thread (0: unknown) and stack, outermost first."""
        self.polled_ns = 0
        """Time that loops polled, as far as looks stand for it."""
        self.turn = 0

    def look(self, frames: dict[int, FrameType], deadline: int, held: list[object]) -> None:
        """Note where tasks wait whose loop polls in one of the threads of ``frames``. All that is met is ``held``."""
        now = perf_counter_ns()
        passed, self.looked = min(now - self.looked, LONGEST_NS), now
        kind = _find_task_type()
        polls = [thread for thread, frame in frames.items() if _is_polling(frame)] if kind is not None else []
        if not polls:
            return
        for loop, tasks in _list_tasks(kind, frames, polls, held):
            thread = _find_thread(loop, polls)
            if thread is None or perf_counter_ns() > deadline:
                continue
            self.polled_ns += passed
            found, waiting = self._scan(kind, tasks, held)
            scale = len(waiting) / max(1, len(found))
            _find_awaiters(kind, found, waiting, deadline, held)
            self._note(_find_native_id(thread), _choose(list(found.values())), scale, passed, held)

    def _scan(self, kind: Any, tasks: list[Any], held: list[object]) -> tuple[dict[int, _Task], dict[int, Any]]:
        """Return some of the tasks that wait, by identity, and all of them by the identity of what they wait for."""
        coroutine_of, future_of = kind.get_coro, kind.__dict__["_fut_waiter"].__get__
        waiting: dict[int, Any] = {}
        for task in tasks:
            future = future_of(task)
            if future is not None:
                held.append(future)
                waiting[id(future)] = task
        known = list(waiting.values())
        room = (count_room() - ROOM) // ROOM_A_TASK if is_collecting() else MAX_SCANNED
        most = max(1, min(MAX_SCANNED, room))
        self.turn += most
        if len(known) > most:
            begin = self.turn % len(known)
            known = (known + known)[begin : begin + most]
        found: dict[int, _Task] = {}
        for task in known:
            held.append(coroutine := coroutine_of(task))
            found[id(task)] = _Task(task, coroutine, future_of(task))
        return found, waiting

    def _note(self, thread: int, chosen: list[_Task], scale: float, passed: int, held: list[object]) -> None:
        if not chosen:
            return
        together = max(1, round(len(chosen) * scale))
        begin = self.turn // MAX_SCANNED * MAX_PICKED % len(chosen) if len(chosen) > MAX_PICKED else 0
        picked = chosen[begin : begin + MAX_PICKED]
        for each in picked:
            if not has_room(ROOM):
                return
            # By way of a list, whose length is known: a tuple that has shrunk counts as an object more for ever.
            stack = list(_read_stack(each, held))
            key = (thread, tuple(stack))
            waited = self.waited.get(key)
            if waited is None:
                if len(self.waited) >= MAX_STACKS:
                    continue
                waited = self.waited[key] = Waited()
            waited.ns += passed // len(picked)
            waited.together += passed // len(picked) * together

    def rows(self) -> Iterator[dict[str, object]]:
        """Yield what was noted, ready for JSON."""
        for key in list(self.waited):
            thread, stack = key
            waited = self.waited[key]
            yield {"stack": stack, "thread": thread, "ns": waited.ns, "together": waited.together}


def has_tasks() -> bool:
    """Tell whether the program has loaded asyncio."""
    return type(_modules) is dict and "_asyncio" in _modules


def _find_task_type() -> Any:
    """Return asyncio's type of tasks, once the program has loaded it, unless a look at one could run other code."""
    kind = find_member("_asyncio", "Task")
    # Tasks are put into sets, by 3.14 itself.
    if type(kind) is not type or any("__hash__" in _get_table(each) for each in _subtypes(kind)):
        return None
    return kind


def _subtypes(kind: Any) -> Iterator[Any]:
    for each in type.__subclasses__(kind):
        yield each
        yield from _subtypes(each)


def _read_file(code: CodeType) -> str:
    file: Any = code.co_filename
    return file.translate(_SEPARATORS) if type(file) is str else ""


def _is_polling(frame: FrameType) -> bool:
    code = frame.f_code
    file = _read_file(code)
    return (code.co_name in ("select", "_poll") and file.endswith(_POLLS)) or file.endswith(_RUNNERS)


def _list_tasks(
    kind: Any, frames: dict[int, FrameType], polls: list[int], held: list[object]
) -> Iterator[tuple[Any, list[Any]]]:
    """Yield each loop, and its tasks, as far as one may be the loop of a thread in ``polls``."""
    module = _modules["_asyncio"].__dict__
    list_all = module.get("all_tasks")
    if list_all is not None:
        for thread in polls:
            loop = _find_loop(frames[thread])
            # Before its tasks are listed: a loop polls in each turn, also while it has something to run.
            if loop is not None and module["current_task"](loop) is None and _find_thread(loop, polls) is not None:
                tasks = list(list_all(loop))
                held.append(tasks)
                yield loop, tasks if len(tasks) <= MAX_TASKS else []
        return
    running = module.get("_current_tasks")
    busy = set(map(id, running)) if type(running) is dict else set()
    loop_of = kind.__dict__["_loop"].__get__
    loops: dict[int, tuple[Any, list[Any]]] = {}
    if _are_busy(loop_of, _list_registered(module, FEW), polls, held):
        return
    for task in _list_registered(module, MAX_TASKS):
        held.append(task)
        loop = loop_of(task)
        held.append(loop)
        loops.setdefault(id(loop), (loop, []))[1].append(task)
    yield from (each for number, each in loops.items() if number not in busy)


def _are_busy(loop_of: Any, tasks: list[Any], polls: list[int], held: list[object]) -> bool:
    """Tell whether each thread that polls is that of a loop of ``tasks`` that has something to run.

    A loop polls in each turn. To list a thousand tasks then, only to find that none is waited for, takes a millisecond.
    """
    left = set(polls)
    for task in tasks:
        loop = loop_of(task)
        held += (task, loop)
        attributes = plain_attributes(loop)
        thread = attributes.get("_thread_id") if attributes is not None else None
        if thread in left and _find_thread(loop, polls) is None:
            left.discard(thread)
    return not left


def _list_registered(module: dict[str, Any], most: int) -> list[Any]:
    """Return so many of the tasks that interpreters before 3.14 hold in sets; none where there are too many."""
    kind = module["Task"]
    found: list[Any] = []
    for name in ("_all_tasks", "_scheduled_tasks", "_eager_tasks"):
        tasks: Any = module.get(name)
        if tasks is not None and type(tasks) is not set:
            attributes = plain_attributes(tasks)
            tasks = attributes.get("data") if attributes is not None else None
        if type(tasks) is set and len(tasks) <= MAX_TASKS:
            entries = list(islice(tasks, most))
            found += [each() if type(each) is ref else each for each in entries]
    return [each for each in found if _is_task(kind, each)]


def _is_task(kind: Any, value: object) -> bool:
    return kind in _get_order(type(value))


def _find_loop(frame: FrameType | None) -> Any:
    """Return the loop that polls in a frame, on 3.13 and later, where reading variables leaves nothing behind."""
    for _ in range(6):
        if frame is None:
            return None
        code = frame.f_code
        file = _read_file(code)
        if code.co_name == "_run_once" and file.endswith("/asyncio/base_events.py"):
            return frame.f_locals.get("self")
        if code.co_name == "run" and file.endswith("/asyncio/runners.py"):
            runner = frame.f_locals.get("self")
            attributes = plain_attributes(runner) if runner is not None else None
            return attributes.get("_loop") if attributes is not None else None
        frame = frame.f_back
    return None


def _find_thread(loop: object, polls: list[int]) -> int | None:
    """Return the thread in which a loop polls, 0 where that is not known; ``None`` if it has something to run."""
    attributes = plain_attributes(loop)
    if attributes is None or "_thread_id" not in attributes:
        return 0
    ready, thread = attributes.get("_ready"), attributes["_thread_id"]
    return thread if thread in polls and not (type(ready) is find_member("_collections", "deque") and ready) else None


def _find_native_id(thread: int) -> int:
    active = find_member("threading", "_active")
    known = active.get(thread) if type(active) is dict else None
    attributes = plain_attributes(known) if known is not None else None
    native = attributes.get("_native_id") if attributes is not None else None
    return native if type(native) is int else 0


def _find_awaiters(
    kind: Any, found: dict[int, _Task], waiting: dict[int, Any], deadline: int, held: list[object]
) -> None:
    """Find for each task the one that waits for it, which is added, and whether it is the program's main one."""
    callbacks_of, coroutine_of, future_of = kind._callbacks.__get__, kind.get_coro, kind.__dict__["_fut_waiter"].__get__
    queue = list(found.values())
    for each in queue:
        if perf_counter_ns() > deadline:
            del found[id(each.task)]
            continue
        each.is_parent = each.is_parent or _is_task(kind, each.future) or _waits_for_tasks(each)
        above = waiting.get(id(each.task))
        for callback, _ in (callbacks_of(each.task) or ())[:MAX_CALLBACKS]:
            if type(callback) is _FUNCTION and callback.__code__.co_name == _MAIN:
                each.is_main = True
            if above is None:
                above = next((waiting[id(value)] for value in _reach(callback) if id(value) in waiting), None)
        if above is None or above is each.task:
            continue
        awaiter = found.get(id(above))
        if awaiter is None:
            held.append(coroutine := coroutine_of(above))
            awaiter = found[id(above)] = _Task(above, coroutine, future_of(above))
            queue.append(awaiter)
        awaiter.is_parent = True
        each.awaiter = awaiter


def _reach(callback: Any) -> Iterator[object]:
    """Yield what a callback is bound to, and the attributes of that."""
    direct: Iterable[object] = ()
    if type(callback) is _FUNCTION:
        direct = [content for cell in callback.__closure__ or () for content in _open(cell)]
    elif type(callback) is _METHOD:
        direct = (callback.__self__,)
    elif type(callback) is find_member("_functools", "partial"):
        direct = callback.args
    for value in direct:
        yield value
        attributes = plain_attributes(value, of_class=True)
        if attributes is not None:
            yield from islice(list(attributes.values()), MAX_REACHED)


def _open(cell: Any) -> tuple[object, ...]:
    try:
        return (cell.cell_contents,)
    except ValueError:  # an empty one
        return ()


def _waits_for_tasks(task: _Task) -> bool:
    """Tell whether a task waits for others, also for some that were not looked at."""
    task.codes = [code for code, _ in _walk(task.coroutine, "codes")]
    if not task.codes:
        return False
    code = task.codes[-1]
    file = _read_file(code)
    return any(file.endswith(end) and code.co_name == name for end, name in _FOR_TASKS) or (
        name_of_type(type(task.future)) == _GATHERING
    )


def _walk(awaited: Any, wanted: str) -> Iterator[tuple[Any, Any]]:
    """Yield the code objects (or frames) of a coroutine and of what it awaits, outermost first."""
    for _ in range(MAX_DEPTH):
        names = _KINDS.get(id(type(awaited)))
        if names is not None:
            yield getattr(awaited, names[0] if wanted == "codes" else names[1]), awaited
            awaited = getattr(awaited, names[2])
        elif name_of_type(type(awaited)) in _WRAPPERS:
            awaited = next((each for each in gc.get_referents(awaited) if id(type(each)) in _KINDS), None)
        else:
            return


def _list_ancestors(task: _Task) -> list[_Task]:
    """Return a task and those that wait for it, each for the one before."""
    found = [task]
    while found[-1].awaiter is not None and len(found) < MAX_AWAITERS and found[-1].awaiter not in found:
        found.append(found[-1].awaiter)
    return found


def _choose(scanned: list[_Task]) -> list[_Task]:
    """Return the tasks that the program waits for."""
    leaves = [each for each in scanned if not each.is_parent] or scanned
    mains = [each for each in scanned if each.is_main]
    outside = [each for each in leaves if not (each.codes and _read_file(each.codes[-1]).endswith(_HANDOVERS))]
    if not mains:
        return outside or leaves
    inside = [each for each in leaves if any(above.is_main for above in _list_ancestors(each))]
    return [each for each in inside if each in outside] or outside or inside or leaves


def _read_stack(task: _Task, held: list[object]) -> Iterator[Place]:
    """Yield the places of a task's coroutines below those of the tasks that wait for it, outermost first."""
    for each in reversed(_list_ancestors(task)):
        for frame, awaited in _walk(each.coroutine, "frames"):
            if frame is None:
                return
            held += (frame, awaited)
            code = frame.f_code
            file, name = code.co_filename, code.co_name
            if type(file) is not str or type(name) is not str:
                return
            yield file, frame.f_lineno or code.co_firstlineno, name, code.co_firstlineno
